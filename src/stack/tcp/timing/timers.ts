/**
 * The timers of a connection: arming them, and what happens when one is due. RFC 9293 §3.8.
 *
 * A timer is a number in the connection's row of the stack's table, which it has while a timer is
 * set; the stack's heap knows the soonest of each connection. To move one to a later time is a store:
 * the heap finds out when the old time comes. Only a sooner time touches the heap. (The RTO moves
 * with every ACK.)
 * @module
 */
import { type Micros, NEVER } from '../../base/clock.ts';
import { NO_ROW, ROW } from '../../memory/rows.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** The timers of one connection; the place in its row of `Shared.timers`. */
export const Timer = {
  /** The probe of the tail, RFC 8985 §7.2. Where the RTO is due as well the probe goes first: it sets that anew. */
  PROBE: 0,
  /** The RTO, from the oldest octet in flight. RFC 6298 §5. */
  RETRANSMIT: 1,
  /** Zero-window probes and the sender's silly-window override. RFC 9293 §3.8.6. */
  PERSIST: 2,
  DELAYED_ACK: 3,
  KEEP_ALIVE: 4,
  /** The end of FIN-WAIT-2 or TIME-WAIT. */
  CLOSE: 5,
  /** When the next paced segment may go. */
  PACE: 6,
  /** RACK's reordering window. RFC 8985 §6.2. */
  REORDER: 7,
} as const;
export type Timer = (typeof Timer)[keyof typeof Timer];

/** Arm (or move) a timer to the absolute time `at`. */
export const setTimer = (tcb: Tcb, timer: Timer, at: Micros): void => startTimer(tcb, timer, at, 0);

/**
 * Arm (or move) a timer: it is due `wait` after `now`, and no later than `limit`, if that is set. As two numbers, since
 * their sum is no small integer, and V8 makes an object of such a one whenever it is handed on.
 */
export function startTimer(
  tcb: Tcb,
  timer: Timer,
  now: Micros,
  wait: Micros,
  limit: Timer = timer,
): void {
  const { timers, deadlines } = tcb.tcp;
  if (tcb.timers === NO_ROW) tcb.timers = timers.acquire();
  const { values } = timers;
  let at = now + wait;
  if (limit !== timer) at = Math.min(at, values[tcb.timers + limit] as Micros);
  values[tcb.timers + timer] = at;
  if (at < tcb.due) deadlines.set(tcb, at);
}

export function clearTimer(tcb: Tcb, timer: Timer): void {
  if (tcb.timers !== NO_ROW) tcb.tcp.timers.values[tcb.timers + timer] = NEVER;
}

/** Not by `dueTime`, which gives a number that is no small integer: an object to V8, 16 bytes for each segment. */
export const isSet = (tcb: Tcb, timer: Timer): boolean =>
  tcb.timers !== NO_ROW && tcb.tcp.timers.values[tcb.timers + timer] !== NEVER;

/** When the timer is due; `NEVER` if it is not set. */
export const dueTime = (tcb: Tcb, timer: Timer): Micros =>
  // A row holds as many numbers as there are timers.
  tcb.timers === NO_ROW ? NEVER : (tcb.tcp.timers.values[tcb.timers + timer] as Micros);

export function clearTimers(tcb: Tcb): void {
  tcb.tcp.deadlines.cancel(tcb);
  giveBack(tcb);
}

function giveBack(tcb: Tcb): void {
  if (tcb.timers === NO_ROW) return;
  tcb.tcp.timers.release(tcb.timers);
  tcb.timers = NO_ROW;
}

/** Put the connection back into the heap after it was taken out as due. */
export function reschedule(tcb: Tcb): void {
  if (tcb.timers === NO_ROW) return;
  const { values } = tcb.tcp.timers;
  let soonest: Micros = NEVER;
  for (let i = tcb.timers; i < tcb.timers + ROW; i++) {
    const at = values[i] as Micros;
    if (at < soonest) soonest = at;
  }
  if (soonest === NEVER) giveBack(tcb);
  else tcb.tcp.deadlines.set(tcb, soonest);
}

/** Take one timer that is due at `now` and disarm it; -1 if none is. */
export function takeDue(tcb: Tcb, now: Micros): Timer | -1 {
  if (tcb.timers === NO_ROW) return -1;
  const { values } = tcb.tcp.timers;
  for (let i = 0; i < ROW; i++) {
    if ((values[tcb.timers + i] as Micros) > now) continue;
    values[tcb.timers + i] = NEVER;
    return i as Timer; // an index of the row is a timer
  }
  return -1;
}
