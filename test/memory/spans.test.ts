/** Spans: ranges that arrive in any order, against a plain bitmap. @module */
import test from 'ava';
import { below } from '../../src/stack/base/random.ts';
import { add, type Seq, seq } from '../../src/stack/base/seq.ts';
import { Spans } from '../../src/stack/memory/spans.ts';
import { between, seeded } from '../support/seeded.ts';

/** The ranges, as distances from `base`. */
function ranges(spans: Spans, base: Seq = seq(0)): [number, number][] {
  return Array.from({ length: spans.count }, (_, i) => [
    (spans.start(i) - base) | 0,
    (spans.end(i) - base) | 0,
  ]);
}

function spansOf(...list: [number, number][]): Spans {
  const spans = new Spans(8);
  for (const [start, end] of list) spans.insert(seq(start), seq(end));
  return spans;
}

test('spans: a new one holds nothing', (t) => {
  const spans = new Spans(8);
  t.deepEqual([spans.count, spans.bytes, spans.find(seq(0))], [0, 0, -1]);
  t.is(spans.advance(seq(5)), seq(5));
});

test('spans: ranges are kept in order, however they come', (t) => {
  const spans = spansOf([50, 60], [10, 20], [30, 40]);
  t.deepEqual(ranges(spans), [
    [10, 20],
    [30, 40],
    [50, 60],
  ]);
  t.is(spans.bytes, 30);
});

test('spans: a range that touches two joins them', (t) => {
  const spans = spansOf([10, 20], [30, 40], [20, 30]);
  t.deepEqual(ranges(spans), [[10, 40]]);
  t.is(spans.bytes, 30);
});

test('spans: a range that overlaps many becomes one with them', (t) => {
  const spans = spansOf([10, 20], [30, 40], [50, 60], [70, 80], [15, 55]);
  t.deepEqual(ranges(spans), [
    [10, 60],
    [70, 80],
  ]);
  t.is(spans.bytes, 60);
});

test('spans: a range inside another changes nothing', (t) => {
  const spans = spansOf([10, 40]);
  t.true(spans.insert(seq(10), seq(40)));
  t.true(spans.insert(seq(20), seq(30)));
  t.deepEqual(ranges(spans), [[10, 40]]);
  t.is(spans.bytes, 30);
});

test('spans: a range prolongs another at its beginning, and at its end', (t) => {
  t.deepEqual(ranges(spansOf([10, 20], [5, 10])), [[5, 20]]);
  t.deepEqual(ranges(spansOf([10, 20], [20, 25])), [[10, 25]]);
  t.deepEqual(ranges(spansOf([10, 20], [5, 15])), [[5, 20]]);
  t.deepEqual(ranges(spansOf([10, 20], [15, 25])), [[10, 25]]);
});

test('spans: an empty range, or one that ends before it begins, changes nothing', (t) => {
  const spans = spansOf([10, 20]);
  t.true(spans.insert(seq(30), seq(30)));
  t.true(spans.insert(seq(40), seq(35)));
  t.deepEqual(ranges(spans), [[10, 20]]);
});

test('spans: a range may lie across the wrap', (t) => {
  const base = seq(0xffff_fff0);
  const spans = new Spans(8);
  spans.insert(add(base, 8), add(base, 24));
  spans.insert(add(base, 30), add(base, 40));
  spans.insert(add(base, 2), add(base, 4));
  t.deepEqual(ranges(spans, base), [
    [2, 4],
    [8, 24],
    [30, 40],
  ]);
  t.is(spans.find(seq(0)), 1);
  t.is(spans.advance(add(base, 5)), add(base, 5));
  t.is(spans.advance(add(base, 8)), add(base, 24));
});

test('spans: find gives the range that holds a number, its end excluded', (t) => {
  const spans = spansOf([10, 20], [30, 40], [50, 60]);
  const found = [9, 10, 19, 20, 29, 30, 55, 60].map((n) => spans.find(seq(n)));
  t.deepEqual(found, [-1, 0, 0, -1, -1, 1, 2, -1]);
});

test('spans: only what lies in one range is covered', (t) => {
  const spans = spansOf([10, 20], [30, 40]);
  t.true(spans.covers(seq(10), seq(20)));
  t.true(spans.covers(seq(12), seq(13)));
  t.true(spans.covers(seq(25), seq(25)));
  t.false(spans.covers(seq(10), seq(21)));
  t.false(spans.covers(seq(15), seq(35)));
  t.false(spans.covers(seq(9), seq(12)));
});

test('spans: advance drops what lies before, and goes on to the end of what it meets', (t) => {
  const spans = spansOf([10, 20], [30, 40], [50, 60]);
  t.is(spans.advance(seq(5)), seq(5));
  t.is(spans.count, 3);
  t.is(spans.advance(seq(10)), seq(20));
  t.is(spans.advance(seq(35)), seq(40));
  t.is(spans.advance(seq(70)), seq(70));
  t.deepEqual([spans.count, spans.bytes], [0, 0]);
});

test('spans: clear forgets everything, and it can be used again', (t) => {
  const spans = spansOf([10, 20], [30, 40]);
  spans.clear();
  t.deepEqual([spans.count, spans.bytes], [0, 0]);
  spans.insert(seq(1), seq(2));
  t.deepEqual(ranges(spans), [[1, 2]]);
});

test('spans: a range beyond the limit is refused, and one that joins is not', (t) => {
  const spans = new Spans(3);
  for (const n of [10, 20, 30]) t.true(spans.insert(seq(n), seq(n + 1)));
  t.false(spans.insert(seq(40), seq(41)));
  t.false(spans.insert(seq(15), seq(16)));
  t.deepEqual([spans.count, spans.bytes], [3, 3]);
  t.true(spans.insert(seq(31), seq(32)));
  t.true(spans.insert(seq(11), seq(20)));
  t.true(spans.insert(seq(40), seq(41)));
});

test('spans: 10 000 ranges of one octet leave no more than the limit', (t) => {
  const spans = new Spans(64);
  for (let i = 0; i < 20_000; i += 2) spans.insert(seq(i), seq(i + 1));
  t.is(spans.count, 64);
  t.is(spans.bytes, 64);
});

test('spans: one that was emptied lends its storage to others, cleanly', (t) => {
  const one = spansOf([1, 2], [3, 4]);
  one.advance(seq(10));
  const other = spansOf([100, 101]);
  one.insert(seq(50), seq(51));
  t.deepEqual(ranges(one), [[50, 51]]);
  t.deepEqual(ranges(other), [[100, 101]]);
});

/** What `Spans` should hold: a bit for each number from a base on. */
class Bitmap {
  readonly bits: Uint8Array;
  constructor(size: number) {
    this.bits = new Uint8Array(size + 1); // the last one stays 0
  }
  ranges(): [number, number][] {
    const found: [number, number][] = [];
    for (let i = 0; i < this.bits.length; i++) {
      if (this.bits[i] === 0) continue;
      const start = i;
      while (this.bits[i] === 1) i++;
      found.push([start, i]);
    }
    return found;
  }
}

test('spans: random ranges and advances leave what a bitmap leaves', (t) => {
  const size = 300;
  seeded(t, (random) => {
    for (let round = 0; round < 200; round++) {
      const base = seq(random.int32());
      const limit = between(random, 1, 30);
      const spans = new Spans(limit);
      const model = new Bitmap(size);
      let low = 0;
      while (low < size - 30) {
        if (below(random, 10) === 0) {
          const to = low + below(random, 20);
          let end = to;
          while (model.bits[end] === 1) end++;
          model.bits.fill(0, 0, end);
          t.is(spans.advance(add(base, to)), add(base, end));
          low = end;
        } else {
          const start = low + below(random, size - low);
          const end = Math.min(size, start + below(random, 15));
          const before = model.bits.slice();
          model.bits.fill(1, start, end);
          if (!spans.insert(add(base, start), add(base, end))) {
            t.true(model.ranges().length > limit);
            model.bits.set(before);
          }
        }
        const expected = model.ranges();
        t.deepEqual(ranges(spans, base), expected);
        t.is(
          spans.bytes,
          expected.reduce((sum, [start, end]) => sum + end - start, 0),
        );
        const probe = low + below(random, size - low);
        const index = expected.findIndex(([start, end]) => start <= probe && probe < end);
        t.is(spans.find(add(base, probe)), index);
      }
    }
  });
});

test('spans: the memory that they keep is counted', (t) => {
  const spans = new Spans(100);
  t.is(spans.kept, 0);
  for (let i = 0; i < 9; i++) spans.insert(seq(10 * i), seq(10 * i + 1));
  t.is(spans.kept, 16 * 8);
  spans.clear();
  t.is(spans.kept, 0);
});
