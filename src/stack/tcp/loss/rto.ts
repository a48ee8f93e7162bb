/**
 * The retransmission timer: when it is started. RFC 6298 §5. What its expiry does is in `expire.ts`.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { backedOff } from '../timing/rtt.ts';
import { clearTimer, startTimer, Timer } from '../timing/timers.ts';

/** (Re)start the timer. (5.1), (5.3). */
export function armRto(tcb: Tcb, now: Micros): void {
  const since = Math.max(tcb.firstSent, tcb.sent.lastProgress);
  startTimer(tcb, Timer.RETRANSMIT, now, withinUserTimeout(tcb, backedOff(tcb), since, now));
}

/**
 * `wait`, or what is left of the user timeout that began at `since`: it ends on time. RFC 5482. A microsecond at
 * least: a clock may give fractions, and one that is rounded away would leave a timer that is due again at once, for ever.
 */
export const withinUserTimeout = (tcb: Tcb, wait: Micros, since: Micros, now: Micros): Micros =>
  tcb.userTimeout > 0 ? Math.min(wait, Math.max(1, since + tcb.userTimeout - now)) : wait;

/** All is acknowledged: (5.2). */
export function stopRto(tcb: Tcb): void {
  clearTimer(tcb, Timer.RETRANSMIT);
  clearTimer(tcb, Timer.PROBE);
}
