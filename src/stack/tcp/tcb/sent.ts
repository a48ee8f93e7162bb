/**
 * What a connection knows of the text and FIN that it has sent: how fast they are delivered, and what held them back.
 * One that never sent any keeps none of it. Times are microseconds.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';

export class Sent {
  // RACK, RFC 8985 §5.2: when the newest of what was delivered had been sent, and its round trip.
  rackTime: Micros = REAL_ZERO;
  rackRtt: Micros = REAL_ZERO;
  /** When `sndUna` last moved. */
  lastProgress: Micros = REAL_ZERO;
  /** Octets delivered, by ACK or SACK; when last; and how many a second. */
  delivered: number = REAL_ZERO;
  deliveredTime: Micros = REAL_ZERO;
  deliveryRate: number = REAL_ZERO;
  /** When pacing lets the next one leave. */
  paceNext: Micros = REAL_ZERO;
  bytesRetransmitted: number = REAL_ZERO;
  /** Those of them that are put down to segments too long for the path. */
  bytesTooLong = 0;
  /** `bytesAcked` when an orphan was last found to go on. */
  orphanMark: number = REAL_ZERO;
  /** Since when `Tcb.limit` holds text back; and for how long others did before, all but `Limit.NONE` in `busyTime`. */
  limitSince: Micros = REAL_ZERO;
  busyTime: Micros = REAL_ZERO;
  networkTime: Micros = REAL_ZERO;
  windowTime: Micros = REAL_ZERO;
  bufferTime: Micros = REAL_ZERO;
}

/** Of whom nothing was sent: to be read, never to be written (`sentOf` in flight.ts). */
export const NOTHING_SENT: Sent = new Sent();
