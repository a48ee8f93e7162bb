/**
 * The reliability of OpenVPN's control channel: numbered packets, acknowledged one by one, in order at the other end.
 *
 * Pure in time: `now` is in microseconds. The numbers are those of OpenVPN 2.6 (reliable.h): six packets on their way,
 * twelve kept out of order, a packet sent again after two seconds, then twice as long, or after three acknowledgments
 * of later ones.
 * @module
 */
import { MAX_ACKS } from './packet.ts';

export const SEND_WINDOW = 6;
export const RECEIVE_WINDOW = 12;
const FIRST_RETRY = 2_000_000;
const LONGEST_RETRY = 60_000_000;
/** Later packets acknowledged before one counts as lost. */
const LOST_AFTER = 3;

/** One packet that is not acknowledged. */
export interface Unacknowledged {
  readonly id: number;
  readonly op: number;
  readonly payload: Uint8Array;
}

interface Entry extends Unacknowledged {
  /** When it is sent (again). */
  due: number;
  wait: number;
  later: number;
}

interface Arrived {
  readonly op: number;
  readonly payload: Uint8Array;
}

export class Reliable {
  readonly #out: Entry[] = [];
  readonly #in = new Map<number, Arrived>();
  /** To be acknowledged, oldest first. */
  #owed: number[] = [];
  /** Acknowledged before, newest first: said again while there is room, since an ACK may be lost. */
  #told: number[] = [];
  #nextOut: number;
  #nextIn: number;

  /** `first`: the id of the first packet each way. 1 where the resets were exchanged without state. */
  constructor(first = 0) {
    this.#nextOut = first;
    this.#nextIn = first;
  }

  /** True if all that was sent is acknowledged. */
  get idle(): boolean {
    return this.#out.length === 0;
  }

  /** True if another packet may be sent. */
  get open(): boolean {
    const oldest = this.#out[0];
    // An id that has wrapped would be taken for an old one: 4 × 10⁹ control packets are no session.
    if (this.#nextOut > 0xffff_ffff) return false;
    return oldest === undefined || this.#nextOut - oldest.id < SEND_WINDOW;
  }

  /** Number `payload` and send it with the next `due`. Ask `open` first. */
  send(op: number, payload: Uint8Array): void {
    this.#out.push({
      id: this.#nextOut++,
      op,
      payload,
      due: Number.NEGATIVE_INFINITY,
      wait: FIRST_RETRY,
      later: 0,
    });
  }

  /** The peer has `ids`. */
  acknowledged(ids: readonly number[]): void {
    for (const id of ids) {
      const place = this.#out.findIndex((entry) => entry.id === id);
      // What we do not know was acknowledged before; it says nothing of what is still out.
      if (place < 0) continue;
      this.#out.splice(place, 1);
      for (const entry of this.#out) if (entry.id < id) entry.later++;
    }
  }

  /** The next packet that is to be sent at `now`, or undefined. */
  due(now: number): Unacknowledged | undefined {
    for (const entry of this.#out) {
      const lost = entry.later >= LOST_AFTER;
      if (entry.due > now && !lost) continue;
      entry.due = now + entry.wait;
      // An early one is no sign of a dead path: only time doubles the wait.
      if (!lost) entry.wait = Math.min(entry.wait * 2, LONGEST_RETRY);
      entry.later = 0;
      return entry;
    }
    return undefined;
  }

  /** Send all that is out as soon as may be: the peer has just appeared. */
  hurry(): void {
    for (const entry of this.#out) entry.due = Number.NEGATIVE_INFINITY;
  }

  /** When `due` has something, or Infinity. */
  get deadline(): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const entry of this.#out) {
      if (entry.due < soonest) soonest = entry.due;
      if (entry.later >= LOST_AFTER) return Number.NEGATIVE_INFINITY;
    }
    return soonest;
  }

  /**
   * A packet came. True if it is new; one that we had is acknowledged again, one beyond the window, or one for which
   * no acknowledgment can be kept, is not, and comes again.
   */
  receive(id: number, op: number, payload: Uint8Array): boolean {
    if (id >= this.#nextIn + RECEIVE_WINDOW) return false;
    if (!this.#owed.includes(id)) {
      if (this.#owed.length >= MAX_ACKS) return false;
      this.#owed.push(id);
    }
    if (id < this.#nextIn || this.#in.has(id)) return false;
    this.#in.set(id, { op, payload: new Uint8Array(payload) });
    return true;
  }

  /** The next packet in order, or undefined. */
  take(): { readonly op: number; readonly payload: Uint8Array } | undefined {
    const arrived = this.#in.get(this.#nextIn);
    if (arrived !== undefined) this.#in.delete(this.#nextIn++);
    return arrived;
  }

  /** True if something came that no packet of ours has acknowledged. */
  get owes(): boolean {
    return this.#owed.length > 0;
  }

  /** Up to `most` acknowledgments for the packet that goes now: those owed first, then some told before. */
  acks(most: number): number[] {
    const count = Math.min(most, this.#owed.length);
    const fresh = this.#owed.slice(0, count);
    this.#owed = this.#owed.slice(count);
    const known = this.#told.filter((id) => !fresh.includes(id));
    this.#told = [...fresh, ...known].slice(0, MAX_ACKS);
    return this.#told.slice(0, most);
  }
}
