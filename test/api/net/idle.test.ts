/**
 * The inactivity timer of sockets and flows. Node documentation: "socket.setTimeout()".
 * @module
 */
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
