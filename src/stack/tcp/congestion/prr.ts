/**
 * Proportional rate reduction: the window while a loss is repaired. RFC 9937 (and RFC 6937).
 *
 * For every octet that arrives, a share of one may leave, so that the window reaches `ssthresh` just
 * when the recovery ends, neither in a burst nor after half a round trip of silence.
 * @module
 */
import { pipe } from '../tcb/flight.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** Recovery begins. RFC 9937 §6.1. */
export function beginPrr(tcb: Tcb, flight: number): void {
  tcb.prrDelivered = 0;
  tcb.prrOut = 0;
  tcb.recoverFlight = Math.max(flight, tcb.mss);
}

/**
 * An ACK in recovery delivered `delivered` octets; `safe` if it moved `sndUna` and reported no new
 * loss. Sets the window for what may be sent now. RFC 9937 §6.2.
 */
export function onRecoveryAck(tcb: Tcb, delivered: number, safe: boolean): void {
  const flight = pipe(tcb);
  tcb.prrDelivered += delivered;
  let send: number;
  if (flight > tcb.ssthresh) {
    send = Math.ceil((tcb.prrDelivered * tcb.ssthresh) / tcb.recoverFlight) - tcb.prrOut;
  } else {
    // Slow start reduction bound where the path seems to recover, else packet conservation.
    send = Math.max(tcb.prrDelivered - tcb.prrOut, delivered);
    if (safe) send += tcb.mss;
    send = Math.min(send, tcb.ssthresh - flight);
  }
  // The first retransmission goes whatever the arithmetic says.
  if (tcb.prrOut === 0) send = Math.max(send, tcb.mss);
  // With nothing in flight no ACK will come that could let anything go: one segment always may.
  tcb.cwnd = Math.max(flight + send, flight, tcb.mss);
}
