/** Ranges of octets: what is new in each, against a set of single octets. */
import test from 'ava';
import { Ranges } from '../../src/sequence/ranges.ts';
import { below } from '../../src/stack/base/random.ts';
import { seeded } from '../support/seeded.ts';

test('ranges: what is added, known and dropped is what a set of octets says', (t) => {
  seeded(t, (random) => {
    for (let round = 0; round < 50; round++) {
      const ranges = new Ranges();
      const octets = new Set<number>();
      for (let i = 0; i < 60; i++) {
        const start = below(random, 200);
        const end = start + below(random, 30);
        const before = octets.size;
        for (let place = start; place < end; place++) octets.add(place);
        t.is(ranges.add(start, end), octets.size - before);
        if (i % 20 === 19) {
          const place = below(random, 100);
          ranges.dropBelow(place);
          for (const octet of octets) if (octet < place) octets.delete(octet);
        }
        t.is(ranges.total, octets.size);
      }
    }
  });
});

test('ranges: more holes than are kept apart are closed from below', (t) => {
  const ranges = new Ranges();
  for (let i = 0; i < 5000; i++) ranges.add(10 * i, 10 * i + 1);
  t.is(ranges.count, 4096);
  t.is(ranges.add(9, 10), 0);
  t.is(ranges.add(49_995, 49_996), 1);
});
