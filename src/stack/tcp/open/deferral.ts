/**
 * A listener that wants a connection only once its peer has said something: `Settings.deferAccept`, Linux's
 * `TCP_DEFER_ACCEPT`. RFC 9293 §3.10.7.4, fifth, would enter ESTABLISHED with the ACK; here the owner is asked with the
 * first text or FIN, or when the time is over, and until then the connection is half-open: the backlog bounds it.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { count, Stat } from '../../base/stats.ts';
import { Flag as Header } from '../../wire/tcp.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { setTimer, Timer } from '../timing/timers.ts';
import { firstSample } from './open.ts';

/**
 * The ACK of our SYN-ACK is acceptable: is it too early for the owner? Not where a cookie opens the connection, which is
 * what a full backlog makes of them.
 */
export function isDeferred(tcb: Tcb, segment: Segment, now: Micros): boolean {
  const { deferAccept } = tcb.settings;
  if (deferAccept === 0 || tcb.listener === null) return false;
  if (segment.length > 0 || segment.has(Header.FIN)) return false;
  const fromCookie = tcb.firstSent === 0; // no SYN-ACK left from this control block
  return !fromCookie && now < tcb.opened + deferAccept;
}

/** Wait: no SYN-ACK is sent again, and the timer is the end of the wait. */
export function defer(tcb: Tcb, segment: Segment, now: Micros): void {
  count(tcb.tcp.stats, Stat.TcpExtTCPDeferAcceptDrop);
  firstSample(tcb, segment, now);
  tcb.deferred = true;
  setTimer(tcb, Timer.RETRANSMIT, tcb.opened + tcb.settings.deferAccept);
}
