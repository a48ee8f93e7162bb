/** Sequence numbers: arithmetic and order around the wrap. RFC 9293 §3.4. @module */
import test from 'ava';
import * as seq from '../../src/stack/base/seq.ts';
import { between, seeded } from '../support/seeded.ts';

const ROUNDS = 20_000;
const HALF = 0x8000_0000;

test('seq: a number is cut to its low 32 bits', (t) => {
  t.is(seq.seq(0xffff_ffff), seq.seq(-1));
  t.is(seq.seq(2 ** 32), seq.seq(0));
  t.is(seq.seq(2 ** 32 + 5), seq.seq(5));
});

test('seq: adding wraps at 2^32 and at the sign', (t) => {
  t.is(seq.add(seq.seq(0xffff_ffff), 1), seq.seq(0));
  t.is(seq.add(seq.seq(0x7fff_ffff), 1), seq.seq(0x8000_0000));
  t.is(seq.add(seq.seq(0), -1), seq.seq(0xffff_ffff));
});

test('seq: what is added is the difference, anywhere', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < ROUNDS; i++) {
      const a = seq.seq(random.int32());
      const n = random.int32();
      if (seq.diff(seq.add(a, n), a) !== n) t.fail(`${a} + ${n}`);
    }
  });
  t.pass();
});

test('seq: within half the space exactly one of before, same and after holds', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < ROUNDS; i++) {
      const a = seq.seq(random.int32());
      const n = between(random, -HALF + 1, HALF - 1);
      const b = seq.add(a, n);
      const right =
        seq.lt(a, b) === n > 0 &&
        seq.le(a, b) === n >= 0 &&
        seq.gt(a, b) === n < 0 &&
        seq.ge(a, b) === n <= 0 &&
        seq.lt(b, a) === n < 0 &&
        seq.ge(b, a) === n >= 0;
      if (!right) t.fail(`${a} and ${b}, ${n} apart`);
    }
  });
  t.pass();
});

test('seq: order is transitive within a quarter of the space', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < ROUNDS; i++) {
      const a = seq.seq(random.int32());
      const b = seq.add(a, between(random, 1, HALF / 2 - 1));
      const c = seq.add(b, between(random, 1, HALF / 2 - 1));
      if (!(seq.lt(a, b) && seq.lt(b, c) && seq.lt(a, c))) t.fail(`${a} ${b} ${c}`);
    }
  });
  t.pass();
});

test('seq: moving both by the same leaves their order', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < ROUNDS; i++) {
      const a = seq.seq(random.int32());
      const b = seq.seq(random.int32());
      const by = random.int32();
      if (seq.lt(a, b) !== seq.lt(seq.add(a, by), seq.add(b, by))) t.fail(`${a} ${b} by ${by}`);
    }
  });
  t.pass();
});

test('seq: max and min give one of the two each, and the later is not before the earlier', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < ROUNDS; i++) {
      const a = seq.seq(random.int32());
      const b = seq.add(a, between(random, -HALF + 1, HALF - 1));
      const high = seq.max(a, b);
      const low = seq.min(a, b);
      const both = (high === a && low === b) || (high === b && low === a);
      if (!both || seq.lt(high, low)) t.fail(`${a} ${b}`);
    }
  });
  t.pass();
});

test('seq: a window holds its first number and not the one after its last', (t) => {
  const left = seq.seq(0xffff_fff0);
  t.true(seq.within(left, left, 32));
  t.true(seq.within(seq.seq(15), left, 32));
  t.false(seq.within(seq.seq(16), left, 32));
  t.false(seq.within(seq.add(left, -1), left, 32));
});

test('seq: a window of no size holds nothing', (t) => {
  t.false(seq.within(seq.seq(7), seq.seq(7), 0));
});
