/** A queue from whose middle one may leave, against an array. @module */
import test from 'ava';
import { below } from '../../src/stack/base/random.ts';
import { Fifo } from '../../src/stack/memory/fifo.ts';
import { seeded } from '../support/seeded.ts';

interface Item {
  place: number;
}

const make = (): Fifo<Item> =>
  new Fifo((item, place) => {
    item.place = place;
  });

test('fifo: the order is that of coming, whoever leaves from the middle', (t) => {
  seeded(t, (random) => {
    const fifo = make();
    const model: Item[] = [];
    for (let step = 0; step < 5000; step++) {
      const what = below(random, 8);
      if (what < 4) {
        const item = { place: -1 };
        fifo.push(item);
        model.push(item);
      } else if (what < 6) {
        t.is(fifo.shift(), model.shift());
      } else if (model.length > 0) {
        const [item] = model.splice(below(random, model.length), 1);
        fifo.leave(item?.place ?? -1);
      }
      t.is(fifo.length, model.length);
      t.is(fifo.oldest, model[0]);
    }
  });
});

test('fifo: to come and go costs the same however many are in it', (t) => {
  // Counted, not timed: how often places are looked at is how often `placed` and the loop go round.
  let moved = 0;
  const fifo = new Fifo<Item>((item, place) => {
    item.place = place;
    moved++;
  });
  for (let i = 0; i < 65_536; i++) fifo.push({ place: -1 });
  moved = 0;
  for (let i = 0; i < 200_000; i++) {
    fifo.push({ place: -1 });
    fifo.shift();
  }
  t.true(moved <= 200_000 + 65_537, `${moved} placed`);
});

test('fifo: one that stays does not make it grow with all that come and go behind it', (t) => {
  let highest = 0;
  const fifo = new Fifo<Item>((item, place) => {
    item.place = place;
    highest = Math.max(highest, place);
  });
  const first = { place: -1 };
  fifo.push(first);
  for (let i = 0; i < 10_000; i++) {
    const item = { place: -1 };
    fifo.push(item);
    fifo.leave(item.place);
  }
  t.is(fifo.oldest, first);
  t.true(highest < 64, `place ${highest}`);
});
