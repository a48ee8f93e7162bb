/**
 * Node's own streams over a socket of the stack: TLS and HTTP/2 are engines of Node that take any stream
 * below them, but know addresses, and what else belongs to a connection, of the kernel's only. Here
 * they are told of ours.
 *
 * Node wraps such a stream in a socket of its own (`wrap`), whose handle may have what a kernel's has. That
 * is not documented; where a Node should have it otherwise, all works but `remoteAddress` and the like.
 *
 * Node documentation: "Class: tls.TLSSocket", "tls.connect()", "http2session.socket".
 * @module
 */
import type { Http2Session } from 'node:http2';
import type { AddressInfo, Server as NodeServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Socket } from '../net/socket.ts';

/** What a handle of the kernel's has, and that of a wrapped stream has not. */
interface Handle {
  getsockname(out: Partial<AddressInfo>): number;
  getpeername(out: Partial<AddressInfo>): number;
  ref(): void;
  unref(): void;
  setNoDelay(on: boolean): number;
  /** In seconds. */
  setKeepAlive(on: boolean, delay: number): number;
}

/** Node's socket around a stream that is none of its own. */
interface Wrap {
  readonly stream?: unknown;
  readonly _handle?: object | null;
}

const handleOf = (raw: Socket): Handle => ({
  getsockname: (out) => {
    Object.assign(out, raw.address());
    return 0;
  },
  getpeername: (out) => {
    const { remoteAddress: address, remotePort: port, remoteFamily: family } = raw;
    Object.assign(out, { address, family, port });
    return 0;
  },
  ref: () => raw.ref(),
  unref: () => raw.unref(),
  setNoDelay: (on) => {
    raw.setNoDelay(on);
    return 0;
  },
  setKeepAlive: (on, delay) => {
    raw.setKeepAlive(on, delay * 1000);
    return 0;
  },
});

function tell(wrap: Wrap | undefined): void {
  const { stream, _handle: handle } = wrap ?? {};
  if (stream instanceof Socket && handle) Object.assign(handle, handleOf(stream));
}

/** Let `secure` know the connection below it. */
const tellSecure = (secure: object): void =>
  tell((secure as { _handle?: { _parentWrap?: Wrap } })._handle?._parentWrap);

/** Let a session that has no TLS know the connection below it. */
export const tellSession = (session: Http2Session): void => {
  if (!session.encrypted) tell(session.socket as unknown as Wrap);
};

/** The same for each connection to a tls, https or http2 server, before its own listeners have it. */
export function tellLater(server: NodeServer): void {
  server.prependListener('secureConnection', tellSecure);
  server.prependListener('tlsClientError', (_error, secure) => tellSecure(secure));
  server.prependListener('session', tellSession);
}

/** Events of a socket that connects, besides `connect` and `ready`. */
const FORWARDED = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connectionAttemptTimeout',
] as const;

/** Sockets that have TLS above them. */
const secured = new WeakSet<Socket>();

/** Whether TLS has been put on `raw`, or is being put. */
export const isBelowTls = (raw: Socket): boolean => secured.has(raw);

/** To be called before TLS is put on `raw`, and what it gives after that. */
export function putTlsOn(raw: Socket): () => void {
  secured.add(raw);
  return () => {
    // TLS says itself when it is at its end: the socket below must not, while TLS has yet to write.
    raw.allowHalfOpen = true;
  };
}

/**
 * A TLS socket on `raw`, which may be connecting still; `start` makes it, with `raw` as its `socket`.
 * It has the events of a socket that connects by itself.
 */
export function secureOver(
  raw: Socket,
  timeout: number | undefined,
  start: () => TLSSocket,
): TLSSocket {
  if (isBelowTls(raw)) return start(); // somebody above us does all this
  const done = putTlsOn(raw);
  const secure = start();
  done();
  tellSecure(secure);
  if (timeout) secure.setTimeout(timeout);
  if (raw.connecting) connectLater(secure, raw);
  return secure;
}

function connectLater(secure: TLSSocket, raw: Socket): void {
  const settable = secure as { connecting: boolean };
  settable.connecting = true;
  for (const name of FORWARDED) raw.on(name, (...values) => secure.emit(name, ...values));
  raw.once('connect', () => {
    settable.connecting = false;
    if (secure.destroyed) return;
    secure.emit('connect');
    secure.emit('ready');
  });
}

/** `TLSSocket`, that may be put on a socket of the stack. */
export function makeTlsSocketClass(Native: typeof TLSSocket): typeof TLSSocket {
  const made = function TLSSocket(socket: unknown, options: object): object {
    const proto = new.target === undefined || new.target === made ? Native : new.target;
    const make = (): TLSSocket => Reflect.construct(Native, [socket, options], proto) as TLSSocket;
    return socket instanceof Socket ? secureOver(socket, undefined, make) : make();
  };
  made.prototype = Native.prototype;
  Object.setPrototypeOf(made, Native);
  return made as unknown as typeof TLSSocket;
}
