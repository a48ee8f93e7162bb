/**
 * A datagram of which fragments have arrived: which bytes of it, and where they are kept.
 * RFC 791 §3.2, RFC 8200 §4.5, RFC 815 in spirit (ranges that arrived instead of holes), RFC 5722 for overlaps.
 * @module
 */
import { type Address, ANY } from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import { REAL_ZERO } from '../base/real.ts';
import { type FragmentPages, NO_PAGE, PAGE_SIZE, PAGES_PER_DATAGRAM } from './fragment-pages.ts';
import type { Interface } from './interface.ts';

/** The most separate ranges: who sends more holes than this is not fragmenting, but attacking. */
export const RANGE_LIMIT = 64;

/** What `Datagram.place` says of a fragment. */
export const Place = {
  NEW: 0,
  /** All of it is there, byte for byte. */
  DUPLICATE: 1,
  /** Part of it is there, or all of it but different. */
  OVERLAP: 2,
  /** It would be one range too many. */
  TOO_MANY: 3,
} as const;
export type Place = (typeof Place)[keyof typeof Place];

export class Datagram {
  source: Address = ANY;
  destination: Address = ANY;
  id = 0;
  protocol = 0;
  /** Where its first fragment came in. */
  iface: Interface | undefined = undefined;
  unicast = true;
  /** When the first of its fragments arrived. */
  since: Micros = REAL_ZERO;
  /** Bytes of data in all, -1 until the last fragment has arrived. */
  total = -1;
  /** Bytes of data that are there. */
  received = 0;
  /** How many fragments made them. */
  fragments = 0;
  /** RFC 5722 §4: fragments overlapped; what still arrives is dropped too. */
  broken = false;
  /** One bit for each ECN codepoint that was seen. RFC 3168 §5.3. */
  ecn = 0;
  /** The header of the first fragment, IPv4's with options; `headerLen` 0 until it has arrived. */
  readonly header: Uint8Array = new Uint8Array(60);
  headerLen = 0;
  /** IPv6: what the first fragment says that the data begins with. */
  next = 0;
  pages = 0;
  /** The list of its hash bucket, and the list of all by age. */
  nextInBucket: Datagram | undefined = undefined;
  older: Datagram | undefined = undefined;
  younger: Datagram | undefined = undefined;

  readonly #pages: Int32Array = new Int32Array(PAGES_PER_DATAGRAM).fill(NO_PAGE);
  readonly #starts: Int32Array = new Int32Array(RANGE_LIMIT);
  readonly #ends: Int32Array = new Int32Array(RANGE_LIMIT);
  #ranges = 0;

  /** Make a used instance new. Its pages must have been given back. */
  begin(source: Address, destination: Address, id: number, protocol: number, now: Micros): void {
    this.source = source;
    this.destination = destination;
    this.id = id;
    this.protocol = protocol;
    this.since = now;
    this.total = -1;
    this.received = 0;
    this.fragments = 0;
    this.broken = false;
    this.ecn = 0;
    this.headerLen = 0;
    this.#ranges = 0;
  }

  get complete(): boolean {
    return this.received === this.total && this.headerLen > 0;
  }

  /** The end of the last byte that is there. */
  get end(): number {
    return this.#ranges === 0 ? 0 : (this.#ends[this.#ranges - 1] as number); // `#ranges` are set
  }

  /** Where `length` bytes at `start`, which are `from` + `at`, stand to what is there. */
  place(pages: FragmentPages, start: number, length: number, from: Uint8Array, at: number): Place {
    const end = start + length;
    const i = this.#firstEndingAfter(start);
    const touches = i < this.#ranges && (this.#starts[i] as number) < end;
    if (touches) {
      const inside = (this.#starts[i] as number) <= start && end <= (this.#ends[i] as number);
      return inside && this.#same(pages, start, length, from, at) ? Place.DUPLICATE : Place.OVERLAP;
    }
    const joins =
      (i > 0 && this.#ends[i - 1] === start) || (i < this.#ranges && this.#starts[i] === end);
    return !joins && this.#ranges === RANGE_LIMIT ? Place.TOO_MANY : Place.NEW;
  }

  /** How many pages the bytes from `start` to `end` would take that it does not have yet. */
  pagesFor(start: number, end: number): number {
    let missing = 0;
    for (let p = Math.floor(start / PAGE_SIZE); p * PAGE_SIZE < end; p++) {
      if (this.#pages[p] === NO_PAGE) missing++;
    }
    return missing;
  }

  /** Keep `length` bytes that are `NEW` at `start`. The pages must be there to be taken. */
  keep(pages: FragmentPages, start: number, length: number, from: Uint8Array, at: number): void {
    for (let done = 0; done < length; ) {
      const position = start + done;
      const index = Math.floor(position / PAGE_SIZE); // below 65 536 / PAGE_SIZE
      if (this.#pages[index] === NO_PAGE) {
        this.#pages[index] = pages.take();
        this.pages++;
      }
      const page = this.#pages[index] as number;
      const inPage = position % PAGE_SIZE;
      const n = Math.min(PAGE_SIZE - inPage, length - done);
      pages.bytes(page).set(from.subarray(at + done, at + done + n), pages.offset(page) + inPage);
      done += n;
    }
    this.received += length;
    this.fragments++;
    this.#insert(start, start + length);
  }

  /** Copy the first `length` bytes of data, which must be there, to `at` in `to`. */
  copyTo(pages: FragmentPages, to: Uint8Array, at: number, length: number): void {
    for (let done = 0; done < length; done += PAGE_SIZE) {
      const page = this.#pages[done / PAGE_SIZE] as number;
      const n = Math.min(PAGE_SIZE, length - done);
      const offset = pages.offset(page);
      to.set(pages.bytes(page).subarray(offset, offset + n), at + done);
    }
  }

  /** How many bytes from the first on are there without a gap. */
  get contiguous(): number {
    return this.#ranges > 0 && this.#starts[0] === 0 ? (this.#ends[0] as number) : 0;
  }

  /** Give the memory back. */
  release(pages: FragmentPages): void {
    for (let p = 0; this.pages > 0; p++) {
      const page = this.#pages[p] as number;
      if (page === NO_PAGE) continue;
      pages.give(page);
      this.#pages[p] = NO_PAGE;
      this.pages--;
    }
    this.#ranges = 0;
  }

  #firstEndingAfter(start: number): number {
    let i = 0;
    while (i < this.#ranges && (this.#ends[i] as number) <= start) i++;
    return i;
  }

  #insert(start: number, end: number): void {
    const i = this.#firstEndingAfter(start);
    const left = i > 0 && this.#ends[i - 1] === start;
    const right = i < this.#ranges && this.#starts[i] === end;
    if (left && right) {
      this.#ends[i - 1] = this.#ends[i] as number;
      this.#starts.copyWithin(i, i + 1, this.#ranges);
      this.#ends.copyWithin(i, i + 1, this.#ranges);
      this.#ranges--;
    } else if (left) {
      this.#ends[i - 1] = end;
    } else if (right) {
      this.#starts[i] = start;
    } else {
      this.#starts.copyWithin(i + 1, i, this.#ranges);
      this.#ends.copyWithin(i + 1, i, this.#ranges);
      this.#starts[i] = start;
      this.#ends[i] = end;
      this.#ranges++;
    }
  }

  #same(
    pages: FragmentPages,
    start: number,
    length: number,
    from: Uint8Array,
    at: number,
  ): boolean {
    for (let i = 0; i < length; i++) {
      const page = this.#pages[Math.floor((start + i) / PAGE_SIZE)] as number;
      const kept = pages.bytes(page)[pages.offset(page) + ((start + i) % PAGE_SIZE)];
      if (kept !== from[at + i]) return false;
    }
    return true;
  }
}
