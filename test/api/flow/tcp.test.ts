/**
 * `stack.tcp`: promises, async iteration, and the callback interface.
 * @module
 */
import { once } from 'node:events';
import test from 'ava';
import type { Connection, ConnectionHandler, Socket } from '../../../src/index.ts';
import { LEFT, makePair, RIGHT, rounds, until } from '../worlds.ts';

test('connect: gives the socket when it is open', async (t) => {
  const pair = makePair();
  pair.right.net.createServer((socket) => socket.end('hi')).listen(7);
  const socket = await pair.left.tcp.connect(7, RIGHT);
  t.false(socket.connecting);
  let text = '';
  for await (const piece of socket) text += piece;
  t.is(text, 'hi');
  await pair.close();
});

test('connect: rejects with what would be the error event', async (t) => {
  const pair = makePair();
  await t.throwsAsync(pair.left.tcp.connect({ port: 7, host: RIGHT }), {
    message: `connect ECONNREFUSED ${RIGHT}:7`,
  });
  await pair.close();
});

test('connect: the signal ends the wait, and nothing after it', async (t) => {
  const pair = makePair();
  pair.right.net.createServer((socket) => socket.pipe(socket)).listen(7);
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = pair.left.tcp.connect({ port: 7, host: '10.0.0.9', signal });
  const socket = await pair.left.tcp.connect({ port: 7, host: RIGHT, signal });
  controller.abort();
  await t.throwsAsync(waiting, { name: 'AbortError' });
  socket.write('still here');
  const [piece] = (await once(socket, 'data')) as [Buffer];
  t.is(piece.toString(), 'still here');
  await pair.close();
});

test('listen: connections and bytes from before the loop are not lost', async (t) => {
  const pair = makePair();
  const acceptor = pair.right.tcp.listen({ port: 7 });
  const clients = await Promise.all([1, 2, 3].map(() => pair.left.tcp.connect(7, RIGHT)));
  clients.forEach((client, i) => {
    client.end(`client ${i}`);
  });
  await rounds(10);
  t.is(acceptor.waiting, 3);
  const texts: string[] = [];
  for await (const socket of acceptor) {
    let text = '';
    for await (const piece of socket) text += piece;
    texts.push(text);
    if (texts.length === 3) break;
  }
  t.deepEqual(texts.sort(), ['client 0', 'client 1', 'client 2']);
  await t.throwsAsync(pair.left.tcp.connect(7, RIGHT), { code: 'ECONNREFUSED' });
  await pair.close();
});

test('listen: a connection that fails in the queue leaves it, and harms nobody', async (t) => {
  const pair = makePair();
  const acceptor = pair.right.tcp.listen({ port: 7 });
  const client = await pair.left.tcp.connect(7, RIGHT);
  await rounds(5);
  client.resetAndDestroy();
  await rounds(10);
  t.is(acceptor.waiting, 0);
  acceptor.close();
  await pair.close();
});

test('listen: a full queue leaves SYNs unanswered', async (t) => {
  const pair = makePair();
  const acceptor = pair.right.tcp.listen({ port: 7, backlog: 1 });
  await pair.left.tcp.connect(7, RIGHT);
  await rounds(5);
  const second = pair.left.net.connect(7, RIGHT);
  await rounds(10);
  t.true(second.connecting);
  t.is(acceptor.waiting, 1);
  await pair.close();
});

test('listen: the port is known and taken at once', async (t) => {
  const pair = makePair();
  const acceptor = pair.right.tcp.listen({ port: 0, address: RIGHT });
  t.true(acceptor.port > 0);
  t.is(acceptor.address, RIGHT);
  t.throws(() => pair.right.tcp.listen({ port: acceptor.port }), { code: 'EADDRINUSE' });
  t.throws(() => pair.right.tcp.listen({ port: 1, address: '192.0.2.1' }), {
    code: 'EADDRNOTAVAIL',
  });
  await acceptor[Symbol.asyncDispose]();
  t.notThrows(() => pair.right.tcp.listen({ port: acceptor.port }).close());
  await pair.close();
});

test('listen: a signal and a close end the loop', async (t) => {
  const pair = makePair();
  const controller = new AbortController();
  const aborted = pair.right.tcp.listen({ port: 7, signal: controller.signal });
  const first = aborted.next();
  controller.abort();
  await t.throwsAsync(first, { name: 'AbortError' });
  const closed = pair.right.tcp.listen({ port: 7 });
  const second = closed.next();
  closed.close();
  t.true((await second).done);
  const gone = pair.right.tcp.listen({ port: 8 });
  const third = gone.next();
  await pair.close();
  t.true((await third).done);
});

/** A handler that writes down what it is told. */
function scribe(log: unknown[], extra: ConnectionHandler = {}): ConnectionHandler {
  return {
    open: () => log.push('open'),
    data: (_connection, bytes, at, length) =>
      log.push(Buffer.from(bytes.subarray(at, at + length)).toString()),
    end: () => log.push('end'),
    finish: () => log.push('finish'),
    close: (_connection, error) => log.push(`close ${error?.message ?? ''}`.trim()),
    ...extra,
  };
}

test('callbacks: open, data, end, finish, close in their order', async (t) => {
  const pair = makePair();
  const served: unknown[] = [];
  pair.right.tcp.createListener({ port: 7 }, () =>
    scribe(served, {
      end: (connection) => {
        served.push('end');
        connection.end();
      },
    }),
  );
  const log: unknown[] = [];
  const connection = pair.left.tcp.createConnection({ address: RIGHT, port: 7 }, scribe(log));
  connection.write(Buffer.from('hello'));
  connection.end();
  await rounds(20);
  t.deepEqual(log, ['open', 'finish', 'end', 'close']);
  t.deepEqual(served, ['hello', 'end', 'finish', 'close']);
  t.true(connection.closed);
  await pair.close();
});

test('callbacks: text that is sent by reference is released once acknowledged', async (t) => {
  const pair = makePair();
  pair.right.tcp.createListener({ port: 7 }, () => ({}));
  const released: unknown[] = [];
  const connection = pair.left.tcp.createConnection(
    { address: RIGHT, port: 7 },
    { release: (_connection, token) => released.push(token) },
  );
  t.is(connection.write(Buffer.alloc(1000), 0, 1000, 'first'), 1000);
  t.is(connection.write(Buffer.alloc(1000), 100, 900, 'second'), 900);
  t.deepEqual(released, []);
  await rounds(20);
  t.deepEqual(released, ['first', 'second']);
  await pair.close();
});

test('callbacks: a write past the buffer is cut, and writable follows', async (t) => {
  const pair = makePair({ tcp: { sendBuffer: 10_000, sendBufferMax: 10_000 } });
  let received = 0;
  pair.right.tcp.createListener({ port: 7 }, () => ({
    data: (_connection, _bytes, _at, length) => {
      received += length;
    },
  }));
  const bytes = Buffer.alloc(100_000);
  let sent = 0;
  const more = (connection: Connection): void => {
    sent += connection.write(bytes, sent);
  };
  const connection = pair.left.tcp.createConnection(
    { address: RIGHT, port: 7 },
    { writable: more },
  );
  more(connection);
  t.is(sent, 10_000);
  await until(() => received >= 100_000);
  t.is(received, 100_000);
  await pair.close();
});

test('callbacks: received text is a view on its packet, and may be kept without a copy', async (t) => {
  const pair = makePair();
  const views: Uint8Array[] = [];
  const keeps: [Connection, number][] = [];
  pair.right.tcp.createListener({ port: 7 }, () => ({
    data: (connection, bytes, at, length) => {
      views.push(bytes.subarray(at, at + length));
      if (views.length === 1 && connection.keep(bytes, at)) keeps.push([connection, at]);
    },
  }));
  const connection = pair.left.tcp.createConnection({ address: RIGHT, port: 7 }, {});
  connection.write(Buffer.from('kept'));
  await rounds(10);
  connection.write(Buffer.from('lost'));
  await rounds(10);
  t.is(Buffer.from(views[0] as Uint8Array).toString(), 'kept');
  t.deepEqual([...(views[1] as Uint8Array)], [0xdb, 0xdb, 0xdb, 0xdb]); // released, and poisoned
  for (const [owner, at] of keeps) owner.giveBack(at);
  t.is((views[0] as Uint8Array)[0], 0xdb);
  await pair.close();
});

test('callbacks: a paused connection is told nothing until it is resumed', async (t) => {
  const pair = makePair();
  const log: unknown[] = [];
  let accepted: Connection | undefined;
  pair.right.tcp.createListener({ port: 7 }, (connection) => {
    accepted = connection;
    connection.pause();
    return scribe(log);
  });
  const connection = pair.left.tcp.createConnection({ address: RIGHT, port: 7 }, {});
  connection.write(Buffer.from('later'));
  connection.end();
  await rounds(10);
  t.deepEqual(log, []);
  accepted?.resume();
  await rounds(5);
  t.deepEqual(log, ['later', 'end']);
  await pair.close();
});

test('callbacks: abort resets the peer', async (t) => {
  const pair = makePair();
  const log: unknown[] = [];
  const mine: unknown[] = [];
  pair.right.tcp.createListener({ port: 7 }, (accepted) => {
    accepted.write(Buffer.from('hello'));
    return scribe(log);
  });
  const connection = pair.left.tcp.createConnection(
    { address: RIGHT, port: 7 },
    scribe(mine, { data: (greeted) => greeted.abort() }),
  );
  await rounds(20);
  t.deepEqual(log, ['close read ECONNRESET']);
  t.deepEqual(mine, ['open']);
  t.is(connection.state, 'CLOSED');
  await pair.close();
});

test('callbacks: no handler refuses the connection', async (t) => {
  const pair = makePair();
  pair.right.tcp.createListener({ port: 7 }, () => undefined);
  const log: unknown[] = [];
  pair.left.tcp.createConnection({ address: RIGHT, port: 7 }, scribe(log));
  await rounds(20);
  t.is(log.at(-1), 'close read ECONNRESET');
  await pair.close();
});

test('callbacks: a bad call throws at the door', async (t) => {
  const pair = makePair();
  const { tcp } = pair.left;
  t.throws(() => tcp.createConnection({ address: 'x', port: 7 }, {}), {
    code: 'ERR_INVALID_IP_ADDRESS',
  });
  t.throws(() => tcp.createConnection({ address: RIGHT, port: 0 }, {}), {
    code: 'ERR_SOCKET_BAD_PORT',
  });
  t.throws(() => tcp.createConnection({ address: '192.0.2.1', port: 7 }, {}), {
    message: 'connect ENETUNREACH 192.0.2.1:7',
  });
  t.throws(() => tcp.createListener({ port: 70_000 }, () => ({})), { code: 'ERR_SOCKET_BAD_PORT' });
  t.throws(() => tcp.createListener({ port: 7 }, 5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
  await pair.close();
});

test('socket: the connection below it tells of itself', async (t) => {
  const pair = makePair();
  const accepted = new Promise<Socket>((done) => {
    pair.right.net.createServer(done).listen(7);
  });
  const socket = await pair.left.tcp.connect(7, RIGHT);
  socket.write('x');
  await rounds(10);
  const info = socket.info();
  t.is(info?.state, 'ESTABLISHED');
  t.is(info?.bytesAcked, 1);
  t.true((info?.rtt ?? 0) > 0);
  t.is(socket.connection?.remoteAddress, RIGHT);
  t.is((await accepted).remoteAddress, LEFT);
  socket.destroy();
  t.is(socket.info(), undefined);
  await pair.close();
});
