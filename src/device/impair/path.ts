/**
 * One direction of an impaired link: what happens to a packet on its way, decided when it sets out.
 *
 * In this order: lost by chance or in a burst, queued behind the others for the line or dropped
 * since the queue is full, delayed, put out of order, damaged, marked, doubled. Each kind of chance
 * has a stream of random numbers of its own, so that the n-th packet is lost whatever else is set.
 * @module
 */
import { type Medium, networkOffset } from '../medium.ts';
import { markCongestion } from './ecn.ts';
import { type Impairment, type PathCounters, resolve, type Settings } from './impairment.ts';
import { type RandomBits, unit } from './random.ts';

/** Streams of chance, by number. */
export const Chance = {
  LOSS: 0,
  BURST: 1,
  CORRUPT: 2,
  MARK: 3,
  JITTER: 4,
  REORDER: 5,
  DUPLICATE: 6,
} as const;
export const CHANCES = 7;

/** Two sizes of buffer, and how many of each are kept for later packets. */
const SMALL = 2048;
const LARGE = 66_560;
const SMALL_SPARE = 4096;
const LARGE_SPARE = 128;
/** Of the virtio header's flags, its first byte: virtio 1.2 §5.1.6. */
const NEEDS_CHECKSUM = 1;

interface Flight {
  due: number;
  /** Breaks ties: first come, first served. */
  order: number;
  length: number;
  bytes: Uint8Array;
}

export class Path {
  readonly counters: PathCounters = {
    offered: 0,
    delivered: 0,
    lost: 0,
    dropped: 0,
    overflowed: 0,
    corrupted: 0,
    marked: 0,
    reordered: 0,
    duplicated: 0,
    longestQueue: 0,
  };
  readonly #random: readonly RandomBits[];
  readonly #headerLength: number;
  readonly #networkAt: number;
  #settings: Settings;
  /** A binary heap by `due`, then `order`. */
  readonly #heap: Flight[] = [];
  readonly #small: Flight[] = [];
  readonly #large: Flight[] = [];
  #order = 0;
  #underWay = 0;
  #inBurst = false;
  /** When the line will have sent all that was queued. */
  #lineFree = 0;
  /** When each packet in the queue for the line leaves it, oldest first from `#left`. */
  readonly #leaving: number[] = [];
  #left = 0;
  /** No packet that keeps its order may arrive before this. */
  #lastDue = 0;

  /** `random`: one per `Chance`. */
  constructor(
    impairment: Impairment,
    random: readonly RandomBits[],
    { headerLength, medium = 'ip' }: { headerLength: number; medium?: Medium },
  ) {
    this.#settings = resolve(impairment);
    this.#random = random;
    this.#headerLength = headerLength;
    this.#networkAt = networkOffset(medium, headerLength);
  }

  /** What is under way stays as it was decided. */
  change(impairment: Impairment): void {
    this.#settings = resolve(impairment);
  }

  /** Packets under way. */
  get count(): number {
    return this.#heap.length;
  }

  /** Packets that wait for the line at `now`, the one that is being sent included. */
  queued(now: number): number {
    const leaving = this.#leaving;
    let first = this.#left;
    while (first < leaving.length && (leaving[first] as number) <= now) first++;
    return leaving.length - first;
  }

  /** When the next one arrives; `Infinity` if there is none. */
  get due(): number {
    return this.#heap[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  /** A packet sets out; it is copied. */
  offer(from: Uint8Array, at: number, length: number, now: number): void {
    const { counters } = this;
    const set = this.#settings;
    counters.offered++;
    if (this.#isLost(set)) {
      counters.lost++;
      return;
    }
    const sent = this.#depart(set, length, now);
    if (sent < 0) {
      counters.dropped++;
      return;
    }
    const due = this.#arrival(set, sent);
    const damaged = this.#draw(Chance.CORRUPT, set.corrupt);
    if (damaged) counters.corrupted++;
    // A checksum that is only begun would be finished over the damage: who gets such a packet could
    // not notice, where on a wire it would throw it away.
    if (damaged && this.#headerLength > 0 && ((from[at] as number) & NEEDS_CHECKSUM) !== 0) return;
    const flight = this.#launch(from, at, length, due);
    if (flight === undefined) return;
    const { bytes } = flight;
    if (damaged) this.#turnBit(flight);
    if (this.#draw(Chance.MARK, set.mark)) {
      const marked = markCongestion(bytes, this.#networkAt, length - this.#networkAt);
      if (marked) counters.marked++;
    }
    if (this.#draw(Chance.DUPLICATE, set.duplicate)) {
      if (this.#launch(bytes, 0, length, due) !== undefined) counters.duplicated++;
    }
  }

  /** Move the first packet that has arrived to `into`, cut to `room`; its length, or 0: none. */
  take(now: number, into: Uint8Array, at: number, room: number): number {
    const flight = this.#heap[0];
    if (flight === undefined || flight.due > now) return 0;
    this.#removeFirst();
    const { bytes, length } = flight;
    into.set(bytes.subarray(0, Math.min(length, room)), at);
    this.#underWay -= bytes.length;
    if (bytes.length === SMALL && this.#small.length < SMALL_SPARE) this.#small.push(flight);
    if (bytes.length === LARGE && this.#large.length < LARGE_SPARE) this.#large.push(flight);
    this.counters.delivered++;
    return length;
  }

  #draw(chance: number, share: number): boolean {
    return share > 0 && unit(this.#random[chance] as RandomBits) < share; // one per `Chance`
  }

  /** Random loss, and the two states of Gilbert and Elliott. */
  #isLost(set: Settings): boolean {
    const random = this.#draw(Chance.LOSS, set.loss);
    const { burst } = set;
    if (burst === undefined) return random;
    this.#inBurst = this.#draw(Chance.BURST, this.#inBurst ? 1 - burst.leave : burst.enter);
    return this.#draw(Chance.BURST, this.#inBurst ? burst.loss : burst.lossBetween) || random;
  }

  /** When the line has sent it; -1 if there was no room in the queue. */
  #depart(set: Settings, length: number, now: number): number {
    if (set.rate === Number.POSITIVE_INFINITY) return now;
    const leaving = this.#leaving;
    while (this.#left < leaving.length && (leaving[this.#left] as number) <= now) this.#left++;
    if (this.#left > 1024 || this.#left === leaving.length) {
      leaving.splice(0, this.#left);
      this.#left = 0;
    }
    const bits = (length - this.#headerLength) * 8;
    const start = Math.max(now, this.#lineFree);
    const queued = leaving.length - this.#left;
    const queuedBytes = ((start - now) * set.rate) / 8e6;
    if (queued >= set.queuePackets || queuedBytes + bits / 8 > set.queueBytes) return -1;
    this.#lineFree = start + (bits * 1e6) / set.rate;
    leaving.push(this.#lineFree);
    this.counters.longestQueue = Math.max(this.counters.longestQueue, queued + 1);
    return this.#lineFree;
  }

  /** When it comes to the other end. Jitter keeps the order; what is reordered comes later. */
  #arrival(set: Settings, sent: number): number {
    let due = sent + set.delay;
    if (set.jitter > 0) due = Math.max(sent, due + set.jitter * this.#deviation(set.normal));
    if (this.#draw(Chance.REORDER, set.reorder)) {
      this.counters.reordered++;
      return due + set.reorderDelay;
    }
    this.#lastDue = Math.max(this.#lastDue, due);
    return this.#lastDue;
  }

  /** From -1 to 1, or of a normal distribution with that as its standard deviation. */
  #deviation(normal: boolean): number {
    const random = this.#random[Chance.JITTER] as RandomBits; // one per `Chance`
    const first = unit(random);
    if (!normal) return 2 * first - 1;
    return Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * unit(random));
  }

  #turnBit({ bytes, length }: Flight): void {
    const random = this.#random[Chance.CORRUPT] as RandomBits; // one per `Chance`
    const bit = Math.floor(unit(random) * (length - this.#headerLength) * 8);
    const place = this.#headerLength + (bit >> 3);
    bytes[place] = (bytes[place] as number) ^ (1 << (bit & 7));
  }

  #launch(from: Uint8Array, at: number, length: number, due: number): Flight | undefined {
    const flight = this.#buffer(length);
    if (this.#underWay + flight.bytes.length > this.#settings.underWayBytes) {
      this.counters.overflowed++;
      return undefined;
    }
    flight.bytes.set(from.subarray(at, at + length), 0);
    flight.length = length;
    flight.due = due;
    flight.order = this.#order++;
    this.#underWay += flight.bytes.length;
    this.#insert(flight);
    return flight;
  }

  #buffer(length: number): Flight {
    const small = length <= SMALL;
    const spare = small ? this.#small.pop() : this.#large.pop();
    if (spare !== undefined && spare.bytes.length >= length) return spare;
    const size = Math.max(length, small ? SMALL : LARGE);
    return { due: 0, order: 0, length, bytes: new Uint8Array(size) };
  }

  #insert(flight: Flight): void {
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const up = (place - 1) >> 1;
      const parent = heap[up] as Flight; // `up` is below `place`
      if (!before(flight, parent)) break;
      heap[place] = parent;
      place = up;
    }
    heap[place] = flight;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Flight; // asked for only when there is one
    const { length } = heap;
    if (length === 0) return;
    let place = 0;
    for (;;) {
      let down = 2 * place + 1;
      if (down >= length) break;
      const right = heap[down + 1];
      if (right !== undefined && before(right, heap[down] as Flight)) down++;
      const child = heap[down] as Flight;
      if (!before(child, last)) break;
      heap[place] = child;
      place = down;
    }
    heap[place] = last;
  }
}

const before = (a: Flight, b: Flight): boolean =>
  a.due < b.due || (a.due === b.due && a.order < b.order);
