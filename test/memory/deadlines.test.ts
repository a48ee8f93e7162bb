/** Deadlines: the soonest first, moved at will, against a plain list. @module */
import test from 'ava';
import { NEVER } from '../../src/stack/base/clock.ts';
import { below } from '../../src/stack/base/random.ts';
import { Deadlines, type Due } from '../../src/stack/memory/deadlines.ts';
import { seeded } from '../support/seeded.ts';

interface Item extends Due {
  readonly name: number;
}

const makeItem = (name: number): Item => ({ name, due: NEVER, dueAt: -1 });

/** Items that are due at the given times. */
function make(...times: number[]): { deadlines: Deadlines<Item>; items: Item[] } {
  const deadlines = new Deadlines<Item>();
  const items = times.map((due, name) => {
    const item = makeItem(name);
    deadlines.set(item, due);
    return item;
  });
  return { deadlines, items };
}

/** The names of all that is due by `now`, in the order in which they are given. */
function drain(deadlines: Deadlines<Item>, now: number): number[] {
  const names: number[] = [];
  for (let item = deadlines.take(now); item !== undefined; item = deadlines.take(now)) {
    names.push(item.name);
  }
  return names;
}

test('deadlines: without any there is no next one', (t) => {
  const { deadlines } = make();
  t.is(deadlines.next(), NEVER);
  t.is(deadlines.take(1e15), undefined);
});

test('deadlines: items are given in the order in which they are due', (t) => {
  const { deadlines } = make(50, 10, 40, 20, 30);
  t.is(deadlines.next(), 10);
  t.deepEqual(drain(deadlines, 100), [1, 3, 4, 2, 0]);
});

test('deadlines: what is due exactly now is given, and what is due later is not', (t) => {
  const { deadlines } = make(10, 11);
  t.deepEqual(drain(deadlines, 9.9), []);
  t.deepEqual(drain(deadlines, 10), [0]);
  t.is(deadlines.next(), 11);
});

test('deadlines: an item that is given is out, and can be set again', (t) => {
  const { deadlines, items } = make(10);
  const item = items[0] as Item;
  deadlines.take(10);
  t.deepEqual([item.due, item.dueAt, deadlines.count], [NEVER, -1, 0]);
  deadlines.set(item, 20);
  t.is(deadlines.next(), 20);
});

test('deadlines: an item that is moved later waits, and is never given early', (t) => {
  const { deadlines, items } = make(10, 20);
  deadlines.set(items[0] as Item, 30);
  t.is(deadlines.count, 2);
  t.is(deadlines.next(), 20);
  t.deepEqual(drain(deadlines, 29), [1]);
  t.deepEqual(drain(deadlines, 30), [0]);
});

test('deadlines: an item that is moved sooner is given sooner', (t) => {
  const { deadlines, items } = make(10, 20, 30);
  deadlines.set(items[2] as Item, 5);
  t.is(deadlines.next(), 5);
  t.deepEqual(drain(deadlines, 100), [2, 0, 1]);
});

test('deadlines: an item that is moved later and then sooner again is where it was set last', (t) => {
  const { deadlines, items } = make(10, 20);
  deadlines.set(items[0] as Item, 50);
  deadlines.set(items[0] as Item, 15);
  t.is(deadlines.next(), 15);
  deadlines.set(items[0] as Item, 5);
  t.is(deadlines.next(), 5);
});

test('deadlines: a cancelled item is not given, and cancelling again does nothing', (t) => {
  const { deadlines, items } = make(10, 20, 30);
  deadlines.cancel(items[0] as Item);
  deadlines.cancel(items[0] as Item);
  t.is(deadlines.next(), 20);
  t.deepEqual(drain(deadlines, 100), [1, 2]);
});

test('deadlines: setting to NEVER cancels', (t) => {
  const { deadlines, items } = make(10);
  deadlines.set(items[0] as Item, NEVER);
  t.deepEqual([deadlines.count, (items[0] as Item).dueAt], [0, -1]);
});

test('deadlines: random sets, cancels and takes leave what a list leaves', (t) => {
  seeded(t, (random) => {
    for (let round = 0; round < 50; round++) {
      const deadlines = new Deadlines<Item>();
      const items = Array.from({ length: 60 }, (_, i) => makeItem(i));
      const due = items.map(() => NEVER);
      let now = 0;
      for (let step = 0; step < 1000; step++) {
        const name = below(random, items.length);
        const item = items[name] as Item;
        const what = below(random, 10);
        if (what < 7) {
          due[name] = now + below(random, 1000);
          deadlines.set(item, due[name] as number);
        } else if (what === 7) {
          due[name] = NEVER;
          deadlines.cancel(item);
        } else {
          now += below(random, 100);
          const soonest = Math.min(...due);
          const taken = deadlines.take(now);
          if ((taken === undefined) !== soonest > now) t.fail(`at ${now}`);
          if (taken !== undefined) {
            if (due[taken.name] !== soonest) t.fail(`at ${now}: not the soonest`);
            due[taken.name] = NEVER;
          }
        }
        if (step % 3 === 0 && deadlines.next() !== Math.min(...due)) t.fail(`at ${now}: next`);
        if (deadlines.count !== due.filter((d) => d !== NEVER).length) t.fail('count');
      }
    }
  });
  t.pass();
});
