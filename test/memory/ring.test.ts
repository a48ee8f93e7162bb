/** The byte ring: by distance from a head that moves, against a plain map. @module */
import test from 'ava';
import { below } from '../../src/stack/base/random.ts';
import { MIN_SIZE } from '../../src/stack/memory/pool.ts';
import { Ring } from '../../src/stack/memory/ring.ts';
import { randomBytes, seeded } from '../support/seeded.ts';

const counting = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);

/** The `length` bytes at `distance`, read as its users do. */
function read(ring: Ring, distance: number, length: number): number[] {
  const first = ring.contiguous(distance, length);
  const at = ring.indexOf(distance);
  const rest = ring.indexOf(distance + first);
  return [
    ...ring.bytes.subarray(at, at + first),
    ...ring.bytes.subarray(rest, rest + length - first),
  ];
}

test('ring: it has no storage until something is put', (t) => {
  const ring = new Ring(65_536);
  t.is(ring.capacity, 0);
  ring.consume(100);
  t.true(ring.put(5000, counting(10), 0, 0));
  t.is(ring.capacity, 0);
});

test('ring: bytes that are put at a distance are read there', (t) => {
  const ring = new Ring(65_536);
  t.true(ring.put(100, counting(50), 10, 20));
  t.deepEqual(read(ring, 100, 20), [...counting(30).subarray(10)]);
  t.is(ring.capacity, MIN_SIZE);
});

test('ring: it doubles until what is put fits, and keeps what it has', (t) => {
  const ring = new Ring(65_536);
  ring.put(0, counting(100), 0, 100);
  ring.put(5000, counting(100), 0, 100);
  t.is(ring.capacity, 8192);
  t.deepEqual(read(ring, 0, 100), [...counting(100)]);
  t.deepEqual(read(ring, 5000, 100), [...counting(100)]);
});

test('ring: it grows while its content lies across the end', (t) => {
  const ring = new Ring(65_536);
  ring.put(0, counting(10), 0, 10);
  ring.consume(MIN_SIZE - 5);
  ring.put(0, counting(10), 0, 10);
  t.is(ring.contiguous(0, 10), 5);
  ring.put(MIN_SIZE, counting(10), 0, 10);
  t.is(ring.contiguous(0, 10), 10);
  t.deepEqual(read(ring, 0, 10), [...counting(10)]);
});

test('ring: consuming moves the head, around the end too', (t) => {
  const ring = new Ring(65_536);
  for (let i = 0; i < 10; i++) {
    ring.put(0, counting(1000), 0, 1000);
    t.deepEqual(read(ring, 990, 10), [...counting(1000).subarray(990)]);
    ring.consume(1000);
  }
  t.is(ring.capacity, MIN_SIZE);
});

test('ring: what reaches the limit is taken, and one byte more is not', (t) => {
  const ring = new Ring(5000);
  t.true(ring.put(4990, counting(20), 0, 10));
  t.false(ring.put(4990, counting(20), 0, 11));
  t.false(ring.put(5001, counting(20), 0, 0));
  t.deepEqual(read(ring, 4990, 10), [...counting(10)]);
});

test('ring: a reset gives the storage back, and it can be used again', (t) => {
  const ring = new Ring(65_536);
  ring.put(0, counting(10), 0, 10);
  const storage = ring.bytes;
  ring.reset();
  ring.reset();
  t.is(ring.capacity, 0);
  const other = new Ring(65_536);
  other.put(0, counting(10), 0, 10);
  t.is(other.bytes, storage);
  t.true(ring.put(3, counting(10), 0, 10));
  t.not(ring.bytes, storage);
});

test('ring: random puts, consumes and resets leave what a map leaves', (t) => {
  seeded(t, (random) => {
    const from = randomBytes(random, 5000);
    for (let round = 0; round < 100; round++) {
      const limit = 1 + below(random, 20_000);
      const ring = new Ring(limit);
      const model = new Map<number, number>();
      let head = 0;
      for (let step = 0; step < 40; step++) {
        const what = below(random, 20);
        if (what === 0) {
          ring.reset();
          model.clear();
        } else if (what < 6 && ring.capacity > 0) {
          const n = below(random, Math.min(limit, ring.capacity));
          ring.consume(n);
          head += n;
          for (const position of model.keys()) if (position < head) model.delete(position);
        } else {
          const distance = below(random, limit);
          const length = below(random, 3000);
          const at = below(random, 1000);
          t.is(ring.put(distance, from, at, length), distance + length <= limit);
          if (distance + length > limit) continue;
          for (let i = 0; i < length; i++) model.set(head + distance + i, from[at + i] ?? 0);
        }
        for (const [position, byte] of model) {
          if (ring.bytes[ring.indexOf(position - head)] !== byte) t.fail(`at ${position - head}`);
        }
      }
      ring.reset();
    }
  });
  t.pass();
});

test('ring: it says what storage more would be needed', (t) => {
  const ring = new Ring(65_536);
  t.is(ring.lacks(5000, 100), 8192);
  ring.put(0, counting(100), 0, 100);
  t.is(ring.lacks(0, MIN_SIZE), 0);
  t.is(ring.lacks(5000, 100), 8192 - MIN_SIZE);
});

test('ring: it shrinks to what is wanted of its beginning, wherever that lies', (t) => {
  const ring = new Ring(65_536);
  ring.put(0, counting(10), 0, 10);
  ring.put(9000, counting(10), 0, 10);
  ring.consume(ring.capacity - 5);
  ring.put(0, counting(100), 0, 100);
  ring.shrink(100);
  t.is(ring.capacity, MIN_SIZE);
  t.deepEqual(read(ring, 0, 100), [...counting(100)]);
  ring.shrink(0);
  t.is(ring.capacity, 0);
});
