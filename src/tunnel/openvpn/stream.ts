/**
 * OpenVPN over TCP: each packet after its length in two bytes (openvpn(8), `--proto tcp`; socket.c, `stream_buf`).
 *
 * A connection is a place that datagrams come from and go to, so that what is above it knows only datagrams.
 * @module
 */
import type { Server, Socket } from 'node:net';
import { Endpoint } from '../endpoint.ts';
import type { DatagramTransport, TransportUser } from '../tunnel.ts';

const LENGTH = 2;
/** The longest packet: what two bytes can say. */
const LONGEST = 65_535;
/** Bytes that a connection may hold before what is sent is lost, and before the transport is full. */
const MOST_HELD = 4 << 20;
const MUCH_HELD = 1 << 20;

/** What is used of a `net.Socket`. */
export type StreamSocket = Pick<
  Socket,
  | 'on'
  | 'write'
  | 'cork'
  | 'uncork'
  | 'destroy'
  | 'ref'
  | 'unref'
  | 'writableLength'
  | 'remoteAddress'
  | 'remotePort'
> & { setNoDelay(on: boolean): unknown };

/** `node:net`, or a stack's. */
export interface NetMaker {
  connect(options: { readonly host: string; readonly port: number }): StreamSocket;
}

/** Cuts a stream into packets. */
export class Frames {
  #held: Uint8Array = new Uint8Array(0);

  /** Give each whole packet in what came to `take`; false if it is no stream of packets. */
  push(chunk: Uint8Array, take: (bytes: Uint8Array, at: number, length: number) => void): boolean {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    while (at + LENGTH <= bytes.length) {
      const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number); // within it
      if (length === 0) return false;
      if (at + LENGTH + length > bytes.length) break;
      take(bytes, at + LENGTH, length);
      at += LENGTH + length;
    }
    this.#held = at === bytes.length ? new Uint8Array(0) : new Uint8Array(bytes.subarray(at));
    return true;
  }
}

/** What both ends have in common: connections, and packets into and out of them. */
abstract class Streams implements DatagramTransport {
  bytes: Uint8Array = new Uint8Array(0);
  lost = 0;
  abstract readonly port: number;
  protected user: TransportUser | undefined;
  protected isClosed = false;
  readonly #corked = new Set<StreamSocket>();
  #wasFull = false;

  abstract get full(): boolean;
  protected abstract find(to: Endpoint): StreamSocket | undefined;
  abstract ref(): void;
  abstract unref(): void;
  abstract close(): Promise<void>;

  start(user: TransportUser): void {
    this.user = user;
  }

  reserve(length: number): number {
    if (length > LONGEST) {
      this.lost++;
      return -1;
    }
    // One of its own for each: the socket keeps it until it has gone.
    this.bytes = Buffer.allocUnsafeSlow(Math.max(LENGTH + length, 128));
    return LENGTH;
  }

  commit(length: number, to: Endpoint): void {
    const socket = this.find(to);
    if (socket === undefined || socket.writableLength >= MOST_HELD) {
      this.lost++;
      return;
    }
    this.bytes[0] = length >> 8;
    this.bytes[1] = length;
    if (!this.#corked.has(socket)) {
      this.#corked.add(socket);
      socket.cork();
    }
    socket.write(this.bytes.subarray(0, LENGTH + length));
  }

  flush(): void {
    for (const socket of this.#corked) socket.uncork();
    this.#corked.clear();
  }

  protected isFull(socket: StreamSocket | undefined): boolean {
    this.#wasFull = socket !== undefined && socket.writableLength >= MUCH_HELD;
    return this.#wasFull;
  }

  /** Hear a connection. `ended` is called once, when it is of no use any more. */
  protected hear(socket: StreamSocket, from: Endpoint, ended: (reason: string) => void): void {
    const frames = new Frames();
    let isOver = false;
    const end = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      this.#corked.delete(socket);
      socket.destroy();
      ended(reason);
    };
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      if (isOver || this.isClosed) return;
      const take = (bytes: Uint8Array, at: number, length: number): void =>
        this.user?.received(bytes, at, length, from);
      if (!frames.push(chunk, take)) end('what came is no stream of OpenVPN');
      this.user?.drained();
    });
    socket.on('drain', () => {
      if (!this.#wasFull || this.isClosed) return;
      this.#wasFull = false;
      this.user?.writable();
    });
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('the connection has ended'));
  }
}

/** A client's connection, made again for each attempt. */
export class StreamClient extends Streams {
  readonly port = 0;
  /** The connection is of no use any more, with the reason. */
  onEnd: (reason: string) => void = () => {};
  readonly #net: NetMaker;
  #socket: StreamSocket | undefined;
  #to: Endpoint | undefined;
  #isRef = true;

  constructor(net: NetMaker) {
    super();
    this.#net = net;
  }

  /** Leave the connection that is there, and make one to `to`. */
  dial(to: Endpoint): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    if (this.isClosed) return;
    const socket = this.#net.connect({ host: to.address, port: to.port });
    this.#socket = socket;
    this.#to = to;
    if (!this.#isRef) socket.unref();
    this.hear(socket, to, (reason) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (!this.isClosed) this.onEnd(reason);
    });
  }

  get full(): boolean {
    return this.isFull(this.#socket);
  }

  protected find(to: Endpoint): StreamSocket | undefined {
    return this.#to !== undefined && to.isSame(this.#to) ? this.#socket : undefined;
  }

  ref(): void {
    this.#isRef = true;
    this.#socket?.ref();
  }

  unref(): void {
    this.#isRef = false;
    this.#socket?.unref();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.flush();
    // What was said last may still leave.
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await new Promise((resolve) => setImmediate(resolve));
    socket?.destroy();
  }
}

/** A server's connections. */
export class StreamServer extends Streams {
  readonly port: number;
  /** A connection has ended. */
  onEnd: (from: Endpoint) => void = () => {};
  /** Whether who is there has a session; asked `window` ms after it came. */
  isKnown: (from: Endpoint) => boolean = () => true;
  readonly #server: Server;
  readonly #sockets = new Map<string, StreamSocket>();

  /** `server` listens. `most`: connections at once. */
  constructor(server: Server, port: number, most: number, window: number) {
    super();
    this.#server = server;
    this.port = port;
    server.on('connection', (socket) => {
      const { remoteAddress, remotePort } = socket;
      if (this.#sockets.size >= most || remoteAddress === undefined || remotePort === undefined) {
        this.lost++;
        socket.destroy();
        return;
      }
      const from = new Endpoint(remoteAddress.replace(/^::ffff:(?=[\d.]+$)/i, ''), remotePort);
      const place = from.toString();
      this.#sockets.set(place, socket);
      const timer = setTimeout(() => {
        if (!this.isKnown(from)) socket.destroy();
      }, window);
      timer.unref();
      this.hear(socket, from, () => {
        clearTimeout(timer);
        this.#sockets.delete(place);
        if (!this.isClosed) this.onEnd(from);
      });
    });
  }

  /** End the connection to `to`, after what was sent. */
  hangUp(to: Endpoint): void {
    const socket = this.#sockets.get(to.toString());
    if (socket === undefined) return;
    this.flush();
    setImmediate(() => socket.destroy());
  }

  get full(): boolean {
    // One slow client must not stop the others: what it does not take is lost, as on any path.
    return false;
  }

  protected find(to: Endpoint): StreamSocket | undefined {
    return this.#sockets.get(to.toString());
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.flush();
    await new Promise((resolve) => setImmediate(resolve));
    for (const socket of this.#sockets.values()) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
