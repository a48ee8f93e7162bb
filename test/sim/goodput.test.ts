/**
 * What two stacks carry over lossy links in virtual time, held from below: a twentieth under what they do. The seeds
 * are fixed, so there is no chance in it. RFC 8985, RFC 9937 and RFC 9438 together.
 */
import test from 'ava';
import { measureRow, rowsOf } from './goodput.ts';

const SEEDS = 8;

/** Mbit/s. */
const LEAST: Readonly<Record<string, number>> = {
  '10ms-loss-3': 7.2,
  '10ms-loss-10': 1.8,
};
for (const [key, least] of Object.entries(LEAST)) {
  test(`goodput: two stacks carry at least ${least} Mbit/s over ${key}`, (t) => {
    const [row] = rowsOf([key]).filter((one) => one.key === key);
    if (row === undefined) return t.fail(`no row ${key}`);
    const [mean] = measureRow(row, SEEDS);
    return t.true(mean >= least, `${mean}`);
  });
}

// A window's text leaves paced at twice the window a round trip (docs/deviations.md), its first ten segments at once:
// 30 kB take a tenth longer than at once, and no more.
test('goodput: 30 kB over 100 ms take 114 ms at most, once the window has room for them', (t) => {
  const [row] = rowsOf(['100ms-turn-30000-loss-0']);
  if (row === undefined) return t.fail('no such row');
  const [mean] = measureRow(row, 1);
  return t.true(mean <= 114.5, `${mean}`);
});
