/**
 * For how long a connection had something to deliver, and what held it back meanwhile: the peer's window, the send buffer,
 * the network, or nothing but its writer. What Linux gives as tcpi_busy_time, tcpi_rwnd_limited and tcpi_sndbuf_limited.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { sentOf } from '../tcb/flight.ts';
import { Limit } from '../tcb/phases.ts';
import { isIn, SENDING } from '../tcb/state.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** From `now` on it is `limit` that holds text back. */
export function noteLimit(tcb: Tcb, limit: Limit, now: Micros): void {
  if (tcb.limit === limit) return;
  const sent = sentOf(tcb);
  const lasted = now - sent.limitSince;
  if (tcb.limit !== Limit.NONE) sent.busyTime += lasted;
  if (tcb.limit === Limit.NETWORK) sent.networkTime += lasted;
  else if (tcb.limit === Limit.WINDOW) sent.windowTime += lasted;
  else if (tcb.limit === Limit.BUFFER) sent.bufferTime += lasted;
  tcb.limit = limit;
  sent.limitSince = now;
}

/** How long what goes on has gone on, if it is `limit`. */
const ongoing = (tcb: Tcb, limit: Limit): Micros =>
  tcb.limit === limit && isIn(tcb.state, SENDING)
    ? Math.max(0, tcb.tcp.now - tcb.sent.limitSince)
    : 0;

/** For how long there was text to deliver. */
export const busyFor = (tcb: Tcb): Micros =>
  tcb.sent.busyTime + (tcb.limit === Limit.NONE ? 0 : ongoing(tcb, tcb.limit));
/** For how long of it the congestion window, pacing, losses or a full device held text back. */
export const networkFor = (tcb: Tcb): Micros => tcb.sent.networkTime + ongoing(tcb, Limit.NETWORK);
/** For how long of it the peer's window did. */
export const windowFor = (tcb: Tcb): Micros => tcb.sent.windowTime + ongoing(tcb, Limit.WINDOW);
/** For how long of it all that the send buffer holds was on its way. */
export const bufferFor = (tcb: Tcb): Micros => tcb.sent.bufferTime + ongoing(tcb, Limit.BUFFER);
