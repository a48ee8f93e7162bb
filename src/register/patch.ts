/**
 * Putting a stack under the modules of Node: whatever the program, or a package it uses, takes from
 * `node:net`, `node:dgram`, `node:tls`, and what is built on them (`node:http`, `node:https`,
 * `node:http2`, `fetch`), connects and listens on the stack from then on.
 *
 * Node's classes stay what they are where they can: a server of any kind is asked where to listen only when
 * it does. All of Node's modules that extend `net.Socket` have been loaded before it is replaced.
 *
 * Node documentation: `module.syncBuiltinESMExports()`.
 * @module
 */
import dgram from 'node:dgram';
import http from 'node:http';
import 'node:http2';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import 'node:https';
import 'node:tty';
import type { Stack } from '../index.ts';
import { makeCarrier } from '../stack/api/node/carry.ts';
import { makeSecureConnect, readSecureCall } from '../stack/api/node/tls.ts';
import { connectsToPath, listensElsewhere, listensForWorker, withoutIPv6 } from './kernel.ts';
import type { Guard } from './outside.ts';
import { makeSocketClass } from './socket.ts';

/** True if the stack has addresses of IPv6: then it knows what `::` is. */
const speaksIPv6 = ({ addresses }: Stack): boolean => addresses.some((one) => one.includes(':'));

/** Replace exports of a module that other modules hold, and so must stay the same object. */
const replace = (module: object, exports: object): void => {
  for (const [name, value] of Object.entries(exports)) {
    Object.defineProperty(module, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
};

function patchNet(stack: Stack, guard: Guard): void {
  const Socket = makeSocketClass(stack.net, net.Socket);
  const nativeConnect = net.connect as (...args: unknown[]) => object;
  const stackConnect = stack.net.connect as (...args: unknown[]) => object;
  function connect(...args: unknown[]): object {
    return connectsToPath(args) ? nativeConnect(...args) : stackConnect(...args);
  }

  const nativeListen = net.Server.prototype.listen as (...args: unknown[]) => net.Server;
  const carrier = makeCarrier(stack.net);
  net.Server.prototype.listen = function listen(this: net.Server, ...args: unknown[]): net.Server {
    const worker = !listensElsewhere(args) && listensForWorker();
    const error = worker ? guard.ask('listen') : undefined;
    if (error) {
      process.nextTick(() => this.emit('error', error));
      return this;
    }
    if (worker || listensElsewhere(args)) return nativeListen.apply(this, args);
    carrier.listen(this, speaksIPv6(stack) ? args : withoutIPv6(args));
    return this;
  } as typeof net.Server.prototype.listen;

  // Before Node 22 an agent remembers the function, and not where it found it.
  const agent = http.Agent.prototype as { createConnection: unknown };
  if (agent.createConnection === nativeConnect) agent.createConnection = connect;

  const { getDefaultAutoSelectFamily, setDefaultAutoSelectFamily } = stack.net;
  const { getDefaultAutoSelectFamilyAttemptTimeout, setDefaultAutoSelectFamilyAttemptTimeout } =
    stack.net;
  replace(net, {
    ...{ Socket, Stream: Socket, connect, createConnection: connect },
    ...{ getDefaultAutoSelectFamily, setDefaultAutoSelectFamily },
    ...{ getDefaultAutoSelectFamilyAttemptTimeout, setDefaultAutoSelectFamilyAttemptTimeout },
  });
}

function patchSecure(stack: Stack): void {
  const native = tls.connect as (...args: unknown[]) => tls.TLSSocket;
  const secureConnect = makeSecureConnect(stack.net, tls.connect);
  const connect = (...args: unknown[]): tls.TLSSocket => {
    if (connectsToPath(args)) return native(...args);
    const { options, callback } = readSecureCall(args);
    return secureConnect(options, callback);
  };
  replace(tls, { connect });
}

/** Put `stack` under the program; `guard` is asked before the kernel is. There is no way back. */
export function patch(stack: Stack, guard: Guard): void {
  patchNet(stack, guard);
  patchSecure(stack);
  const { Socket, createSocket } = stack.dgram;
  replace(dgram, { Socket, createSocket });
  syncBuiltinESMExports();
}
