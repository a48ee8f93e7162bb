/**
 * Two connections made one: what comes by either goes out by the other, in order and no faster than it
 * is taken; an end is passed on as an end, and a failure as a reset.
 * @module
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Resettable, reset } from '../reset.ts';
import { countRelay, enough, HostReads } from './host-reads.ts';
import { connectionOf, shorten } from './shortcut.ts';

/**
 * Who looks at the first text of a connection before it goes on: reads from it by itself, and calls `pass` with
 * what it has read when that may go on. Until then the connection is read by nobody else.
 */
export type Opening = (pass: (text: Uint8Array) => void) => void;

export interface RelayOptions {
  /** How often a half that is only written to is looked after, in milliseconds. */
  readonly lookEvery?: number;
  /** Of the first one's text. */
  readonly opening?: Opening | undefined;
}

/**
 * How often an end that has sent its FIN, and is still written to, is asked whether it is there, in ms.
 * Nobody reads from it any more, so neither Node nor the stack's `net.Socket` would tell of a reset or of
 * a keep-alive without an answer; only a write does (RFC 9293 §3.10.2), and the other side may be silent
 * for ever.
 */
export const LOOK_EVERY = 5000;

const NOTHING = Buffer.alloc(0);

/** Hand on what comes by `from`, and pause it while too much waits. */
function pump(from: Duplex, to: Duplex): void {
  from.on('data', (text: Uint8Array) => {
    // Only a write that the stream has called enough is followed by `drain`.
    if (to.writable && !to.write(text) && to.writableLength >= enough()) from.pause();
  });
  to.on('drain', () => from.resume());
  shorten(from, to);
  from.resume();
}

/**
 * A write of nothing: no segment leaves, and what the connection has met since fails it. `then` is called
 * unless that is so.
 */
export function look(socket: Duplex, then: () => void = () => {}): void {
  // Text that waits will meet the same, and this would only wait behind it.
  if (!socket.writable || socket.writableLength > 0) then();
  else socket.write(NOTHING, (error) => !error && then());
}

/** Whether an end is one: libuv is to be doubted, and only where the end came in one turn with text. */
const isSure = (socket: Duplex): boolean =>
  !(socket instanceof Socket) ||
  connectionOf(socket) !== undefined ||
  HostReads.of(socket)?.fresh === false;

/** End `peer` as soon as `held` has let its last text go. */
class Held {
  #holds: boolean;
  #then: (() => void) | undefined;

  constructor(holds: boolean) {
    this.#holds = holds;
  }

  after(then: () => void): void {
    if (this.#holds) this.#then = then;
    else then();
  }

  release(): void {
    this.#holds = false;
    this.#then?.();
  }
}

/** Join `one` and `other`, both open for half-closed use; `done` is called when both are gone. */
export function relay(
  one: Resettable,
  other: Resettable,
  done: () => void,
  { lookEvery = LOOK_EVERY, opening }: RelayOptions = {},
): void {
  let open = 2;
  countRelay(1);
  const watch = (socket: Resettable, peer: Resettable, held: Held): void => {
    let failed = false;
    let looking: NodeJS.Timeout | undefined;
    socket.on('error', () => {
      failed = true;
    });
    const ended = (): void => {
      const end = (): void => held.after(() => peer.end());
      // libuv makes an end of a reset that comes while the last text is read: such an end is believed at a
      // second look, or the peer would take what was cut off for all of it.
      if (isSure(socket)) end();
      else look(socket, end);
      if (socket.writable) looking = setInterval(look, lookEvery, socket).unref();
    };
    // A FIN may come with the handshake's last segment, and `end` before anybody has listened.
    if (socket.readableEnded) ended();
    else socket.on('end', ended);
    socket.on('finish', () => clearInterval(looking));
    socket.on('close', () => {
      clearInterval(looking);
      // Ended in order both ways, or cut off: the peer must not take the second for the first.
      const orderly = !failed && socket.readableEnded && socket.writableFinished;
      if (!orderly) reset(peer);
      if (--open > 0) return;
      countRelay(-1);
      done();
    });
  };
  const held = new Held(opening !== undefined);
  watch(one, other, held);
  watch(other, one, new Held(false));
  pump(other, one);
  if (opening === undefined) pump(one, other);
  else {
    opening((text) => {
      if (text.length > 0 && other.writable) other.write(text);
      pump(one, other);
      held.release();
    });
  }
}
