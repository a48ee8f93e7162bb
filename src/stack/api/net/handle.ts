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
import { errnoOf } from '../door/errors.ts';

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

/** What reading means to the socket. */
export interface Reads {
  start(): void;
  stop(): void;
  /** Text for the socket itself. */
  took(chunk: Buffer): void;
  /** The same for the end. */
  ended(): void;
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
const statusOf = (error: NodeJS.ErrnoException): number =>
  error.errno !== undefined && error.errno < 0 ? error.errno : errnoOf('EPIPE');

/** The handle of one socket. */
export class SocketHandle {
  /** What the engines are given. */
  readonly native: object;
  readonly #stream: JSStream;
  /** What an engine waits for, and whether it is a shutdown. */
  readonly #waiting: Map<Request, boolean> = new Map();

  /** Made for those who ask for `socket._handle`; undefined if nobody could, or Node has no such thing. */
  static of(socket: HandleOwner, reads: Reads): SocketHandle | undefined {
    if (parts === undefined && isWanted()) parts = findParts();
    return parts ? new SocketHandle(socket, reads, parts) : undefined;
  }

  private constructor(socket: HandleOwner, reads: Reads, { JSStream, owner }: Parts) {
    this.#stream = new JSStream();
    void socket.remoteAddress; // asked for once it is known for good: a failed handshake is told with it
    this.native = Object.assign(this.#stream, {
      reading: false,
      ...(owner && { [owner]: socket }),
      ...this.#input(reads),
      ...this.#output(socket),
      ...settingsOf(socket),
    });
  }

  /** Text from the network. */
  give(chunk: Uint8Array): void {
    this.#stream.readBuffer(chunk);
  }

  /** The end from the network. */
  end(): void {
    this.#stream.emitEOF();
  }

  /** The socket is gone: whoever waits is told. */
  cancel(): void {
    for (const request of this.#waiting.keys()) this.#finish(request, errnoOf('ECANCELED'));
  }

  #input({ start, stop, took, ended }: Reads): object {
    const begin = (): number => {
      start();
      return 0;
    };
    const pause = (): number => {
      stop();
      return 0;
    };
    return {
      // The engines come by the first two, Node's http by the others.
      ...{ onreadstart: begin, onreadstop: pause, readStart: begin, readStop: pause },
      onread: (bytes: ArrayBuffer | undefined) => {
        if (bytes === undefined) ended();
        else took(Buffer.from(bytes));
      },
    };
  }

  #output(socket: HandleOwner): object {
    return {
      isClosing: () => socket.destroyed,
      onwrite: (request: Request, chunks: readonly Buffer[]) => {
        const done = this.#begin(request, false);
        // After the end of what is written: an engine that says good-bye to a peer that has gone first.
        if (socket.writableEnded || socket.destroyed) done(new Error());
        else writeAll(socket, chunks, done);
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

function writeAll(
  socket: Duplex,
  chunks: readonly Buffer[],
  done: (error?: Error | null) => void,
): void {
  const last = chunks.length - 1;
  if (last < 0) {
    done();
    return;
  }
  socket.cork();
  chunks.forEach((chunk, i) => {
    if (i < last) socket.write(chunk);
    else socket.write(chunk, done);
  });
  socket.uncork();
}

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
