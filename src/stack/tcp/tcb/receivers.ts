/**
 * How much each of the connections that receive at the same time may offer: an even share of what the
 * stack offers in all.
 *
 * One connection on a long path needs a window of many megabytes; a thousand of them at once would keep
 * gigabytes on their way to one reader, overflow whatever queue they meet, and live by its losses.
 * Measured: 1000 streams of Linux into a TUN with offload, 15 Gbit/s unevenly (Jain's index 0.3) without
 * shares and 24 evenly (1.0) with 128 KiB each: `npm run bench:link -- --only throughput --streams 1000`.
 *
 * Linux has `tcp_mem` for it, which RFC 9293 §3.8.6 leaves to the implementation. What was offered
 * stays offered: a smaller share only keeps the right edge where it is.
 * @module
 */
import { MILLISECOND, type Micros } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';

/** Who received within such a time receives at the same time. */
const ROUND: Micros = 100 * MILLISECOND;
/** A share is never smaller: one packet of an offloading device. */
export const SMALLEST_SHARE: number = 64 * 1024;
/**
 * Segments that may be on their way over short paths together, from `MANY` connections on: three quarters of the queue that a TUN
 * has without offload. Measured in six runs of 1 s each: 100 streams of Linux lost 6300 to 9100 packets there with shares of 1.3 MiB and
 * had 2.3 to 4.1 Gbit/s unevenly (Jain's index 0.8 to 0.9); so they lose 0 to 480 and have 4.2 to 5.3 evenly (1.0).
 */
const QUEUE = 3072;
const MANY = 32;
/** Fewer would wait for a delayed acknowledgment (RFC 9293 §3.8.6.3). */
const FEWEST = 2;
/** As good as no bound. */
const UNBOUNDED = 1 << 20;

export class Receivers {
  /** Bytes that one connection may offer now. */
  share: number;
  /** Segments that a connection on a short path may offer now, where a packet holds one. */
  segments: number = UNBOUNDED;
  readonly #whole: number;
  #round = 1;
  #since: Micros = REAL_ZERO;
  /** Connections that received in this round, and in the one before. */
  #seen = 0;
  #before = 0;

  /** `whole`: bytes that all connections together may offer. */
  constructor(whole: number) {
    this.#whole = whole;
    this.share = whole;
  }

  /** A connection receives that did so last in `round` (0: never). Gives the round that this is. */
  note(round: number, now: Micros): number {
    const age = now - this.#since;
    if (age >= ROUND) {
      this.#before = age < 2 * ROUND ? this.#seen : 0;
      this.#seen = 0;
      this.#since = now;
      this.#round = (this.#round & 0x3fffffff) + 1; // small enough to be no object to V8
    } else if (round === this.#round) return round;
    this.#seen++;
    const receivers = Math.max(this.#seen, this.#before);
    this.share = Math.max(SMALLEST_SHARE, Math.floor(this.#whole / receivers));
    this.segments = receivers < MANY ? UNBOUNDED : Math.max(FEWEST, Math.floor(QUEUE / receivers));
    return this.#round;
  }
}
