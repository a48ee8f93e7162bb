/**
 * Ranges of sequence numbers that arrived out of order: sorted, disjoint, no two touching.
 * RFC 9293 §3.10.7.4 (segments "held for later processing"), RFC 2018 §4 (what SACK reports).
 *
 * All ranges, and whatever is asked about, must lie within 2^31 of each other, as everything in a
 * TCP window does. A lookup takes log2(count) steps, and there are never more than `limit` ranges:
 * a peer that sends every other octet buys nothing (CVE-2018-5390).
 * @module
 */
import { add, diff, le, lt, max, min, type Seq } from '../base/seq.ts';
import { Shelf } from './shelf.ts';

const NO_STORAGE = new Int32Array(0);
/** Ranges that the first storage holds, and how many such storages are kept for others. */
const FIRST = 8;
const KEEP = 256;
const spare: Shelf<Int32Array> = new Shelf();

export class Spans {
  /** How many ranges there are. */
  count = 0;
  /** How many bytes they cover. */
  bytes = 0;
  /** The most ranges that are held. */
  readonly limit: number;
  /** Start and end of each range, in turn; the elements below 2 * `count` count. */
  #edges: Int32Array = NO_STORAGE;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes of memory that it keeps from others. */
  get kept(): number {
    return this.#edges.byteLength;
  }

  /** Where range `i` begins; 0 <= i < count. */
  start(i: number): Seq {
    return this.#edges[2 * i] as Seq; // an int32 that came in as a Seq
  }

  /** The sequence number after the last one of range `i`. */
  end(i: number): Seq {
    return this.#edges[2 * i + 1] as Seq;
  }

  /**
   * Note that `start` up to, not including, `end` arrived; an empty range changes nothing. False, with
   * nothing noted, if that took more than `limit` ranges.
   */
  insert(start: Seq, end: Seq): boolean {
    if (le(end, start)) return true;
    const first = this.#firstEndingFrom(start);
    if (first === this.count || lt(end, this.start(first))) return this.#put(first, start, end);
    // One range or more is met: the first becomes them all.
    const left = min(start, this.start(first));
    let after = first + 1;
    if (after < this.count && le(this.start(after), end)) after = this.#firstStartingAfter(end);
    const right = max(end, this.end(after - 1));
    let gone = 0;
    for (let i = first; i < after; i++) gone += diff(this.end(i), this.start(i));
    this.bytes += diff(right, left) - gone;
    this.#edges[2 * first] = left;
    this.#edges[2 * first + 1] = right;
    this.#remove(first + 1, after);
    return true;
  }

  /** The range that `s` lies in, or -1. */
  find(s: Seq): number {
    const i = this.#firstEndingFrom(add(s, 1));
    return i < this.count && le(this.start(i), s) ? i : -1;
  }

  /** True if all from `start` up to, not including, `end` is here. */
  covers(start: Seq, end: Seq): boolean {
    if (le(end, start)) return true;
    const i = this.find(start);
    return i >= 0 && le(end, this.end(i));
  }

  /**
   * All before `next` has arrived in order. Forget what lies before it and what it joins, and give the
   * sequence number that is now the next one missing.
   */
  advance(next: Seq): Seq {
    let reached = next;
    let gone = 0;
    while (gone < this.count && le(this.start(gone), reached)) {
      this.bytes -= diff(this.end(gone), this.start(gone));
      reached = max(reached, this.end(gone));
      gone++;
    }
    if (gone > 0) this.#remove(0, gone);
    return reached;
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.#giveBack();
  }

  /** The first range whose end is at or after `s`; `count` if there is none. */
  #firstEndingFrom(s: Seq): number {
    let low = 0;
    let high = this.count;
    // What arrives next mostly prolongs the last range, or comes after it.
    if (high > 0 && lt(this.end(high - 1), s)) return high;
    if (high > 1 && lt(this.end(high - 2), s)) return high - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lt(this.end(middle), s)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first range that begins after `s`; `count` if there is none. */
  #firstStartingAfter(s: Seq): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (le(this.start(middle), s)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A new range before range `i`. */
  #put(i: number, start: Seq, end: Seq): boolean {
    if (this.count >= this.limit) return false;
    if (2 * this.count === this.#edges.length) this.#grow();
    if (i < this.count) this.#edges.copyWithin(2 * i + 2, 2 * i, 2 * this.count);
    this.#edges[2 * i] = start;
    this.#edges[2 * i + 1] = end;
    this.count++;
    this.bytes += diff(end, start);
    return true;
  }

  /** Remove the ranges from `from` up to, not including, `to`; their bytes are already accounted for. */
  #remove(from: number, to: number): void {
    if (from === to) return;
    if (to < this.count) this.#edges.copyWithin(2 * from, 2 * to, 2 * this.count);
    this.count -= to - from;
    if (this.count === 0) this.#giveBack();
  }

  #grow(): void {
    const old = this.#edges;
    if (old.length === 0) {
      this.#edges = spare.take() ?? new Int32Array(2 * FIRST);
      return;
    }
    this.#edges = new Int32Array(2 * old.length);
    this.#edges.set(old);
    keep(old);
  }

  #giveBack(): void {
    keep(this.#edges);
    this.#edges = NO_STORAGE;
  }
}

/** Hold a storage of the first size ready for another. */
function keep(edges: Int32Array): void {
  if (edges.length === 2 * FIRST && spare.count < KEEP) spare.put(edges);
}
