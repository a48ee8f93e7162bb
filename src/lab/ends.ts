/**
 * The programs at the ends of the lab's connection: one that sends as much as is taken, and one that reads as fast as
 * it was told.
 * @module
 */
import type { Failure } from '../stack/base/failure.ts';
import type { Owner } from '../stack/tcp/tcb/owner.ts';
import type { Tcb } from '../stack/tcp/tcb/tcb.ts';
import { setReading, shutdown, write } from '../stack/tcp/verbs.ts';
import type { Timeline } from './timeline.ts';

const PIECE = 65_536;
/** What is sent: nobody looks at it. */
const TEXT = new Uint8Array(PIECE);
/** How often a program that reads slowly reads, in microseconds. */
const TURN = 10_000;

export interface EndOptions {
  /** Octets to send; then its side is closed. Infinity: no end. */
  readonly send: number;
}

export class End implements Owner {
  tcb: Tcb | undefined;
  /** Octets handed over, and taken in. */
  sent = 0;
  received = 0;
  isOpen = false;
  /** Why it is over; undefined while it is not. */
  failure: Failure | undefined;
  readonly #line: Timeline;
  readonly #send: number;
  /** Octets a microsecond. */
  #rate: number = Number.POSITIVE_INFINITY;
  /** What may be read in this turn; below 0 after more came in one piece. */
  #allowance = 0;
  #turning = false;

  constructor(line: Timeline, { send }: EndOptions) {
    this.#line = line;
    this.#send = send;
  }

  /** Read at most so many bits a second from now on; 0: do not read. */
  setRate(bitsPerSecond: number): void {
    this.#rate = bitsPerSecond / 8e6;
    this.#allowance = 0;
    if (this.isOpen) this.#read();
  }

  onOpen(): void {
    this.isOpen = true;
    this.#fill();
    this.#read();
  }

  onData(_bytes: Uint8Array, _at: number, length: number): void {
    this.received += length;
    this.#allowance -= length;
    if (this.#allowance <= 0 && this.#rate !== Number.POSITIVE_INFINITY) this.#setReading(false);
  }

  onEnd(): void {
    if (this.tcb !== undefined) shutdown(this.tcb);
  }

  onWritable(): void {
    this.#fill();
  }

  onRelease(): void {}

  onFinished(): void {}

  onClose(failure: Failure): void {
    this.failure = failure;
  }

  #fill(): void {
    const { tcb } = this;
    if (tcb === undefined || this.failure !== undefined || this.#send === 0) return;
    while (this.sent < this.#send) {
      const length = Math.min(PIECE, this.#send - this.sent);
      const taken = write(tcb, TEXT, 0, length, undefined);
      this.sent += taken;
      if (taken < length) return;
    }
    shutdown(tcb);
  }

  #setReading(on: boolean): void {
    if (this.tcb !== undefined && this.failure === undefined) setReading(this.tcb, on);
  }

  /** A turn of a slow reader: it may read on if it has not read more than its share. */
  #read(): void {
    if (this.#rate === Number.POSITIVE_INFINITY) {
      this.#setReading(true);
      return;
    }
    const share = this.#rate * TURN;
    this.#allowance = Math.min(share, this.#allowance + share);
    this.#setReading(this.#allowance > 0);
    if (this.#turning) return;
    this.#turning = true;
    this.#line.at(this.#line.now() + TURN, () => {
      this.#turning = false;
      if (this.failure === undefined) this.#read();
    });
  }
}
