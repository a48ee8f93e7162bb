/**
 * The window of counters that were seen: RFC 6479 §2.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { ReplayWindow } from '../../src/tunnel/replay.ts';

test('replay: a counter is taken once', (t) => {
  const window = new ReplayWindow(4);
  for (const n of [0, 1, 5, 3, 100, 99]) t.true(window.accept(0, n), `${n}`);
  for (const n of [0, 1, 3, 5, 99, 100]) t.false(window.accept(0, n), `${n} again`);
});

test('replay: what is older than the window is not told apart, and not taken', (t) => {
  const window = new ReplayWindow(4); // 96 counters
  t.is(window.size, 96);
  t.true(window.accept(0, 1000));
  t.true(window.accept(0, 1000 - 95));
  t.false(window.accept(0, 1000 - 96));
});

test('replay: a leap beyond the whole ring leaves nothing of it', (t) => {
  const window = new ReplayWindow(4);
  for (let n = 0; n < 128; n++) t.true(window.accept(0, n));
  t.true(window.accept(0, 1_000_000));
  for (let n = 1_000_000 - 95; n < 1_000_000; n++) t.true(window.accept(0, n), `${n}`);
});

test('replay: counters go on past 2^32 and up to 2^64 - 1', (t) => {
  const window = new ReplayWindow(256);
  t.true(window.accept(0, 0xffff_fffe));
  t.true(window.accept(1, 3));
  t.true(window.accept(0, 0xffff_ffff));
  t.false(window.accept(0, 0xffff_fffe));
  t.false(window.accept(1, 3));
  t.true(window.accept(0xffff_ffff, 0xffff_ffff));
  t.true(window.accept(0xffff_ffff, 0xffff_fffe));
  t.false(window.accept(0xffff_ffff, 0xffff_ffff));
  t.false(window.accept(5, 5));
});

test('replay: it agrees with a set of all that was seen', (t) => {
  const random = new SeededRandom(5);
  const window = new ReplayWindow(8);
  const seen = new Set<number>();
  let greatest = -1;
  for (let i = 0; i < 20_000; i++) {
    const n = Math.max(0, greatest + ((random.int32() >>> 0) % 600) - 500);
    const expected = !seen.has(n) && greatest - n < window.size;
    if (window.allows(0, n) !== expected || window.accept(0, n) !== expected) {
      t.fail(`${n} after ${greatest}`);
      return;
    }
    seen.add(n);
    greatest = Math.max(greatest, n);
  }
  t.pass();
});
