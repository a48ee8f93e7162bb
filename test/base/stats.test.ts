/** Counters: numbers without holes, that never wrap. @module */
import test from 'ava';
import { count, makeStats, Stat } from '../../src/stack/base/stats.ts';

const isRange = (numbers: number[]): boolean =>
  numbers.toSorted((a, b) => a - b).every((n, i) => n === i);

test('stats: the counters are numbered from 0 without a hole', (t) => {
  t.true(isRange(Object.values(Stat)));
  t.is(makeStats().length, Object.values(Stat).length);
});

test('stats: a counter counts past 2^32', (t) => {
  const stats = makeStats();
  count(stats, Stat.IpExtInOctets, 2 ** 40);
  count(stats, Stat.IpExtInOctets);
  t.is(stats[Stat.IpExtInOctets], 2 ** 40 + 1);
});
