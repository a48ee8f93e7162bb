/**
 * The inactivity timer of sockets and flows. Node documentation: "socket.setTimeout()".
 * @module
 */
import { createHook } from 'node:async_hooks';
import test from 'ava';
import { IdleTimer } from '../../../src/stack/api/net/idle.ts';

const pause = (milliseconds: number): Promise<void> =>
  new Promise((done) => setTimeout(done, milliseconds));

// What a replay in virtual time rests on: silence is as long as the stack's clock says, not the system's.
test('idle: silence counts by the stack’s clock', async (t) => {
  let now = 1e6;
  let idle = 0;
  const timer = new IdleTimer({ now: () => now }, () => idle++);
  timer.set(5);
  await pause(40);
  t.is(idle, 0, 'no time has passed there');
  now += 5000;
  for (let i = 0; idle === 0 && i < 1000; i++) await pause(5);
  t.is(idle, 1);
});

// Node's http tells a length twice a request, so none of them may begin a timer of its own.
test('idle: a length that is told anew counts from then on, be it none, longer or shorter', async (t) => {
  let now = 0;
  let idle = 0;
  const timer = new IdleTimer({ now: () => now }, () => idle++);
  t.teardown(() => timer.stop());
  timer.set(20);
  timer.set(0);
  now += 100_000;
  await pause(60);
  t.is(idle, 0, 'none');
  timer.set(20);
  now += 15_000;
  timer.set(40);
  now += 25_000;
  await pause(60);
  t.is(idle, 0, 'longer');
  timer.set(1);
  now += 1000;
  for (let i = 0; idle === 0 && i < 1000; i++) await pause(5);
  t.is(idle, 1, 'shorter than what is left of the one before');
});

test('idle: to be told of no time and of one again leaves the timer that runs', (t) => {
  const timer = new IdleTimer({ now: () => 0 }, () => {});
  t.teardown(() => timer.stop());
  let started = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout') started++;
    },
  }).enable();
  for (let i = 0; i < 10; i++) {
    timer.set(0);
    timer.set(5000);
  }
  hook.disable();
  t.is(started, 1);
});
