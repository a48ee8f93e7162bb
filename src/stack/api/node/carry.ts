/**
 * Node's own servers on a stack: whatever extends `net.Server` (http, https, tls, http2, and what
 * frameworks make of them) gets its connections from a port of the stack instead of the kernel's.
 *
 * The server itself stays Node's. It is given what takes the place of the kernel's handle, so that
 * `close`, `address`, `listening`, `getConnections`, `ref` and `unref` are its own, with all that http
 * and http2 do besides; a `net.Server` of the stack listens for it and hands its sockets over.
 *
 * Node documentation: "Class: net.Server"; http, "Event: 'connection'" ("users can also explicitly emit
 * this event to inject connections").
 * @module
 */
import type { AddressInfo, BlockList, DropArgument, Server as NodeServer } from 'node:net';
import { checkSignal } from '../door/checks.ts';
import { argTypeError, coded } from '../door/errors.ts';
import type { Net } from '../net/net.ts';
import type { Socket } from '../net/socket.ts';

/** What stands where Node keeps the kernel's handle of a listening server. */
interface Handle {
  close(): void;
  getsockname(out: Partial<AddressInfo>): number;
  ref(): void;
  unref(): void;
  hasRef(): boolean;
}

/** `net.Server` with what Node does not document: it has been the same since long before Node 20. */
interface Outer extends NodeServer {
  _handle: Handle | null;
  _connections: number;
  _unref?: boolean;
  _connectionKey?: string | undefined;
  _emitCloseIfDrained(): void;
  readonly allowHalfOpen: boolean;
  readonly pauseOnConnect: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** In seconds, whatever the option of that name is in. */
  readonly keepAliveInitialDelay?: number;
  readonly highWaterMark?: number;
  readonly blockList?: BlockList;
}

/** Puts servers of Node on one stack. */
export interface Carrier {
  /** From now on `server.listen` opens a port of the stack. Gives the server back. */
  carry<Server extends NodeServer>(server: Server): Server;
  /** `server.listen(...args)` on the stack, once. */
  listen(server: NodeServer, args: readonly unknown[]): void;
}

/** tls and https servers, and http2's with TLS. */
const isSecure = (server: NodeServer): boolean => 'setSecureContext' in server;

function checkServer(server: unknown): asserts server is Outer {
  const { listen, _emitCloseIfDrained: emitClose } = (server ?? {}) as Partial<Outer>;
  if (typeof listen === 'function' && typeof emitClose === 'function') return;
  if (typeof listen === 'function' && process.versions['bun'] !== undefined) {
    const message =
      "Bun's servers of http take no connections but those of its own sockets: run this with " +
      'Node.js or Deno, or serve with stack.net';
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', message);
  }
  throw argTypeError('server', 'net.Server', server);
}

/** What carries servers on the stack that `net` belongs to. */
export function makeCarrier(net: Net): Carrier {
  class Inner extends net.Server {
    readonly #outer: Outer;
    readonly #secure: boolean;

    constructor(outer: Outer) {
      super({ blockList: outer.blockList });
      this.#outer = outer;
      this.#secure = isSecure(outer);
      Object.defineProperty(this, 'maxConnections', { get: () => outer.maxConnections });
      this.on('connection', (socket) => this.#hand(socket));
      this.on('listening', () => this.#listening());
      this.on('error', (error) => outer.emit('error', error));
      this.on('drop', (data?: DropArgument) => outer.emit('drop', data));
      // It may have been closed while its host was looked up.
      outer.on('close', () => {
        if (!outer._handle) this.close();
      });
    }

    /** Be as the outer server is, and listen. */
    start(args: readonly unknown[]): void {
      const outer = this.#outer;
      this.allowHalfOpen = outer.allowHalfOpen;
      this.pauseOnConnect = outer.pauseOnConnect && !this.#secure;
      this.noDelay = Boolean(outer.noDelay);
      this.keepAlive = Boolean(outer.keepAlive);
      this.keepAliveInitialDelay = (outer.keepAliveInitialDelay ?? 0) * 1000;
      this.highWaterMark = outer.highWaterMark ?? this.highWaterMark;
      if (outer._unref) this.unref();
      else this.ref();
      this.listen(...(args as []));
      // Without a host Node knows its address at once.
      if (this.listening) this.#adopt();
    }

    protected override get _stackOutside(): object {
      return this.#outer;
    }

    #adopt(): void {
      const outer = this.#outer;
      if (outer._handle) return;
      outer._connectionKey = this._connectionKey;
      if (outer._unref) this.unref(); // it could not be told while there was no handle
      outer._handle = {
        close: () => this.close(),
        getsockname: (out) => {
          Object.assign(out, this.address());
          return 0;
        },
        ref: () => this.ref(),
        unref: () => this.unref(),
        hasRef: () => !outer._unref,
      };
      if (outer.listening) return;
      const message = `net.Server of Node ${process.versions.node} has another inside than is known`;
      throw coded(Error, 'ERR_INTERNAL_ASSERTION', message);
    }

    #listening(): void {
      this.#adopt();
      this.#outer.emit('listening');
    }

    #hand(socket: Socket): void {
      const outer = this.#outer;
      outer._connections++;
      Object.assign(socket, { server: outer });
      outer.emit('connection', socket);
    }

    override _stackSocketGone(): void {
      super._stackSocketGone();
      this.#outer._connections--;
      this.#outer._emitCloseIfDrained();
    }
  }

  const inners = new WeakMap<Outer, Inner>();
  const listen = (server: NodeServer, args: readonly unknown[]): void => {
    checkServer(server);
    if (server.listening) {
      const message = 'Listen method has been called more than once without closing.';
      throw coded(Error, 'ERR_SERVER_ALREADY_LISTEN', message);
    }
    let inner = inners.get(server);
    if (!inner) {
      inner = new Inner(server);
      inners.set(server, inner);
    }
    inner.start(takeWhatIsTheServers(server, args));
  };
  const carry = <Server extends NodeServer>(server: Server): Server => {
    checkServer(server);
    const value = (...args: unknown[]): Server => {
      listen(server, args);
      return server;
    };
    return Object.defineProperty(server, 'listen', { value, configurable: true, writable: true });
  };
  return { carry, listen };
}

/** The arguments of `listen` without those that concern the server: its callback and its signal. */
function takeWhatIsTheServers(server: NodeServer, args: readonly unknown[]): unknown[] {
  const rest = [...args];
  const callback = rest.at(-1);
  if (typeof callback === 'function') {
    rest.pop();
    server.once('listening', callback as () => void);
  }
  const [first] = rest;
  if (typeof first !== 'object' || first === null || !('signal' in first)) return rest;
  const { signal, ...options } = first;
  rest[0] = options;
  if (signal === undefined) return rest;
  checkSignal(signal, 'options.signal');
  const close = (): void => {
    server.close();
  };
  if (signal.aborted) process.nextTick(close);
  else {
    signal.addEventListener('abort', close, { once: true });
    server.once('close', () => signal.removeEventListener('abort', close));
  }
  return rest;
}
