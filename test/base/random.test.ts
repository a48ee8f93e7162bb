/** Randomness: the seeded source repeats itself, and the helpers keep their ranges. @module */
import test from 'ava';
import { below, type Random, SeededRandom, unit } from '../../src/stack/base/random.ts';

/** Gives the same bits for ever. */
const always = (bits: number): Random => ({ int32: () => bits });

test('random: the same seed gives the same numbers', (t) => {
  const one = new SeededRandom(42);
  const other = new SeededRandom(42);
  for (let i = 0; i < 100; i++) t.is(one.int32(), other.int32());
});

test('random: neighbouring seeds share no beginning', (t) => {
  const first = new Set<number>();
  for (let seed = 0; seed < 1000; seed++) first.add(new SeededRandom(seed).int32());
  t.is(first.size, 1000);
});

test('random: numbers are int32, and every bit is set about half of the time', (t) => {
  const random = new SeededRandom(7);
  const set = new Array<number>(32).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const n = random.int32();
    if (n !== (n | 0)) t.fail(`${n} is no int32`);
    for (let bit = 0; bit < 32; bit++) set[bit] = (set[bit] ?? 0) + ((n >>> bit) & 1);
  }
  for (const count of set) t.true(count > 4700 && count < 5300, `${count} of 10000`);
});

test('random: below stays below, at both ends of the source', (t) => {
  t.is(below(always(0), 10), 0);
  t.is(below(always(-1), 10), 9);
  t.is(below(always(-1), 2 ** 32), 2 ** 32 - 1);
  t.is(below(always(-1), 1), 0);
});

test('random: below reaches every number about equally often', (t) => {
  const random = new SeededRandom(3);
  const hits = [0, 0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) {
    const n = below(random, 5);
    hits[n] = (hits[n] ?? 0) + 1;
  }
  for (const count of hits) t.true(count > 1800 && count < 2200, `${count} of 10000`);
});

test('random: unit is at least 0 and less than 1', (t) => {
  t.is(unit(always(0)), 0);
  t.true(unit(always(-1)) < 1);
  t.true(unit(always(-1)) > 0.999);
});
