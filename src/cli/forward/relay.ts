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

/**
 * How often an end that has sent its FIN, and is still written to, is asked whether it is there, in ms.
 * Nobody reads from it any more, so neither Node nor the stack's `net.Socket` would tell of a reset or of
 * a keep-alive without an answer; only a write does (RFC 9293 §3.10.2), and the other side may be silent
 * for ever.
 */
const LOOK_EVERY = 5000;

const NOTHING = Buffer.alloc(0);

/**
 * A write of nothing: no segment leaves, and what the connection has met since fails it. `then` is called
 * unless that is so.
 */
function look(socket: Duplex, then: () => void = () => {}): void {
  // Text that waits will meet the same, and this would only wait behind it.
  if (!socket.writable || socket.writableLength > 0) then();
  else socket.write(NOTHING, (error) => !error && then());
}

/**
 * Join `one` and `other`, both open for half-closed use; `done` is called when both are gone. A half that
 * is only written to is looked after every `lookEvery` milliseconds.
 */
export function relay(
  one: Resettable,
  other: Resettable,
  done: () => void,
  lookEvery: number = LOOK_EVERY,
): void {
  let open = 2;
  const watch = (socket: Resettable, peer: Resettable): void => {
    let failed = false;
    let looking: NodeJS.Timeout | undefined;
    socket.on('error', () => {
      failed = true;
    });
    socket.on('end', () => {
      // libuv makes an end of a reset that comes while the last text is read: an end is believed at a
      // second look, or the peer would take what was cut off for all of it.
      look(socket, () => peer.end());
      if (socket.writable) looking = setInterval(look, lookEvery, socket).unref();
    });
    socket.on('finish', () => clearInterval(looking));
    socket.on('close', () => {
      clearInterval(looking);
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
  one.pipe(other, { end: false });
  other.pipe(one, { end: false });
}
