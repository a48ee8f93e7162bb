/**
 * SipHash-2-4 of a few 32-bit words under a 128-bit key, cut to 32 bits.
 *
 * The keyed function that RFC 6528 §3 (sequence numbers) and RFC 6056 §3.3.3 (ports) ask for, and
 * the one that keeps strangers from choosing which hash bucket they fall into. The 64-bit words of
 * the algorithm are pairs of int32 here: `BigInt` takes 30 times as long and allocates.
 * @module
 */
import { type Address, isIPv6, wordOf } from './address.ts';
import type { Random } from './random.ts';

/** The four words of a key. */
export type SipKey = Int32Array;

/** A fresh key. */
export function makeKey(random: Random): SipKey {
  return Int32Array.of(random.int32(), random.int32(), random.int32(), random.int32());
}

// The state v0..v3 as (high, low) pairs. Module scratch: the function is not re-entrant and need
// not be. Typed, so that no element is ever anything but an int32.
const v = new Int32Array(8);

function add(to: number, from: number): void {
  const low = (v[to + 1] as number) >>> 0;
  const sum = low + ((v[from + 1] as number) >>> 0);
  v[to] = (v[to] as number) + (v[from] as number) + (sum > 0xffffffff ? 1 : 0);
  v[to + 1] = sum;
}

function xorRotated(at: number, by: number, bits: number): void {
  let high = v[at] as number;
  let low = v[at + 1] as number;
  if (bits >= 32) [high, low] = [low, high];
  const n = bits & 31;
  const h = n === 0 ? high : (high << n) | (low >>> (32 - n));
  const l = n === 0 ? low : (low << n) | (high >>> (32 - n));
  v[at] = h ^ (v[by] as number);
  v[at + 1] = l ^ (v[by + 1] as number);
}

function swapHalves(at: number): void {
  const t = v[at] as number;
  v[at] = v[at + 1] as number;
  v[at + 1] = t;
}

function round(): void {
  add(0, 2);
  xorRotated(2, 0, 13);
  swapHalves(0);
  add(4, 6);
  xorRotated(6, 4, 16);
  add(0, 6);
  xorRotated(6, 0, 21);
  add(4, 2);
  xorRotated(2, 4, 17);
  swapHalves(4);
}

function absorb(high: number, low: number): void {
  v[6] = (v[6] as number) ^ high;
  v[7] = (v[7] as number) ^ low;
  round();
  round();
  v[0] = (v[0] as number) ^ high;
  v[1] = (v[1] as number) ^ low;
}

function begin(key: SipKey): void {
  const k0l = key[0] as number; // a key has four words
  const k0h = key[1] as number;
  const k1l = key[2] as number;
  const k1h = key[3] as number;
  v[0] = k0h ^ 0x736f6d65;
  v[1] = k0l ^ 0x70736575;
  v[2] = k1h ^ 0x646f7261;
  v[3] = k1l ^ 0x6e646f6d;
  v[4] = k0h ^ 0x6c796765;
  v[5] = k0l ^ 0x6e657261;
  v[6] = k1h ^ 0x74656462;
  v[7] = k1l ^ 0x79746573;
}

function end(): number {
  v[5] = (v[5] as number) ^ 0xff;
  round();
  round();
  round();
  round();
  return (v[1] as number) ^ (v[3] as number) ^ (v[5] as number) ^ (v[7] as number);
}

/** The hash of the words `a`, `b`, `c`, read as 12 little-endian octets; an int32. */
export function siphash(key: SipKey, a: number, b: number, c: number): number {
  begin(key);
  absorb(b, a);
  absorb(12 << 24, c); // the last block carries the length
  return end();
}

/**
 * The same of two addresses and a word: of all octets of the addresses, so that two who differ are told apart
 * even by who could choose the octets.
 */
export function siphashAddresses(key: SipKey, a: Address, b: Address, c: number): number {
  if (!isIPv6(a) && !isIPv6(b)) return siphash(key, a, b, c);
  begin(key);
  absorbAddress(a);
  absorbAddress(b);
  absorb(36 << 24, c);
  return end();
}

function absorbAddress(a: Address): void {
  if (isIPv6(a)) {
    absorb(wordOf(a, 1), wordOf(a, 0));
    absorb(wordOf(a, 3), wordOf(a, 2));
  } else {
    absorb(0, 0);
    absorb(a, 0xffff);
  }
}
