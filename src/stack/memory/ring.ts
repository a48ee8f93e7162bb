/**
 * A ring of bytes, addressed by distance from its head: text that arrived but cannot be handed over
 * yet, because something before it is missing or because nobody reads. RFC 9293 §3.4: its head is
 * RCV.NXT, or what the user has not taken. Which bytes of it are filled, `Spans` knows.
 *
 * It holds no storage until the first `put`, doubles it up to the limit, and gives it back at `reset`.
 * @module
 */
import { copyBytes } from '../base/copy.ts';
import { give, MIN_SIZE, take } from './pool.ts';

const NO_STORAGE = new Uint8Array(0);

export class Ring {
  /** The storage: index it by `head` and `indexOf` only. */
  bytes: Uint8Array = NO_STORAGE;
  /** The index in `bytes` of the byte at distance 0. */
  head = 0;
  /** Distance from the head that nothing may reach beyond. */
  readonly limit: number;
  #mask = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The storage that `length` bytes need. */
  static storageFor(length: number): number {
    return length === 0 ? 0 : capacityFor(length);
  }

  /** Bytes that it can hold without growing: 0, or a power of two. */
  get capacity(): number {
    return this.bytes.length;
  }

  /**
   * Store `length` bytes of `from` at `distance` from the head. False, with nothing stored, if they
   * reach beyond the limit.
   */
  put(distance: number, from: Uint8Array, at: number, length: number): boolean {
    const end = distance + length;
    if (end > this.limit) return false;
    if (length === 0) return true;
    if (end > this.bytes.length) this.#grow(end);
    const index = this.indexOf(distance);
    const first = this.contiguous(distance, length);
    copyBytes(from, at, this.bytes, index, first);
    if (first < length) copyBytes(from, at + first, this.bytes, 0, length - first);
    return true;
  }

  /** The index in `bytes` of the byte at `distance`. */
  indexOf(distance: number): number {
    return (this.head + distance) & this.#mask;
  }

  /** How many of the `length` bytes from `distance` on lie in one piece; the rest begins at index 0. */
  contiguous(distance: number, length: number): number {
    return Math.min(length, this.bytes.length - this.indexOf(distance));
  }

  /** Move the head on by `n` bytes. */
  consume(n: number): void {
    this.head = (this.head + n) & this.#mask;
  }

  /** Bytes of memory that must be had before `length` more fit at `distance`; 0: none. */
  lacks(distance: number, length: number): number {
    const end = distance + length;
    return end <= this.bytes.length ? 0 : Ring.storageFor(end) - this.bytes.length;
  }

  /** Bytes of storage that `shrink` would give back. */
  excess(length: number): number {
    return this.bytes.length - Ring.storageFor(length);
  }

  /** Only the first `length` bytes are wanted: keep no more storage than they need. */
  shrink(length: number): void {
    if (length === 0) this.reset();
    else if (capacityFor(length) < this.bytes.length) this.#move(capacityFor(length), length);
  }

  /** Nothing in it is wanted any more: give the storage back. */
  reset(): void {
    if (this.bytes.length === 0) return;
    give(this.bytes);
    this.bytes = NO_STORAGE;
    this.head = 0;
    this.#mask = 0;
  }

  /** Storage for `size` bytes, what is held at its beginning. */
  #grow(size: number): void {
    this.#move(capacityFor(size), this.bytes.length);
  }

  /** Into a storage of `capacity` bytes, the first `length` bytes of what is held. */
  #move(capacity: number, length: number): void {
    const old = this.bytes;
    this.bytes = take(capacity);
    if (old.length > 0) {
      const first = Math.min(length, old.length - this.head);
      this.bytes.set(old.subarray(this.head, this.head + first));
      if (first < length) this.bytes.set(old.subarray(0, length - first), first);
      give(old);
    }
    this.head = 0;
    this.#mask = capacity - 1;
  }
}

/** The storage that holds `size` bytes: a power of two. */
function capacityFor(size: number): number {
  let capacity = MIN_SIZE;
  while (capacity < size) capacity *= 2;
  return capacity;
}
