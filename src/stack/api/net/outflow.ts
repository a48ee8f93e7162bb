/**
 * One write of a stream on its way into the send buffer: begun, perhaps cut short, gone on with when there
 * is room, and called back when all of it was taken. And the writes that come too early or too late.
 * @module
 */
import type { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Failure } from '../../base/failure.ts';
import { REAL_ZERO } from '../../base/real.ts';
import { passed } from '../../host/collector.ts';
import { coded, lostMemoryError } from '../door/errors.ts';
import type { Connection } from '../tcp/connection.ts';
import { makeScope } from './scope.ts';
import { bytesOf, type Chunks, encoded, gather, hasText, type Pieces, place } from './written.ts';

/** Of a write or of an end, as streams have it. */
export type Callback = (error?: Error | null) => void;

const EMPTY: Pieces = [];
/** Below it a copy costs less than to keep what is written. */
const SMALL = 4096;

export const closedError = (): Error => coded(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed');

export class Outflow {
  /** Bytes of all writes that were called back. */
  written: number = REAL_ZERO;
  /** Bytes of the one that was not. */
  begun: number = REAL_ZERO;
  /** What is written stays as it is until the peer has it: nothing is copied. */
  byReference = false;
  #chunks: Pieces = EMPTY;
  #index = 0;
  #at = 0;
  /** Bytes of it that are not taken, as they were when it began. */
  #left = 0;
  #done: Callback | undefined;
  /** The context of the call that waits. */
  #scope: AsyncResource | undefined;

  /** True while a write waits for room. */
  get waiting(): boolean {
    return this.#done !== undefined;
  }

  /**
   * Write `chunks`; `done` is called at once if all is taken, else in a context of its own, of which `cause`
   * is the socket's. One at a time. `taken`: bytes of the first of them that were before.
   */
  begin(
    connection: Connection,
    chunks: Chunks,
    done: Callback,
    cause?: AsyncResource,
    taken = 0,
  ): void {
    this.#done = done;
    this.#index = 0;
    this.#at = taken;
    if (chunks.some(({ chunk }) => typeof chunk !== 'string' && isGone(chunk))) {
      this.#take(encoded(chunks));
      this.#fail(connection);
    } else if (!hasText(chunks)) this.#take(chunks as Pieces);
    else if (!this.#isGathered(connection, chunks)) this.#take(encoded(chunks));
    this.go(connection);
    if (this.waiting) this.#scope = makeScope('WRITEWRAP', cause);
  }

  /** The same, once `socket` has a connection: `send` is to see to it. */
  await(socket: EventEmitter, chunks: Chunks, send: () => void, done: Callback): void {
    this.begun = bytesOf(chunks);
    onceConnected(socket, send, done);
  }

  /** The same of one piece, which mostly is taken whole: then nothing is left to the collector. */
  beginOne(
    connection: Connection,
    chunk: Uint8Array,
    done: Callback,
    cause: AsyncResource | undefined,
  ): void {
    const { length } = chunk;
    const taken = this.#give(connection, chunk, 0);
    if (taken < length || length === 0) this.begin(connection, [{ chunk }], done, cause, taken);
    else {
      this.written += length;
      passed(length);
      done();
    }
  }

  #take(pieces: Pieces): void {
    this.#chunks = pieces;
    this.begun = bytesOf(pieces);
    this.#left = this.begun - this.#at;
  }

  /** True if `chunks` are short: what was not taken of them at once is what is left. */
  #isGathered(connection: Connection, chunks: Chunks): boolean {
    const length = gather(chunks);
    if (length < 0) return false;
    const taken = connection.writeCopy(place, 0, length);
    this.begun = length;
    this.#left = length - taken;
    if (taken < length) this.#chunks = [{ chunk: Buffer.from(place.subarray(taken, length)) }];
    return true;
  }

  /** While none waits: how much of `chunk`, which is given away, is taken at once. A long one is its token too. */
  writeNow(connection: Connection, chunk: Uint8Array): number {
    const { length } = chunk;
    const taken =
      length < SMALL ? connection.writeCopy(chunk) : connection.write(chunk, 0, length, chunk);
    this.written += taken;
    return taken;
  }

  /** While none waits: how much of that is taken at once, by a copy. */
  copyNow(connection: Connection, bytes: Uint8Array, at: number, length: number): number {
    const taken = connection.writeCopy(bytes, at, length);
    this.written += taken;
    return taken;
  }

  /** There is room. */
  go(connection: Connection): void {
    if (!this.#done) return;
    if (this.#isCut()) {
      this.#fail(connection);
      return;
    }
    while (this.#index < this.#chunks.length) {
      const { chunk } = this.#chunks[this.#index] as { chunk: Uint8Array }; // below the length
      const taken = this.#give(connection, chunk, this.#at);
      this.#at += taken;
      this.#left -= taken;
      if (this.#at < chunk.length) return;
      this.#index++;
      this.#at = 0;
    }
    this.#finish();
  }

  #give(connection: Connection, chunk: Uint8Array, at: number): number {
    const isLent = this.byReference && chunk.length >= SMALL;
    return isLent ? connection.write(chunk, at) : connection.writeCopy(chunk, at);
  }

  /** The connection is gone: whoever waits is called back, with what `errorOf` gives. */
  cancel(errorOf: () => Error): void {
    if (this.#done) this.#finish(errorOf());
  }

  /** True if some of what waits is no longer there: its owner has transferred it away, or made it smaller. */
  #isCut(): boolean {
    let left = -this.#at;
    for (let i = this.#index; i < this.#chunks.length; i++) {
      left += this.#chunks[i]?.chunk.length ?? 0; // below the length
    }
    return left !== this.#left;
  }

  /** The stream has a hole: the peer must not take what comes for all of it. */
  #fail(connection: Connection): void {
    connection.fail(Failure.FAULT);
    this.#finish(lostMemoryError());
  }

  #finish(error?: Error): void {
    const done = this.#done as Callback; // both callers looked
    this.written += this.begun;
    passed(this.begun);
    this.begun = 0;
    this.#chunks = EMPTY;
    const scope = this.#scope;
    this.#done = this.#scope = undefined;
    if (scope) scope.runInAsyncScope(done, undefined, error);
    else done(error);
  }
}

/** True for an array whose memory was transferred away before its turn came. An empty one has some. */
function isGone(chunk: Uint8Array): boolean {
  if (chunk.length > 0) return false;
  try {
    void new Uint8Array(chunk.buffer); // Node 20 has no `detached`
    return false;
  } catch {
    return true;
  }
}

/** A write that comes before there is a connection waits for it, or fails with its socket. */
function onceConnected(socket: EventEmitter, send: () => void, failed: Callback): void {
  const onConnect = (): void => {
    socket.off('close', onClose);
    send();
  };
  const onClose = (): void => {
    socket.off('connect', onConnect);
    const message = 'Socket closed before the connection was established';
    failed(coded(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', message));
  };
  socket.once('connect', onConnect);
  socket.once('close', onClose);
}

/** Node's kinder "write after end", for a socket that has ended because the peer did. */
export function refuseWrite(
  socket: Duplex,
  encoding: BufferEncoding | Callback | undefined,
  done: Callback | undefined,
): boolean {
  const callback = typeof encoding === 'function' ? encoding : done;
  const message = 'This socket has been ended by the other party';
  const error = Object.assign(new Error(message), { code: 'EPIPE' });
  if (typeof callback === 'function') process.nextTick(callback, error);
  socket.destroy(error);
  return false;
}
