/**
 * The filtering database: at which port a station was heard last. IEEE 802.1Q §8.8.
 *
 * One table of fixed size, hashed with a secret so that nobody outside can choose what collides, probed
 * one place after the other. A station is forgotten when it was not heard for a while: at the look-up
 * that finds it stale, or by a sweep that looks at a few places for every new station, so no frame ever
 * pays for a whole table.
 * @module
 */

/** No port: nothing is known. */
export const UNKNOWN = -1;

/** A station that is known. */
export interface Station {
  readonly vlan: number;
  /** The first 16 and the last 32 bits of its address. */
  readonly hi: number;
  readonly lo: number;
  readonly port: number;
  /** Microseconds since it was heard. */
  readonly age: number;
}

/** What became of an address that was heard. */
export const Learned = {
  /** It was known there. */
  KNOWN: 0,
  /** It is new. */
  NEW: 1,
  /** It was at another port before. */
  MOVED: 2,
  /** There is no room for it. */
  FULL: 3,
} as const;
export type Learned = (typeof Learned)[keyof typeof Learned];

/** Places that a new station makes the sweep look at: twice as fast as the table can fill. */
const SWEEP = 2;
/** Places of a full table that are looked at for one whose port has more than its share. */
const LOOKS = 32;

export class Stations {
  /** Stations that are known. */
  count = 0;
  readonly limit: number;
  readonly #mask: number;
  readonly #secret: number;
  readonly #lo: Int32Array;
  /** The VLAN in the upper 16 bits, the address's first octets in the lower. */
  readonly #hi: Int32Array;
  readonly #port: Int32Array;
  readonly #heard: Float64Array;
  /** Stations at each port. */
  readonly #perPort: Int32Array;
  /** Ports that have any. */
  #ports = 0;
  readonly #ageing: number;
  #cursor = 0;

  /** At most `limit` stations at so many ports, each for `ageing` microseconds; `secret`: 32 random bits. */
  constructor(limit: number, ports: number, ageing: number, secret: number) {
    this.limit = limit;
    this.#ageing = ageing;
    this.#secret = secret;
    let size = 16;
    while (size < limit * 2) size *= 2; // at most half full: probes stay short
    this.#mask = size - 1;
    this.#lo = new Int32Array(size);
    this.#hi = new Int32Array(size);
    this.#port = new Int32Array(size).fill(UNKNOWN);
    this.#heard = new Float64Array(size);
    this.#perPort = new Int32Array(ports);
  }

  /** The port where a station was heard; `UNKNOWN` if it was not, or too long ago. */
  find(vlan: number, hi: number, lo: number, now: number): number {
    const place = this.#find(vlan, hi, lo);
    if (place < 0) return UNKNOWN;
    if (now - this.#at(this.#heard, place) <= this.#ageing) return this.#at(this.#port, place);
    this.#remove(place);
    return UNKNOWN;
  }

  /** Whether it was heard at another port than `port`, not longer ago than `within` microseconds. */
  isElsewhere(
    vlan: number,
    hi: number,
    lo: number,
    port: number,
    now: number,
    within: number,
  ): boolean {
    const place = this.#find(vlan, hi, lo);
    if (place < 0 || this.#at(this.#port, place) === port) return false;
    return now - this.#at(this.#heard, place) < within;
  }

  /** How many are known at a port. */
  countAt(port: number): number {
    return this.#at(this.#perPort, port);
  }

  /** A station was heard at `port`, which may have up to `portLimit` of them. */
  learn(
    vlan: number,
    hi: number,
    lo: number,
    port: number,
    portLimit: number,
    now: number,
  ): Learned {
    const place = this.#find(vlan, hi, lo);
    if (place >= 0 && this.#at(this.#port, place) === port) {
      this.#heard[place] = now;
      return Learned.KNOWN;
    }
    for (let i = 0; i < SWEEP; i++) this.#sweep(now);
    if (this.countAt(port) >= portLimit) return Learned.FULL;
    const moved = this.#find(vlan, hi, lo); // the sweep may have moved it, or taken it away
    if (moved >= 0) this.#remove(moved);
    if (this.count >= this.limit && !this.#makeRoom(port)) return Learned.FULL;
    this.#put(vlan, hi, lo, port, now);
    return moved >= 0 ? Learned.MOVED : Learned.NEW;
  }

  /** A port is gone, and all that was heard there. */
  forget(port: number): void {
    for (let place = 0; place <= this.#mask; ) {
      // What stood behind it may have moved here: look again.
      if (this.#at(this.#port, place) === port) this.#remove(place);
      else place++;
    }
  }

  /** A station is not known any more, in whatever VLAN. */
  release(hi: number, lo: number): void {
    for (let place = 0; place <= this.#mask; ) {
      const known = this.#at(this.#port, place) !== UNKNOWN && this.#at(this.#lo, place) === lo;
      if (known && (this.#at(this.#hi, place) & 0xffff) === hi) this.#remove(place);
      else place++;
    }
  }

  /** All that are known now. */
  *list(now: number): Generator<Station> {
    for (let place = 0; place <= this.#mask; place++) {
      const port = this.#at(this.#port, place);
      const age = now - this.#at(this.#heard, place);
      if (port === UNKNOWN || age > this.#ageing) continue;
      const hi = this.#at(this.#hi, place);
      yield { vlan: hi >>> 16, hi: hi & 0xffff, lo: this.#at(this.#lo, place), port, age };
    }
  }

  #put(vlan: number, hi: number, lo: number, port: number, now: number): void {
    let free = this.#home(vlan, hi, lo);
    while (this.#at(this.#port, free) !== UNKNOWN) free = (free + 1) & this.#mask;
    this.#lo[free] = lo;
    this.#hi[free] = (vlan << 16) | hi;
    this.#port[free] = port;
    this.#heard[free] = now;
    if (this.countAt(port) === 0) this.#ports++;
    this.#perPort[port] = this.countAt(port) + 1;
    this.count++;
  }

  /** A port with less than its share takes the place of one with more: floods at many ports leave it its own. */
  #makeRoom(port: number): boolean {
    const share = this.limit / (this.#ports + (this.countAt(port) === 0 ? 1 : 0));
    if (this.countAt(port) + 1 > share) return false;
    for (let i = 0; i < LOOKS; i++) {
      const place = this.#cursor;
      const holder = this.#at(this.#port, place);
      if (holder !== UNKNOWN && this.countAt(holder) > share) {
        this.#remove(place);
        return true;
      }
      this.#cursor = (place + 1) & this.#mask;
    }
    return false;
  }

  #sweep(now: number): void {
    const place = this.#cursor;
    const old = now - this.#at(this.#heard, place) > this.#ageing;
    // What moves into the gap is looked at next.
    if (old && this.#at(this.#port, place) !== UNKNOWN) this.#remove(place);
    else this.#cursor = (place + 1) & this.#mask;
  }

  #find(vlan: number, hi: number, lo: number): number {
    const key = (vlan << 16) | hi;
    let place = this.#home(vlan, hi, lo);
    while (this.#at(this.#port, place) !== UNKNOWN) {
      if (this.#at(this.#lo, place) === lo && this.#at(this.#hi, place) === key) return place;
      place = (place + 1) & this.#mask;
    }
    return -1;
  }

  /** Close the gap: who was put further because this place was taken moves up. Knuth 6.4, algorithm R. */
  #remove(place: number): void {
    const port = this.#at(this.#port, place);
    this.#perPort[port] = this.countAt(port) - 1;
    if (this.countAt(port) === 0) this.#ports--;
    let gap = place;
    let next = (gap + 1) & this.#mask;
    while (this.#at(this.#port, next) !== UNKNOWN) {
      const hi = this.#at(this.#hi, next);
      const home = this.#home(hi >>> 16, hi & 0xffff, this.#at(this.#lo, next));
      const distance = (next - home) & this.#mask;
      if (distance >= ((next - gap) & this.#mask)) {
        this.#lo[gap] = this.#at(this.#lo, next);
        this.#hi[gap] = hi;
        this.#port[gap] = this.#at(this.#port, next);
        this.#heard[gap] = this.#at(this.#heard, next);
        gap = next;
      }
      next = (next + 1) & this.#mask;
    }
    this.#port[gap] = UNKNOWN;
    this.count--;
  }

  #home(vlan: number, hi: number, lo: number): number {
    let h = Math.imul(lo ^ this.#secret, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15) ^ ((vlan << 16) | hi), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13) ^ this.#secret, 0x27d4eb2f);
    return (h ^ (h >>> 16)) & this.#mask;
  }

  /** Places are masked, so they are there. */
  #at(column: Int32Array | Float64Array, place: number): number {
    return column[place] as number;
  }
}
