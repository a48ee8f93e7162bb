/**
 * Two connections made one: what comes by either goes out by the other, in order and no faster than it
 * is taken; an end is passed on as an end, and a failure as a reset.
 * @module
 */
import type { Duplex } from 'node:stream';

/** What `net.Socket` has besides. */
interface Resettable extends Duplex {
  resetAndDestroy?(): unknown;
}

/** Join `one` and `other`, both open for half-closed use; `done` is called when both are gone. */
export function relay(one: Resettable, other: Resettable, done: () => void): void {
  let open = 2;
  const watch = (socket: Resettable, peer: Resettable): void => {
    let failed = false;
    socket.on('error', () => {
      failed = true;
    });
    socket.on('close', () => {
      // Ended in order both ways, or cut off: the peer must not take the second for the first.
      const orderly = !failed && socket.readableEnded && socket.writableFinished;
      if (!orderly && !peer.destroyed) {
        if (peer.resetAndDestroy) peer.resetAndDestroy();
        else peer.destroy();
      }
      if (--open === 0) done();
    });
  };
  watch(one, other);
  watch(other, one);
  one.pipe(other);
  other.pipe(one);
}
