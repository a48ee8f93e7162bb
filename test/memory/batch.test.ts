/**
 * Lists that are emptied and filled again.
 * @module
 */
import test from 'ava';
import { Batch } from '../../src/stack/memory/batch.ts';

const all = <T>(batch: Batch<T>): T[] =>
  Array.from({ length: batch.length }, (_x, i) => batch.at(i));

test('batch: it holds what was pushed, in order, and nothing after it was cleared', (t) => {
  const batch = new Batch<number>();
  for (const n of [3, 1, 2]) batch.push(n);
  t.deepEqual(all(batch), [3, 1, 2]);
  batch.clear();
  t.is(batch.length, 0);
  batch.push(9);
  t.deepEqual(all(batch), [9]);
});

test('batch: it may grow while it is gone through', (t) => {
  const batch = new Batch<number>();
  batch.push(0);
  const seen: number[] = [];
  for (let i = 0; i < batch.length; i++) {
    seen.push(batch.at(i));
    if (i < 5) batch.push(i + 1);
  }
  t.deepEqual(seen, [0, 1, 2, 3, 4, 5]);
});

test('batch: a long one is emptied as well', (t) => {
  const batch = new Batch<number>();
  for (let i = 0; i < 5000; i++) batch.push(i);
  batch.clear();
  batch.push(1);
  t.deepEqual(all(batch), [1]);
});
