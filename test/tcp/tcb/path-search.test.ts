/**
 * The search for the longest packet of a path: which sizes it tries, and when it believes a loss.
 * @module
 */
import test from 'ava';
import { seq } from '../../../src/stack/base/seq.ts';
import { BASE_MTU, PathSearch } from '../../../src/stack/tcp/tcb/path-search.ts';

const begun = (): PathSearch => new PathSearch(BASE_MTU, 1500, seq(0), 0);

/** How many probes of one size are lost in a row until it is given up. */
function patience(loss: number): number {
  const search = begun();
  for (let tries = 1; ; tries++) {
    search.size = search.next();
    if (search.fail(loss)) return tries;
  }
}

test('path-search: the longest is tried first, then what links really have', (t) => {
  const search = begun();
  t.is(search.next(), 1500);
  search.limit(1499);
  t.is(search.next(), 1440);
  search.size = 1440;
  search.succeed();
  t.is(search.next(), 1476);
});

test('path-search: a size is given up after two losses, or more where much is lost', (t) => {
  t.deepEqual([0, 0.01, 0.05, 0.1, 0.2, 0.3].map(patience), [2, 2, 3, 3, 5, 6]);
  t.is(patience(1), 12, 'but some day it is');
});

test('path-search: an arrival between two losses makes them no row', (t) => {
  const search = begun();
  search.limit(1499);
  search.size = 1440;
  t.false(search.fail(0));
  search.size = 1440;
  search.succeed();
  search.size = search.next();
  t.false(search.fail(0));
});
