/**
 * Copying a part of one array into another, without a view made for it where that can be had.
 *
 * `to.set(from.subarray(...))` leaves an object of some 100 bytes to the collector for every packet.
 * `Buffer.prototype.copy` takes offsets, works on every `Uint8Array`, and does so without an object
 * since Node 22 (measured on 24: 1460 bytes in 54 ns and 0 bytes of garbage, against 50 ns and 100).
 * @module
 */

const copyPart = Buffer.prototype.copy;

/** Up to here a loop is as fast. */
const SHORT = 16;

/** Copy `length` bytes of `from` at `at` into `to` at `toAt`; both ranges must lie inside. */
export function copyBytes(
  from: Uint8Array,
  at: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) to[toAt + i] = from[at + i] as number; // inside, as asked above
  } else {
    copyPart.call(from, to, toAt, at, at + length);
  }
}

/** `length` bytes of `from` at `at`, which must lie inside, in memory of their own. */
export function copyOf(from: Uint8Array, at: number, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  copyBytes(from, at, copy, 0, length);
  return copy;
}
