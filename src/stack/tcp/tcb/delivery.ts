/**
 * What one ACK newly delivered, as the scoreboard found it. RFC 8985 §6.2, RFC 6298 §3.
 * @module
 */
import { type Micros, NEVER } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';
import { type Seq, seq } from '../../base/seq.ts';

/** What one ACK newly delivered; one reused instance a stack. */
export class Delivery {
  /** Octets acknowledged by the ACK field, those SACKed earlier left out; and by SACK. */
  acked = 0;
  sacked = 0;
  /** Of the newest transmission delivered: when it was sent, its end, and whether it was a resend. */
  time: Micros = -NEVER;
  end: Seq = seq(0);
  resent = false;
  /** The newest among those never sent twice: when it was sent (for the RTT); -1: none. */
  rttTime: Micros = -NEVER;
  /** Something never retransmitted was delivered (for F-RTO): the lowest and highest such octet. */
  original = false;
  originalEnd: Seq = seq(0);
  /** Something that had been retransmitted was delivered. */
  again = false;
  /** The lowest octet newly delivered below what was delivered before: reordering. */
  reordered = false;
  /** Delivered so far when the newest was sent, and when that was (for the delivery rate). */
  priorDelivered: number = REAL_ZERO;
  priorTime: Micros = REAL_ZERO;

  reset(): void {
    this.acked = 0;
    this.sacked = 0;
    this.time = -1;
    this.resent = false;
    this.rttTime = -1;
    this.original = false;
    this.again = false;
    this.reordered = false;
    this.priorDelivered = 0;
    this.priorTime = 0;
  }
}
