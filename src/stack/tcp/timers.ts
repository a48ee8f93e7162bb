/**
 * The timers of a connection: arming them, and what happens when one is due. RFC 9293 §3.8.
 *
 * A timer is a number in the connection's table; the stack's heap knows the soonest of each
 * connection. To move one to a later time is a store: the heap finds out when the old time comes.
 * Only a sooner time touches the heap. (The RTO moves with every ACK.)
 * @module
 */
import { type Micros, NEVER } from '../base/clock.ts';
import type { Tcb, Timer } from './tcb.ts';

/** Arm (or move) a timer to the absolute time `at`. */
export function setTimer(tcb: Tcb, timer: Timer, at: Micros): void {
  tcb.timers[timer] = at;
  if (at < tcb.due) tcb.tcp.deadlines.set(tcb, at);
}

export function clearTimer(tcb: Tcb, timer: Timer): void {
  tcb.timers[timer] = NEVER;
}

export const isSet = (tcb: Tcb, timer: Timer): boolean => tcb.timers[timer] !== NEVER;

/** When the timer is due; `NEVER` if it is not set. */
export const dueTime = (tcb: Tcb, timer: Timer): Micros => tcb.timers[timer] as Micros;

export function clearTimers(tcb: Tcb): void {
  tcb.timers.fill(NEVER);
  tcb.tcp.deadlines.cancel(tcb);
}

const soonest = (tcb: Tcb): Micros => {
  const t = tcb.timers;
  let least = t[0] as Micros; // a table of eight
  for (let i = 1; i < t.length; i++) if ((t[i] as Micros) < least) least = t[i] as Micros;
  return least;
};

/** Put the connection back into the heap after it was taken out as due. */
export function reschedule(tcb: Tcb): void {
  const at = soonest(tcb);
  if (at !== NEVER) tcb.tcp.deadlines.set(tcb, at);
}

/** Take one timer that is due at `now` and disarm it; -1 if none is. */
export function takeDue(tcb: Tcb, now: Micros): Timer | -1 {
  for (let i = 0; i < tcb.timers.length; i++) {
    if ((tcb.timers[i] as Micros) > now) continue;
    tcb.timers[i] = NEVER;
    return i as Timer; // an index of the table is a timer
  }
  return -1;
}
