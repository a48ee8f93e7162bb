/**
 * What an owner may ask of its connection. RFC 9293 §3.9.1 (SEND, CLOSE, ABORT, STATUS).
 *
 * No verb calls back or sends: each changes the connection and marks it to be served at the end of
 * the batch, so that an owner may call them from anywhere.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { become, waitForFin, watchOrphan } from './close/close.ts';
import { armKeepAlive } from './close/keepalive.ts';
import { account, sendRoom } from './memory/kept.ts';
import { sendable } from './memory/reclaim.ts';
import { offerRoom } from './memory/relay.ts';
import { Flag, has } from './tcb/flags.ts';
import { isIn, MAY_WRITE, State } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';

/** True if a `write` may still be made. */
export const isWritable = (tcb: Tcb): boolean =>
  isIn(tcb.state, MAY_WRITE) && (tcb.flags & (Flag.FIN_QUEUED | Flag.ABORT)) === 0;

/** How many octets a `write` would take now. */
export const writableBytes = (tcb: Tcb): number => (isWritable(tcb) ? sendRoom(tcb) : 0);

/**
 * Send `length` octets of `bytes` from `at`, by reference: they must stay as they are until
 * `owner.onRelease(token)`. Gives how many were taken; for the rest `owner.onWritable` will come.
 * The token belongs to what was taken; none is given back where none was taken.
 */
export function write(
  tcb: Tcb,
  bytes: Uint8Array,
  at: number,
  length: number,
  token: unknown,
): number {
  const taken = reserve(tcb, length);
  if (taken === 0) return 0;
  tcb.tcp.spares.takeChunks(tcb).append(bytes, at, taken, token);
  account(tcb);
  return taken;
}

/** The same with a copy: the memory is the caller's again at once. */
export function writeCopy(tcb: Tcb, bytes: Uint8Array, at: number, length: number): number {
  const taken = reserve(tcb, length);
  if (taken === 0) return 0;
  tcb.tcp.spares.takeChunks(tcb).appendCopy(bytes, at, taken);
  account(tcb);
  return taken;
}

function reserve(tcb: Tcb, length: number): number {
  const taken = sendable(tcb, Math.min(length, writableBytes(tcb)));
  if (taken < length) tcb.flags |= Flag.WANTS_ROOM;
  if (taken > 0) tcb.tcp.dirty(tcb);
  return taken;
}

/** No more to send: a FIN follows what was written. RFC 9293 §3.10.4. May be called again. */
export function shutdown(tcb: Tcb): void {
  if (has(tcb, Flag.FIN_QUEUED)) return;
  if (tcb.state === State.SYN_SENT && tcb.chunks.length === 0) {
    abort(tcb); // nothing was agreed yet: "delete the TCB"
    return;
  }
  if (!isIn(tcb.state, MAY_WRITE)) return;
  tcb.flags |= Flag.FIN_QUEUED;
  // In SYN-SENT and SYN-RECEIVED the state waits for the handshake; see `Tcp.serve`.
  if (tcb.state === State.ESTABLISHED) become(tcb, State.FIN_WAIT_1);
  else if (tcb.state === State.CLOSE_WAIT) become(tcb, State.LAST_ACK);
  tcb.tcp.dirty(tcb);
}

/**
 * Done with both directions: what is still kept for the owner, or still comes, resets the connection
 * (RFC 9293 §3.6.1, RFC 2525 §2.17); otherwise it ends in order, with a limit on FIN-WAIT-2.
 */
export function detach(tcb: Tcb): void {
  if (tcb.held > 0) {
    abort(tcb);
    return;
  }
  shutdown(tcb);
  if (tcb.tableIndex >= 0 && !has(tcb, Flag.DETACHED)) tcb.tcp.orphans++;
  tcb.flags |= Flag.DETACHED;
  tcb.flags &= ~Flag.PAUSED;
  watchOrphan(tcb, tcb.tcp.now);
  waitForFin(tcb, tcb.tcp.now); // if it has come to FIN-WAIT-2 already
  tcb.tcp.dirty(tcb);
}

/** Give the connection up: the peer gets a reset, the owner `onClose(ABORTED)` from the next flush. */
export function abort(tcb: Tcb): void {
  tcb.flags |= Flag.ABORT;
  tcb.tcp.dirty(tcb);
}

/** Off: text is kept up to the receive buffer while the window closes. On: it is handed over. */
export function setReading(tcb: Tcb, on: boolean): void {
  if (on) tcb.flags &= ~Flag.PAUSED;
  else tcb.flags |= Flag.PAUSED;
  if (on) tcb.tcp.dirty(tcb);
}

/**
 * From now on all text of `tcb` goes into `into`, or nowhere that is known: no more of it is offered than there is room for.
 * One that is over, or another stack's, is not known.
 */
export function relay(tcb: Tcb, into: Tcb | null): void {
  const { tcp } = tcb;
  // Asked with each piece of text, and with each listener.
  const before = has(tcb, Flag.RELAY) ? tcp.relays.into(tcb) : undefined;
  if ((before ?? null) === into) return;
  const isKnown =
    into !== null && into.tcp === tcp && !has(into, Flag.GONE) && !has(tcb, Flag.GONE);
  const other = isKnown ? tcp.relays.from(into) : undefined;
  if (!(isKnown ? tcp.relays.join(tcb, into) : tcp.relays.part(tcb))) return;
  tcp.dirty(tcb);
  if (other !== undefined) tcp.dirty(other); // its way is its own again
}

/** True while text is kept for the owner. */
export const isPaused = (tcb: Tcb): boolean => has(tcb, Flag.PAUSED);

/** On: short segments are sent at once. Off: Nagle's algorithm. */
export function setNoDelay(tcb: Tcb, on: boolean): void {
  if (on) tcb.flags |= Flag.NO_DELAY;
  else tcb.flags &= ~Flag.NO_DELAY;
  if (on) tcb.tcp.dirty(tcb);
}

/** Watch a silent peer: first probe after `idle`, then every `interval`, `count` of them. */
export function setKeepAlive(
  tcb: Tcb,
  on: boolean,
  idle: Micros,
  interval: Micros,
  count: number,
): void {
  tcb.flags = on ? tcb.flags | Flag.KEEP_ALIVE : tcb.flags & ~Flag.KEEP_ALIVE;
  const before = tcb.keepAlive;
  if (idle > 0 || interval > 0 || count > 0) {
    tcb.keepAlive = {
      keepAliveIdle: idle || before.keepAliveIdle,
      keepAliveInterval: interval || before.keepAliveInterval,
      keepAliveCount: count || before.keepAliveCount,
    };
  }
  armKeepAlive(tcb, tcb.tcp.now);
}

/** Let `bytes` be written before they are sent; 0: as many as the send buffer holds. */
export function setLowWater(tcb: Tcb, bytes: number): void {
  tcb.lowWater = bytes;
  tcb.tcp.dirty(tcb); // who was refused may have room
  if (has(tcb, Flag.RELAY)) offerRoom(tcb);
}

/** Give up when text stays unacknowledged for `span`; 0: after the usual number of tries. */
export function setUserTimeout(tcb: Tcb, span: Micros): void {
  tcb.userTimeout = span;
}
