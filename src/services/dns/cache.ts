/**
 * Answers that are kept for as long as they may be: a bound on their number, on their bytes, and on the time.
 * The one that was used the longest ago goes first. Times are microseconds. RFC 1035 §7.4, RFC 2308.
 * @module
 */
import { age, lifetime, records } from './wire.ts';

interface Entry {
  readonly bytes: Uint8Array;
  readonly kept: number;
  readonly until: number;
}

const SECOND = 1_000_000;

/** What a cache holds at most. */
export interface CacheBounds {
  /** Answers. */
  readonly entries: number;
  /** Bytes of all of them. */
  readonly bytes: number;
  /** Seconds that one is kept, whatever it says. */
  readonly longest: number;
  /** Seconds that the answer is kept that there is none. RFC 2308 §5 advises one to three hours at most. */
  readonly longestNegative: number;
}

export class DnsCache {
  readonly #bounds: CacheBounds;
  /** A map keeps the order in which its keys came: the first was used the longest ago. */
  readonly #entries: Map<string, Entry> = new Map();
  #bytes = 0;

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A copy with the times that are left, or undefined. */
  find(key: string, now: number): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#delete(key, entry);
    if (entry.until <= now) return undefined;
    this.#add(key, entry);
    const bytes = new Uint8Array(entry.bytes);
    age(bytes, records(bytes) ?? [], Math.floor((now - entry.kept) / SECOND));
    return bytes;
  }

  /** Keep a good answer, if it may be kept at all. */
  keep(key: string, bytes: Uint8Array, now: number): void {
    const places = records(bytes);
    if (places === undefined) return;
    const isNegative = !places.some(({ section }) => section === 0);
    const { longest, longestNegative } = this.#bounds;
    const most = isNegative ? longestNegative : longest;
    const seconds = Math.min(lifetime(bytes, places), most);
    if (seconds <= 0 || bytes.length > this.#bounds.bytes) return;
    const before = this.#entries.get(key);
    if (before !== undefined) this.#delete(key, before);
    this.#add(key, { bytes: new Uint8Array(bytes), kept: now, until: now + seconds * SECOND });
    while (this.#entries.size > this.#bounds.entries || this.#bytes > this.#bounds.bytes) {
      const [oldest, entry] = this.#entries.entries().next().value as [string, Entry]; // one was added
      this.#delete(oldest, entry);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes.length;
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes.length;
  }
}
