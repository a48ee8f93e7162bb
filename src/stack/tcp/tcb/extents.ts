/**
 * Ranges of sequence numbers one behind the other, without a gap: what the scoreboard knows of what is in
 * flight. RFC 6675 §3.
 *
 * Each has a place in columns of typed arrays, which it keeps; a list of places says how they follow each
 * other. So to part one in the middle moves four octets for each of those behind it (or before it, if those
 * are fewer), and nothing else.
 *
 * Indices: `0..count-1` name entries in their order; all array reads lie inside, which is why they are
 * read `as number`.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';
import { ge, gt, lt, type Seq } from '../../base/seq.ts';

const MIN_CAPACITY = 8;
/** Octets that an entry takes: six columns, two places in the list and one among the free ones. */
const ENTRY_BYTES = 45;
/** A larger table than this is not kept for the next connection. */
const MAX_KEPT = 256;

export class Extents {
  /** How many there are. */
  count = 0;
  /** What had been delivered, and when last, as the next segment leaves: set before one is `add`ed. */
  delivered: number = REAL_ZERO;
  deliveredTime: Micros = REAL_ZERO;

  /** How many entries the columns have a place for; the list has twice as many, so that it may wander. */
  #capacity = 0;
  #order: Int32Array = new Int32Array(0);
  #head = 0;
  /** Places without an entry: a stack. */
  #free: Int32Array = new Int32Array(0);
  #spare = 0;
  #start: Int32Array = new Int32Array(0);
  #end: Int32Array = new Int32Array(0);
  #fate: Uint8Array = new Uint8Array(0);
  #time: Float64Array = new Float64Array(0);
  #delivered: Float64Array = new Float64Array(0);
  #deliveredTime: Float64Array = new Float64Array(0);

  /** Bytes of memory that it keeps from others. */
  get kept(): number {
    return this.#capacity * ENTRY_BYTES;
  }

  start(i: number): Seq {
    return this.#start[this.#place(i)] as Seq; // a column of `Seq`s, as is the next
  }
  end(i: number): Seq {
    return this.#end[this.#place(i)] as Seq;
  }
  /** Bits of `Fate`. */
  fate(i: number): number {
    return this.#fate[this.#place(i)] as number;
  }
  /** When it left, the last time. */
  time(i: number): Micros {
    return this.#time[this.#place(i)] as number;
  }
  /** How long ago that was. */
  age(i: number, now: Micros): Micros {
    return now - (this.#time[this.#place(i)] as number);
  }
  /** What had been delivered when it left, and when that was. */
  deliveredBefore(i: number): number {
    return this.#delivered[this.#place(i)] as number;
  }
  timeBefore(i: number): Micros {
    return this.#deliveredTime[this.#place(i)] as number;
  }

  /** The one that holds `s`, or -1. */
  find(s: Seq): number {
    const i = this.after(s);
    return i < this.count && ge(s, this.start(i)) ? i : -1;
  }

  /** The first one that ends after `s`; `count` if none does. */
  after(s: Seq): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (gt(this.end(mid), s)) high = mid;
      else low = mid + 1;
    }
    return low;
  }

  /** Part entry `i` at `s`, if `s` lies inside; the index of what begins at (or holds) `s`. */
  split(i: number, s: Seq): number {
    if (!(gt(s, this.start(i)) && lt(s, this.end(i)))) return i;
    const to = this.#take();
    const from = this.#place(i); // not before: a place that is taken may have made the list anew
    this.#start[to] = s;
    this.#end[to] = this.#end[from] as number;
    this.#fate[to] = this.#fate[from] as number;
    this.#time[to] = this.#time[from] as number;
    this.#delivered[to] = this.#delivered[from] as number;
    this.#deliveredTime[to] = this.#deliveredTime[from] as number;
    this.#end[from] = s;
    this.#insert(i + 1, to);
    return i + 1;
  }

  /** One more at the end. */
  protected add(from: Seq, to: Seq, fate: number, now: Micros): void {
    const place = this.#take();
    this.#start[place] = from;
    this.#end[place] = to;
    this.#fate[place] = fate;
    this.#stamp(place, now);
    if (this.#head + this.count === this.#order.length) this.#center();
    this.#order[this.#head + this.count++] = place;
  }

  protected setStart(i: number, s: Seq): void {
    this.#start[this.#place(i)] = s;
  }
  protected setEnd(i: number, s: Seq): void {
    this.#end[this.#place(i)] = s;
  }
  protected setFate(i: number, fate: number): void {
    this.#fate[this.#place(i)] = fate;
  }

  /** Entry `i` left at `now`, once more. */
  protected restamp(i: number, now: Micros): void {
    this.#stamp(this.#place(i), now);
  }

  /** Entry `i` is no more; whoever calls this sees to it that no gap is left. */
  protected remove(i: number): void {
    this.#free[this.#spare++] = this.#place(i);
    const head = this.#head;
    if (i < this.count >> 1) {
      if (i > 0) this.#order.copyWithin(head + 1, head, head + i);
      this.#head++;
    } else if (i < this.count - 1) {
      this.#order.copyWithin(head + i, head + i + 1, head + this.count);
    }
    this.count--;
  }

  /** Without entries; false if the table has grown too large to be kept for others. */
  protected clear(): boolean {
    while (this.count > 0) this.#free[this.#spare++] = this.#place(--this.count);
    return this.#capacity <= MAX_KEPT;
  }

  #place(i: number): number {
    return this.#order[this.#head + i] as number;
  }

  #stamp(place: number, now: Micros): void {
    this.#time[place] = now;
    this.#delivered[place] = this.delivered;
    this.#deliveredTime[place] = this.deliveredTime;
  }

  /** A place for an entry. */
  #take(): number {
    if (this.#spare === 0) this.#grow();
    return this.#free[--this.#spare] as number;
  }

  /** Put `place` into the list before entry `i`, with the fewer steps. */
  #insert(i: number, place: number): void {
    if (this.#head === 0 || this.#head + this.count === this.#order.length) this.#center();
    const head = this.#head;
    if (i <= this.count >> 1) {
      this.#order.copyWithin(head - 1, head, head + i);
      this.#head--;
    } else {
      this.#order.copyWithin(head + i + 1, head + i, head + this.count);
    }
    this.count++;
    this.#order[this.#head + i] = place;
  }

  /** Move the list to where it has room on both sides. It fills half of the array at most. */
  #center(): void {
    const to = (this.#order.length - this.count) >> 1;
    this.#order.copyWithin(to, this.#head, this.#head + this.count);
    this.#head = to;
  }

  #grow(): void {
    const before = this.#capacity;
    const capacity = Math.max(MIN_CAPACITY, before * 2);
    this.#start = grown(new Int32Array(capacity), this.#start);
    this.#end = grown(new Int32Array(capacity), this.#end);
    this.#fate = grown(new Uint8Array(capacity), this.#fate);
    this.#time = grown(new Float64Array(capacity), this.#time);
    this.#delivered = grown(new Float64Array(capacity), this.#delivered);
    this.#deliveredTime = grown(new Float64Array(capacity), this.#deliveredTime);
    this.#order = grown(new Int32Array(2 * capacity), this.#order);
    this.#free = new Int32Array(capacity); // none was free
    this.#capacity = capacity;
    for (let place = capacity - 1; place >= before; place--) this.#free[this.#spare++] = place;
    this.#center();
  }
}

function grown<T extends Int32Array | Uint8Array | Float64Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
