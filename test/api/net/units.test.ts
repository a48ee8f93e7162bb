/**
 * Records and frames in what comes (RFC 8446 §5.1, RFC 9113 §4.1): a record's length follows its type and
 * version, a frame begins with its own.
 * @module
 */
import test from 'ava';
import { FRAMES, RECORDS, Units } from '../../../src/stack/api/net/units.ts';

const record = (length: number): number[] => [
  23,
  3,
  3,
  length >> 8,
  length & 255,
  ...Array(length).fill(7),
];
const frame = (length: number): number[] => [
  0,
  length >> 8,
  length & 255,
  0,
  0,
  0,
  0,
  0,
  1,
  ...Array(length).fill(7),
];
const preface = [...Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')];

/** The lengths of the pieces that `text` falls into when it comes in parts of `size` bytes. */
function pieces(units: Units, text: readonly number[], size: number): number[] {
  const ends: number[] = [];
  for (let from = 0; from < text.length; from += size) {
    const part = Uint8Array.from(text.slice(from, from + size));
    for (let at = 0; at < part.length; ) {
      at = units.end(part, at);
      ends.push(from + at);
    }
  }
  return ends;
}

const CASES = {
  records: [RECORDS, [record(1), record(300), record(0), record(2)]],
  frames: [FRAMES, [frame(0), frame(1000), frame(5)]],
  'frames after a preface': [FRAMES, [preface, frame(9), frame(0)]],
} as const;

for (const [name, [kind, list]] of Object.entries(CASES)) {
  test(`units: ${name} are told apart, however they come`, (t) => {
    const text = list.flat();
    const borders = list.map((_, i) => list.slice(0, i + 1).flat().length);
    t.deepEqual(pieces(new Units(kind), text, text.length), borders);
    for (const size of [1, 2, 7, 64]) {
      const ends = pieces(new Units(kind), text, size);
      t.true(
        borders.every((border) => ends.includes(border)),
        `in parts of ${size}`,
      );
      t.is(ends.at(-1), text.length);
    }
  });
}

test('units: what is no record is passed on whole', (t) => {
  const noise = Array.from({ length: 5000 }, (_, i) => (i * 89) & 255);
  t.is(pieces(new Units(RECORDS), noise, 611).at(-1), noise.length);
});
