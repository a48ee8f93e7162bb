/**
 * `stack.tcp`: TCP by promises and async iteration, with sockets of `stack.net`; and the callback
 * interface, for those who want text without a copy.
 * @module
 */
import type { TcpNetConnectOpts } from 'node:net';
import { ANY } from '../../base/address.ts';
import { failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { Settings } from '../../tcp/tcb/settings.ts';
import { checkFunction, checkInteger, checkPort, checkSignal } from '../door/checks.ts';
import { abortError, connectError, explainedError, systemError } from '../door/errors.ts';
import { checkSettings } from '../door/settings.ts';
import { allOf } from '../door/spoken.ts';
import { checkText } from '../door/text.ts';
import type { NetParts } from '../net/net.ts';
import type { SocketOptions } from '../net/options.ts';
import type { Socket } from '../net/socket.ts';
import type { Connection, ConnectionHandler } from '../tcp/connection.ts';
import { type Accept, type Listener, openListener } from '../tcp/listener.ts';
import { openConnection } from '../tcp/open.ts';
import { TcpAcceptor } from './tcp-acceptor.ts';
import {
  type TcpFlowHandler,
  type TcpInterceptOptions,
  TcpInterceptor,
} from './tcp-interceptor.ts';

/** Options of `stack.tcp.connect`: those of `net.connect`, but that `signal` ends the wait only. */
export type TcpConnectOptions = TcpNetConnectOpts &
  SocketOptions & {
    /** For the connection: times in microseconds, sizes in bytes. */
    readonly settings?: Partial<Settings>;
  };

/** Where to listen, and what the sockets are like. */
export interface TcpListenOptions {
  /** 0 to 65535; 0: any free one. */
  readonly port: number;
  /** A literal address of the stack's; all of them unless told. */
  readonly address?: string;
  /** Connections that wait to be taken, and half-open ones; default 511. */
  readonly backlog?: number;
  /** For the sockets. */
  readonly socket?: SocketOptions;
  /** For the connections: times in microseconds, sizes in bytes. */
  readonly settings?: Partial<Settings>;
  /** Ends the loop. */
  readonly signal?: AbortSignal;
}

/** Where to connect, by the callback interface. */
export interface ConnectionOptions {
  /** A literal address. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
  /** An address of the stack's; the route's unless told. */
  readonly localAddress?: string;
  /** 0: any free one. */
  readonly localPort?: number;
  /** What the connection begins with: times in microseconds, sizes in bytes. */
  readonly settings?: Partial<Settings>;
}

/** Where to listen, by the callback interface. */
export interface ListenerOptions {
  /** 0 to 65535; 0: any free one. */
  readonly port: number;
  /** A literal address of the stack's; all of them unless told. */
  readonly address?: string;
  /** Most half-open connections before cookies take over; default 511. */
  readonly backlog?: number;
  /** What connections begin with: times in microseconds, sizes in bytes. */
  readonly settings?: Partial<Settings>;
}

const BACKLOG = 511;

/** What `stack.tcp` is: TCP by promises and loops, and the callback interface. */
export class StackTcp {
  readonly #host: Host;
  readonly #parts: NetParts;

  /** Not for use from outside: it is `stack.tcp`. */
  constructor(host: Host, parts: NetParts) {
    this.#host = host;
    this.#parts = parts;
  }

  /**
   * Connect, and give the socket when it is open: (options) or (port[, host]). Rejects with what would
   * be the socket's `error`, or with an `AbortError`.
   */
  connect(options: TcpConnectOptions): Promise<Socket>;
  connect(port: number, host?: string): Promise<Socket>;
  async connect(first: TcpConnectOptions | number, host?: string): Promise<Socket> {
    const given = typeof first === 'number' ? { port: first, ...(host && { host }) } : first;
    const { signal, settings, ...rest } = given;
    const options = { ...rest, ...(settings && { tcp: settings }) };
    if (signal !== undefined) checkSignal(signal, 'options.signal');
    if (signal?.aborted) throw abortError(signal.reason);
    const socket = this.#parts.net.connect(options as TcpNetConnectOpts);
    const abort = (): void => {
      socket.destroy(abortError(signal?.reason));
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise((done, fail) => {
        const closed = (): void => fail(systemError('ENETDOWN', 'connect'));
        socket.once('error', fail);
        socket.once('close', closed);
        socket.once('connect', () => {
          socket.off('error', fail);
          socket.off('close', closed);
          done(socket);
        });
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Listen, and give each connection as a socket: `for await (const socket of stack.tcp.listen(...))`.
   * It listens from this call on; what comes before the loop waits, at most `backlog` of it. Leaving the
   * loop stops it. Throws `EADDRINUSE` and the like at once.
   */
  listen(options: TcpListenOptions): TcpAcceptor {
    const { address, settings, signal } = options;
    const port = checkPort(options.port, 'options.port');
    const backlog = readBacklog(options.backlog);
    if (signal !== undefined) checkSignal(signal, 'options.signal');
    return new TcpAcceptor(
      (accept, hasRoom) =>
        this.#listen({ port, backlog, hasRoom, ...pick({ address, settings }) }, accept),
      (connection) => this.#parts.adopt(options.socket ?? {}, { connection, pause: false }),
      this.#host.events,
      { backlog, signal },
    );
  }

  /**
   * The callback interface: open a connection, and hear of it by `handler`. Throws a system error
   * (`connect ENETUNREACH ...`) if it cannot even begin; all else goes to `handler.close`.
   */
  createConnection(options: ConnectionOptions, handler: ConnectionHandler): Connection {
    const { address, localAddress, localPort = 0, settings } = options;
    const { ip } = this.#host.core;
    const port = checkPort(options.port, 'options.port', false);
    checkPort(localPort, 'options.localPort');
    const target = {
      destination: checkText(ip, address, 'options.address'),
      port,
      source:
        localAddress === undefined ? ANY : checkText(ip, localAddress, 'options.localAddress'),
      sourcePort: localPort,
      ...(settings !== undefined && { settings: checkSettings(settings, 'options.settings') }),
    };
    const connection = openConnection(this.#host, target, handler);
    if (typeof connection !== 'number') return connection;
    throw connectError(failureCode(connection), { address, port });
  }

  /**
   * The callback interface: accept connections to a port. `accept` gives the handler of each. Throws a
   * system error (`listen EADDRINUSE ...`) if the port cannot be had.
   */
  createListener(options: ListenerOptions, accept: Accept): Listener {
    checkFunction(accept, 'accept');
    const port = checkPort(options.port, 'options.port');
    const backlog = readBacklog(options.backlog);
    const { address, settings } = options;
    return this.#listen({ port, backlog, ...pick({ address, settings }) }, accept);
  }

  /**
   * Accept any address and port: `handler` is shown every flow that comes in by the stack's devices and
   * is for no listener of its own, before the SYN is answered. One handler at a time, until `close`.
   */
  intercept(handler: TcpFlowHandler, options: TcpInterceptOptions = {}): TcpInterceptor {
    return new TcpInterceptor(this.#host, this.#parts, handler, options);
  }

  #listen(
    o: ListenerOptions & { port: number; backlog: number; hasRoom?: () => boolean },
    accept: Accept,
  ): Listener {
    const { core } = this.#host;
    const place = { address: o.address ?? allOf(core), port: o.port };
    const address = checkText(core.ip, place.address, 'options.address');
    const settings = o.settings && checkSettings(o.settings, 'options.settings');
    const listener = openListener(this.#host, { ...o, address, ...pick({ settings }) }, accept);
    if (typeof listener !== 'number') return listener;
    throw explainedError(failureCode(listener), 'listen', place);
  }
}

function readBacklog(backlog: number = BACKLOG): number {
  checkInteger(backlog, 'options.backlog', 1, 2 ** 31 - 1);
  return backlog;
}

/** Only what is there. */
function pick<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
