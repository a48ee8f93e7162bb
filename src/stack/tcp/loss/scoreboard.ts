/**
 * What was sent and is not yet acknowledged, as extents: ranges of sequence numbers that went out
 * together and have fared alike since. RFC 6675 §3 and §4, RFC 8985 §5.
 *
 * An extent is a burst, not a segment: full segments that left in one batch share one entry, and a
 * segment of 64 KiB for an offloading device is one as well. It is split only where the peer's SACK
 * or a retransmission parts it, at multiples of the segment size, which bounds their number.
 *
 * Entries are columns of typed arrays in the order of their sequence numbers. The cost of an ACK is
 * logarithmic in their number plus what it newly acknowledges: `sacked` says which ranges were
 * reported before, so that repeated SACK blocks cost a search each, and `scanned`, `lostFrom` and the
 * queue of retransmissions say where the last pass over the rest ended.
 *
 * Indices: `0..count-1` name entries; all array reads lie inside `#head..#head+count-1`, which is
 * why they are read `as number`.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { diff, ge, gt, le, lt, max, min, type Seq, seq } from '../../base/seq.ts';
import { Spans } from '../../memory/spans.ts';
import type { Delivery } from './delivery.ts';
import { Resends } from './resends.ts';

/** How an extent has fared; bits. */
export const Fate = {
  /** The peer reported it by SACK. */
  SACKED: 1,
  /** Taken for lost. */
  LOST: 2,
  /** A retransmission of it is in flight. */
  RESENT: 4,
  /** It was sent more than once: no round-trip sample (Karn). */
  TWICE: 8,
  /** It is one segment, and shares its extent with no other. */
  ALONE: 16,
} as const;

/** See `Scoreboard.append`. */
export const ALONE = 0;

const MIN_CAPACITY = 8;
/** An extent does not grow beyond this, so that its one time stamp stays true of all of it. */
const MAX_EXTENT = 65_536;
/** SACK ranges remembered; blocks that would need more are ignored. */
const MAX_SACK_RANGES = 4096;
/** A larger table than this is not kept for the next connection. */
const MAX_KEPT = 256;

export class Scoreboard {
  count = 0;
  /** Octets under each fate; LOST includes the resent ones, `resent` counts those in flight again. */
  sackedBytes = 0;
  lostBytes = 0;
  resentBytes = 0;
  /** Ranges that the peer has reported by SACK. */
  readonly sacked: Spans = new Spans(MAX_SACK_RANGES);
  /** No extent below this is LOST and not RESENT. */
  lostFrom: Seq = seq(0);
  /** All extents below this were judged by RACK, or need no judging. */
  scanned: Seq = seq(0);
  /** What had been delivered, and when last, as the next segment leaves: set before `append`, `resend`. */
  delivered = 0;
  deliveredTime: Micros = 0;

  #capacity = 0;
  #head = 0;
  #start: Int32Array = new Int32Array(0);
  #end: Int32Array = new Int32Array(0);
  #fate: Uint8Array = new Uint8Array(0);
  #time: Float64Array = new Float64Array(0);
  #delivered: Float64Array = new Float64Array(0);
  #deliveredTime: Float64Array = new Float64Array(0);

  readonly #resends: Resends = new Resends();

  /** Make it ready for another connection; false if it has grown too large to be kept. */
  recycle(): boolean {
    this.count = 0;
    this.#head = 0;
    this.sackedBytes = 0;
    this.lostBytes = 0;
    this.resentBytes = 0;
    this.sacked.clear();
    this.#resends.clear();
    return this.#capacity <= MAX_KEPT;
  }

  start(i: number): Seq {
    return this.#start[this.#head + i] as Seq; // a column of `Seq`s, stored by `append` and `split`
  }
  end(i: number): Seq {
    return this.#end[this.#head + i] as Seq; // likewise
  }
  fate(i: number): number {
    return this.#fate[this.#head + i] as number;
  }
  time(i: number): Micros {
    return this.#time[this.#head + i] as number;
  }

  /** Octets that were lost and not sent again. */
  get owed(): number {
    return this.lostBytes - this.resentBytes;
  }

  /** What is taken to be in the network now, of `outstanding` octets. RFC 6675 §4 (SetPipe). */
  pipe(outstanding: number): number {
    return outstanding - this.sackedBytes - this.lostBytes + this.resentBytes;
  }

  /**
   * New text or a FIN left: `from` is where the extent before ended. `mss` may be `ALONE`, for an extent
   * that shares with no other.
   */
  append(from: Seq, to: Seq, now: Micros, mss: number): void {
    if (this.count === 0) {
      this.lostFrom = from;
      this.scanned = from;
    } else {
      const last = this.#head + this.count - 1;
      const length = diff(this.#end[last] as Seq, this.#start[last] as Seq);
      // Only after whole segments, so that every boundary inside an extent is a multiple of `mss`.
      if (
        this.#time[last] === now &&
        this.#fate[last] === 0 &&
        mss !== ALONE &&
        length % mss === 0 &&
        length + diff(to, from) <= MAX_EXTENT
      ) {
        this.#end[last] = to;
        return;
      }
    }
    const at = this.#makeRoom();
    this.#start[at] = from;
    this.#end[at] = to;
    this.#fate[at] = mss === ALONE ? Fate.ALONE : 0;
    this.#time[at] = now;
    this.#delivered[at] = this.delivered;
    this.#deliveredTime[at] = this.deliveredTime;
    this.count++;
  }

  /** The extent that holds `s`, or -1. */
  find(s: Seq): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const mid = (low + high) >> 1;
      if (lt(s, this.start(mid))) high = mid - 1;
      else if (ge(s, this.end(mid))) low = mid + 1;
      else return mid;
    }
    return -1;
  }

  /** The first extent that ends after `s`; `count` if none does. */
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

  /**
   * The ACK field moved to `una`: drop what lies below, and say in `delivery` what that was. What lay
   * below `fack`, the highest octet delivered before, came late.
   */
  acknowledge(una: Seq, fack: Seq, delivery: Delivery): void {
    while (this.count > 0) {
      const start = this.start(0);
      if (ge(start, una)) break;
      const end = this.end(0);
      const part = le(end, una) ? end : una;
      const length = diff(part, start);
      const fate = this.fate(0);
      if ((fate & Fate.SACKED) === 0) {
        delivery.acked += length;
        if (lt(start, fack) && (fate & Fate.TWICE) === 0) delivery.reordered = true;
        this.#deliver(0, part, delivery);
      }
      this.#uncount(fate, length);
      if (lt(part, end)) {
        this.#start[this.#head] = part;
        break;
      }
      this.#head++;
      this.count--;
    }
    if (this.count === 0) this.#head = 0;
    this.sacked.advance(una);
    this.lostFrom = max(this.lostFrom, una);
    this.scanned = max(this.scanned, una);
    if (this.resentBytes === 0) this.#resends.clear();
  }

  /**
   * The peer reports `left..right` received. Edges inside an extent count only at multiples of `mss`:
   * more would let the peer choose how many extents there are.
   */
  sack(left: Seq, right: Seq, mss: number, delivery: Delivery, fack: Seq): void {
    let from = left;
    while (lt(from, right)) {
      const known = this.sacked.find(from);
      if (known >= 0) {
        from = this.sacked.end(known);
        continue;
      }
      let i = this.after(from);
      if (i === this.count) return;
      const start = this.start(i);
      if (gt(start, from)) from = start;
      if (ge(from, right)) return;
      if ((this.fate(i) & Fate.SACKED) !== 0) {
        from = this.end(i);
        continue;
      }
      const ahead = diff(from, start) % mss;
      if (ahead !== 0) from = min(seq(from + mss - ahead), this.end(i));
      if (ge(from, this.end(i))) continue;
      let to = min(right, this.end(i));
      if (lt(to, this.end(i))) to = seq(to - (diff(to, start) % mss));
      if (le(to, from)) return;
      if (!this.sacked.insert(from, to)) return;
      i = this.split(i, from);
      if (lt(to, this.end(i))) this.split(i, to);
      if (lt(from, fack) && (this.fate(i) & Fate.TWICE) === 0) delivery.reordered = true;
      const length = diff(to, from);
      this.#deliver(i, to, delivery);
      delivery.sacked += length;
      this.#uncount(this.fate(i), length);
      this.#fate[this.#head + i] = (this.fate(i) & Fate.TWICE) | Fate.SACKED;
      this.sackedBytes += length;
      from = to;
    }
  }

  /** Take extent `i` (or its retransmission) for lost. */
  markLost(i: number): void {
    const fate = this.fate(i);
    const length = diff(this.end(i), this.start(i));
    if ((fate & Fate.RESENT) !== 0) this.resentBytes -= length;
    else if ((fate & Fate.LOST) === 0) this.lostBytes += length;
    this.#fate[this.#head + i] = (fate | Fate.LOST) & ~Fate.RESENT;
    this.lostFrom = min(this.lostFrom, this.start(i));
  }

  /** Every extent that was not SACKed is lost, retransmissions included. */
  markAllLost(): void {
    for (let i = 0; i < this.count; i++) if ((this.fate(i) & Fate.SACKED) === 0) this.markLost(i);
    this.#resends.clear();
  }

  /** The losses were none: put what was not sent again back in flight. RFC 4015 §3.3. */
  clearLost(): void {
    for (let i = 0; i < this.count; i++) {
      const at = this.#head + i;
      this.#fate[at] = (this.#fate[at] as number) & ~(Fate.LOST | Fate.RESENT);
    }
    this.lostBytes = 0;
    this.resentBytes = 0;
    if (this.count > 0) this.scanned = this.start(0); // they may be lost after all: RACK judges anew
    this.#resends.clear();
  }

  /** The peer dropped what it had reported (RFC 2018 §8): nothing counts as SACKed any more. */
  forgetSacks(): void {
    for (let i = 0; i < this.count; i++) {
      const at = this.#head + i;
      this.#fate[at] = (this.#fate[at] as number) & ~Fate.SACKED;
    }
    this.sackedBytes = 0;
    this.sacked.clear();
    if (this.count > 0) this.scanned = this.start(0);
  }

  /** The first extent that is lost and not sent again; -1 if none. */
  nextLost(): number {
    if (this.owed <= 0) return -1;
    for (let i = this.after(this.lostFrom); i < this.count; i++) {
      if ((this.fate(i) & (Fate.LOST | Fate.RESENT)) === Fate.LOST) {
        this.lostFrom = this.start(i);
        return i;
      }
    }
    return -1;
  }

  /** Extent `i` was sent again at `now`. */
  resend(i: number, now: Micros): void {
    const at = this.#head + i;
    const fate = this.#fate[at] as number;
    const length = diff(this.end(i), this.start(i));
    if ((fate & Fate.LOST) === 0) this.lostBytes += length; // a probe of the tail, RFC 8985 §7.3
    if ((fate & Fate.RESENT) === 0) this.resentBytes += length;
    this.#fate[at] = fate | Fate.LOST | Fate.RESENT | Fate.TWICE;
    this.#time[at] = now;
    this.#delivered[at] = this.delivered;
    this.#deliveredTime[at] = this.deliveredTime;
    this.#resends.push(this.start(i), now);
  }

  /** Part extent `i` at `s`, if `s` lies inside; the index of what begins at (or holds) `s`. */
  split(i: number, s: Seq): number {
    if (!(gt(s, this.start(i)) && lt(s, this.end(i)))) return i;
    this.#makeRoom();
    const at = this.#head + i;
    const tail = this.#head + this.count;
    for (const column of [this.#start, this.#end, this.#fate, this.#time]) {
      column.copyWithin(at + 1, at, tail);
    }
    this.#delivered.copyWithin(at + 1, at, tail);
    this.#deliveredTime.copyWithin(at + 1, at, tail);
    this.#end[at] = s;
    this.#start[at + 1] = s;
    this.count++;
    return i + 1;
  }

  /** The oldest retransmission that RACK has not judged: its extent, or -1. See `passResent`. */
  oldestResent(): number {
    const queue = this.#resends;
    while (!queue.empty) {
      const i = this.find(queue.start);
      // Gone, SACKed, judged, or sent once more since: a later entry of the queue speaks for it.
      if (i >= 0 && (this.fate(i) & Fate.RESENT) !== 0 && this.time(i) === queue.time) return i;
      queue.pass();
    }
    queue.clear();
    return -1;
  }

  /** The retransmission that `oldestResent` gave has been judged. */
  passResent(): void {
    this.#resends.pass();
  }

  #uncount(fate: number, length: number): void {
    if ((fate & Fate.SACKED) !== 0) this.sackedBytes -= length;
    if ((fate & Fate.LOST) !== 0) this.lostBytes -= length;
    if ((fate & Fate.RESENT) !== 0) this.resentBytes -= length;
  }

  #deliver(i: number, end: Seq, delivery: Delivery): void {
    const at = this.#head + i;
    const time = this.#time[at] as number;
    const twice = ((this.#fate[at] as number) & Fate.TWICE) !== 0;
    if (time > delivery.time || (time === delivery.time && gt(end, delivery.end))) {
      delivery.time = time;
      delivery.end = end;
      delivery.resent = twice;
      delivery.priorDelivered = this.#delivered[at] as number;
      delivery.priorTime = this.#deliveredTime[at] as number;
    }
    if (twice) {
      delivery.again = true;
      return;
    }
    if (time > delivery.rttTime) delivery.rttTime = time;
    if (!delivery.original || gt(end, delivery.originalEnd)) delivery.originalEnd = end;
    delivery.original = true;
  }

  /** The place for one more entry at the end; moves or doubles the columns when it has to. */
  #makeRoom(): number {
    const tail = this.#head + this.count;
    if (tail < this.#capacity) return tail;
    if (this.#head > this.#capacity >> 1) {
      this.#start.copyWithin(0, this.#head, tail);
      this.#end.copyWithin(0, this.#head, tail);
      this.#fate.copyWithin(0, this.#head, tail);
      this.#time.copyWithin(0, this.#head, tail);
      this.#delivered.copyWithin(0, this.#head, tail);
      this.#deliveredTime.copyWithin(0, this.#head, tail);
      this.#head = 0;
      return this.count;
    }
    const capacity = Math.max(MIN_CAPACITY, this.#capacity * 2);
    const from = this.#head;
    this.#start = grown(new Int32Array(capacity), this.#start, from, tail);
    this.#end = grown(new Int32Array(capacity), this.#end, from, tail);
    this.#fate = grown(new Uint8Array(capacity), this.#fate, from, tail);
    this.#time = grown(new Float64Array(capacity), this.#time, from, tail);
    this.#delivered = grown(new Float64Array(capacity), this.#delivered, from, tail);
    this.#deliveredTime = grown(new Float64Array(capacity), this.#deliveredTime, from, tail);
    this.#capacity = capacity;
    this.#head = 0;
    return this.count;
  }
}

function grown<T extends Int32Array | Uint8Array | Float64Array>(
  to: T,
  from: T,
  start: number,
  end: number,
): T {
  to.set(from.subarray(start, end));
  return to;
}
