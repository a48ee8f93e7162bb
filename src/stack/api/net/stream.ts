/**
 * A connection as a `stream.Duplex`: what `net.Socket` is once it is open.
 *
 * Back-pressure is exact both ways: when `push` says enough, reading stops and the peer's window closes; a write's
 * callback runs when the send buffer has taken all of it (by a copy, unless the user wants none: the caller's buffer
 * is free again). Listeners run in the asynchronous context of the call that opened the socket.
 *
 * Node documentation: "Class: net.Socket", the parts that are a stream.
 * @module
 */
import type { AsyncResource } from 'node:async_hooks';
import { Socket as NodeSocket } from 'node:net';
import { Duplex } from 'node:stream';
import { Failure } from '../../base/failure.ts';
import { plain, REAL_ZERO } from '../../base/real.ts';
import { nextRound } from '../../host/clock.ts';
import type { Host } from '../../host/host.ts';
import { Intake } from '../../host/inflow.ts';
import { coded, type SystemError, systemError } from '../door/errors.ts';
import type { Connection, ConnectionHandler } from '../tcp/connection.ts';
import { type HandleOwner, SocketHandle } from './handle.ts';
import { IdleTimer } from './idle.ts';
import { readOnRead, type UserBuffer, type Works } from './onread.ts';
import { type SocketOptions, type SocketServer, streamOptions } from './options.ts';
import { type Callback, closedError, Outflow, refuseWrite } from './outflow.ts';
import { flows, isDecoded, isHeard, isIdle, isUnheard, pipedInto } from './readers.ts';
import { spend } from './spent.ts';
import { bytesWaiting, type Chunks } from './written.ts';

/** Of what waits where it came no more is taken before that is told: bytes. A turn brings half. A pipe of less is no relay. */
const MOST_UNTOLD = 1024 * 1024;

/** What its classes share bears `_stack` before its name: programs put all other names on sockets. */
export class SocketStream extends Duplex {
  /** True from `connect` until the connection is open or has failed. */
  connecting = false;
  /** The server that accepted it, if one did. */
  server: SocketServer | null = null;
  _server: SocketServer | null = null;
  /** What Node calls the socket below a TLS socket: there is none below this. */
  readonly _parent: null = null;
  protected readonly _stackHost: Host;
  /** The callback interface below; undefined until it is open, and after its end. */
  protected _stackCarrier: Connection | undefined;
  /** From `connect` (or birth, if accepted) to `destroy`: while Node's socket has its handle. */
  protected _stackLive = false;
  protected readonly _stackIdle: IdleTimer;
  /** The context of what is told; made with the connection. */
  protected _stackScope: AsyncResource | undefined;
  readonly #intake: Intake = new Intake(this, this.#took);
  readonly #outflow: Outflow = new Outflow();
  readonly #userBuffer: UserBuffer | undefined;
  /** What Node's TLS or HTTP/2 has of the socket; undefined until one asks. */
  #handle: SocketHandle | undefined;
  #reading = false;
  /** All was read: nobody looks any more. */
  #atEnd = false;
  #peerEnded = false;
  protected _stackResetting = false;
  /** What Node would meet at its next read: the connection is gone, and nobody has looked. */
  #unseen: SystemError | undefined;
  /** Why the connection is gone, told or not. */
  #cause: SystemError | undefined;
  /** Bytes that have come and wait among the events. */
  #untold = 0;
  #bytesRead: number = REAL_ZERO;

  constructor(host: Host, options: SocketOptions) {
    super(streamOptions(options));
    this._stackHost = host;
    this._stackIdle = new IdleTimer(host.clock, () => this.emit('timeout'));
    this.#outflow.byReference = options.zeroCopy === true;
    this.#userBuffer = readOnRead(options.onread, this, () => this.#fillWorks());
    this.on('end', () => {
      this.#peerEnded = !this.allowHalfOpen;
    });
  }

  /** Bytes received. */
  get bytesRead(): number {
    // On the prototype there is nothing, as there; it must not throw at whoever looks through it.
    return #bytesRead in this ? plain(this.#bytesRead) : (undefined as unknown as number);
  }

  /** Bytes written, what still waits in the stream included. */
  get bytesWritten(): number {
    if (!(#outflow in this)) return undefined as unknown as number;
    return plain(this.#outflow.written + bytesWaiting(this, this.#outflow.begun));
  }

  /** True until there is a connection: `connect` was not called, or has not come to its end. */
  get pending(): boolean {
    return !this._stackLive || this.connecting;
  }

  /** For Node's TLS and HTTP/2, see `handle.ts`: there while the socket is open or connects, as Node's is. */
  get _handle(): object | null | undefined {
    if (!this._stackLive) return null;
    const { parser } = this as { parser?: unknown };
    if (!this.#handle && parser) return undefined; // Node's http, which is a reader like any other
    this.#handle ??= SocketHandle.of(this as Duplex as HandleOwner, {
      copies: !this.#outflow.byReference,
      start: () => this._read(0),
      stop: () => this.#stopReading(),
      took: (chunk) => this.#keep(chunk),
      ended: () => this.#pushEnd(),
      failure: () => this.#noWrite(),
      write: (chunk) => this.#writeNow(chunk),
    });
    return this.#handle?.native;
  }

  /** `child.send(socket)` takes it off, to hand it to another process. */
  set _handle(_: unknown) {
    throw coded(TypeError, 'ERR_INVALID_HANDLE_TYPE', 'This handle type cannot be sent');
  }

  protected _stackInScope<T>(then: (value: T) => void, value: T): void {
    if (this._stackScope) this._stackScope.runInAsyncScope(then, this, value);
    else then.call(this, value);
  }

  /** Let `then` be called in its turn, after what has happened before. */
  protected _stackTell<T>(then: (this: this, value: T) => void, value: T): void {
    this._stackHost.inflow.settle(this.#intake);
    this._stackHost.events.add(this, then, value, undefined);
  }

  /** Be as new: a socket may be connected again after its end. */
  protected _stackRevive(): void {
    if (this._stackLive && !this.destroyed) return;
    // Streams keep this for net.Socket, and this one is as good.
    (this as unknown as { _undestroy(): void })._undestroy();
    this._stackLive = true;
    this.#peerEnded = this.#atEnd = this.#reading = false;
    this.#unseen = this.#cause = this._stackCarrier = undefined;
    this.#untold = this.#bytesRead = this.#outflow.written = this.#outflow.begun = 0;
  }

  /** From now on this is the socket of `connection`. */
  protected _stackAdopt(connection: Connection): void {
    this._stackCarrier = connection;
    connection.context = this;
    connection.handler = SocketStream.#handler;
  }

  /** Take the first text, unless nobody wants any. */
  protected _stackBeginReading(): void {
    if (this.destroyed) return;
    if (!this.isPaused()) this.read(0);
    if (!this.#reading) this.#stopReading();
  }

  // What the connection tells; one handler serves all sockets.

  static readonly #handler: ConnectionHandler = {
    data: ({ context }, bytes, at, length) => (context as SocketStream).#data(bytes, at, length),
    end: ({ context }) => (context as SocketStream).#end(),
    writable: ({ context }) => (context as SocketStream).#writable(),
    release: (_, chunk) => spend(chunk as Uint8Array), // only `writeNow` has tokens
    close: ({ context }, error) => (context as SocketStream).#closed(error),
  };

  #data(bytes: Uint8Array, at: number, length: number): void {
    const ownBuffer = this.#userBuffer !== undefined || this.#handle?.taken === true;
    const waits = ownBuffer || this.#untold > 0 || !flows(this);
    const passed = waits ? 0 : this.#pass(bytes, at, length);
    if (passed === length) return;
    this.#untold += length - passed;
    this.#intake.lent = ownBuffer || isDecoded(this);
    this._stackHost.inflow.add(this.#intake, bytes, at + passed, length - passed);
    if (this.#untold >= MOST_UNTOLD && !this.#userBuffer) this._stackCarrier?.pause();
  }

  /** How much needs no buffer: all that nobody hears, and what goes at once where it is piped into a socket. */
  #pass(bytes: Uint8Array, at: number, length: number): number {
    const to = pipedInto(this);
    const unheard = isUnheard(this) ? length : 0;
    const passed = to instanceof SocketStream ? to.#takePiped(this, bytes, at, length) : unheard;
    if (passed > 0) this._stackIdle.touch();
    this.#bytesRead += passed;
    return passed;
  }

  #takePiped(from: SocketStream, bytes: Uint8Array, at: number, length: number): number {
    if (this.connecting || !this._stackCarrier || !isIdle(this, write)) return 0;
    if (from.#bytesRead >= MOST_UNTOLD) from._stackCarrier?.relay(this._stackCarrier);
    this._stackIdle.touch();
    return this.#outflow.copyNow(this._stackCarrier, bytes, at, length);
  }

  #took(chunk: Buffer): void {
    this.#untold -= chunk.length;
    if (this.destroyed) return;
    if (this.#untold === 0 && this.#reading && !this.#userBuffer) this._stackCarrier?.goOn();
    if (this.#userBuffer && !this.#handle?.taken) {
      this.#userBuffer.take(chunk);
      return;
    }
    this.#bytesRead += chunk.length;
    this._stackIdle.touch();
    this._stackInScope(this.#give, chunk);
  }

  #fillWorks(): Works {
    return {
      wants: () => this.#reading && !this.destroyed,
      told: (length, call) => {
        this.#bytesRead += length;
        this._stackIdle.touch();
        this._stackInScope(call, undefined);
      },
      stop: () => this.#stopReading(),
      later: () => {
        this._stackCarrier?.pause();
        this._stackTell(() => this.#userBuffer?.fill(), undefined);
      },
      spent: (chunk) => this._stackHost.inflow.spares.give(chunk),
      emptied: () => this._stackCarrier?.resume(),
    };
  }

  #give(chunk: Buffer): void {
    // What was read before is for the engine too, which takes it in its next tick.
    const isCopied = this.#handle?.taken === true && this.readableLength === 0;
    const isSpent = isCopied || isDecoded(this);
    if (isCopied) this.#handle?.give(chunk);
    else this.#keep(chunk);
    if (isSpent) this._stackHost.inflow.spares.give(chunk);
  }

  #keep(chunk: Buffer): void {
    if (isHeard(this, _read)) this.emit('data', chunk);
    else if (!this.destroyed && !this.push(chunk)) this.#stopReading();
  }

  #end(): void {
    this._stackTell(this.#ended, undefined);
  }

  #ended(): void {
    if (this.destroyed || this.#userBuffer?.waits(() => this.#ended())) return;
    this._stackInScope(this.#finishReading, undefined);
  }

  #finishReading(): void {
    this.#atEnd = true;
    this.#reading = false;
    this.#settle();
    if (this.#handle?.taken) this.#handle.end();
    else this.#pushEnd();
  }

  #pushEnd(): void {
    if (this.destroyed) return;
    this.push(null);
    this.read(0);
  }

  #writable(): void {
    this._stackTell(this.#writeOn, undefined);
  }

  #writeOn(): void {
    const carrier = this._stackCarrier;
    if (!carrier || this.destroyed) return;
    this._stackIdle.touch();
    this.#outflow.go(carrier);
    this.#settle();
  }

  #closed(error: SystemError | undefined): void {
    this.#cause = error;
    this._stackTell(this.#gone, error);
  }

  #gone(error: SystemError | undefined): void {
    if (this.destroyed || this.#userBuffer?.waits(() => this.#gone(error))) return;
    if (!error) {
      // In order, unless the whole stack was closed: then there is nothing to wait for.
      const isClosed = this._stackCarrier?.failure === Failure.CLOSED;
      if (isClosed) this._stackInScope(this.destroy, undefined);
    } else if (this.#reading) this._stackInScope(this.destroy, error);
    else if (this.#outflow.waiting) this.#outflow.cancel(() => this.#writeError(error));
    else this.#unseen = error; // a write that fails has destroyed the stream
  }

  /** What a write meets: after the peer's end a reset is a broken pipe, as Linux has it. */
  #writeError({ code }: { code: string } = { code: 'EPIPE' }): SystemError {
    return systemError(this.#atEnd && code === 'ECONNRESET' ? 'EPIPE' : code, 'write');
  }

  // The readable side.

  override _read(size: number): void {
    if (this.connecting || !this._stackLive) this.once('connect', () => this._read(size));
    else this.#startReading();
  }

  #startReading(): void {
    if (this.#reading || !this._stackCarrier) return;
    this.#reading = !this.#atEnd;
    this.#settle();
    const error = this.#unseen;
    if (error) process.nextTick(() => this.destroy(error));
    else if (!this.#userBuffer?.goOn()) this._stackCarrier.resume();
  }

  #stopReading(): void {
    this.#reading = false;
    if (this.destroyed) return;
    this._stackCarrier?.pause();
    this.#settle();
  }

  /** A socket that neither reads nor waits for room to write keeps no process, as in Node. */
  #settle(): void {
    if (this._stackCarrier) this._stackCarrier.idle = !this.#reading && !this.#outflow.waiting;
  }

  // With `onread` nothing is ever pushed, so the stream's own calls of `_read` do not come.

  override read(size?: number): unknown {
    if (this.#userBuffer && !this.pending) this.#startReading();
    return super.read(size);
  }

  override pause(): this {
    if (this.#userBuffer && this.#reading) this.#stopReading();
    return super.pause();
  }

  override resume(): this {
    if (this.#userBuffer && !this.pending) this.#startReading();
    return super.resume();
  }

  // The writable side.

  override write(chunk: unknown, callback?: Callback): boolean;
  override write(chunk: unknown, encoding?: BufferEncoding, callback?: Callback): boolean;
  override write(chunk: unknown, encoding?: BufferEncoding | Callback, done?: Callback): boolean {
    if (this.#peerEnded && this.writableEnded) return refuseWrite(this, encoding, done);
    return super.write(chunk, encoding as BufferEncoding, done as Callback);
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: Callback): void {
    const carrier = this._stackCarrier;
    const isOpen = !this.connecting && this._stackLive && carrier?.closed === false;
    if (typeof chunk === 'string' || !isOpen) this.#send([{ chunk, encoding }], done);
    else {
      this._stackIdle.touch();
      this.#outflow.beginOne(carrier, chunk, done, this._stackScope);
      if (this.#outflow.waiting) this.#settle();
    }
  }

  override _writev(chunks: Chunks, done: Callback): void {
    this.#send(chunks, done);
  }

  #send(chunks: Chunks, done: Callback): void {
    const carrier = this._stackCarrier;
    if (this.connecting) this.#outflow.await(this, chunks, () => this.#send(chunks, done), done);
    else if (!this._stackLive || !carrier) done(closedError());
    else if (carrier.closed) done(this.#writeError(this.#cause));
    else {
      this._stackIdle.touch();
      this.#outflow.begin(carrier, chunks, done, this._stackScope);
      if (this.#outflow.waiting) this.#settle();
    }
  }

  #noWrite(): SystemError | undefined {
    if (this._stackCarrier?.closed) return this.#writeError(this.#cause);
    return this.destroyed || this.writableEnded ? this.#writeError() : undefined;
  }

  #writeNow(chunk: Uint8Array): number {
    if (this.connecting || !this._stackCarrier || this.writableLength > 0) return 0;
    this._stackIdle.touch();
    return this.#outflow.writeNow(this._stackCarrier, chunk);
  }

  override _final(done: Callback): void {
    if (this.connecting) this.once('connect', () => this._final(done));
    else {
      this._stackCarrier?.end();
      queueMicrotask(done); // as the kernel's: who awaits `end` and destroys the socket sees no `finish`
    }
  }

  override _destroy(error: Error | null, done: Callback): void {
    const wasLive = this._stackLive;
    this.connecting = false;
    this._stackLive = false;
    this._stackIdle.stop();
    this._stackHost.inflow.discard(this.#intake);
    // What has come and was not read is lost, as what a kernel has not handed over: RFC 1122 §4.2.2.13.
    if (this._stackResetting || this.#untold > 0) this._stackCarrier?.abort();
    else this._stackCarrier?.close();
    this._stackResetting = false;
    done(error);
    if (wasLive) {
      nextRound(() => {
        this.#outflow.cancel(() => systemError('ECANCELED', 'write'));
        this.#handle?.cancel();
        this.#handle = undefined;
        this.emit('close', Boolean(error));
      });
    } else process.nextTick(() => this.emit('close'));
    this._server?._stackSocketGone();
  }
}

/** Whoever puts others in their place wants to see what is written, and when more is asked for. */
const { write, _read } = SocketStream.prototype;

// What is put on Node's own sockets is on ours, and who asks whether ours is one is told so. The constructor is a stream's.
Object.setPrototypeOf(SocketStream.prototype, NodeSocket.prototype);
