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
import type { Host } from '../../host/host.ts';
import { checkBoolean, checkInteger } from '../door/checks.ts';
import { callable } from '../door/overlay.ts';
import { tellClientSocket } from './channels.ts';
import { autoSelect } from './connect.ts';
import {
  asHandedOn,
  type ConnectOptions,
  readCall,
  type SocketOptions,
  type TcpOptions,
  type ZeroCopy,
} from './options.ts';
import { Server } from './server.ts';
import { type Accepted, Socket } from './socket.ts';

/** What a class has besides its constructor. */
type Statics<Class> = Pick<Class, keyof Class>;

/** A class that may be called without `new`, as those of `node:net`. */
export interface SocketClass extends Statics<typeof Duplex> {
  /** As `new net.Socket()` of Node. */
  new (options?: SocketOptions): Socket;
  /** The same, without `new`. */
  (options?: SocketOptions): Socket;
  /** What its sockets inherit. */
  readonly prototype: Socket;
}

type ConnectionListener = (socket: Socket) => void;

/** `net.Server`, which may be called without `new`. */
export interface ServerClass extends Statics<typeof EventEmitter> {
  /** As `new net.Server()` of Node. */
  new (connectionListener?: ConnectionListener): Server;
  new (options?: node.ServerOpts, connectionListener?: ConnectionListener): Server;
  /** The same, without `new`. */
  (connectionListener?: ConnectionListener): Server;
  (options?: node.ServerOpts, connectionListener?: ConnectionListener): Server;
  /** What its servers inherit. */
  readonly prototype: Server;
}

/** The module's exports, each as Node documents it. */
export interface Net {
  /** `net.Socket`; connects from this stack. */
  readonly Socket: SocketClass;
  /** Node's old name of `Socket`. */
  readonly Stream: SocketClass;
  /** `net.Server`; listens on this stack. */
  readonly Server: ServerClass;
  /** `new Server(...)`. Node documentation: "net.createServer()". */
  createServer(connectionListener?: ConnectionListener): Server;
  createServer(options?: node.ServerOpts, connectionListener?: ConnectionListener): Server;
  /**
   * A socket that connects: (options) or (port[, host]), and a listener to `connect`. Node
   * documentation: "net.connect()".
   */
  connect(
    options: node.NetConnectOpts & TcpOptions & ZeroCopy,
    connectionListener?: () => void,
  ): Socket;
  connect(port: number, host?: string, connectionListener?: () => void): Socket;
  connect(port: number, connectionListener?: () => void): Socket;
  connect(path: string, connectionListener?: () => void): Socket;
  /** The same as `connect`. */
  createConnection(
    options: node.NetConnectOpts & TcpOptions & ZeroCopy,
    connectionListener?: () => void,
  ): Socket;
  createConnection(port: number, host?: string, connectionListener?: () => void): Socket;
  createConnection(port: number, connectionListener?: () => void): Socket;
  createConnection(path: string, connectionListener?: () => void): Socket;
  /** Node's own class. */
  readonly BlockList: typeof node.BlockList;
  /** Node's own class. */
  readonly SocketAddress: typeof node.SocketAddress;
  /** Node's own: 4, 6, or 0 for what is no address. */
  isIP(input: string): number;
  /** Node's own. */
  isIPv4(input: string): boolean;
  /** Node's own. */
  isIPv6(input: string): boolean;
  /** Whether a name with several addresses is tried address by address. */
  getDefaultAutoSelectFamily(): boolean;
  /** For all stacks of the process. */
  setDefaultAutoSelectFamily(value: boolean): void;
  /** How long one address is tried, in milliseconds. */
  getDefaultAutoSelectFamilyAttemptTimeout(): number;
  /** For all stacks of the process; at least 10. */
  setDefaultAutoSelectFamilyAttemptTimeout(value: number): void;
}

/** A class of sockets. */
export type SocketMaker = new (options?: SocketOptions, accepted?: Accepted) => Socket;

/** Of which class the sockets are that a module makes. */
interface MadeOf {
  Socket: SocketMaker;
}

const socketsOf = new WeakMap<Net, MadeOf>();

/** From now on the sockets that `net` makes, and those that its servers accept, are of this class. */
export function makeSocketsOf(net: Net, Socket: SocketMaker): void {
  const made = socketsOf.get(net);
  if (made) made.Socket = Socket;
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
  const made: MadeOf = { Socket: BoundSocket };
  const adopt = (options: SocketOptions, accepted: Accepted): Socket =>
    new made.Socket(options, accepted);
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
  // Functions that may be called with `new`, as Node's.
  function connect(...args: unknown[]): Socket {
    const { options } = readCall<ConnectOptions>(args);
    const socket = new made.Socket(options);
    tellClientSocket(socket);
    if (options.timeout) socket.setTimeout(options.timeout);
    return socket.connect(...(asHandedOn(args) as [node.TcpSocketConnectOpts]));
  }
  function createServer(first?: unknown, second?: unknown): Server {
    return new BoundServer(first, second);
  }
  const net: Net = {
    Socket: callable<SocketClass>(BoundSocket),
    get Stream() {
      return net.Socket;
    },
    Server: callable<ServerClass>(BoundServer),
    createServer,
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
  socketsOf.set(net, made);
  return { net, adopt };
}
