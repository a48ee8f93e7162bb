/**
 * What was sent and is not yet acknowledged, as extents: ranges of sequence numbers that went out
 * together and have fared alike since. RFC 6675 §3 and §4, RFC 8985 §5.
 *
 * An extent is a burst, not a segment: full segments that left in one batch share one entry, and a
 * segment of 64 KiB for an offloading device is one as well. It is split only where the peer's SACK
 * or a retransmission parts it, at multiples of the segment size, and what has been reported grows
 * together again. There are never more than `MOST_EXTENTS`: a peer that reports every other octet buys
 * nothing (CVE-2019-11477 to 11479).
 *
 * An ACK costs a search for each of its blocks plus what it newly says: what was reported before is passed
 * in one step, and `scanned`, `lostFrom` and the queue of retransmissions say where the last pass
 * over the rest ended.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { diff, ge, gt, le, lt, max, min, type Seq, seq } from '../../base/seq.ts';
import type { Delivery } from './delivery.ts';
import { Extents } from './extents.ts';
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

/** An extent in flight does not grow beyond this, so that its one time stamp stays true of all of it. */
const MAX_EXTENT = 65_536;
/** SACK blocks that would need more extents are ignored. */
export const MOST_EXTENTS = 8192;
/** Bursts that are in flight at a time; the other half is for what parts them. */
export const MOST_BURSTS: number = MOST_EXTENTS / 2;

export class Scoreboard extends Extents {
  /** Octets under each fate; LOST includes the resent ones, `resent` counts those in flight again. */
  sackedBytes = 0;
  lostBytes = 0;
  resentBytes = 0;
  /** No extent below this is LOST and not RESENT. */
  lostFrom: Seq = seq(0);
  /** All extents below this were judged by RACK, or need no judging. */
  scanned: Seq = seq(0);

  readonly #resends: Resends = new Resends();

  /** Make it ready for another connection; false if it has grown too large to be kept. */
  recycle(): boolean {
    this.sackedBytes = 0;
    this.lostBytes = 0;
    this.resentBytes = 0;
    this.#resends.clear();
    return this.clear();
  }

  /** True if nothing more may be sent before something is acknowledged. */
  get isFull(): boolean {
    return this.count >= MOST_BURSTS;
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
      const last = this.count - 1;
      const length = diff(this.end(last), this.start(last));
      // Only after whole segments, so that every boundary inside an extent is a multiple of `mss`.
      if (
        this.time(last) === now &&
        this.fate(last) === 0 &&
        mss !== ALONE &&
        length % mss === 0 &&
        length + diff(to, from) <= MAX_EXTENT
      ) {
        this.setEnd(last, to);
        return;
      }
    }
    this.add(from, to, mss === ALONE ? Fate.ALONE : 0, now);
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
        this.setStart(0, part);
        break;
      }
      this.remove(0);
    }
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
    for (let i = this.after(from); i < this.count; i++) {
      const start = this.start(i);
      const end = this.end(i);
      from = max(from, start);
      if (ge(from, right)) return;
      if ((this.fate(i) & Fate.SACKED) !== 0) continue;
      const ahead = diff(from, start) % mss;
      if (ahead !== 0) from = min(seq(from + mss - ahead), end);
      if (from === end) continue;
      let to = min(right, end);
      if (lt(to, end)) to = seq(to - (diff(to, start) % mss));
      if (le(to, from)) return;
      if (this.count + this.#cuts(i, from, to) > MOST_EXTENTS) return;
      if (lt(from, fack) && (this.fate(i) & Fate.TWICE) === 0) delivery.reordered = true;
      const length = diff(to, from);
      this.#deliver(i, to, delivery);
      delivery.sacked += length;
      this.#uncount(this.fate(i), length);
      this.sackedBytes += length;
      i = this.#report(i, from, to);
    }
  }

  /** How many extents more it takes to note that `from..to` of extent `i` was reported. */
  #cuts(i: number, from: Seq, to: Seq): number {
    const before = from === this.start(i) ? 0 : 1;
    const behind = to === this.end(i) ? 0 : 1;
    const joins =
      (before === 0 && this.#isReported(i - 1)) || (behind === 0 && this.#isReported(i + 1));
    return before + behind - (joins ? 1 : 0);
  }

  /**
   * `from..to` of extent `i` was reported: from now on it is one with its neighbours that were. Gives
   * the index of the extent that holds it. Times are no longer asked for, unless the peer forgets it
   * (RFC 2018 §8): then those of the first stand for all.
   */
  #report(i: number, from: Seq, to: Seq): number {
    const fate = (this.fate(i) & Fate.TWICE) | Fate.SACKED;
    const atStart = from === this.start(i);
    const atEnd = to === this.end(i);
    if (atStart && this.#isReported(i - 1)) {
      this.setFate(i - 1, this.fate(i - 1) | fate);
      this.setEnd(i - 1, to);
      this.setStart(i, to);
      if (!atEnd) return i - 1;
      this.remove(i);
      return this.#joinNext(i - 1);
    }
    if (atEnd && this.#isReported(i + 1)) {
      this.setFate(i + 1, this.fate(i + 1) | fate);
      this.setStart(i + 1, from);
      this.setEnd(i, from);
      if (!atStart) return i + 1;
      this.remove(i);
      return i;
    }
    const at = this.split(i, from);
    this.split(at, to);
    this.setFate(at, fate);
    return at;
  }

  #joinNext(i: number): number {
    if (!this.#isReported(i + 1)) return i;
    this.setFate(i, this.fate(i) | this.fate(i + 1));
    this.setEnd(i, this.end(i + 1));
    this.remove(i + 1);
    return i;
  }

  #isReported(i: number): boolean {
    return i >= 0 && i < this.count && (this.fate(i) & Fate.SACKED) !== 0;
  }

  /** Take extent `i` (or its retransmission) for lost. */
  markLost(i: number): void {
    const fate = this.fate(i);
    const length = diff(this.end(i), this.start(i));
    if ((fate & Fate.RESENT) !== 0) this.resentBytes -= length;
    else if ((fate & Fate.LOST) === 0) this.lostBytes += length;
    this.setFate(i, (fate | Fate.LOST) & ~Fate.RESENT);
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
      this.setFate(i, this.fate(i) & ~(Fate.LOST | Fate.RESENT));
    }
    this.lostBytes = 0;
    this.resentBytes = 0;
    if (this.count > 0) this.scanned = this.start(0); // they may be lost after all: RACK judges anew
    this.#resends.clear();
  }

  /** The peer dropped what it had reported (RFC 2018 §8): nothing counts as SACKed any more. */
  forgetSacks(): void {
    for (let i = 0; i < this.count; i++) this.setFate(i, this.fate(i) & ~Fate.SACKED);
    this.sackedBytes = 0;
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

  /** Extent `i` was sent again at `now`; it may be one with that before it afterwards. */
  resend(i: number, now: Micros): void {
    const fate = this.fate(i);
    const start = this.start(i);
    const end = this.end(i);
    const length = diff(end, start);
    if ((fate & Fate.LOST) === 0) this.lostBytes += length; // a probe of the tail, RFC 8985 §7.3
    if ((fate & Fate.RESENT) === 0) this.resentBytes += length;
    this.setFate(i, fate | Fate.LOST | Fate.RESENT | Fate.TWICE);
    this.restamp(i, now);
    this.#resends.push(start, end, now);
    if (i > 0 && this.#fared(i - 1, this.fate(i), length, now)) {
      this.setEnd(i - 1, end);
      this.restamp(i - 1, now);
      this.remove(i);
    }
  }

  /** True if extent `i` was sent again as what follows it was, or nearly so where there are too many. */
  #fared(i: number, fate: number, more: number, now: Micros): boolean {
    if (this.fate(i) !== fate) return false;
    const length = diff(this.end(i), this.start(i));
    return this.isFull || (this.time(i) === now && length + more <= MAX_EXTENT);
  }

  /**
   * The oldest retransmission that RACK has not judged: its extent, or -1. What has arrived of it, or
   * left once more since, is passed over.
   */
  oldestResent(): number {
    const queue = this.#resends;
    for (; !queue.empty; queue.pass()) {
      for (let i = this.after(queue.start); i < this.count; i++) {
        if (ge(this.start(i), queue.end)) break;
        if ((this.fate(i) & Fate.RESENT) !== 0 && this.time(i) === queue.time) return i;
        queue.start = this.end(i);
      }
    }
    queue.clear();
    return -1;
  }

  #uncount(fate: number, length: number): void {
    if ((fate & Fate.SACKED) !== 0) this.sackedBytes -= length;
    if ((fate & Fate.LOST) !== 0) this.lostBytes -= length;
    if ((fate & Fate.RESENT) !== 0) this.resentBytes -= length;
  }

  #deliver(i: number, end: Seq, delivery: Delivery): void {
    const time = this.time(i);
    const twice = (this.fate(i) & Fate.TWICE) !== 0;
    if (time > delivery.time || (time === delivery.time && gt(end, delivery.end))) {
      delivery.time = time;
      delivery.end = end;
      delivery.resent = twice;
      delivery.priorDelivered = this.deliveredBefore(i);
      delivery.priorTime = this.timeBefore(i);
    }
    if (twice) {
      delivery.again = true;
      return;
    }
    if (time > delivery.rttTime) delivery.rttTime = time;
    if (!delivery.original || gt(end, delivery.originalEnd)) delivery.originalEnd = end;
    delivery.original = true;
  }
}
