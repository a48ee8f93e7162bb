/**
 * The retransmission timer: when it is started. RFC 6298 §5. What its expiry does is in `expire.ts`.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { backedOff } from './rtt.ts';
import { type Tcb, Timer } from './tcb.ts';
import { clearTimer, setTimer } from './timers.ts';

/** (Re)start the timer. (5.1), (5.3). */
export function armRto(tcb: Tcb, now: Micros): void {
  tcb.probeArmed = false;
  setTimer(tcb, Timer.RETRANSMIT, now + backedOff(tcb));
}

/** All is acknowledged: (5.2). */
export function stopRto(tcb: Tcb): void {
  tcb.probeArmed = false;
  clearTimer(tcb, Timer.RETRANSMIT);
}
