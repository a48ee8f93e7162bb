/**
 * The retransmissions in flight in the order they were sent: RACK's time order of what is not in the
 * order of its sequence numbers. RFC 8985 §6.2.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import type { Seq } from '../../base/seq.ts';

/** Entries kept behind the head before the queue is cut: a recovery without end must not grow it. */
const TRIM = 1024;

export class Resends {
  readonly #start: Seq[] = [];
  readonly #end: Seq[] = [];
  readonly #time: Micros[] = [];
  #head = 0;

  /** `start..end` was sent again at `time`. */
  push(start: Seq, end: Seq, time: Micros): void {
    this.#start.push(start);
    this.#end.push(end);
    this.#time.push(time);
  }

  get empty(): boolean {
    return this.#head === this.#start.length;
  }

  /** What is not judged of the oldest one, and when it left; not to be asked of an empty queue. */
  get start(): Seq {
    return this.#start[this.#head] as Seq;
  }
  set start(start: Seq) {
    this.#start[this.#head] = start;
  }
  get end(): Seq {
    return this.#end[this.#head] as Seq;
  }
  get time(): Micros {
    return this.#time[this.#head] as Micros;
  }

  /** The oldest one has been judged. */
  pass(): void {
    this.#head++;
    if (this.#head < TRIM) return;
    this.#start.splice(0, this.#head);
    this.#end.splice(0, this.#head);
    this.#time.splice(0, this.#head);
    this.#head = 0;
  }

  clear(): void {
    if (this.#start.length === 0) return; // every ACK asks, and setting a length is a call of the runtime
    this.#start.length = 0;
    this.#end.length = 0;
    this.#time.length = 0;
    this.#head = 0;
  }
}
