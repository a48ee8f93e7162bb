/** The one timer of a stack. @module */
import test from 'ava';
import { NEVER } from '../../src/stack/base/clock.ts';
import { Alarm } from '../../src/stack/host/alarm.ts';

const clock = { now: (): number => 2 ** 32 };
const at = (milliseconds: number): { readonly due: number } => ({
  due: 2 ** 32 + milliseconds * 1000,
});
const round = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Node's timers, as an alarm sets them: how long each is, and what makes the last one go off. */
function timers(t: { teardown(work: () => void): void }): { set: number[]; fire: () => void } {
  const seen: { set: number[]; fire: () => void } = { set: [], fire: () => {} };
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((work: () => void, milliseconds: number) => {
    seen.set.push(milliseconds);
    seen.fire = work;
    return real(() => {}, 0);
  }) as typeof setTimeout;
  t.teardown(() => {
    globalThis.setTimeout = real;
  });
  return seen;
}

test.serial('alarm: is set anew only for what is due sooner', (t) => {
  const { set } = timers(t);
  const alarm = new Alarm(() => {});
  alarm.set({ due: NEVER }, clock);
  t.deepEqual(set, []);
  for (const time of [50, 200, 10, 40]) alarm.set(at(time), clock);
  t.deepEqual(set, [50, 10]);
  alarm.stop();
});

test.serial('alarm: rings, and can then be set for later', (t) => {
  const seen = timers(t);
  let rung = 0;
  const alarm = new Alarm(() => rung++);
  alarm.set(at(10), clock);
  seen.fire();
  t.is(rung, 1);
  alarm.set(at(200), clock);
  t.deepEqual(seen.set, [10, 200]);
  alarm.stop();
});

test.serial('alarm: part of a millisecond is waited for as a whole one', (t) => {
  const { set } = timers(t);
  const alarm = new Alarm(() => {});
  alarm.set({ due: clock.now() + 1 }, clock);
  t.deepEqual(set, [1]);
  alarm.stop();
});

test.serial(
  'alarm: what is due already rings once, in the next round of the event loop',
  async (t) => {
    let rung = 0;
    const alarm = new Alarm(() => rung++);
    alarm.set(at(0), clock);
    alarm.set(at(-1), clock);
    t.is(rung, 0);
    await round();
    await round();
    t.is(rung, 1);
  },
);

test.serial('alarm: rings no more once it is stopped', async (t) => {
  let rung = 0;
  const alarm = new Alarm(() => rung++);
  alarm.set(at(0), clock);
  alarm.stop();
  await round();
  await round();
  t.is(rung, 0);
});

test.serial('alarm: is not set any more once it is stopped', async (t) => {
  const { set } = timers(t);
  let rung = 0;
  const alarm = new Alarm(() => rung++);
  alarm.stop();
  alarm.set(at(10), clock);
  alarm.set(at(0), clock);
  await round();
  await round();
  t.deepEqual(set, []);
  t.is(rung, 0);
});
