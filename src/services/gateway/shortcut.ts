/**
 * The way of text between a socket of a stack and one of this host past both streams: from a packet's slot into the
 * kernel's socket, and from where it was read into the send buffer. The streams have all the rest: the ends, the
 * errors, and what the other side does not take at once, by which whoever sends is held up.
 *
 * Order holds because a stream that has anything of its own gets what comes next as well.
 * @module
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { prepareWrites, writeNow } from '../../device/linux/socket-write.ts';
import type { Connection } from '../../index.ts';
import { HostReads, type Piece, Took } from './host-reads.ts';

/** Shorter text is gathered by the stack, many segments to a buffer: a call for each would cost more. */
export const LARGE = 8192;

/** The stack's connection below `socket`, if that is one of a stack's. */
export function connectionOf(socket: object): Connection | undefined {
  const { connection } = socket as { connection?: Partial<Connection> };
  const isOurs = typeof connection?.writeCopy === 'function' && connection.handler !== undefined;
  return isOurs ? (connection as Connection) : undefined;
}

/** Write what there is room for; how much that is. What lies in `piece` stays there, and holds it, until it is released. */
export function writeText(
  connection: Connection,
  bytes: Uint8Array,
  at: number,
  length: number,
  piece: Piece | undefined,
): number {
  if (piece === undefined) return connection.writeCopy(bytes, at, length);
  piece.hold();
  const taken = connection.write(bytes, at, length, piece);
  if (taken === 0) piece.letGo();
  return taken;
}

/** What a send buffer had no room for, and reading has stopped for: from `at` to `end`, in a piece that it holds, or its own. */
export class Rest {
  readonly #bytes: Uint8Array;
  readonly #piece: Piece | undefined;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, piece: Piece | undefined, at: number, end: number) {
    this.#bytes = bytes;
    this.#piece = piece;
    this.#at = at;
    this.#end = end;
  }

  /** Write what there is room for now; whether that is all. */
  goOn(connection: Connection): boolean {
    const left = this.#end - this.#at;
    this.#at += writeText(connection, this.#bytes, this.#at, left, this.#piece);
    return this.#at === this.#end;
  }

  /** It is written, or nobody wants it any more. */
  forget(): void {
    this.#piece?.letGo();
  }
}

/** Take the short way from `from` to `to` where there is one. Both are relayed as streams besides. */
export function shorten(from: Duplex, to: Duplex): void {
  const source = connectionOf(from);
  const target = connectionOf(to);
  if (source !== undefined && to instanceof Socket && target === undefined) {
    carryOut(from as Socket, source, to);
  } else if (target !== undefined && source === undefined) carryIn(from, to, target);
}

/** Of text that has come to the stack. */
function carryOut(from: Socket, connection: Connection, to: Socket): void {
  prepareWrites();
  const { handler } = connection;
  let passed = 0; // by this way
  connection.handler = {
    ...handler,
    data: (same, bytes, at, length) => {
      // What was handed over and has not come to the stream's reader: it would be overtaken.
      const isBehind = same.bytesRead - passed - from.bytesRead > length;
      if (length < LARGE || isBehind || from.readableLength > 0 || from.isPaused()) {
        handler.data?.(same, bytes, at, length);
        return;
      }
      passed += length;
      const taken = writeNow(to, bytes, at, length);
      if (taken === length || !to.writable) return;
      same.pause();
      const rest = Buffer.from(bytes.subarray(at + taken, at + length));
      to.write(rest, () => same.resume());
    },
  };
}

/** Of text that has come to this host. */
function carryIn(from: Duplex, to: Duplex, connection: Connection): void {
  const reads = HostReads.of(from);
  if (reads === undefined) return;
  const { handler } = connection;
  let rest: Rest | undefined;
  const forget = (): void => {
    rest?.forget();
    rest = undefined;
  };
  from.once('close', forget);
  connection.handler = {
    ...handler,
    // Only what is kept bears a token.
    release: (_, token) => (token as Piece).letGo(),
    writable: (same) => {
      if (rest !== undefined && !rest.goOn(same)) return;
      if (rest !== undefined) {
        forget();
        from.resume();
      }
      handler.writable?.(same);
    },
  };
  let filled = false;
  const end = (): void => {
    filled = false;
    if (!connection.closed) connection.setNoDelay(true);
  };
  reads.taker = (bytes, length, piece) => {
    if (to.writableLength > 0 || !to.writable || rest !== undefined) return Took.PASS;
    // There is more to come at once: the end of this is no segment of its own.
    if (length === bytes.length && !filled) {
      filled = true;
      connection.setNoDelay(false);
      setImmediate(end);
    }
    const taken = writeText(connection, bytes, 0, length, piece);
    if (piece !== undefined) {
      // Held by what is not written yet, besides by what is and was not acknowledged.
      if (taken === length) piece.letGo();
      else rest = new Rest(bytes, piece, taken, length);
      return taken === length ? Took.KEPT : Took.KEPT | Took.ENOUGH;
    }
    if (taken === length) return Took.ALL;
    to.write(Buffer.from(bytes.subarray(taken, length)), (error) => {
      if (!error) from.resume();
    });
    return Took.ENOUGH;
  };
}
