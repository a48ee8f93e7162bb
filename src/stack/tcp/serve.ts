/**
 * The end of a batch, for one connection that was touched: hand over what is kept, tell of room, and
 * send once.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { become, finish, remove } from './close/close.ts';
import { tellClose, tellWritable } from './close/notify.ts';
import { emit } from './emit/emit.ts';
import { sendAbort } from './emit/reset.ts';
import { sendSyn } from './open/open.ts';
import { deliver } from './receive.ts';
import { send } from './send.ts';
import { Flag, has } from './tcb/flags.ts';
import { BOTH_CLOSED, isIn, State, SYNCHRONIZED } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';

export function serve(tcb: Tcb, now: Micros): void {
  if (has(tcb, Flag.ABORT) && !has(tcb, Flag.GONE)) {
    abort(tcb, now);
    return;
  }
  if (has(tcb, Flag.OPEN_TOLD)) deliver(tcb);
  if (has(tcb, Flag.GONE)) {
    // The peer closed in order while text was still kept for the owner.
    if (!has(tcb, Flag.CLOSE_TOLD) && (tcb.held === 0 || has(tcb, Flag.ABORT))) {
      finish(tcb, has(tcb, Flag.ABORT) ? tcb.cause : Failure.NONE);
    }
    return;
  }
  if (has(tcb, Flag.SYN_DUE)) {
    sendSyn(tcb, now);
    return;
  }
  if (!isIn(tcb.state, SYNCHRONIZED)) return;
  if (tcb.state === State.TIME_WAIT) {
    if (tcb.held === 0) tellClose(tcb, Failure.NONE);
    if (has(tcb, Flag.ACK_NOW)) emit(tcb, tcb.sndNxt, 0, 0, now);
    return;
  }
  if (has(tcb, Flag.FIN_QUEUED)) closeNow(tcb);
  tellWritable(tcb);
  send(tcb, now);
  // What has just left makes room below the low water; what is written there has its turn in this flush.
  if (tcb.lowWater > 0) tellWritable(tcb);
}

/** A `shutdown` that came before the handshake was over. RFC 9293 §3.10.4. */
function closeNow(tcb: Tcb): void {
  if (tcb.state === State.ESTABLISHED) become(tcb, State.FIN_WAIT_1);
  else if (tcb.state === State.CLOSE_WAIT) become(tcb, State.LAST_ACK);
}

/** RFC 9293 §3.10.5: a reset for the peer where one is due, and the end. */
function abort(tcb: Tcb, now: Micros): void {
  const closed = isIn(tcb.state, BOTH_CLOSED) && has(tcb, Flag.FIN_SENT);
  const silent = closed || tcb.state === State.SYN_SENT || tcb.state === State.TIME_WAIT;
  if (!silent) sendAbort(tcb, now);
  remove(tcb, tcb.cause);
}
