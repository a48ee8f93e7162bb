/**
 * A SOCKS5 server of this host whose clients are in a stack's network: what it carries, what it refuses and how, and what
 * it bounds. RFC 1928.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Stack } from '../../../src/index.ts';
import {
  createSocksServer,
  type SocksServer,
  type SocksServerOptions,
} from '../../../src/services.ts';
import { makePair, RIGHT, RIGHT6 } from '../../api/worlds.ts';
import { until } from '../../device/support.ts';

const HELLO = Uint8Array.of(5, 1, 0);
/** 10.0.0.2 and fd83::2, as they stand in requests. */
const FOUR = [1, 10, 0, 0, 2];
const SIX = [4, 0xfd, 0x83, ...Array<number>(13).fill(0), 2];

interface World {
  readonly far: Stack;
  readonly server: SocksServer;
  /** A client that has said `bytes`. */
  client(...bytes: readonly Uint8Array[]): Socket;
}

async function world(t: ExecutionContext, options: SocksServerOptions = {}): Promise<World> {
  const { left, right, close } = makePair({}, {}, 0);
  t.teardown(close);
  const server = await createSocksServer(left, { port: 0, ...options });
  t.teardown(() => server.close());
  const client = (...bytes: readonly Uint8Array[]): Socket => {
    const socket = connect({ port: server.address.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    for (const each of bytes) socket.write(each);
    t.teardown(() => {
      socket.destroy();
    });
    return socket;
  };
  return { far: right, server, client };
}

/** What has come to a socket and was not taken. */
const came = new WeakMap<Socket, Buffer>();

/** `length` bytes; fewer if it ends before. What follows them is left to whoever reads next. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  let text = came.get(socket) ?? Buffer.alloc(0);
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('data', add).off('end', done).off('close', done);
      resolve();
    };
    const add = (piece: Buffer): void => {
      text = Buffer.concat([text, piece]);
      if (text.length >= length) done();
    };
    if (text.length >= length || socket.readableEnded || socket.destroyed) resolve();
    else socket.on('data', add).on('end', done).on('close', done);
  });
  came.set(socket, text.subarray(length));
  return text.subarray(0, length);
}

/** Settles when the other end has ended the connection, in whatever way. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('end', resolve).once('close', resolve).resume();
  });
}

const request = (command: number, place: readonly number[], port: number): Uint8Array =>
  Uint8Array.of(5, command, 0, ...place, port >> 8, port & 255);

/** A server that says back what it hears, whole, at both of its addresses. */
async function echo(far: Stack): Promise<void> {
  const server = far.net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  server.listen(7);
  await once(server, 'listening');
}

for (const [family, place] of [
  ['IPv4', FOUR],
  ['IPv6', SIX],
] as const) {
  test(`socks: CONNECT carries a connection to an address of ${family}, each half to its end`, async (t) => {
    const { far, server, client } = await world(t);
    await echo(far);
    const socket = client(HELLO, request(1, place, 7));
    t.deepEqual([...(await take(socket, 2))], [5, 0]);
    const head = [...(await take(socket, 5 + place.length))].slice(0, 4);
    t.deepEqual(head, [5, 0, 0, place[0]]);
    socket.end('said at once, and the end of it');
    const text = (await take(socket, 1000)).toString();
    t.is(text, 'said at once, and the end of it');
    t.is(server.counters.connections, 1);
  });
}

test('socks: what a client says behind its request, in whatever pieces, is not lost', async (t) => {
  const { far, client } = await world(t);
  await echo(far);
  const socket = client();
  const all = [...HELLO, ...request(1, FOUR, 7), ...Buffer.from('early')];
  for (const octet of all) {
    socket.write(Uint8Array.of(octet));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.is((await take(socket, 2 + 10 + 5)).subarray(12).toString(), 'early');
});

test('socks: a name is looked up as its owner says, and one that is unknown is a host that cannot be reached', async (t) => {
  const { far, server, client } = await world(t, {
    async resolve(name) {
      if (name === 'echo.inside') return RIGHT;
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    },
  });
  await echo(far);
  const named = (name: string): number[] => [3, name.length, ...Buffer.from(name)];
  const socket = client(HELLO, request(1, named('echo.inside'), 7));
  t.is((await take(socket, 12))[3], 0);
  const none = client(HELLO, request(1, named('nobody.inside'), 7));
  t.is((await take(none, 12))[3], 4); // host unreachable, §6
  t.is(server.counters.failed, 1);
});

test('socks: a port where nobody listens is refused, and a command or kind that is not there is said', async (t) => {
  const { client } = await world(t);
  const reply = async (bytes: Uint8Array): Promise<number | undefined> =>
    (await take(client(HELLO, bytes), 12))[3];
  t.is(await reply(request(1, FOUR, 9)), 5); // connection refused
  t.is(await reply(request(2, FOUR, 9)), 7); // BIND: command not supported
  t.is(await reply(request(1, [9, 0, 0, 0, 0], 9)), 8); // address type not supported
});

test('socks: who wants a password, speaks SOCKS4 or says no end is sent away', async (t) => {
  const { server, client } = await world(t);
  const picky = client(Uint8Array.of(5, 1, 2));
  t.deepEqual([...(await take(picky, 2))], [5, 0xff]); // no acceptable methods, §3
  for (const bytes of [
    Uint8Array.of(4, 1, 0, 7, 10, 0, 0, 2, 0),
    Uint8Array.of(5, 0),
    Buffer.concat([HELLO, Uint8Array.of(4)]),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  ]) {
    await gone(client(bytes));
  }
  t.is(server.counters.malformed, 5);
  t.is(server.counters.connections, 0);
});

test('socks: who does not say in time what it wants is sent away', async (t) => {
  const { server, client } = await world(t, { patience: 0.05 });
  await gone(client(HELLO));
  t.is(server.counters.malformed, 1);
  await until(() => server.open === 0, 'an end'); // the client may learn of it first
});

test('socks: no more clients are taken than it may have', async (t) => {
  const { server, client } = await world(t, { clients: 2 });
  const both = [client(HELLO), client(HELLO)];
  for (const socket of both) await take(socket, 2);
  await gone(client(HELLO));
  t.is(server.open, 2);
});

test('socks: a connection that the other end resets is reset to the client, and all ends with the server', async (t) => {
  const { far, server, client } = await world(t);
  const held = far.net.createServer((socket) => socket.on('error', () => {}));
  held.listen(7);
  await once(held, 'listening');
  const socket = client(HELLO, request(1, FOUR, 7));
  await take(socket, 12);
  await server.close();
  await gone(socket);
  t.is(server.open, 0);
});

test('socks: datagrams of either family go out and come back, with the place that they are from', async (t) => {
  const { far, server, client } = await world(t);
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = far.dgram.createSocket(type);
    socket.bind(7, type === 'udp4' ? RIGHT : RIGHT6);
    await once(socket, 'listening');
    socket.on('message', (text, { address, port }) => socket.send(text, port, address));
  }
  const control = client(HELLO, request(3, [1, 0, 0, 0, 0], 0));
  const reply = (await take(control, 12)).subarray(2);
  t.deepEqual([...reply.subarray(0, 8)], [5, 0, 0, 1, 127, 0, 0, 1]);
  const port = reply.readUInt16BE(8);
  const socket = createSocket('udp4');
  t.teardown(() => {
    socket.close();
  });
  for (const place of [FOUR, SIX]) {
    const datagram = Uint8Array.of(0, 0, 0, ...place, 0, 7, 104, 105);
    socket.send(datagram, port, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    t.deepEqual([...answer], [...datagram]);
  }
  // A fragment is dropped (§7), and so is what another port sends than the one that came first.
  const stranger = createSocket('udp4');
  t.teardown(() => {
    stranger.close();
  });
  let came = 0;
  far.dgram
    .createSocket('udp4')
    .on('message', () => came++)
    .bind(8, RIGHT);
  socket.send(Uint8Array.of(0, 0, 1, ...FOUR, 0, 8, 1), port, '127.0.0.1');
  stranger.send(Uint8Array.of(0, 0, 0, ...FOUR, 0, 8, 2), port, '127.0.0.1');
  socket.send(Uint8Array.of(0, 0, 0, ...FOUR, 0, 7, 3), port, '127.0.0.1');
  await once(socket, 'message');
  t.is(came, 0);
  t.is(server.counters.associations, 1);
  // The association ends with the connection by which it was asked for: §6.
  control.end();
  await gone(control);
  const late = createSocket('udp4').bind(port, '127.0.0.1');
  await once(late, 'listening');
  late.close();
});
