/**
 * What a network does to a connection, and the error that Node has for it.
 * @module
 */
import type { Socket } from 'node:net';
import test from 'ava';
import { systemError } from '../../../src/stack/api/door/errors.ts';
import {
  listening,
  makePair,
  next,
  type Pair,
  RIGHT,
  record,
  rounds,
  SOCKET_EVENTS,
  same,
  told,
} from '../worlds.ts';

/** The right-hand stack is a router to a network that is not there. */
function routed(options = {}): Pair {
  const pair = makePair({ forwarding: true, ...options });
  pair.left.addRoute('10.5.0.0/16', { gateway: RIGHT });
  return pair;
}

test('failures: a router’s "net unreachable" ends a connect at once', async (t) => {
  const pair = routed();
  const socket = pair.left.net.connect(7, '10.5.0.1');
  const [error] = await next(socket, 'error');
  t.like(told(error), {
    message: 'connect ENETUNREACH 10.5.0.1:7',
    code: 'ENETUNREACH',
    syscall: 'connect',
    address: '10.5.0.1',
  });
  await pair.close();
});

// Node on the kernel: what `connect` itself refuses tells the socket's own name (test/tun/ipv6-only.test.ts compares).
test('failures: a destination without a route is ENETUNREACH', async (t) => {
  const pair = makePair();
  const [error] = await next(pair.left.net.connect(7, '192.0.2.1'), 'error');
  t.is((error as Error).message, 'connect ENETUNREACH 192.0.2.1:7 - Local (0.0.0.0:0)');
  await pair.close();
});

test('failures: an IPv6 address is EAFNOSUPPORT', async (t) => {
  const pair = makePair();
  const [error] = await next(pair.left.net.connect(7, '2001:db8::1'), 'error');
  t.is((error as Error).message, 'connect EAFNOSUPPORT 2001:db8::1:7');
  await pair.close();
});

test('failures: an IPv6 address to listen on is EAFNOSUPPORT', async (t) => {
  const pair = makePair();
  const [error] = await next(pair.left.net.createServer().listen(7, '::1'), 'error');
  t.is((error as Error).message, 'listen EAFNOSUPPORT: address family not supported ::1:7');
  await pair.close();
});

test('failures: nobody answers a SYN: ETIMEDOUT', async (t) => {
  const pair = makePair({ tcp: { synRetries: 0 } });
  const [error] = await next(pair.left.net.connect(7, '10.0.0.99'), 'error');
  t.is((error as Error).message, 'connect ETIMEDOUT 10.0.0.99:7');
  t.deepEqual(pair.left.connections(), []);
  await pair.close();
});

test('failures: a connect to nowhere that is aborted leaves nothing behind', async (t) => {
  const pair = makePair();
  const controller = new AbortController();
  const { signal } = controller;
  const socket = pair.left.net.connect({ port: 7, host: '10.0.0.99', signal });
  await rounds(10);
  t.deepEqual(
    pair.left.connections().map(({ state }) => state),
    ['SYN-SENT'],
  );
  controller.abort();
  const [error] = await next(socket, 'error');
  t.is((error as Error).name, 'AbortError');
  t.deepEqual(pair.left.connections(), []);
  await pair.close();
});

test('failures: a peer that falls silent: ETIMEDOUT', async (t) => {
  const pair = makePair();
  pair.right.net.createServer((socket) => socket.resume()).listen(7);
  const socket = await pair.left.tcp.connect(7, RIGHT);
  socket.resume();
  socket.connection?.setUserTimeout(300);
  await pair.right.devices[0]?.close();
  socket.write('anybody?');
  const closed = next(socket, 'close');
  const [error] = await next(socket, 'error');
  t.like(told(error), { message: 'read ETIMEDOUT', code: 'ETIMEDOUT', syscall: 'read' });
  t.deepEqual(await closed, [true]);
  t.deepEqual(pair.left.connections(), []);
  await pair.close();
});

same(
  'failures: a reset is not noticed before somebody reads, and then it is',
  async (world, log) => {
    const server = world.server.net.createServer({ pauseOnConnect: true });
    const port = await listening(server, world.host);
    const client = world.client.net.connect(port, world.host);
    const [[socket]] = await Promise.all([
      next(server, 'connection') as Promise<[Socket]>,
      next(client, 'connect'),
    ]);
    record(log, 'socket', socket, SOCKET_EVENTS);
    client.resetAndDestroy();
    await new Promise((done) => setTimeout(done, 200)); // until it has arrived, in both worlds
    log.push(['destroyed', socket.destroyed]);
    socket.resume();
    await next(socket, 'close');
    await new Promise((done) => server.close(done));
    return undefined;
  },
);

test('failures: a datagram to a network that is not there, on a connected socket', async (t) => {
  const pair = routed();
  const socket = pair.left.dgram.createSocket('udp4');
  socket.connect(9, RIGHT);
  await next(socket, 'connect');
  const failed = next(socket, 'error');
  socket.send('x');
  const [error] = await failed;
  t.is((error as Error).message, 'recvmsg ECONNREFUSED');
  socket.close();
  await pair.close();
});

test('failures: what needs the kernel says so', async (t) => {
  const pair = makePair();
  const { net, dgram } = pair.left;
  const calls: (() => unknown)[] = [
    () => net.connect('/tmp/socket'),
    () => net.connect({ path: '/tmp/socket' }),
    () => net.createServer().listen('/tmp/socket'),
    () => net.createServer().listen({ fd: 3 } as object),
    () => net.createServer().listen({ handle: {} } as object),
    () => new net.Socket({ fd: 3 }),
    () => dgram.createSocket('udp4').bind({ fd: 3 }),
  ];
  for (const call of calls) {
    t.throws(call, { code: 'ERR_INVALID_ARG_VALUE', message: /kernel|local socket/ });
  }
  t.throws(() => dgram.createSocket('udp6'), { code: 'EAFNOSUPPORT', message: /IPv4 only/ });
  await pair.close();
});

test('failures: a reset in mid-transfer ends the reader with ECONNRESET', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer().listen(7);
  const client = pair.left.net.connect(7, RIGHT);
  const [socket] = (await next(server, 'connection')) as [Socket];
  const log: unknown[] = [];
  record(log, 'server', socket, SOCKET_EVENTS);
  client.write(Buffer.alloc(1 << 24));
  await next(socket, 'data');
  client.resetAndDestroy();
  await next(socket, 'close');
  t.deepEqual(log, [
    ['server', 'error', told(systemError('ECONNRESET', 'read'))],
    ['server', 'close', true],
  ]);
  t.deepEqual([pair.left.connections(), pair.right.connections()], [[], []]);
  await pair.close();
});

same('failures: writes to a peer that is gone', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  const port = await listening(server, world.host);
  const client = world.client.net.connect({ port, host: world.host, allowHalfOpen: true });
  record(log, 'client', client, SOCKET_EVENTS);
  const [socket] = (await next(server, 'connection')) as [Socket];
  client.resume();
  socket.destroy();
  await next(client, 'end');
  client.write('meets a reset', (error) => log.push(['first', told(error)]));
  const over = next(client, 'close');
  const again = setInterval(() => {
    client.write('meets nobody', (error) => error && log.push(['later', told(error)]));
  }, 20);
  await next(client, 'error'); // once the reset is there
  clearInterval(again);
  await over;
  server.close();
  return undefined;
});

same(
  'failures: a server that is closed with live sockets, and they are destroyed',
  async (world, log) => {
    const sockets: Socket[] = [];
    const server = world.server.net.createServer((socket) => sockets.push(socket));
    record(log, 'server', server, ['close']);
    const port = await listening(server, world.host);
    const clients: Socket[] = [];
    for (const who of ['one', 'two', 'three']) {
      const client = world.client.net.connect(port, world.host);
      record(log, who, client, SOCKET_EVENTS);
      await Promise.all([next(server, 'connection'), next(client, 'connect')]);
      clients.push(client.resume());
    }
    server.close((error) => log.push(['closed', told(error), server.listening]));
    const over = Promise.all([server, ...clients].map((one) => next(one, 'close')));
    log.push(['server has', sockets.length]);
    for (const [i, socket] of sockets.entries()) {
      if (i === 0) socket.destroy();
      else if (i === 1) socket.end();
      else socket.resetAndDestroy();
    }
    for (const socket of sockets) socket.resume();
    await over;
    const lines = log.splice(0); // between the sockets there is no order
    return ['server', 'closed', 'one', 'two', 'three'].map((who) =>
      lines.filter((line) => (line as string[])[0] === who),
    );
  },
);
