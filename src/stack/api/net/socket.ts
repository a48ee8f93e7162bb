/**
 * `net.Socket` on this stack: a connection as a stream, with Node's options, properties, methods,
 * events and their order.
 *
 * Node documentation: "Class: net.Socket".
 * @module
 */

import type { AsyncResource } from 'node:async_hooks';
import type {
  AddressInfo,
  Socket as NodeSocket,
  SocketConnectOpts,
  SocketReadyState,
} from 'node:net';
import { addAbortSignal } from 'node:stream';
import type { Host } from '../../host/host.ts';
import type { TcpInfo } from '../../tcp/info.ts';
import { checkFunction, checkInteger, checkMilliseconds } from '../door/checks.ts';
import { connectError, missingError, type SystemError } from '../door/errors.ts';
import type { Connection } from '../tcp/connection.ts';
import { Dial, readTarget, type Target } from './connect.ts';
import {
  asWritten,
  type ConnectOptions,
  type KeepAliveOptions,
  readCall,
  readSocketOptions,
  refuseKernelObjects,
  type SocketOptions,
  type TcpOptions,
} from './options.ts';
import { closedError } from './outflow.ts';
import { notePipe } from './readers.ts';
import { makeAcceptedScope, makeScope } from './scope.ts';
import { SocketStream } from './stream.ts';

/** A connection that a server has accepted, to make a socket of. */
export interface Accepted {
  readonly connection: Connection;
  /** The context of the server, which is the cause of the socket's. */
  readonly scope?: AsyncResource | undefined;
  /** Read nothing until told to. */
  readonly pause: boolean;
}

/** A connection as a stream. Node documentation: "Class: net.Socket". */
export class Socket extends SocketStream implements NodeSocket {
  /** The `address:port` of each attempt at a name that has several addresses. */
  declare autoSelectFamilyAttemptedAddresses: string[];
  /** As `setTimeout` was told, in milliseconds. */
  declare readonly timeout?: number;
  /** Dotted decimal. These stand on the prototype, below: undefined while there is no connection. */
  declare readonly localAddress?: string;
  /** 1 to 65535. */
  declare readonly localPort?: number;
  /** `IPv4` or `IPv6`. */
  declare readonly localFamily?: string;
  /** Bytes that wait to be written. Deprecated by Node for `writableLength`. */
  declare readonly bufferSize: number;
  readonly #blockList: SocketOptions['blockList'];
  #dial: Dial | undefined;
  #connectScope: AsyncResource | undefined;
  #noDelay: boolean;
  #keepAlive: boolean;
  #keepAliveIdle: number;
  #keepAliveInterval = 0;
  #keepAliveCount = 0;
  #typeOfService = 0;
  #referenced = true;
  #peer: AddressInfo | undefined;

  /** As `new net.Socket(options)`; `accepted` is for servers. */
  constructor(host: Host, given?: SocketOptions, accepted?: Accepted) {
    const options = readSocketOptions(given);
    super(host, options);
    this.#blockList = options.blockList;
    this.#noDelay = Boolean(options.noDelay);
    this.#keepAlive = Boolean(options.keepAlive);
    this.#keepAliveIdle = Math.max(0, options.keepAliveInitialDelay ?? 0);
    this.#typeOfService = options.typeOfService ?? 0;
    if (options.signal) addAbortSignal(options.signal, this);
    if (!accepted) return;
    this._stackLive = true;
    this._stackScope = makeAcceptedScope(accepted.scope);
    this._stackAdopt(accepted.connection);
    if (accepted.pause) this.pause();
    this._stackBeginReading();
  }

  /** (options[, cb]), (port[, host][, cb]). A bad argument throws; all else is an `error` event. */
  connect(options: SocketConnectOpts & TcpOptions, connectionListener?: () => void): this;
  connect(port: number, host: string, connectionListener?: () => void): this;
  connect(port: number, connectionListener?: () => void): this;
  connect(path: string, connectionListener?: () => void): this;
  connect(...args: unknown[]): this {
    const { options, callback } = readCall<ConnectOptions>(asWritten(args));
    if (callback) this.once('connect', callback);
    if (options.port === undefined && !options.path) throw missingError('options', 'port', 'path');
    refuseKernelObjects(options, ['path']);
    const target = readTarget(this._stackHost.core.ip, options);
    if (this.#dial) {
      process.nextTick(() => this.destroy(this.#already(target)));
      return this;
    }
    this._stackRevive();
    this.connecting = true;
    this.#peer = undefined;
    this._stackIdle.touch();
    this._stackScope = makeScope('TCPWRAP');
    this.#connectScope = makeScope('TCPCONNECTWRAP', this._stackScope);
    this.#dial = this.#makeDial(target);
    this.#dial.start(this._stackHost.lookup);
    return this;
  }

  /** As connect(2) has it for a socket that is about to be connected. */
  #already({ host: address, port }: Target): SystemError {
    const local = this.#dial?.connection;
    const from = local && { address: local.localAddress, port: local.localPort };
    return connectError('EALREADY', { address, port }, from);
  }

  /** For those who put something on the socket before it connects: it is as if `connect` had begun. */
  _prepare(): this {
    this._stackRevive();
    this.connecting = true;
    return this;
  }

  #makeDial(target: Target): Dial {
    const { port, host } = target;
    return new Dial(this._stackHost, target, {
      several: (tried) => {
        this.autoSelectFamilyAttemptedAddresses = tried;
      },
      lookup: (error, address, family) => this.emit('lookup', error, address, family, host),
      attempt: (address, family) => this.#attempt(address, port, family),
      attemptFailed: (address, family, error) =>
        this.emit('connectionAttemptFailed', address, port, family, error),
      attemptTimeout: (address, family) =>
        this.emit('connectionAttemptTimeout', address, port, family),
      opened: (connection) => {
        this._stackAdopt(connection);
        this._stackTell(this.#opened, undefined);
      },
      failed: (error) => this.#connectScope?.runInAsyncScope(this.#failed, this, error),
    });
  }

  #attempt(address: string, port: number, family: number): void {
    if (this.#blockList?.check(address, family === 6 ? 'ipv6' : 'ipv4')) {
      const error = Object.assign(new Error(`IP(${address}) is blocked by net.BlockList`), {
        code: 'ERR_IP_BLOCKED',
      });
      this.destroy(error);
    } else this.emit('connectionAttempt', address, port, family);
  }

  protected override _stackAdopt(connection: Connection): void {
    this.#dial = undefined;
    super._stackAdopt(connection);
    if (this.#noDelay) connection.setNoDelay(true);
    if (this.#keepAlive) this.#applyKeepAlive();
    if (this.#typeOfService !== 0) connection.typeOfService = this.#typeOfService;
    if (!this.#referenced) connection.unref();
  }

  #opened(): void {
    if (!this.destroyed) this.#connectScope?.runInAsyncScope(this.#connected, this);
  }

  #connected(): void {
    this.connecting = false;
    this._stackIdle.touch();
    this.emit('connect');
    this.emit('ready');
    this._stackBeginReading();
  }

  #failed(error: Error | undefined): void {
    this.#dial = undefined;
    this.destroy(error);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#dial?.cancel();
    this.#dial = undefined;
    super._destroy(error, done);
  }

  // Options.

  /** Destroy the socket once the stack has taken all that was written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  /** Emit `timeout` after `milliseconds` without anything read or written; 0: never. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this;
    (this as { timeout?: number }).timeout = milliseconds;
    const length = checkMilliseconds(milliseconds, 'msecs');
    this._stackIdle.set(length);
    if (callback === undefined) return this;
    checkFunction(callback, 'callback');
    if (length === 0) this.removeListener('timeout', callback);
    else this.once('timeout', callback);
    return this;
  }

  /** Send small segments at once instead of waiting for more text (no Nagle algorithm). */
  setNoDelay(noDelay = true): this {
    this.#noDelay = Boolean(noDelay);
    this._stackCarrier?.setNoDelay(this.#noDelay);
    return this;
  }

  /**
   * Probe the peer when nothing was heard for `initialDelay` ms, then each `interval` ms, at most
   * `count` times. 0 leaves a time as it is; parts of a second are dropped, as Node drops them.
   */
  setKeepAlive(options: KeepAliveOptions): this;
  setKeepAlive(enable?: boolean, initialDelay?: number, interval?: number, count?: number): this;
  setKeepAlive(
    first: boolean | KeepAliveOptions = false,
    initialDelay = 0,
    interval = 0,
    count = 0,
  ): this {
    const options =
      typeof first === 'object'
        ? { initialDelay: 0, interval: 0, count: 0, ...first }
        : { enable: first, initialDelay, interval, count };
    this.#keepAlive = Boolean(options.enable);
    this.#keepAliveIdle = options.initialDelay ?? 0;
    this.#keepAliveInterval = options.interval ?? 0;
    this.#keepAliveCount = options.count ?? 0;
    this.#applyKeepAlive();
    return this;
  }

  #applyKeepAlive(): void {
    const seconds = (milliseconds: number): number => ~~(milliseconds / 1000) * 1000;
    const idle = seconds(this.#keepAliveIdle);
    const interval = seconds(this.#keepAliveInterval);
    this._stackCarrier?.setKeepAlive(this.#keepAlive, idle, interval, this.#keepAliveCount);
  }

  /** The traffic class of what is sent, 0 to 255: DSCP in the upper six bits. */
  setTypeOfService(tos: number): this {
    checkInteger(tos, 'tos', 0, 255);
    this.#typeOfService = tos;
    if (this._stackCarrier) this._stackCarrier.typeOfService = tos;
    return this;
  }

  /** The traffic class of what is sent. */
  getTypeOfService(): number {
    return this._stackCarrier?.typeOfService ?? this.#typeOfService;
  }

  /** The process stays alive while the socket is open; the default. */
  ref(): this {
    this.#referenced = true;
    this._stackCarrier?.ref();
    return this;
  }

  /** The process may end while the socket is open. */
  unref(): this {
    this.#referenced = false;
    this._stackCarrier?.unref();
    return this;
  }

  /** What comes goes into `to`: between sockets of one stack by no buffer, and no faster than that has room. */
  override pipe<T extends NodeJS.WritableStream>(to: T, options?: { end?: boolean }): T {
    const before = this.listenerCount('data');
    super.pipe(to, options);
    notePipe(this, before);
    return to;
  }

  /** What comes goes into `to` no longer, or into nothing; text that waited for room there is asked for again. */
  override unpipe(to?: NodeJS.WritableStream): this {
    this._stackCarrier?.relay(undefined);
    return super.unpipe(to);
  }

  // Who reads beside a `pipe`, or in place of one, asks for text whatever room there is where that goes.
  static {
    for (const name of ['on', 'addListener', 'removeAllListeners'] as const) {
      const plain = SocketStream.prototype[name] as (...given: unknown[]) => unknown;
      const value = function (this: Socket, ...given: unknown[]): unknown {
        const [event] = given;
        const isReading = event === undefined || event === 'data' || event === 'readable';
        if (isReading) this._stackCarrier?.relay(undefined);
        return plain.apply(this, given);
      };
      Object.defineProperty(Socket.prototype, name, { value, writable: true, configurable: true });
    }
  }

  // Properties.

  /** The callback interface below: its `info`, its state. Undefined while there is no connection. */
  get connection(): Connection | undefined {
    return this._stackLive ? this._stackCarrier : undefined;
  }

  /** On Node's sockets there is none, and a program may put one there. */
  set connection(value: unknown) {
    const own = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(this, 'connection', own);
  }

  /** What Linux's `tcp_info` holds, as it is now; undefined while there is no connection. */
  info(): TcpInfo | undefined {
    return this._stackLive ? this._stackCarrier?.info() : undefined;
  }

  /** `opening`, `open`, `readOnly`, `writeOnly` or `closed`. */
  get readyState(): SocketReadyState {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** The address and port of this end; empty while there is no connection. */
  address(): AddressInfo | Record<string, never> {
    const connection = this._stackLive ? (this._stackCarrier ?? this.#dial?.connection) : undefined;
    if (!connection) return {};
    const { localAddress: address, localPort: port, family } = connection;
    return { address, family, port };
  }

  static #remote(socket: Socket): Partial<AddressInfo> {
    return #peer in socket ? socket.#remoteOf() : {};
  }

  #remoteOf(): Partial<AddressInfo> {
    const connection = this._stackLive ? this._stackCarrier : undefined;
    if (connection && !this.#peer) {
      const { remoteAddress: address, remotePort: port, family } = connection;
      this.#peer = { address, family, port };
    }
    return this.#peer ?? {};
  }

  /** Dotted decimal, or as RFC 5952 has it. Once asked for it is known for good, as in Node. */
  get remoteAddress(): string | undefined {
    return Socket.#remote(this).address;
  }

  /** 1 to 65535. */
  get remotePort(): number | undefined {
    return Socket.#remote(this).port;
  }

  /** `IPv4`. */
  get remoteFamily(): string | undefined {
    return Socket.#remote(this).family;
  }

  /** Reset the connection (RST) whatever waits to be sent; once it is open, if it is not yet. */
  resetAndDestroy(): this {
    if (!this._stackLive) return this.destroy(closedError());
    if (this.connecting) this.once('connect', () => this.#reset());
    else this.#reset();
    return this;
  }

  #reset(): void {
    this._stackResetting = true;
    this.destroy();
  }
}

/** Node's own property that may be there or not: an accessor, but typed as an optional one. */
function property(name: string, get: (this: Socket) => unknown): void {
  Object.defineProperty(Socket.prototype, name, { get, enumerable: true, configurable: true });
}

const own = (socket: Socket): Partial<AddressInfo> => socket.address();
property('localAddress', function localAddress() {
  return own(this).address;
});
property('localPort', function localPort() {
  return own(this).port;
});
property('localFamily', function localFamily() {
  return own(this).family;
});
property('bufferSize', function bufferSize() {
  return this.pending && !this.connecting ? undefined : this.writableLength;
});
