/** The send buffer: by reference and by copy, found again anywhere, released in order. @module */
import test from 'ava';
import { below } from '../../src/stack/base/random.ts';
import { Chunks } from '../../src/stack/memory/chunks.ts';
import { poolSize } from '../../src/stack/memory/pool.ts';
import { randomBytes, seeded } from '../support/seeded.ts';

const counting = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);

/** The bytes from `position` on, read piece by piece as `emit` does; and how many pieces. */
function read(
  chunks: Chunks,
  position: number,
  length: number,
): { data: number[]; pieces: number } {
  const data: number[] = [];
  let pieces = 0;
  while (data.length < length) {
    chunks.locate(position + data.length);
    const n = Math.min(length - data.length, chunks.available);
    data.push(...chunks.bytes.subarray(chunks.at, chunks.at + n));
    pieces++;
  }
  return { data, pieces };
}

/** Release, and give the tokens that came back. */
function release(chunks: Chunks, upTo: number): unknown[] {
  const tokens: unknown[] = [];
  chunks.release(upTo, (token) => tokens.push(token));
  return tokens;
}

test('chunks: a new one is empty at its start', (t) => {
  const chunks = new Chunks(1000);
  t.deepEqual([chunks.start, chunks.end, chunks.length], [1000, 1000, 0]);
});

test('chunks: what is appended by reference is the caller’s array, and not a copy', (t) => {
  const chunks = new Chunks();
  const bytes = counting(100);
  chunks.append(bytes, 10, 20, 'a');
  chunks.locate(5);
  t.is(chunks.bytes, bytes);
  t.deepEqual([chunks.at, chunks.available, chunks.length], [15, 15, 20]);
});

test('chunks: what is copied may be changed by the caller at once', (t) => {
  const chunks = new Chunks();
  const bytes = counting(10);
  chunks.appendCopy(bytes, 2, 5);
  bytes.fill(0);
  t.deepEqual(read(chunks, 0, 5).data, [2, 3, 4, 5, 6]);
});

test('chunks: small copies one after the other are one piece', (t) => {
  const chunks = new Chunks();
  for (let i = 0; i < 100; i++) chunks.appendCopy(counting(10), 0, 10);
  t.is(read(chunks, 0, 1000).pieces, 1);
});

test('chunks: a copy larger than a block lies in several', (t) => {
  const chunks = new Chunks();
  const bytes = counting(200_000);
  chunks.appendCopy(bytes, 0, bytes.length);
  const { data, pieces } = read(chunks, 0, bytes.length);
  t.deepEqual(Uint8Array.from(data), bytes);
  t.is(pieces, 4);
});

test('chunks: references between copies keep their place', (t) => {
  const chunks = new Chunks();
  chunks.appendCopy(Uint8Array.of(1, 2), 0, 2);
  chunks.append(Uint8Array.of(3, 4), 0, 2, 'a');
  chunks.appendCopy(Uint8Array.of(5, 6), 0, 2);
  t.deepEqual(read(chunks, 0, 6), { data: [1, 2, 3, 4, 5, 6], pieces: 3 });
});

test('chunks: a position is found from anywhere, before or behind the last one', (t) => {
  const chunks = new Chunks(2 ** 40);
  for (let i = 0; i < 50; i++) chunks.append(Uint8Array.of(i, i, i), 0, 3, undefined);
  for (const i of [0, 149, 75, 76, 77, 78, 3, 2, 148, 0]) {
    chunks.locate(2 ** 40 + i);
    t.is(chunks.bytes[chunks.at], Math.floor(i / 3));
    t.is(chunks.available, 3 - (i % 3));
  }
});

test('chunks: a chunk is released when all of it is, and its token comes back once', (t) => {
  const chunks = new Chunks();
  chunks.append(counting(10), 0, 10, 'a');
  chunks.append(counting(10), 0, 10, 'b');
  t.deepEqual(release(chunks, 9), []);
  t.is(chunks.start, 9);
  t.deepEqual(release(chunks, 10), ['a']);
  t.deepEqual(release(chunks, 10), []);
  t.deepEqual(release(chunks, 20), ['b']);
  t.deepEqual([chunks.start, chunks.end, chunks.length], [20, 20, 0]);
});

test('chunks: tokens come back oldest first, and undefined ones do not', (t) => {
  const chunks = new Chunks();
  for (const token of ['a', undefined, 'b', null]) chunks.append(counting(5), 0, 5, token);
  chunks.appendCopy(counting(5), 0, 5);
  t.deepEqual(release(chunks, 25), ['a', 'b', null]);
});

test('chunks: nobody need be told', (t) => {
  const chunks = new Chunks();
  chunks.append(counting(5), 0, 5, 'a');
  t.notThrows(() => chunks.release(5, null));
  t.is(chunks.length, 0);
});

test('chunks: releasing more than is held stops at the end', (t) => {
  const chunks = new Chunks();
  chunks.append(counting(5), 0, 5, 'a');
  t.deepEqual(release(chunks, 100), ['a']);
  t.deepEqual([chunks.start, chunks.end], [5, 5]);
});

test('chunks: releasing what was released before changes nothing', (t) => {
  const chunks = new Chunks();
  chunks.append(counting(10), 0, 10, 'a');
  chunks.release(7, null);
  chunks.release(3, null);
  t.is(chunks.start, 7);
});

test('chunks: positions go on across 2^31 and 2^32', (t) => {
  for (const base of [2 ** 31 - 10, 2 ** 32 - 10, 3 * 2 ** 32 - 10]) {
    const chunks = new Chunks(base);
    for (let i = 0; i < 5; i++) chunks.append(counting(6), 0, 6, i);
    t.deepEqual([chunks.start, chunks.end], [base, base + 30]);
    chunks.locate(base + 15);
    t.deepEqual([chunks.at, chunks.available], [3, 3]);
    t.deepEqual(release(chunks, base + 20), [0, 1, 2]);
    t.deepEqual([chunks.start, chunks.end, chunks.length], [base + 20, base + 30, 10]);
    chunks.locate(base + 20);
    t.deepEqual([chunks.at, chunks.available], [2, 4]);
  }
});

test('chunks: by distance is the same as by position', (t) => {
  const chunks = new Chunks(2 ** 40);
  for (let i = 0; i < 3; i++) chunks.append(counting(10), 0, 10, i);
  const tokens: unknown[] = [];
  chunks.drop(12, (token) => tokens.push(token));
  t.deepEqual(tokens, [0]);
  t.is(chunks.start, 2 ** 40 + 12);
  chunks.seek(10);
  t.deepEqual([chunks.at, chunks.available], [2, 8]);
});

test('chunks: an empty chunk gives its token back, and is never found', (t) => {
  const chunks = new Chunks();
  chunks.append(counting(5), 0, 5, 'a');
  chunks.append(counting(5), 0, 0, 'empty');
  chunks.append(counting(5), 0, 5, 'b');
  chunks.locate(5);
  t.is(chunks.available, 5);
  t.deepEqual(release(chunks, 5), ['a', 'empty']);
});

test('chunks: what is told of a release may append more', (t) => {
  const chunks = new Chunks();
  chunks.append(Uint8Array.of(1), 0, 1, 'a');
  chunks.append(Uint8Array.of(2), 0, 1, 'b');
  chunks.release(2, () => chunks.appendCopy(Uint8Array.of(9), 0, 1));
  t.deepEqual([chunks.start, chunks.end], [2, 4]);
  t.deepEqual(read(chunks, 2, 2).data, [9, 9]);
});

test('chunks: an array that is longer than an int32 counts is held all the same', (t) => {
  const chunks = new Chunks();
  const far = {
    length: 2 ** 32,
    subarray: (from: number, to: number) => new Uint8Array(to - from),
  };
  chunks.append(far as unknown as Uint8Array, 2 ** 31, 10, 'a');
  chunks.locate(3);
  t.deepEqual([chunks.at, chunks.available], [3, 7]);
});

test.serial('chunks: when all is released the blocks are back in the pool', (t) => {
  const chunks = new Chunks();
  const before = poolSize();
  chunks.appendCopy(counting(10), 0, 10);
  chunks.append(counting(10), 0, 10, 'a');
  chunks.appendCopy(counting(100_000), 0, 100_000);
  chunks.release(chunks.end, null);
  t.true(poolSize() > before);
  const held = poolSize();
  for (let i = 0; i < 50; i++) {
    chunks.appendCopy(counting(100_000), 0, 100_000);
    chunks.release(chunks.end, null);
  }
  t.is(poolSize(), held, 'the same blocks serve again');
});

test.serial('chunks: a block that two chunks lie in is kept until both are released', (t) => {
  const chunks = new Chunks();
  chunks.appendCopy(Uint8Array.of(1), 0, 1);
  chunks.append(Uint8Array.of(2), 0, 1, undefined);
  chunks.appendCopy(Uint8Array.of(3), 0, 1);
  chunks.release(2, null);
  const other = new Chunks();
  other.appendCopy(Uint8Array.of(7, 7, 7, 7), 0, 4);
  t.deepEqual(read(chunks, 2, 1).data, [3]);
});

test.serial('chunks: random appends, reads and releases leave what an array leaves', (t) => {
  seeded(t, (random) => {
    const from = randomBytes(random, 20_000);
    for (let round = 0; round < 100; round++) {
      const base = round % 3 === 0 ? 5e9 : 0;
      const chunks = new Chunks(base);
      const model: number[] = [];
      const tokens: { end: number }[] = [];
      for (let step = 0; step < 60; step++) {
        const length = below(random, round % 2 === 0 ? 100 : 15_000);
        const at = below(random, 1000);
        if (below(random, 3) === 0) {
          const upTo = chunks.start + below(random, chunks.length + 1);
          const expected = tokens.filter((token) => token.end <= upTo);
          t.deepEqual(release(chunks, upTo), expected);
          tokens.splice(0, expected.length);
          t.is(chunks.start, upTo);
        } else if (below(random, 2) === 0) {
          const token = { end: chunks.end + length };
          chunks.append(from, at, length, token);
          tokens.push(token);
          for (let i = 0; i < length; i++) model.push(from[at + i] ?? 0);
        } else {
          chunks.appendCopy(from, at, length);
          for (let i = 0; i < length; i++) model.push(from[at + i] ?? 0);
        }
        t.is(chunks.end, base + model.length);
        for (let probe = 0; probe < 10 && chunks.length > 0; probe++) {
          const position = chunks.start + below(random, chunks.length);
          chunks.locate(position);
          const last = chunks.available - 1;
          const found = [chunks.bytes[chunks.at], chunks.bytes[chunks.at + last]];
          t.deepEqual(found, [model[position - base], model[position - base + last]]);
        }
      }
      chunks.release(chunks.end, null);
    }
  });
});

test('chunks: what is kept is counted, by whole blocks and by what was lent', (t) => {
  const chunks = new Chunks();
  t.is(chunks.kept, 0);
  chunks.appendCopy(counting(10), 0, 10);
  const table = chunks.kept - 4096;
  t.true(table > 0 && table < 1000, `a block and a table: ${chunks.kept}`);
  chunks.append(counting(100), 20, 50, 'a');
  t.is(chunks.kept, table + 4096 + 50);
  chunks.release(40, null);
  t.is(chunks.kept, table + 50, 'a chunk counts until all of it is released');
  chunks.release(60, null);
  t.is(chunks.kept, 0);
});

test('chunks: memory that was transferred away is noticed before it is read', (t) => {
  const chunks = new Chunks();
  const lent = counting(100);
  chunks.append(counting(50), 0, 50, undefined);
  chunks.append(lent, 10, 80, undefined);
  t.true(chunks.isWhole(0, 130));
  structuredClone(lent, { transfer: [lent.buffer as ArrayBuffer] });
  t.true(chunks.isWhole(0, 50));
  t.false(chunks.isWhole(0, 51));
  t.false(chunks.isWhole(60, 5));
});
