/**
 * How much of what was sent is out there. RFC 5681 (FlightSize), RFC 6675 §4 (pipe).
 * @module
 */
import { diff } from '../../base/seq.ts';
import { Flag, has } from './flags.ts';
import { NOTHING_SENT, Sent } from './sent.ts';
import { State } from './state.ts';
import type { Tcb } from './tcb.ts';

/** Sequence numbers sent and not cumulatively acknowledged. */
export const outstanding = (tcb: Tcb): number => diff(tcb.sndNxt, tcb.sndUna);

/**
 * What is taken to be in the network. Without SACK each duplicate ACK stands for a segment that has
 * left it (RFC 5681 §3.2, step 4, without inflating the window).
 */
export function pipe(tcb: Tcb): number {
  const board = tcb.scoreboard;
  const out = outstanding(tcb);
  if (board === null) return out;
  return Math.max(0, board.pipe(out) - Math.min(tcb.dupAcks * tcb.mss, Math.max(0, out - tcb.mss)));
}

/** What a window of 2^30 octets, the widest there is (RFC 7323 §2.3), can make of the congestion window. */
const WIDEST = 2 ** 31 - 1;

/**
 * Octets that the congestion window still lets out, whole ones: congestion avoidance keeps fractions, and a
 * length made of one is no integer to V8, nor is whatever comes of it, down to the header's checksum.
 */
export const congestionRoom = (tcb: Tcb): number => (Math.min(tcb.cwnd, WIDEST) | 0) - pipe(tcb);

/** Text that was written and never sent. A FIN in flight is outstanding, but no text. */
export function unsent(tcb: Tcb): number {
  if (tcb.state < State.ESTABLISHED) return tcb.chunks.length; // a SYN is outstanding, but no text
  const out = outstanding(tcb);
  return tcb.chunks.length - out + (out > 0 && has(tcb, Flag.FIN_SENT) ? 1 : 0);
}

/** What is known of the text that `tcb` has sent, to be written. */
export function sentOf(tcb: Tcb): Sent {
  if (tcb.sent === NOTHING_SENT) tcb.sent = new Sent();
  return tcb.sent;
}
