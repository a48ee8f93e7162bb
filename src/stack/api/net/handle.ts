/**
 * What stands where Node keeps a socket's handle. The engines of Node that take a connection over, TLS and
 * HTTP/2, are native code: they read, write and end the handle of a socket, and see to all else (addresses,
 * Nagle, keep-alive, ref) on the socket itself. Ours has the handle that Node gives to streams which have no
 * descriptor, a `JSStream`, so that to those engines it is a socket like the kernel's.
 *
 * What comes goes to whoever listens to the handle last; while nobody has taken it over that is the socket.
 *
 * Node documentation: "new tls.TLSSocket(socket[, options])", "http2.connect()", `createConnection`. What a
 * handle has is not documented; it has been the same from Node 20 on. Where it should not be there, sockets
 * have no handle, and the engines take them as streams.
 * @module
 */
import { Duplex } from 'node:stream';
import { nextRound } from '../../host/clock.ts';
import { errnoOf, type SystemError } from '../door/errors.ts';
import { catchUp, giveTo, keepOrder } from './order.ts';
import { spend } from './spent.ts';
import { FRAMES, RECORDS, Units } from './units.ts';

/** A request of an engine's: a write or a shutdown that it waits for. */
type Request = object;

/** Node's own class. Functions that it calls are looked for on the object. */
interface JSStream {
  /** Text for whoever listens; it is copied. */
  readBuffer(bytes: Uint8Array): void;
  /** The other side has ended. */
  emitEOF(): void;
  /** The error's negative number, or 0. */
  finishWrite(request: Request, status: number): void;
  finishShutdown(request: Request, status: number): void;
}

/** The socket, as its handle sees it. */
export interface HandleOwner extends Duplex {
  address(): object;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteFamily?: string | undefined;
  setNoDelay(on: boolean): unknown;
  setKeepAlive(on: boolean, milliseconds: number): unknown;
  ref(): unknown;
  unref(): unknown;
}

/** What the socket does for its handle. */
export interface Works {
  /** Read on. */
  start(): void;
  stop(): void;
  /** Text for the socket itself. */
  took(chunk: Buffer): void;
  /** The same for the end. */
  ended(): void;
  /** Why nothing can be written. */
  failure(): SystemError | undefined;
  /** How much of `chunk` can be sent without waiting. It is given away, and is to be `spend`'s in the end. */
  write(chunk: Uint8Array): number;
  /** What has to wait is copied, and its memory free when it is called back. */
  readonly copies: boolean;
}

/** A `JSStream`, and the key under which Node's own functions find the socket of a handle. */
interface Parts {
  readonly JSStream: new () => JSStream;
  readonly owner: symbol | undefined;
}

let parts: Parts | null | undefined;

/** True once the modules are loaded that could want a handle: to load them for it would take long. */
function isWanted(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  return moduleLoadList?.includes('NativeModule internal/js_stream_socket') ?? true;
}

/** Node hands the class to nobody: take it from what it makes of a stream that gets TLS. */
function findParts(): Parts | null {
  const tls = process.getBuiltinModule('node:tls');
  const secureContext = tls.createSecureContext({ ca: [] }); // or it would load all it trusts
  const secure = new tls.TLSSocket(new Duplex({ read() {} }), { secureContext });
  const native = (secure as { _handle?: { _parent?: object } })._handle?._parent;
  secure.destroy();
  const { readBuffer, finishWrite } = (native ?? {}) as Partial<JSStream>;
  if (!native || !readBuffer || !finishWrite) return null;
  const owner = Object.getOwnPropertySymbols(native).find(
    (key) => key.description === 'owner_symbol',
  );
  return { JSStream: native.constructor as new () => JSStream, owner };
}

/** What a write is told that failed for `error`. */
const statusOf = ({ errno = 0 }: NodeJS.ErrnoException): number =>
  errno < 0 ? errno : errnoOf('EPIPE');

/** The handle of one socket. */
export class SocketHandle {
  /** What the engines are given. */
  readonly native: object;
  readonly #stream: JSStream;
  readonly #socket: HandleOwner;
  #isTaken = false;
  #units: Units | undefined;
  /** What an engine waits for, and whether it is a shutdown. */
  readonly #waiting: Map<Request, boolean> = new Map();

  /** Made for those who ask for `socket._handle`; undefined if nobody could, or Node has no such thing. */
  static of(socket: HandleOwner, works: Works): SocketHandle | undefined {
    if (parts === undefined && isWanted()) parts = findParts();
    if (parts) keepOrder();
    return parts ? new SocketHandle(socket, works, parts) : undefined;
  }

  private constructor(socket: HandleOwner, works: Works, { JSStream, owner }: Parts) {
    this.#stream = new JSStream();
    this.#socket = socket;
    void socket.remoteAddress; // asked for once it is known for good: a failed handshake is told with it
    this.native = Object.assign(this.#stream, {
      reading: false,
      ...(owner && { [owner]: socket }),
      ...this.#input(works),
      ...this.#output(socket, works),
      ...settingsOf(socket),
    });
  }

  /**
   * An engine reads by it. Others only look for it, as Node's http does when it lets go of a socket: what comes
   * is the socket's then (64 messages of a WebSocket on their way: 178 to 364 thousand a second, 25 to 34 by the
   * handle).
   */
  get taken(): boolean {
    if (this.#isTaken) return true;
    const { _consumed: isHttps } = this.native as { _consumed?: boolean };
    this.#isTaken = isHttps === true || hasSession(this.#socket); // neither says that it begins
    return this.#isTaken;
  }

  /** Text from the network. What the engine tells of one unit in a tick comes before the next. */
  give(chunk: Buffer): void {
    this.#units ??= new Units(hasSession(this.#socket) ? FRAMES : RECORDS);
    for (let at = 0; at < chunk.length && !this.#socket.destroyed; ) {
      const end = this.#units.end(chunk, at);
      giveTo(() => this.#stream.readBuffer(chunk.subarray(at, end)));
      at = end;
      if (at < chunk.length) catchUp();
    }
  }

  /** The end from the network. */
  end(): void {
    this.#stream.emitEOF();
  }

  /** The socket is gone: whoever waits is told. */
  cancel(): void {
    for (const request of this.#waiting.keys()) this.#finish(request, errnoOf('ECANCELED'));
  }

  #input({ start, stop, took, ended }: Works): object {
    const begin = (): number => {
      start();
      return 0;
    };
    const take = (): number => {
      this.#isTaken = true;
      return begin();
    };
    const pause = (): number => {
      stop();
      return 0;
    };
    return {
      // The engines come by the first two, Node's http by the others.
      ...{ onreadstart: take, onreadstop: pause, readStart: begin, readStop: pause },
      onread: (bytes: ArrayBuffer | undefined) => {
        if (bytes === undefined) ended();
        else took(Buffer.from(bytes));
      },
    };
  }

  #output(socket: HandleOwner, works: Works): object {
    return {
      isClosing: () => socket.destroyed,
      onwrite: (request: Request, chunks: readonly Buffer[]) => {
        const done = this.#begin(request, false);
        const failure = works.failure();
        // To be told to the engine, which may care or not: it says good-bye to peers that have gone first.
        if (failure) done(failure);
        else if (!writeAll(socket, works, chunks, done)) {
          // As with the kernel's sockets: who destroys a session in this tick has its last words sent.
          if (hasSession(socket)) this.#finish(request, 0);
          else done(); // TLS cannot be told before it has returned
        }
        return 0;
      },
      onshutdown: (request: Request) => {
        const done = this.#begin(request, true);
        if (socket.writableEnded || socket.destroyed) done();
        else socket.end(done);
        return 0;
      },
      close: (done?: () => void) => {
        if (done) socket.once('close', done);
        socket.destroy();
      },
    };
  }

  /** Node must hear of it when it has returned from where it asked: in another round. */
  #begin(request: Request, isShutdown: boolean): (error?: Error | null) => void {
    this.#waiting.set(request, isShutdown);
    return (error) => {
      nextRound(() => this.#finish(request, error ? statusOf(error) : 0));
    };
  }

  #finish(request: Request, status: number): void {
    const isShutdown = this.#waiting.get(request);
    if (isShutdown === undefined) return; // it was cancelled
    this.#waiting.delete(request);
    if (isShutdown) this.#stream.finishShutdown(request, status);
    else this.#stream.finishWrite(request, status);
  }
}

/** False if all is sent; else `done` is called when it is. */
function writeAll(
  socket: Duplex,
  works: Works,
  chunks: readonly Buffer[],
  done: (error?: Error | null) => void,
): boolean {
  let i = 0;
  let sent = 0;
  for (; i < chunks.length; i++) {
    const chunk = chunks[i] as Buffer;
    sent = works.write(chunk);
    if (sent < chunk.length) break;
  }
  if (i === chunks.length) return false;
  const waiting = chunks.slice(i);
  const [cut] = waiting;
  if (cut && sent > 0) waiting[0] = Buffer.from(cut.subarray(sent)); // the whole is spent with its first part
  const called = (error?: Error | null): void => {
    if (works.copies) waiting.forEach(spend);
    done(error);
  };
  socket.cork();
  for (const chunk of waiting) {
    if (chunk === waiting.at(-1)) socket.write(chunk, called);
    else socket.write(chunk);
  }
  socket.uncork();
  return true;
}

/** True if a session of HTTP/2 has the socket, without TLS between. In Node 20 the key is undefined by mistake. */
const hasSession = (socket: object): boolean =>
  Object.hasOwn(socket, 'undefined') ||
  Object.getOwnPropertySymbols(socket).some(({ description }) => description === 'kBoundSession');

/** What Node asks of the connection by way of a handle that is put on this one. */
const settingsOf = (socket: HandleOwner): object => ({
  getsockname: (out: object) => {
    Object.assign(out, socket.address());
    return 0;
  },
  getpeername: (out: object) => {
    const { remoteAddress: address, remotePort: port, remoteFamily: family } = socket;
    Object.assign(out, { address, family, port });
    return 0;
  },
  ref: () => socket.ref(),
  unref: () => socket.unref(),
  setNoDelay: (on: boolean) => {
    socket.setNoDelay(on);
    return 0;
  },
  /** The delay is in seconds. */
  setKeepAlive: (on: boolean, delay: number) => {
    socket.setKeepAlive(on, delay * 1000);
    return 0;
  },
});
