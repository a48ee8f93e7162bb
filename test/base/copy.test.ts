/** Copying parts of arrays: all lengths, and nothing beside them. @module */
import test from 'ava';
import { copyBytes, copyOf } from '../../src/stack/base/copy.ts';

test('copy: every length is copied from any offset to any other, and nothing beside it', (t) => {
  const from = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let length = 0; length <= 100; length++) {
    const to = new Uint8Array(150).fill(0xff);
    copyBytes(from, 3 + length, to, 7, length);
    const expected = new Uint8Array(150).fill(0xff);
    for (let i = 0; i < length; i++) expected[7 + i] = 3 + length + i;
    t.deepEqual(to, expected);
  }
});

test('copy: parts of larger memories are meant by their own offsets', (t) => {
  const memory = Uint8Array.from({ length: 200 }, (_, i) => i);
  const to = new Uint8Array(100);
  copyBytes(memory.subarray(50), 10, to.subarray(20), 5, 40);
  t.deepEqual([to[24], to[25], to[64], to[65]], [0, 60, 99, 0]);
});

test('copy: a copy has the bytes of a part, and memory of its own', (t) => {
  const from = Uint8Array.from({ length: 100 }, (_, i) => i);
  for (const length of [0, 5, 50]) {
    const copy = copyOf(from, 10, length);
    t.deepEqual([...copy], [...from.subarray(10, 10 + length)]);
  }
  const copy = copyOf(from, 10, 1);
  from[10] = 0;
  t.is(copy[0], 10);
});

test('copy: ranges of one array may overlap when there is more than a few bytes', (t) => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  copyBytes(bytes, 0, bytes, 10, 50);
  t.deepEqual(
    [...bytes.subarray(10, 60)],
    Array.from({ length: 50 }, (_, i) => i),
  );
});
