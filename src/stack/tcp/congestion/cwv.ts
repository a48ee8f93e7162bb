/**
 * A congestion window that was not used says nothing about the path: when it may grow, and what an
 * idle time leaves of it. RFC 5681 §4.1, RFC 7661's question with Linux's answer.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { ge } from '../../base/seq.ts';
import { Flag, has } from '../tcb/flags.ts';
import { outstanding, pipe } from '../tcb/flight.ts';
import { Recovery } from '../tcb/phases.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { inSlowStart } from './congestion.ts';

/** The initial window, RFC 6928 §2: ten segments, or 14 600 octets if that is less, but two. */
export const initialWindow = (tcb: Tcb): number => {
  const segments = tcb.settings.initialWindow;
  return Math.min(segments * tcb.mss, Math.max(2 * tcb.mss, segments * 1460));
};

/**
 * After a send: remember the greatest flight of this round trip, and whether the window cut it.
 * `limited` is `Flag.CWND_LIMITED` if it did before, in the same round trip.
 */
export function noteFlight(tcb: Tcb, limited: number): void {
  const flight = pipe(tcb);
  if (ge(tcb.sndUna, tcb.cwndRound)) {
    tcb.cwndRound = tcb.sndNxt;
    tcb.cwndUsed = flight;
    return;
  }
  tcb.flags |= limited;
  if (flight > tcb.cwndUsed) tcb.cwndUsed = flight;
}

/** True if the window may grow: it was the limit, or slow start used at least half of it. */
export function isLimited(tcb: Tcb): boolean {
  if (has(tcb, Flag.CWND_LIMITED)) return true;
  return inSlowStart(tcb) && tcb.cwnd < 2 * tcb.cwndUsed;
}

/**
 * Text is about to end an idle time. RFC 5681 §4.1: after an idle RTO, the window halves for each RTO, down
 * to the restart window. Once, though the text may not leave at the first try.
 */
export function restartAfterIdle(tcb: Tcb, now: Micros): void {
  if (outstanding(tcb) > 0 || tcb.recovery !== Recovery.OPEN || tcb.restarted) return;
  const idle = now - tcb.lastSent;
  if (idle <= tcb.rto) return;
  const restart = Math.min(initialWindow(tcb), tcb.cwnd);
  tcb.ssthresh = Math.max(tcb.ssthresh, (tcb.cwnd * 3) / 4);
  tcb.cwnd = Math.max(restart, tcb.cwnd / 2 ** Math.min(30, Math.floor(idle / tcb.rto)));
  tcb.flags &= ~Flag.CWND_LIMITED;
  tcb.restarted = true;
  tcb.congestion.onIdle(tcb, idle, now);
}
