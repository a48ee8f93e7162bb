/** This machine's clock. @module */
import test from 'ava';
import { systemClock } from '../../src/stack/host/clock.ts';

test('clock: gives whole microseconds that no small integer of V8 holds', async (t) => {
  let before = 0;
  for (let i = 0; i < 100; i++) {
    const now = systemClock.now();
    t.true(Number.isSafeInteger(now));
    t.true(now > 2 ** 31 && now >= before);
    before = now;
    await new Promise(setImmediate);
  }
});
