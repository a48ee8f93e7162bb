/**
 * `stack.tls`: what `node:tls` exports, on this stack's connections.
 *
 * Node documentation: "TLS (SSL)".
 * @module
 */
import type * as tls from 'node:tls';
import { callable, overlay } from '../door/overlay.ts';
import type { Net } from '../net/net.ts';
import { type ConnectOptions, readCall } from '../net/options.ts';
import type { Carrier } from './carry.ts';
import { readInto, secureOver } from './wrapped.ts';

/** The module's exports; `connect`, `createServer` and `Server` are the stack's. */
export type Tls = typeof tls;

/** `tls.connect`, in one form: options and callback. */
export type SecureConnect = (
  options: tls.ConnectionOptions,
  callback?: () => void,
) => tls.TLSSocket;

/** The options of the connection below, out of those of `tls.connect` or of an https request. */
export function plainOptions(options: object): ConnectOptions {
  const { port, host, path, localAddress, localPort, family, hints, lookup, ...rest } =
    options as ConnectOptions;
  const { autoSelectFamily, autoSelectFamilyAttemptTimeout } = rest;
  const { allowHalfOpen, noDelay, keepAlive, keepAliveInitialDelay } = rest;
  return {
    ...{ port, host, path, localAddress, localPort, family, hints, lookup },
    ...{ autoSelectFamily, autoSelectFamilyAttemptTimeout },
    ...{ allowHalfOpen: Boolean(allowHalfOpen), noDelay, keepAlive, keepAliveInitialDelay },
  } as ConnectOptions;
}

/** (options[, cb]), (port[, host][, options][, cb]) and (path[, options][, cb]), as Node reads them. */
export function readSecureCall(args: readonly unknown[]): {
  options: tls.ConnectionOptions;
  callback: (() => void) | undefined;
} {
  const { options, callback } = readCall<tls.ConnectionOptions>(args);
  const more = [args[1], args[2]].find((value) => typeof value === 'object' && value !== null);
  return { options: { ...options, ...(more as object | undefined) }, callback };
}

/** `tls.connect` over connections of the stack that `net` belongs to; `connect` is Node's own. */
export function makeSecureConnect(net: Net, connect: Tls['connect']): SecureConnect {
  return ({ timeout, ...options }, callback) => {
    if (options.socket) return connect(options, callback);
    return secureOver(net, plainOptions(options), timeout, (raw) => {
      // To Node, and by its class, it is a socket.
      const socket = raw as unknown as tls.ConnectionOptions['socket'] & object;
      const secure = connect({ ...options, socket }, callback);
      readInto(secure, (options as { onread?: unknown }).onread);
      return secure;
    });
  };
}

/** Make the module of one stack. */
export function makeTls(net: Net, carrier: Carrier): Tls {
  const native = process.getBuiltinModule('node:tls');
  const connect = makeSecureConnect(net, native.connect);
  class Server extends native.Server {
    constructor(...args: unknown[]) {
      super(...(args as [tls.TlsOptions]));
      carrier.carry(this);
    }
  }
  return overlay(native, {
    connect: (...args: unknown[]) => {
      const { options, callback } = readSecureCall(args);
      return connect(options, callback);
    },
    createServer: (...args: unknown[]) => new Server(...args),
    Server: callable(Server),
  });
}
