/**
 * One direction of a TCP connection as an onlooker sees it: text as it passes, and what the other end says of
 * it. The events are those of a time-sequence graph (Shepard 1991, and tcptrace after it).
 *
 * The onlooker knows packets alone, so what they are depends on where he stands: at the sender a hole that is
 * filled was sent again, at the receiver it may have been overtaken only.
 * @module
 */
import { Ranges } from './ranges.ts';

/** `at` is microseconds, of any zero; sequence numbers count from the initial one, so text begins at 1. */
export type SequenceEvent =
  /**
   * Text passes: new; again, some of which had passed before; or into a hole that had been left.
   * `length` is in octets.
   */
  | {
      readonly at: number;
      readonly kind: 'sent' | 'resent' | 'filled';
      readonly seq: number;
      readonly length: number;
    }
  /**
   * All below `seq` has come; up to `edge` more may be sent, which is not known (undefined) while the scale of
   * the window is not (RFC 7323 §2.2).
   */
  | {
      readonly at: number;
      readonly kind: 'acked';
      readonly seq: number;
      readonly edge: number | undefined;
    }
  /** What a SACK block names (RFC 2018 §3); `doubled`: it had come already (RFC 2883 §4). */
  | {
      readonly at: number;
      readonly kind: 'sacked' | 'doubled';
      readonly seq: number;
      readonly length: number;
    }
  /** Microseconds from text to its acknowledgement, of text that was sent once (RFC 6298 §3). */
  | { readonly at: number; readonly kind: 'rtt'; readonly micros: number }
  /** Octets that were sent and are neither acknowledged nor named by SACK. */
  | { readonly at: number; readonly kind: 'flight'; readonly bytes: number }
  | { readonly at: number; readonly kind: 'syn' | 'fin' | 'reset'; readonly seq: number };

/** A segment as far as a graph needs it. One object may be used again for all. */
export interface SeenSegment {
  /** As on the wire: 32 bits, signed. */
  readonly seq: number;
  /** Likewise; counts only with `isAck`. */
  readonly ack: number;
  /** ACK is set, and so for the flags that follow. */
  readonly isAck: boolean;
  /** SYN is set. */
  readonly isSyn: boolean;
  /** FIN is set. */
  readonly isFin: boolean;
  /** RST is set. */
  readonly isReset: boolean;
  /** Octets of text. */
  readonly length: number;
  /** As on the wire, without its scale. */
  readonly window: number;
  /** From the options: -1 if the segment offers none. */
  readonly windowScale: number;
  /** SACK blocks, 0 to 4 (RFC 2018 §3). */
  readonly sackCount: number;
  /** Left edges of these, as on the wire. */
  readonly sackLeft: ArrayLike<number>;
  /** Their right edges. */
  readonly sackRight: ArrayLike<number>;
}

interface Timed {
  readonly end: number;
  /** Negative: it was sent again, so that nobody can tell which of them was answered. */
  at: number;
}

/** Segments whose round trip is waited for; of more than that none is measured. */
const MOST_TIMED = 65_536;
/**
 * A segment outside the window, or an ACK of what was not sent, is one that was damaged, which the other end does not
 * take either. So many in turn are none: then the capture has not all of the connection.
 */
const MOST_STRANGE = 3;
/** How far outside the window text may be: probes are, and windows shrink (RFC 9293 §3.8.6). */
const SLACK = 65_535;

/** One direction: show it segments in the order in which they pass, and it tells of events. */
export class Sequence {
  readonly #record: (event: SequenceEvent) => void;
  /** The place of octet 0, and the highest place that was met, both as counted here. */
  #origin = 0;
  #high = 0;
  #isKnown = false;
  /** The place after the last octet sent, and the first that is not acknowledged. */
  #next = 1;
  #una = 1;
  #edge: number | undefined;
  #flight = 0;
  readonly #seen = new Ranges();
  readonly #sacked = new Ranges();
  readonly #timed: Timed[] = [];
  #hasSack = false;
  #strangeText = 0;
  #strangeAcks = 0;
  /** Octets of text that have passed, those sent again included. */
  bytes = 0;
  /** Octets of text that were sent again. */
  resent = 0;

  /** `record` is called with each event. */
  constructor(record: (event: SequenceEvent) => void) {
    this.#record = record;
  }

  /** What is in flight, in octets. */
  get flight(): number {
    return this.#flight;
  }

  /** A segment of the sender: its text. */
  text(at: number, segment: SeenSegment): void {
    const { isSyn, isFin, isReset, length } = segment;
    // A reset that answers a segment without ACK has the sequence number 0 (RFC 9293 §3.5.2).
    if (isReset && !this.#isKnown) return;
    const first = this.#place(segment.seq, isSyn ? 0 : 1);
    const seq = isSyn ? first + 1 : first;
    const isOutside = this.#edge !== undefined && seq + length > this.#edge + SLACK;
    if (isOutside && this.#strangeText++ < MOST_STRANGE) return;
    this.#strangeText = 0;
    this.#advance(seq + length);
    if (isSyn) this.#record({ at, kind: 'syn', seq: first });
    if (length > 0) this.#pass(at, seq, length);
    if (isFin) this.#record({ at, kind: 'fin', seq: seq + length });
    if (isFin) this.#next = Math.max(this.#next, seq + length + 1);
    if (isReset) this.#record({ at, kind: 'reset', seq });
    this.#count(at);
  }

  /** A segment of the receiver, whose window is to be shifted by `scale`; -1: that is not known. */
  answer(at: number, segment: SeenSegment, scale: number): void {
    if (!segment.isAck || segment.isReset) return;
    const seq = this.#place(segment.ack, 1);
    const isEarly = this.bytes > 0 && seq > this.#next + 1;
    if (isEarly && this.#strangeAcks++ < MOST_STRANGE) return;
    this.#strangeAcks = 0;
    this.#advance(seq);
    // RFC 7323 §2.2: the window of a SYN is never scaled.
    const shift = segment.isSyn ? 0 : scale;
    const edge = shift < 0 ? undefined : seq + segment.window * 2 ** shift;
    this.#readSack(at, segment, seq);
    if (seq > this.#una) {
      this.#una = seq;
      this.#next = Math.max(this.#next, seq);
      this.#seen.dropBelow(seq);
      this.#sacked.dropBelow(seq);
      this.#time(at, seq);
    } else if (seq < this.#una || edge === this.#edge) {
      this.#count(at);
      return;
    }
    this.#edge = edge;
    this.#record({ at, kind: 'acked', seq, edge });
    this.#count(at);
  }

  /**
   * Segments have passed that were not shown: what comes next is taken as it comes. Text that went by may be taken for
   * new when it is sent again before any that is.
   */
  lookAway(): void {
    this.#edge = undefined;
    this.#seen.dropBelow(Number.POSITIVE_INFINITY);
    this.#sacked.dropBelow(Number.POSITIVE_INFINITY);
    this.#timed.length = 0;
    this.#strangeText = MOST_STRANGE;
    this.#strangeAcks = MOST_STRANGE;
  }

  #pass(at: number, seq: number, length: number): void {
    const end = seq + length;
    this.bytes += length;
    const below = Math.max(0, Math.min(end, this.#una) - seq); // acknowledged: it has passed
    const fresh = this.#seen.add(Math.max(seq, this.#una), end);
    const isNew = seq >= this.#next;
    const isAgain = below > 0 || fresh < length - below;
    if (!isNew) this.#spoil(seq, end);
    if (isAgain) this.resent += length;
    this.#record({ at, kind: isNew ? 'sent' : isAgain ? 'resent' : 'filled', seq, length });
    if (end <= this.#next) return;
    this.#next = end;
    if (isNew && this.#timed.length < MOST_TIMED) this.#timed.push({ end, at });
  }

  /**
   * What was sent again is measured no more: Karn's rule, RFC 6298 §3. Without SACK neither is what follows it, whose
   * ACK waits for it.
   */
  #spoil(seq: number, end: number): void {
    for (const one of this.#timed) {
      if (one.end > seq && (one.end <= end || !this.#hasSack)) one.at = -1;
    }
  }

  /** Text that SACK names has come, and is not waited for any more. */
  #timeSacked(at: number, seq: number, end: number): void {
    let sent = -1;
    for (const one of this.#timed) {
      if (one.at < 0 || one.end <= seq || one.end > end) continue;
      sent = one.at;
      one.at = -1;
    }
    if (sent >= 0) this.#record({ at, kind: 'rtt', micros: at - sent });
  }

  #time(at: number, seq: number): void {
    const timed = this.#timed;
    let done = 0;
    let sent = -1;
    while (done < timed.length && (timed[done] as Timed).end <= seq) {
      sent = (timed[done] as Timed).at; // `done` is below the length
      done++;
    }
    timed.splice(0, done);
    if (sent >= 0) this.#record({ at, kind: 'rtt', micros: at - sent });
  }

  #readSack(at: number, { sackCount, sackLeft, sackRight }: SeenSegment, ack: number): void {
    for (let i = 0; i < sackCount; i++) {
      const seq = this.#place(sackLeft[i] ?? 0, 1);
      const length = ((sackRight[i] ?? 0) - (sackLeft[i] ?? 0)) | 0;
      if (length <= 0 || (this.bytes > 0 && seq + length > this.#next + 1)) continue;
      this.#hasSack = true;
      // RFC 2883 §4: the first block tells of a double if it is below the ACK, or within the second.
      const isDouble =
        i === 0 && (seq < ack || this.#isWithin(seq, length, sackLeft, sackRight, sackCount));
      if (!isDouble && this.#sacked.add(Math.max(seq, this.#una), seq + length) === 0) continue;
      this.#record({ at, kind: isDouble ? 'doubled' : 'sacked', seq, length });
      if (!isDouble) this.#timeSacked(at, seq, seq + length);
    }
  }

  #isWithin(
    seq: number,
    length: number,
    left: ArrayLike<number>,
    right: ArrayLike<number>,
    count: number,
  ): boolean {
    if (count < 2) return false;
    const from = this.#place(left[1] ?? 0, 1);
    return seq >= from && seq + length <= from + (((right[1] ?? 0) - (left[1] ?? 0)) | 0);
  }

  #count(at: number): void {
    const bytes = Math.max(0, this.#next - this.#una - this.#sacked.total);
    if (bytes === this.#flight) return;
    this.#flight = bytes;
    this.#record({ at, kind: 'flight', bytes });
  }

  /** A sequence number as a place that does not wrap; the first that is met stands at `first`. */
  #place(value: number, first: number): number {
    if (!this.#isKnown) {
      this.#isKnown = true;
      this.#origin = value;
      this.#high = first;
    }
    return this.#high + ((value - this.#origin) | 0);
  }

  /** From here on, places are counted from the highest that was met. */
  #advance(place: number): void {
    if (place <= this.#high) return;
    this.#origin = (this.#origin + (place - this.#high)) | 0;
    this.#high = place;
  }
}
