/**
 * Byte buffers in powers of two, lent to whoever holds data for a while: the rings and send buffers
 * of all connections of this thread. What comes back is lent again, up to a bound; the rest is left
 * to the garbage collector. Their contents are whatever the last holder left.
 * @module
 */

import { Shelf } from './shelf.ts';

/** The smallest and the largest that are kept. */
export const MIN_SIZE = 2_048;
export const MAX_SIZE = 4_194_304;
/** Bytes that are kept in all. */
export const KEEP = 33_554_432;

const lists: Shelf<Uint8Array>[] = [];
for (let size = MIN_SIZE; size <= MAX_SIZE; size *= 2) lists.push(new Shelf());

let kept = 0;

/** Bytes that lie here unused, never more than `KEEP`. */
export const poolSize = (): number => kept;

/** A buffer of `size` bytes, a power of two. */
export function take(size: number): Uint8Array {
  const bytes = lists[listOf(size)]?.take();
  // Not filled with zeros: the system gives pages when they are written to, and of a ring that holds an
  // octet at its far end that is one.
  if (bytes === undefined) return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
  kept -= size;
  return bytes;
}

/** True if `take(size)` costs nothing: such a buffer lies here. */
export const isSpare = (size: number): boolean => (lists[listOf(size)]?.count ?? 0) > 0;

/** Take back what `take` gave; nobody may touch it any more. */
export function give(bytes: Uint8Array): void {
  const list = lists[listOf(bytes.length)];
  if (list === undefined || kept + bytes.length > KEEP) return;
  list.put(bytes);
  kept += bytes.length;
}

/** The place of a size in `lists`; none for one that is not kept. */
const listOf = (size: number): number => 31 - Math.clz32(size) - (31 - Math.clz32(MIN_SIZE));
