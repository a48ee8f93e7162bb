/** What many hold together: counted, and its pressure. @module */
import test from 'ava';
import { below } from '../../src/stack/base/random.ts';
import { Budget, type Holder } from '../../src/stack/memory/budget.ts';
import { seeded } from '../support/seeded.ts';

const holder = (): Holder => ({ kept: 0, holderAt: -1 });

test('budget: pressure begins at its mark, and ends when clearly less is held', (t) => {
  const turns: boolean[] = [];
  const budget = new Budget<Holder>(800, 1000, (pressed) => turns.push(pressed));
  const one = holder();
  budget.set(one, 799);
  t.false(budget.pressed);
  budget.set(one, 800);
  budget.set(one, 900);
  t.true(budget.pressed);
  budget.set(one, 700);
  t.true(budget.pressed, 'not with every byte');
  budget.set(one, 699);
  t.false(budget.pressed);
  t.deepEqual(turns, [true, false]);
  t.is(budget.most, 900);
});

test('budget: what would go beyond the limit does not fit', (t) => {
  const budget = new Budget<Holder>(800, 1000, () => {});
  budget.set(holder(), 990);
  t.true(budget.fits(10));
  t.false(budget.fits(11));
});

test('budget: the mark of pressure is never above the limit', (t) => {
  const budget = new Budget<Holder>(5000, 1000, () => {});
  t.is(budget.pressureFrom, 1000);
});

test('budget: the sum is that of its holders, whatever they do', (t) => {
  seeded(t, (random) => {
    const budget = new Budget<Holder>(1 << 20, 1 << 21, () => {});
    const all = Array.from({ length: 50 }, holder);
    for (let step = 0; step < 2000; step++) {
      const one = all[below(random, all.length)] as Holder; // below the length
      const what = below(random, 10);
      if (what === 0) budget.forget(one);
      else if (what === 1) budget.sweep();
      else budget.set(one, below(random, 3) * 1000);
      t.is(
        budget.total,
        all.reduce((sum, { kept }) => sum + kept, 0),
      );
      for (const [i, found] of budget.holders.entries()) t.is(found.holderAt, i);
      t.true(all.every(({ kept, holderAt }) => kept === 0 || holderAt >= 0));
    }
    for (const one of all) budget.forget(one);
    t.is(budget.total, 0);
    t.is(budget.holders.length, 0);
  });
});
