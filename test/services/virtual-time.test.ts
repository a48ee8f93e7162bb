/**
 * Time that passes only when nothing is left to do at one moment: what a replay runs in.
 * @module
 */
import test from 'ava';
import { VirtualTime } from '../../src/services/replay/virtual-time.ts';

// A call that was taken back is never made: to wait for it would be to wait for ever.
test('virtual time: it goes on past a setImmediate that was cleared', async (t) => {
  const time = new VirtualTime();
  const give = time.take();
  const called: string[] = [];
  try {
    clearImmediate(setImmediate(() => called.push('cleared')));
    setImmediate(() => called.push('soon'));
    setTimeout(() => called.push('later'), 5000);
    await time.settle();
    await time.pass(10e6);
  } finally {
    give();
  }
  t.deepEqual(called, ['soon', 'later']);
});
