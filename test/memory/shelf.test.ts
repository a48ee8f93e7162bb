/** Things laid by. @module */
import { setFlagsFromString } from 'node:v8';
import test from 'ava';
import { Shelf } from '../../src/stack/memory/shelf.ts';
import { garbage, LEFT_BY_ENGINE } from '../support/garbage.ts';

test('shelf: gives the last thing first, and none when it is empty', (t) => {
  const shelf = new Shelf<string>();
  t.is(shelf.take(), undefined);
  shelf.put('a');
  shelf.put('b');
  t.is(shelf.count, 2);
  t.deepEqual([shelf.take(), shelf.take(), shelf.take()], ['b', 'a', undefined]);
  t.is(shelf.count, 0);
});

test('shelf: a lone thing that is taken and laid back leaves nothing, in code that is not optimized', (t) => {
  setFlagsFromString('--no-opt'); // an array leaves 153 bytes so, on Node 20 and 22
  const shelf = new Shelf<object>();
  shelf.put({});
  const left = garbage(() => shelf.put(shelf.take() as object), { turns: 1000, runs: 20 });
  t.true(left <= LEFT_BY_ENGINE, `${left} bytes`);
});
