/**
 * `net.Server` on this stack: a port, and a socket for every connection to it.
 *
 * Without a host it listens on `::`, which is all of the stack's addresses of both families, and on
 * `0.0.0.0` where the stack has none of IPv6: as Node does. The handshake's limits are the stack's: `backlog` bounds what is half open.
 *
 * Node documentation: "Class: net.Server", "server.listen()".
 * @module
 */
import type { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import {
  type AddressInfo,
  type DropArgument,
  isIP,
  type Server as NodeServer,
  type ServerOpts,
} from 'node:net';
import { getDefaultHighWaterMark } from 'node:stream';
import { isIPv6, isMulticast } from '../../base/address.ts';
import { failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { Settings } from '../../tcp/tcb/settings.ts';
import { checkPort, checkSignal } from '../door/checks.ts';
import { argValueError, type CodedError, coded, explainedError } from '../door/errors.ts';
import { checkSettings } from '../door/settings.ts';
import { allOf, speaksIPv6 } from '../door/spoken.ts';
import { lacksZone, readText } from '../door/text.ts';
import type { Connection, ConnectionHandler } from '../tcp/connection.ts';
import { type Listener, openListener } from '../tcp/listener.ts';
import { tellListenFailed, tellListening, tellListens, tellServerSocket } from './channels.ts';
import {
  readBacklog,
  readCall,
  readServerArguments,
  refuseKernelObjects,
  type ServerListenOptions,
  type SocketOptions,
} from './options.ts';
import { makeScope } from './scope.ts';
import type { Accepted, Socket } from './socket.ts';

/** As Node: what `listen` asks for if it is not told. */
const BACKLOG = 511;
const EMPTY: ConnectionHandler = {};

/** What only the kernel can listen on. */
interface KernelOptions {
  readonly handle?: unknown;
  readonly _handle?: unknown;
  readonly fd?: number | undefined;
}

/** What a `listen` asked for, checked. */
interface Wanted {
  readonly port: number;
  readonly backlog: number;
  readonly ipv6Only: boolean;
  readonly settings: Partial<Settings> | undefined;
}

/** How a server makes its sockets: of the class that its stack's `net.Socket` is. */
export type SocketMaker = (options: SocketOptions, accepted: Accepted) => Socket;

/** A port, and a socket for every connection to it. Node documentation: "Class: net.Server". */
export class Server extends EventEmitter implements NodeServer {
  /** Its sockets are not ended when their peers end. */
  allowHalfOpen: boolean;
  /** Its sockets read nothing until `resume`. */
  pauseOnConnect: boolean;
  /** Its sockets send small segments at once. */
  noDelay: boolean;
  /** Its sockets probe a peer of which nothing is heard. */
  keepAlive: boolean;
  /** In milliseconds. */
  keepAliveInitialDelay: number;
  /** Of its sockets' buffers, in bytes; the stream's own unless told. */
  highWaterMark: number;
  /** Most sockets at once; more are closed, and told as `drop`. Undefined: any number. */
  declare maxConnections: number;
  /** What the cluster module of Node calls where it listens: family, address and port, as they were asked for. */
  _connectionKey?: string;
  /** Close what is over `maxConnections`; the only choice here, as there is no cluster. */
  dropMaxConnection = true;
  readonly #host: Host;
  readonly #makeSocket: SocketMaker;
  readonly #blockList: ServerOpts['blockList'];
  #listener: Listener | undefined;
  /** It was told an address of IPv4 in its mapped form, and sees all so. RFC 3493 §3.7. */
  #isMapped = false;
  /** The context of what it tells of connections: that of `listen`. */
  #scope: AsyncResource | undefined;
  #connections = 0;
  #referenced = true;
  /** Counts calls of `listen` and `close`, so that a lookup that comes too late is seen. */
  #turn = 0;

  /** As `new net.Server([options][, connectionListener])`. */
  constructor(host: Host, makeSocket: SocketMaker, first?: unknown, second?: unknown) {
    super();
    const { options, listener } = readServerArguments(first, second);
    this.#host = host;
    this.#makeSocket = makeSocket;
    this.#blockList = options.blockList;
    this.allowHalfOpen = Boolean(options.allowHalfOpen);
    this.pauseOnConnect = Boolean(options.pauseOnConnect);
    this.noDelay = Boolean(options.noDelay);
    this.keepAlive = Boolean(options.keepAlive);
    this.keepAliveInitialDelay = Math.max(0, options.keepAliveInitialDelay ?? 0);
    const mark = options.highWaterMark ?? -1;
    this.highWaterMark = mark < 0 ? getDefaultHighWaterMark(false) : mark;
    if (listener) this.on('connection', listener);
  }

  /** True from a successful `listen` until `close`. */
  get listening(): boolean {
    return #listener in this && this.#listener !== undefined;
  }

  /** How many sockets are open. */
  get connections(): number {
    return this._connections;
  }

  get _connections(): number {
    // On the prototype there is nothing, as there; it must not throw at whoever looks through it.
    return #connections in this ? this.#connections : (undefined as unknown as number);
  }

  /** ([port][, host][, backlog][, cb]) or (options[, cb]). Failures to listen are `error` events. */
  listen(...args: unknown[]): this {
    const { options, callback } = readCall<ServerListenOptions>(args);
    if (this.#listener) {
      const message = 'Listen method has been called more than once without closing.';
      throw coded(Error, 'ERR_SERVER_ALREADY_LISTEN', message);
    }
    tellListening(this._stackOutside, options);
    if (callback) this.once('listening', callback);
    refuseKernelObjects(isThere(options), ['handle', '_handle', 'fd']);
    if (!hasPort(options)) refuseKernelObjects(options, ['path']);
    this.#closeOn(options.signal);
    const port = readPort(args, options);
    const settings = options.tcp && checkSettings(options.tcp, 'options.tcp');
    const backlog = options.backlog || readBacklog(args) || BACKLOG;
    const wanted = { port, backlog, ipv6Only: Boolean(options.ipv6Only), settings };
    const turn = ++this.#turn;
    if (!options.host) {
      this.#open(allOf(this.#host.core), wanted);
      return this;
    }
    if (isIP(options.host) === 6 && !speaksIPv6(this.#host.core)) {
      this.#failed('EAFNOSUPPORT', options.host, port);
      return this;
    }
    this.#host.lookup(options.host, {}, (error, found) => {
      if (turn !== this.#turn) return;
      if (error) this.emit('error', error);
      else this.#open(typeof found === 'string' ? found : (found[0]?.address ?? ''), wanted);
    });
    return this;
  }

  #closeOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    checkSignal(signal, 'options.signal');
    const close = (): void => {
      this.close();
    };
    if (signal.aborted) {
      process.nextTick(close);
      return;
    }
    signal.addEventListener('abort', close, { once: true });
    this.once('close', () => signal.removeEventListener('abort', close));
  }

  #open(host: string, { port, backlog, ipv6Only, settings }: Wanted): void {
    const address = readText(this.#host.core.ip, host);
    // A zone that is none of ours, or none where one is needed; and no connection is a group's (tcp(7) on Linux).
    const isGroup = address !== undefined && isIPv6(address) && isMulticast(address);
    if (address === undefined || lacksZone(address) || isGroup) {
      this.#failed('EINVAL', host, port);
      return;
    }
    const options = { address, ipv6Only, port, backlog, ...(settings && { settings }) };
    const listener = openListener(this.#host, options, (connection) => this.#accept(connection));
    if (typeof listener === 'number') {
      this.#failed(failureCode(listener), host, port);
      return;
    }
    this.#listener = listener;
    this.#isMapped = listener.family === 'IPv4' && isIP(host) === 6;
    this._connectionKey = `${isIP(host) || 4}:${host}:${port}`;
    this.#scope = makeScope('TCPSERVERWRAP');
    tellListens(this._stackOutside);
    this.#host.open.add(this);
    if (!this.#referenced) listener.unref();
    process.nextTick(() => {
      if (this.#listener === listener) this.emit('listening');
    });
  }

  #failed(code: string, address: string, port: number): void {
    const error = explainedError(code, 'listen', { address, port });
    tellListenFailed(this._stackOutside, error);
    process.nextTick(() => this.emit('error', error));
  }

  #accept(connection: Connection): ConnectionHandler {
    if (this.#isMapped || this.#listener?.family === 'IPv6') connection.seeMapped();
    const family = connection.family === 'IPv6' ? 'ipv6' : 'ipv4';
    if (this.#blockList?.check(connection.remoteAddress, family)) {
      connection.close();
      return EMPTY;
    }
    if (this.maxConnections !== undefined && this.#connections >= this.maxConnections) {
      connection.close();
      this.#host.events.add(this, this.#dropped, describe(connection), undefined);
      return EMPTY;
    }
    const options: SocketOptions = {
      allowHalfOpen: this.allowHalfOpen,
      noDelay: this.noDelay,
      keepAlive: this.keepAlive,
      keepAliveInitialDelay: this.keepAliveInitialDelay,
      highWaterMark: this.highWaterMark,
    };
    const socket = this.#makeSocket(options, {
      connection,
      scope: this.#scope,
      pause: this.pauseOnConnect,
    });
    this.#connections++;
    socket.server = this;
    socket._server = this;
    this.#host.events.add(this, this.#accepted, socket, this.#listener);
    return connection.handler; // the socket has set it
  }

  #accepted(socket: Socket, listener: Listener | undefined): void {
    if (this.#listener !== listener) {
      socket.resetAndDestroy(); // it was closed, and so is whom it had not accepted yet
      return;
    }
    this.#tell('connection', socket);
    tellServerSocket(socket);
  }

  #dropped(data: DropArgument): void {
    this.#tell('drop', data);
  }

  #tell(event: string, value: unknown): void {
    this.#scope?.runInAsyncScope(this.emit, this, event, value);
  }

  /** The server that the program has: this one, unless it listens for another. */
  protected get _stackOutside(): object {
    return this;
  }

  /** For the server's sockets: one is gone. */
  _stackSocketGone(): void {
    this.#connections--;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#listener || this.#connections > 0) return;
    process.nextTick(() => this.emit('close'));
  }

  /** Accept no more; `close` follows when the last socket is gone. */
  close(callback?: (error?: Error) => void): this {
    this.#turn++;
    if (typeof callback === 'function') {
      const running = this.#listener !== undefined;
      const notRunning = (): CodedError =>
        coded(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.');
      this.once('close', () => (running ? callback() : callback(notRunning())));
    }
    this.#listener?.close();
    this.#listener = undefined;
    this.#host.open.delete(this);
    this.#closeIfDone();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#listener) return;
    await new Promise<void>((done, fail) => {
      this.close((error) => (error ? fail(error) : done()));
    });
  }

  /** Where it listens; null if it does not. */
  address(): AddressInfo | null {
    const listener = this.#listener;
    if (!listener) return null;
    const { address, family, port } = listener;
    if (this.#isMapped) return { address: `::ffff:${address}`, family: 'IPv6', port };
    return { address, family, port };
  }

  /** How many sockets are open, by callback. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    const count = this.#connections;
    process.nextTick(() => callback(null, count));
    return this;
  }

  /** The process stays alive while it listens; the default. */
  ref(): this {
    this.#referenced = true;
    this.#listener?.ref();
    return this;
  }

  /** The process may end while it listens. */
  unref(): this {
    this.#referenced = false;
    this.#listener?.unref();
    return this;
  }
}

/** The kernel's objects among the options, as Node sees them: what is no descriptor is none. */
const isThere = ({ handle, _handle, fd }: ServerListenOptions & KernelOptions): KernelOptions => ({
  handle: handle || undefined,
  _handle: _handle || undefined,
  fd: typeof fd === 'number' && fd >= 0 ? fd : undefined,
});

const hasPort = ({ port }: { port?: unknown }): boolean =>
  typeof port === 'number' || typeof port === 'string';

/** The port that `listen` was given; 0 where it was given none. */
function readPort(args: readonly unknown[], options: ServerListenOptions): number {
  const none = args.length === 0 || typeof args[0] === 'function';
  const empty = 'port' in options && (options.port === undefined || options.port === null);
  if (none || empty) return 0;
  if (hasPort(options)) return checkPort(options.port, 'options.port');
  if ('port' in options) throw argValueError('options', options);
  throw argValueError('options', options, 'must have the property "port" or "path"');
}

const describe = (connection: Connection): DropArgument => ({
  localAddress: connection.localAddress,
  localPort: connection.localPort,
  localFamily: connection.family,
  remoteAddress: connection.remoteAddress,
  remotePort: connection.remotePort,
  remoteFamily: connection.family,
});
