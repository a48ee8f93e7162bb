/**
 * The ends of a connection: from one state to the next, into TIME-WAIT, and out of the tables.
 * RFC 9293 §3.6, §3.10.4 to §3.10.5.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { Flag, has } from '../tcb/flags.ts';
import { sentOf } from '../tcb/flight.ts';
import { isEdge, isIn, State, SYNCHRONIZED, stateName } from '../tcb/state.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { clearTimers, setTimer, Timer } from '../timing/timers.ts';
import { releaseChunks, tellClose, tellFinished } from './notify.ts';

/** Octets that the peer of an orphan must take in each `Settings.orphanTime`. */
const ORPHAN_PIECE = 64 * 1024;
/** Whose end has a time of its own. */
const LIMITED = (1 << State.FIN_WAIT_2) | (1 << State.TIME_WAIT);

/** Enter `next`. A transition that RFC 9293's figure 5 does not have is a bug, and throws. */
export function become(tcb: Tcb, next: State): void {
  if (!isEdge(tcb.state, next)) {
    throw new Error(`no edge from ${stateName(tcb.state)} to ${stateName(next)}`);
  }
  const { stats } = tcb.tcp;
  if (next === State.ESTABLISHED) count(stats, Stat.TcpCurrEstab);
  else if (leavesEstablished(tcb.state, next)) count(stats, Stat.TcpCurrEstab, -1);
  tcb.trace?.state(tcb.tcp.now, next);
  tcb.state = next;
}

/** RFC 4022: "established" counts ESTABLISHED and CLOSE-WAIT. */
const leavesEstablished = (from: State, to: State): boolean =>
  (from === State.ESTABLISHED && to !== State.CLOSE_WAIT) || from === State.CLOSE_WAIT;

/** Our FIN has been acknowledged. RFC 9293 §3.10.7.4, fifth. */
export function finAcknowledged(tcb: Tcb, now: Micros): void {
  tellFinished(tcb);
  if (tcb.state === State.FIN_WAIT_1) {
    become(tcb, State.FIN_WAIT_2);
    waitForFin(tcb, now);
  } else if (tcb.state === State.CLOSING) {
    enterTimeWait(tcb, now);
  } else if (tcb.state === State.LAST_ACK) {
    remove(tcb, Failure.NONE);
  }
}

/** The peer's FIN has been reached. RFC 9293 §3.10.7.4, eighth. */
export function finReached(tcb: Tcb, now: Micros): void {
  if (tcb.state === State.ESTABLISHED || tcb.state === State.SYN_RECEIVED) {
    become(tcb, State.CLOSE_WAIT);
  } else if (tcb.state === State.FIN_WAIT_1) {
    // Our FIN may have been acknowledged by the same segment: then FIN-WAIT-2 came first.
    become(tcb, State.CLOSING);
  } else if (tcb.state === State.FIN_WAIT_2) {
    enterTimeWait(tcb, now);
  }
}

/** A closed connection does not wait for ever for a peer that says nothing. RFC 9293 §3.6 leaves the time. */
export function waitForFin(tcb: Tcb, now: Micros): void {
  if (tcb.state !== State.FIN_WAIT_2 || !has(tcb, Flag.DETACHED)) return;
  setTimer(tcb, Timer.CLOSE, now + tcb.settings.finWait2);
}

/** What is left behind must move: `Settings.orphanTime`. */
export function watchOrphan(tcb: Tcb, now: Micros): void {
  if (has(tcb, Flag.GONE) || isIn(tcb.state, LIMITED)) return;
  sentOf(tcb).orphanMark = tcb.bytesAcked;
  setTimer(tcb, Timer.CLOSE, now + tcb.settings.orphanTime);
}

/** The time was over: has as much moved as must? */
export const isStuck = (tcb: Tcb): boolean => tcb.bytesAcked - tcb.sent.orphanMark < ORPHAN_PIECE;

/** Start (or start again) the 2 MSL wait; to the owner this is the end. RFC 9293 §3.6.1. */
export function enterTimeWait(tcb: Tcb, now: Micros): void {
  const { tcp } = tcb;
  if (tcb.state !== State.TIME_WAIT) {
    become(tcb, State.TIME_WAIT);
    count(tcp.stats, Stat.TcpExtTW);
    clearTimers(tcb);
    tcp.admitTimeWait(tcb);
    if (tcb.held === 0) tellClose(tcb, Failure.NONE);
  }
  setTimer(tcb, Timer.CLOSE, now + tcb.settings.timeWait);
}

/** Out of every table, and the last word to the owner. */
export function remove(tcb: Tcb, failure: Failure): void {
  if (has(tcb, Flag.GONE)) return;
  const { tcp } = tcb;
  const established = isIn(tcb.state, SYNCHRONIZED);
  if (failure !== Failure.NONE && tcb.state !== State.TIME_WAIT) {
    if (failure === Failure.RESET && established) count(tcp.stats, Stat.TcpEstabResets);
    else if (!established) count(tcp.stats, Stat.TcpAttemptFails);
  }
  // What is kept in order and unread stays readable: the owner is told of the end after it.
  if (tcb.state !== State.CLOSED) become(tcb, State.CLOSED);
  tcb.flags |= Flag.GONE;
  clearTimers(tcb);
  tcp.forget(tcb);
  if (failure === Failure.NONE && tcb.held > 0) tcb.tcp.dirty(tcb);
  else finish(tcb, failure);
}

/** The end for the owner: buffers go back, and it is told. */
export function finish(tcb: Tcb, failure: Failure): void {
  releaseChunks(tcb, tcb.chunks.length);
  tcb.tcp.rest(tcb);
  if (tcb.ring !== null) tcb.ring.reset();
  tcb.ring = null;
  tcb.spans = null;
  tcb.reported = null;
  tcb.held = 0;
  tcb.tcp.budget.forget(tcb);
  tellClose(tcb, failure);
}
