/**
 * The Internet checksum: RFC 1071, updated in place by RFC 1624.
 *
 * A partial sum is a plain number: 16-bit words added up in little-endian order, whatever the packet's
 * order is, and not folded (RFC 1071 §2 (B): the byte order may be set right once, at the end). It
 * stays exact below 2^53, so partial sums of even length add up with `+`. Data that begins at an odd
 * offset of what is summed goes through `odd` first. `finish`, `begun` and `good` end a sum.
 * @module
 */
import { type Address, isIPv6, sumOfOctets } from '../base/address.ts';
import { copyBytes } from '../base/copy.ts';
import type { WasmMemory } from '../base/wasm.ts';
import { type Kernel, makeKernel } from './checksum-kernel.ts';

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Sums over one memory, that of the packet slots. A sum takes up to 128 KiB. */
export class Checksum {
  readonly kind: 'simd' | 'scalar';
  readonly #bytes: Uint8Array;
  readonly #kernel: Kernel;

  /** `simd` false: do without, even where the engine has it. */
  constructor(memory: WasmMemory, simd = true) {
    this.#bytes = new Uint8Array(memory.buffer);
    const kernel = simd ? makeKernel(memory) : undefined;
    this.kind = kernel === undefined ? 'scalar' : 'simd';
    this.#kernel = kernel ?? scalarKernel(memory);
  }

  /** The partial sum of `length` bytes at `at`; an odd last one is padded with 0. */
  sum(at: number, length: number): number {
    return this.#kernel.sum(at, length);
  }

  /** Copy `length` bytes of any array to `to` in the memory, and give their partial sum. */
  copy(from: Uint8Array, fromAt: number, to: number, length: number): number {
    copyBytes(from, fromAt, this.#bytes, to, length);
    return this.#kernel.sum(to, length);
  }

  /**
   * Copy `length` bytes from one place of the memory to another that does not overlap it, and give
   * their partial sum.
   */
  copyWithin(from: number, to: number, length: number): number {
    return this.#kernel.copy(from, length, to);
  }
}

/** The pseudo-header without its length: RFC 9293 §3.1, RFC 768, RFC 8200 §8.1. The same for a whole connection. */
export function pseudo(source: Address, destination: Address, protocol: number): number {
  // RFC 8200 §8.1: the same fields in other places, which a sum does not see.
  if (isIPv6(source)) return sumOfOctets(source) + sumOfOctets(destination) + (protocol << 8);
  return (
    swap(source >>> 16) +
    swap(source & 0xffff) +
    swap(destination >>> 16) +
    swap(destination & 0xffff) +
    (protocol << 8)
  );
}

/** What a length, up to 65 535, adds to the sum of a pseudo-header. */
export const lengthTerm = (length: number): number => swap(length);

/** The checksum of what was summed, for `setUint16` or `setChecksum`. (UDP sends 0 as 0xffff.) */
export const finish = (sum: number): number => ~swap(fold(sum)) & 0xffff;

/** What stands in the checksum field of a packet whose sum the device is to complete. */
export const begun = (sum: number): number => swap(fold(sum));

/** True if `sum`, taken over data with its checksum in place, says that nothing was damaged. */
export const good = (sum: number): boolean => fold(sum) === 0xffff;

/** The sum of data that begins at an odd offset of what is summed. RFC 1071 §2 (B). */
export const odd = (sum: number): number => swap(fold(sum));

/** `checksum` after a 16-bit field changed. RFC 1624 §3, eqn 3: HC' = ~(~HC + ~m + m'). */
export const update16 = (checksum: number, oldValue: number, newValue: number): number =>
  ~fold((~checksum & 0xffff) + (~oldValue & 0xffff) + newValue) & 0xffff;

/** `checksum` after a 32-bit field, signed or not, changed that stands at an even offset. */
export const update32 = (checksum: number, oldValue: number, newValue: number): number =>
  ~fold(
    (~checksum & 0xffff) +
      (~oldValue >>> 16) +
      (~oldValue & 0xffff) +
      (newValue >>> 16) +
      (newValue & 0xffff),
  ) & 0xffff;

/** `checksum` after an address, at an even offset, gave way to another of its family. */
export const updateAddress = (checksum: number, old: Address, address: Address): number =>
  isIPv6(old)
    ? update16(checksum, begun(sumOfOctets(old)), begun(sumOfOctets(address)))
    : update32(checksum, old, address);

/** The partial sum of `length` bytes of any array: for what is not in the slots, and not hot. */
export function sumBytes(bytes: Uint8Array, at: number, length: number): number {
  const end = at + (length & ~1);
  let sum = 0;
  // The caller's range lies in the array, so no read gives undefined.
  for (let i = at; i < end; i += 2) {
    sum += (bytes[i] as number) + ((bytes[i + 1] as number) << 8);
  }
  return length & 1 ? sum + (bytes[end] as number) : sum;
}

/** The same without SIMD. */
function scalarKernel(memory: WasmMemory): Kernel {
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  return {
    sum: (at, length) => sumWords(words, bytes, at, length),
    copy(from, length, to) {
      bytes.copyWithin(to, from, from + length);
      return sumWords(words, bytes, to, length);
    },
  };
}

/**
 * 32-bit words added up in a double, which is exact for 2^21 of them. 2^16 is 1 modulo
 * 0xffff, so a word counts as its two halves.
 */
function sumWords(words: Uint32Array, bytes: Uint8Array, from: number, length: number): number {
  if (length < 8) return sumBytes(bytes, from, length);
  if (from & 1) {
    return (bytes[from] as number) + odd(sumWords(words, bytes, from + 1, length - 1));
  }
  const head = from & 2;
  let at = (from + head) >> 2;
  const end = (from + length) >> 2;
  let sum = 0;
  for (const stop = end - 3; at < stop; at += 4) {
    sum +=
      (words[at] as number) +
      (words[at + 1] as number) +
      (words[at + 2] as number) +
      (words[at + 3] as number);
  }
  for (; at < end; at++) sum += words[at] as number;
  if (!LITTLE_ENDIAN) sum = odd(sum);
  // Folded already here: a number above 2^31 costs an object whenever it is passed on.
  return fold(sum) + sumBytes(bytes, from, head) + sumBytes(bytes, end << 2, (from + length) & 3);
}

/** The two bytes of 16 bits, exchanged. */
const swap = (n: number): number => ((n & 0xff) << 8) | (n >>> 8);

/** A partial sum in 16 bits; 0 only if it was 0. */
function fold(sum: number): number {
  const high = sum > 0xffffffff ? Math.floor(sum / 0x1_0000_0000) : 0;
  const low = sum >>> 0;
  let folded = (low >>> 16) + (low & 0xffff) + (high >>> 16) + (high & 0xffff);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

/** The Internet checksum of `length` bytes, to be stored big-endian; 0 if they hold their own. */
export const internet = (bytes: Uint8Array, at = 0, length: number = bytes.length - at): number =>
  finish(sumBytes(bytes, at, length));

/**
 * The same with the pseudo-header that TCP, UDP and their like count in. A result of 0 is sent as 0xffff
 * where 0 means that there is none, as in UDP.
 */
export const transport = (
  source: Address,
  destination: Address,
  protocol: number,
  bytes: Uint8Array,
  at = 0,
  length: number = bytes.length - at,
): number =>
  finish(pseudo(source, destination, protocol) + lengthTerm(length) + sumBytes(bytes, at, length));
