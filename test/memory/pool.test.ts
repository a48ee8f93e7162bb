/** The pool: lends again what came back, up to its bound. @module */
import test from 'ava';
import { give, KEEP, MAX_SIZE, MIN_SIZE, poolSize, take } from '../../src/stack/memory/pool.ts';

test.serial('pool: what comes back is lent again', (t) => {
  const bytes = take(8192);
  t.is(bytes.length, 8192);
  give(bytes);
  t.is(poolSize(), 8192);
  t.is(take(8192), bytes);
  t.is(poolSize(), 0);
});

test.serial('pool: each size has its own', (t) => {
  give(take(MIN_SIZE));
  t.is(take(2 * MIN_SIZE).length, 2 * MIN_SIZE);
  t.is(take(MIN_SIZE).length, MIN_SIZE);
});

test.serial('pool: sizes outside its bounds are lent and not kept', (t) => {
  const before = poolSize();
  give(take(2 * MAX_SIZE));
  give(take(MIN_SIZE / 2));
  t.is(poolSize(), before);
});

test.serial('pool: it never keeps more than its bound', (t) => {
  const lent = Array.from({ length: 2 + KEEP / MAX_SIZE }, () => take(MAX_SIZE));
  for (const bytes of lent) give(bytes);
  t.true(poolSize() <= KEEP);
  t.true(poolSize() > KEEP - MAX_SIZE);
});
