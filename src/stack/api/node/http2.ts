/**
 * `stack.http2`: what `node:http2` exports, with servers and sessions on this stack's connections.
 *
 * Node documentation: "HTTP/2".
 * @module
 */
import type * as http2 from 'node:http2';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type * as tls from 'node:tls';
import { promisify } from 'node:util';
import { overlay } from '../door/overlay.ts';
import type { Net } from '../net/net.ts';
import type { Carrier } from './carry.ts';
import type { SecureConnect } from './tls.ts';

/** The module's exports; `connect`, `createServer` and `createSecureServer` are the stack's. */
export type Http2 = typeof http2;

type SessionOptions = http2.ClientSessionOptions & tls.ConnectionOptions;

/** What a session connects to, as Node reads an authority. */
function placeOf({ hostname, host, port, protocol }: URL): { host: string; port: number } {
  const name = hostname || host || 'localhost';
  return {
    host: name.startsWith('[') ? name.slice(1, -1) : name,
    port: Number(port) || (protocol === 'http:' ? 80 : 443),
  };
}

/** Make the module of one stack. */
export function makeHttp2(net: Net, secureConnect: SecureConnect, carrier: Carrier): Http2 {
  const native = process.getBuiltinModule('node:http2');
  const createConnection = (authority: URL, options: SessionOptions): Duplex => {
    const { host, port } = placeOf(authority);
    if (authority.protocol === 'http:') return net.connect({ ...options, host, port });
    const servername = isIP(host) === 0 ? { servername: host } : {};
    return secureConnect({ ALPNProtocols: ['h2'], ...servername, ...options, host, port });
  };
  const connect = (
    authority: string | URL,
    first?: SessionOptions | (() => void),
    second?: () => void,
  ): http2.ClientHttp2Session => {
    const options = typeof first === 'function' ? {} : first;
    const listener = typeof first === 'function' ? first : second;
    const given = { createConnection, ...options } as SessionOptions;
    return native.connect(authority, given, listener);
  };
  // As Node's: the callback has no error first, and failures are events.
  const connectSoon = (...[authority, options]: Parameters<typeof connect>) =>
    new Promise<http2.ClientHttp2Session>((done, fail) => {
      const session = connect(authority, options, () => {
        session.off('error', fail);
        done(session);
      });
      session.once('error', fail);
    });
  Object.defineProperty(connect, promisify.custom, { value: connectSoon });
  return overlay(native, {
    connect,
    createServer: (...args: [http2.ServerOptions]) => carrier.carry(native.createServer(...args)),
    createSecureServer: (...args: [http2.SecureServerOptions]) =>
      carrier.carry(native.createSecureServer(...args)),
  });
}
