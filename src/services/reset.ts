/**
 * Resets of sockets that may have ended.
 * @module
 */
import type { Duplex } from 'node:stream';

/** What `net.Socket` has besides. */
export interface Resettable extends Duplex {
  readonly connecting?: boolean;
  resetAndDestroy?(): unknown;
}

/**
 * Reset the connection of `socket`, or destroy what has no reset.
 *
 * While its FIN is on the way Node's `resetAndDestroy` fails with EINVAL and leaves a handle that is never closed: a process
 * that comes to its end then turns in it for ever (Node 20.20; `end()` and `resetAndDestroy()` in one turn, or both
 * before there is a connection). A FIN has gone a turn later.
 */
export function reset(socket: Resettable): void {
  if (socket.destroyed) return;
  const ends = socket.writableEnded && !socket.writableFinished;
  if (socket.resetAndDestroy === undefined || (ends && socket.connecting)) socket.destroy();
  else if (ends && socket.writableLength === 0) setImmediate(reset, socket);
  else socket.resetAndDestroy();
}
