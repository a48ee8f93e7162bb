/**
 * What Node does not document but programs have come to lean on, in both worlds: the key of a server, objects of
 * the kernel that are none, and arguments of `connect` that Node has read already.
 *
 * Node: lib/net.js, `setupListenHandle`, `Server.prototype.listen`, `Socket.prototype.connect`.
 * @module
 */
import * as net from 'node:net';
import { listening, next, portOf, record, SOCKET_EVENTS, same, told } from '../worlds.ts';

/** Node's own reading of arguments, which tracers and agents borrow. */
const read = (...args: unknown[]): unknown[] =>
  (net as unknown as { _normalizeArgs(args: unknown[]): unknown[] })._normalizeArgs(args);

/** A server by what is inside it. */
const keyOf = (server: object): unknown => (server as { _connectionKey?: unknown })._connectionKey;

for (const kind of ['net', 'http', 'tls'] as const) {
  same(`inside: the key of a server of ${kind}`, async ({ server, host }) => {
    const keys: unknown[] = [];
    const one = (server[kind] as typeof net).createServer();
    keys.push(keyOf(one));
    one.listen({ port: 0, host: '0.0.0.0' });
    await next(one, 'listening');
    keys.push(keyOf(one), typeof portOf(one));
    await new Promise((done) => one.close(done));
    keys.push(keyOf(one));
    await listening(one, host);
    keys.push(keyOf(one));
    await new Promise((done) => one.close(done));
    return keys;
  });
}

const NONE: Readonly<Record<string, object>> = {
  'a descriptor below 0': { fd: -1 },
  'a descriptor that is a word': { fd: 'x' },
  'a handle that is null': { handle: null, _handle: null },
  'a handle that is false': { handle: false, _handle: 0 },
};

for (const [title, options] of Object.entries(NONE)) {
  same(`inside: listen with ${title} and nothing else`, async ({ server }) => {
    try {
      server.net.createServer().listen({ ...options });
      return 'nothing thrown';
    } catch (error) {
      return told(error);
    }
  });
  same(`inside: listen with ${title} and a port`, async ({ server, host }) => {
    const one = server.net.createServer().listen({ ...options, port: 0, host });
    await next(one, 'listening');
    const seen = typeof portOf(one);
    await new Promise((done) => one.close(done));
    return seen;
  });
}

same('inside: connect with arguments that Node has read', async (world, log) => {
  const { client, server, host } = world;
  const listener = server.net.createServer((socket) => socket.resume().end('hello'));
  const port = await listening(listener, host);
  const socket = new client.net.Socket();
  record(log, 'socket', socket, SOCKET_EVENTS);
  const args = read({ port, host }, () => log.push('called back'));
  socket.connect(args as never).resume();
  await next(socket, 'close');
  await new Promise((done) => listener.close(done));
  return socket.bytesRead;
});

const CALLS: Readonly<Record<string, (port: number, host: string) => unknown[]>> = {
  'options alone': (port, host) => [{ port, host, noDelay: true }],
  'options and a callback': (port, host) => [{ port, host }, () => {}],
  'a port and a host': (port, host) => [port, host],
  'a port, a host and a callback': (port, host) => [String(port), host, () => {}],
};

for (const [title, call] of Object.entries(CALLS)) {
  same(`inside: net.connect hands on ${title} to the connect of the prototype`, async (world) => {
    const { client, server, host } = world;
    const listener = server.net.createServer((socket) => socket.resume().end());
    const port = await listening(listener, host);
    const { prototype } = client.net.Socket;
    // All is put back before anybody else in this process can connect.
    const own = Object.getOwnPropertyDescriptor(prototype, 'connect');
    const native = prototype.connect as (...args: unknown[]) => net.Socket;
    const seen: unknown[] = [];
    Object.defineProperty(prototype, 'connect', {
      configurable: true,
      writable: true,
      value(this: net.Socket, ...args: unknown[]) {
        const [first] = args as [unknown[]];
        seen.push(args.length, Array.isArray(first), first.length, typeof first[1]);
        seen.push(Object.keys(first[0] as object).toSorted());
        return native.apply(this, args);
      },
    });
    const socket = (client.net.connect as (...args: unknown[]) => net.Socket)(...call(port, host));
    if (own) Object.defineProperty(prototype, 'connect', own);
    else Reflect.deleteProperty(prototype, 'connect');
    await next(socket.resume(), 'close');
    await new Promise((done) => listener.close(done));
    return seen;
  });
}

same('inside: connect with an array of options that nobody has read', async ({ client, host }) => {
  try {
    new client.net.Socket().connect([{ port: 1, host }] as never);
    return 'nothing thrown';
  } catch (error) {
    return told(error);
  }
});
