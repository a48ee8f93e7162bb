/** SipHash-2-4 against a slow reference, itself held to the paper's vector. @module */
import test from 'ava';
import { makeKey, siphash } from '../../src/stack/base/siphash.ts';
import { randomBytes, seeded } from '../support/seeded.ts';

const MASK = (1n << 64n) - 1n;
const rotate = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & MASK;

/** The algorithm as its paper has it, over any bytes. */
function reference(key: Uint8Array, data: Uint8Array): bigint {
  const word = (bytes: Uint8Array, at: number): bigint =>
    new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
  const k0 = word(key, 0);
  const k1 = word(key, 8);
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = new Uint8Array((data.length & ~7) + 8);
  padded.set(data);
  padded[padded.length - 1] = data.length;
  for (let at = 0; at < padded.length; at += 8) {
    const m = word(padded, at);
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

const counting = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);

test('siphash: the reference gives the vector of the paper, appendix A', (t) => {
  t.is(reference(counting(16), counting(15)), 0xa129ca6149be45e5n);
});

test('siphash: the counting key and 12 counting octets give the reference’s low 32 bits', (t) => {
  const key = new Int32Array(counting(16).buffer);
  const words = new Int32Array(counting(12).buffer);
  const expected = Number(BigInt.asIntN(32, reference(counting(16), counting(12))));
  t.is(siphash(key, words[0] ?? 0, words[1] ?? 0, words[2] ?? 0), expected);
});

test('siphash: random keys and words give what the reference gives', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < 500; i++) {
      const keyBytes = randomBytes(random, 16);
      const data = randomBytes(random, 12);
      const [a = 0, b = 0, c = 0] = new Int32Array(data.buffer);
      const expected = Number(BigInt.asIntN(32, reference(keyBytes, data)));
      t.is(siphash(new Int32Array(keyBytes.buffer), a, b, c), expected);
    }
  });
});

test('siphash: a key is four words of the source', (t) => {
  let next = 0;
  const random = { int32: (): number => ++next };
  t.deepEqual([...makeKey(random)], [1, 2, 3, 4]);
});

test('siphash: one call leaves nothing behind for the next', (t) => {
  const key = Int32Array.of(1, 2, 3, 4);
  const before = siphash(key, 5, 6, 7);
  siphash(key, -1, -1, -1);
  t.is(siphash(key, 5, 6, 7), before);
});
