/**
 * Telling the owner: the only place from which an owner is called. See `owner.ts` for the order.
 *
 * An owner is somebody else's code. What it throws goes to `Tcp.thrown`, and the stack goes on.
 * @module
 */
import { Failure } from '../../base/failure.ts';
import { hasRoom } from '../memory/kept.ts';
import { Flag, has } from '../tcb/flags.ts';
import { isIn, MAY_WRITE } from '../tcb/state.ts';
import type { Tcb } from '../tcb/tcb.ts';

export function tellOpen(tcb: Tcb): void {
  if (has(tcb, Flag.OPEN_TOLD)) return;
  tcb.flags |= Flag.OPEN_TOLD;
  try {
    tcb.owner.onOpen();
  } catch (error) {
    tcb.tcp.thrown(error);
  }
}

export function tellData(tcb: Tcb, bytes: Uint8Array, at: number, length: number): void {
  tcb.bytesIn += length;
  try {
    tcb.owner.onData(bytes, at, length);
  } catch (error) {
    tcb.tcp.thrown(error);
  }
}

/** The peer's FIN, once all text before it was taken. */
export function tellEnd(tcb: Tcb): void {
  if (!has(tcb, Flag.FIN_RECEIVED) || has(tcb, Flag.END_TOLD) || tcb.held > 0) return;
  if (has(tcb, Flag.CLOSE_TOLD)) return;
  tcb.flags |= Flag.END_TOLD;
  try {
    tcb.owner.onEnd();
  } catch (error) {
    tcb.tcp.thrown(error);
  }
}

/** There is room again for one who was refused. */
export function tellWritable(tcb: Tcb): void {
  if (!has(tcb, Flag.WANTS_ROOM) || !isIn(tcb.state, MAY_WRITE)) return;
  if (!hasRoom(tcb)) return;
  tcb.flags &= ~Flag.WANTS_ROOM;
  try {
    tcb.owner.onWritable();
  } catch (error) {
    tcb.tcp.thrown(error);
  }
}

/** Our FIN was acknowledged, and so was everything before it. */
export function tellFinished(tcb: Tcb): void {
  if (has(tcb, Flag.FINISH_TOLD)) return;
  tcb.flags |= Flag.FINISH_TOLD;
  try {
    tcb.owner.onFinished();
  } catch (error) {
    tcb.tcp.thrown(error);
  }
}

/** The last word. After an orderly close an end that was not told yet comes first. */
export function tellClose(tcb: Tcb, failure: Failure): void {
  if (has(tcb, Flag.CLOSE_TOLD)) return;
  if (failure === Failure.NONE) tellEnd(tcb);
  tcb.flags |= Flag.CLOSE_TOLD;
  try {
    tcb.owner.onClose(failure);
  } catch (error) {
    tcb.tcp.thrown(error);
  }
}

/** The first `length` octets written are no longer needed: tell of those written by reference. */
export function releaseChunks(tcb: Tcb, length: number): void {
  try {
    tcb.tcp.releasing = tcb;
    tcb.chunks.drop(length, tcb.tcp.release);
  } catch (error) {
    tcb.tcp.thrown(error);
  }
  if (tcb.chunks.length > 0) return;
  tcb.tcp.spares.putChunks(tcb);
  tcb.owner.onDelivered?.();
}
