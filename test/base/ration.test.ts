/** So many a second, without telling strangers about each other. @module */
import test from 'ava';
import type { Address } from '../../src/stack/base/address.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Ration } from '../../src/stack/base/ration.ts';

const S = 1_000_000;
const host = (n: number): Address => (0x0a000000 + n) as Address;

/** How many of `tries` at `now` get through. */
function got(ration: Ration, destination: Address, tries: number, now: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (ration.takes(destination, now)) count++;
  return count;
}

test('ration: one destination has its own, and a new one every second', (t) => {
  const ration = new Ration(new SeededRandom(1), 10_000, 250);
  t.is(got(ration, host(1), 1000, 0), 250);
  t.is(got(ration, host(1), 1000, S - 1), 0);
  t.is(got(ration, host(1), 1000, S), 250);
});

test('ration: what one destination gets says nothing of what others do', (t) => {
  // CVE-2016-5696: a shared count told whether a guess about somebody else's connection was right.
  const ration = new Ration(new SeededRandom(2), 10_000, 250);
  for (let second = 0; second < 50; second++) {
    const before = got(ration, host(1), 100, second * S);
    got(ration, host(2), 1000, second * S);
    t.is(before + got(ration, host(1), 1000, second * S), 250);
  }
});

test('ration: all together have between half and the whole of the limit, and nobody knows how much', (t) => {
  const ration = new Ration(new SeededRandom(3), 1000, 10);
  const totals: number[] = [];
  for (let second = 0; second < 200; second++) {
    let total = 0;
    for (let n = 0; n < 2000; n++) total += got(ration, host(n), 1, second * S);
    totals.push(total);
  }
  t.true(totals.every((total) => total >= 500 && total <= 1000));
  t.true(new Set(totals).size > 150);
  const mean = totals.reduce((a, b) => a + b) / totals.length;
  const spread = Math.sqrt(totals.reduce((a, b) => a + (b - mean) ** 2, 0) / totals.length);
  t.true(spread > 10 * 10, `${spread}: ten times what one destination can add`);
});

test('ration: who shares a count with somebody does so for a second', (t) => {
  const ration = new Ration(new SeededRandom(4), 1_000_000, 1);
  const together = (second: number): Set<number> => {
    ration.takes(host(0), second * S);
    const refused = new Set<number>();
    for (let n = 1; n < 2000; n++) if (got(ration, host(n), 1, second * S) === 0) refused.add(n);
    return refused;
  };
  const first = together(0);
  const second = together(1);
  const both = [...first].filter((n) => second.has(n));
  t.true(both.length < Math.min(first.size, second.size) / 2);
});
