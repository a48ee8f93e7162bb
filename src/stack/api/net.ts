/**
 * `stack.net`: what `node:net` exports, on this stack's addresses.
 *
 * Classes belong to their stack: `new stack.net.Socket()` connects from it. As in Node they may be
 * called without `new`.
 *
 * Node documentation: "Net".
 * @module
 */
import type { EventEmitter } from 'node:events';
import * as node from 'node:net';
import type { Duplex } from 'node:stream';
import { checkBoolean, checkInteger } from './checks.ts';
import type { Host } from './host.ts';
import { autoSelect } from './net-connect.ts';
import { type ConnectOptions, readCall, type SocketOptions } from './net-options.ts';
import { Server } from './net-server.ts';
import { type Accepted, Socket } from './net-socket.ts';
import { callable } from './overlay.ts';

/** What a class has besides its constructor. */
type Statics<Class> = Pick<Class, keyof Class>;

/** A class that may be called without `new`, as those of `node:net`. */
export interface SocketClass extends Statics<typeof Duplex> {
  new (options?: SocketOptions): Socket;
  (options?: SocketOptions): Socket;
  readonly prototype: Socket;
}

type ConnectionListener = (socket: Socket) => void;

export interface ServerClass extends Statics<typeof EventEmitter> {
  new (connectionListener?: ConnectionListener): Server;
  new (options?: node.ServerOpts, connectionListener?: ConnectionListener): Server;
  (connectionListener?: ConnectionListener): Server;
  (options?: node.ServerOpts, connectionListener?: ConnectionListener): Server;
  readonly prototype: Server;
}

/** The module's exports, each as Node documents it. */
export interface Net {
  readonly Socket: SocketClass;
  readonly Stream: SocketClass;
  readonly Server: ServerClass;
  createServer(connectionListener?: ConnectionListener): Server;
  createServer(options?: node.ServerOpts, connectionListener?: ConnectionListener): Server;
  connect(options: node.NetConnectOpts, connectionListener?: () => void): Socket;
  connect(port: number, host?: string, connectionListener?: () => void): Socket;
  connect(port: number, connectionListener?: () => void): Socket;
  connect(path: string, connectionListener?: () => void): Socket;
  createConnection(options: node.NetConnectOpts, connectionListener?: () => void): Socket;
  createConnection(port: number, host?: string, connectionListener?: () => void): Socket;
  createConnection(port: number, connectionListener?: () => void): Socket;
  createConnection(path: string, connectionListener?: () => void): Socket;
  readonly BlockList: typeof node.BlockList;
  readonly SocketAddress: typeof node.SocketAddress;
  isIP(input: string): number;
  isIPv4(input: string): boolean;
  isIPv6(input: string): boolean;
  getDefaultAutoSelectFamily(): boolean;
  setDefaultAutoSelectFamily(value: boolean): void;
  getDefaultAutoSelectFamilyAttemptTimeout(): number;
  setDefaultAutoSelectFamilyAttemptTimeout(value: number): void;
}

/** What the classes of one stack are made of. */
export interface NetParts {
  readonly net: Net;
  /** A socket for a connection that is open. */
  readonly adopt: (options: SocketOptions, accepted: Accepted) => Socket;
}

/** Make the module of one stack. */
export function makeNet(host: Host): NetParts {
  class BoundSocket extends Socket {
    constructor(options?: SocketOptions, accepted?: Accepted) {
      super(host, options, accepted);
    }
  }
  const adopt = (options: SocketOptions, accepted: Accepted): Socket =>
    new BoundSocket(options, accepted);
  class BoundServer extends Server {
    constructor(first?: unknown, second?: unknown) {
      super(host, adopt, first, second);
    }
  }
  for (const [bound, base] of [
    [BoundSocket, Socket],
    [BoundServer, Server],
  ] as const) {
    Object.defineProperty(bound, 'name', { value: base.name });
  }
  const connect = (...args: unknown[]): Socket => {
    const { options, callback } = readCall<ConnectOptions>(args);
    const socket = new BoundSocket(options);
    if (options.timeout) socket.setTimeout(options.timeout);
    return socket.connect(options as node.TcpSocketConnectOpts, callback);
  };
  const net: Net = {
    Socket: callable<SocketClass>(BoundSocket),
    get Stream() {
      return net.Socket;
    },
    Server: callable<ServerClass>(BoundServer),
    createServer: (first?: unknown, second?: unknown) => new BoundServer(first, second),
    connect,
    createConnection: connect,
    BlockList: node.BlockList,
    SocketAddress: node.SocketAddress,
    isIP: node.isIP,
    isIPv4: node.isIPv4,
    isIPv6: node.isIPv6,
    getDefaultAutoSelectFamily: () => autoSelect.family,
    setDefaultAutoSelectFamily: (value) => {
      checkBoolean(value, 'value');
      autoSelect.family = value;
    },
    getDefaultAutoSelectFamilyAttemptTimeout: () => autoSelect.timeout,
    setDefaultAutoSelectFamilyAttemptTimeout: (value) => {
      checkInteger(value, 'value', 1, 2 ** 31 - 1);
      autoSelect.timeout = Math.max(value, 10);
    },
  };
  return { net, adopt };
}
