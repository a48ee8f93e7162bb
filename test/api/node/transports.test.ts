/**
 * The rest of Node on top: http, http2, tls and web streams with the stack's sockets under them.
 * @module
 */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { ServerOpts } from 'node:net';
import { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tls from 'node:tls';
import test from 'ava';
import type { Socket } from '../../../src/index.ts';
import { makePair, next, type Pair, portOf, RIGHT } from '../worlds.ts';

type Connectable = { emit(event: 'connection', socket: Socket): boolean };

/** Let `server` have every connection to a port of the right-hand stack. */
async function carry(
  pair: Pair,
  server: Connectable,
  options: ServerOpts = { noDelay: true }, // as http's own servers have it
): Promise<number> {
  const listener = pair.right.net.createServer(options, (socket) => {
    server.emit('connection', socket);
  });
  listener.listen(0);
  await next(listener, 'listening');
  return portOf(listener);
}

async function bodyOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** An agent whose connections leave from the left-hand stack. */
class StackAgent extends http.Agent {
  made = 0;
  readonly #pair: Pair;

  constructor(pair: Pair) {
    super({ keepAlive: true, maxSockets: 4 });
    this.#pair = pair;
  }

  override createConnection(options: http.ClientRequestArgs): Duplex {
    this.made++;
    return this.#pair.left.net.connect({
      port: Number(options.port),
      host: String(options.host),
      noDelay: true,
    });
  }
}

function ask(options: http.RequestOptions, body?: Buffer): Promise<http.IncomingMessage> {
  return new Promise((done, fail) => {
    const request = http.request(options, done).on('error', fail);
    request.end(body);
  });
}

test('http: a request and its answer', async (t) => {
  const pair = makePair();
  const app = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`${request.method} ${request.url} for ${request.socket.remoteAddress}`);
  });
  const port = await carry(pair, app);
  const createConnection = (): Duplex => pair.left.net.connect(port, RIGHT);
  const response = await ask({ path: '/x', host: RIGHT, createConnection });
  t.is(response.statusCode, 200);
  t.is((await bodyOf(response)).toString(), 'GET /x for 10.0.0.1');
  await pair.close();
});

test('http: connections are kept alive and used again', async (t) => {
  const pair = makePair();
  const app = http.createServer((request, response) => request.pipe(response));
  const port = await carry(pair, app);
  const agent = new StackAgent(pair);
  for (let i = 0; i < 20; i++) {
    const body = Buffer.alloc(i * 1000, `${i}`);
    const response = await ask({ host: RIGHT, port, method: 'POST', agent }, body);
    t.deepEqual(await bodyOf(response), body);
  }
  t.is(agent.made, 1);
  agent.destroy();
  await pair.close();
});

test('http: many requests at once, with bodies of a megabyte', async (t) => {
  const pair = makePair();
  const app = http.createServer((request, response) => request.pipe(response));
  const port = await carry(pair, app);
  const agent = new StackAgent(pair);
  const body = Buffer.alloc(1 << 20, 'mega');
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () =>
      bodyOf(await ask({ host: RIGHT, port, method: 'POST', agent }, body)),
    ),
  );
  t.true(answers.every((answer) => answer.equals(body)));
  agent.destroy();
  await pair.close();
});

test('http: a client that goes away ends its request', async (t) => {
  const pair = makePair();
  const app = http.createServer();
  const seen = new Promise<http.IncomingMessage>((done) => app.once('request', done));
  const port = await carry(pair, app);
  const request = http.request({
    createConnection: () => pair.left.net.connect(port, RIGHT),
    host: RIGHT,
  });
  const failed = next(request, 'error');
  request.end();
  const incoming = await seen;
  const closed = next(incoming, 'close');
  request.destroy();
  await closed;
  t.true(incoming.destroyed);
  const [error] = await failed;
  t.is((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  await pair.close();
});

test('http: an upgrade hands the socket over', async (t) => {
  const pair = makePair();
  const app = http.createServer();
  app.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const port = await carry(pair, app);
  const request = http.request({
    createConnection: () => pair.left.net.connect(port, RIGHT),
    host: RIGHT,
    headers: { connection: 'upgrade', upgrade: 'echo' },
  });
  request.end();
  const [, socket] = (await next(request, 'upgrade')) as [unknown, Duplex];
  socket.write('over and over');
  const [echoed] = (await next(socket, 'data')) as [Buffer];
  t.is(echoed.toString(), 'over and over');
  socket.destroy();
  await pair.close();
});

test('http2: several streams on one connection', async (t) => {
  const pair = makePair();
  const app = http2.createServer((request, response) => {
    response.end(`${request.url}`.repeat(1000));
  });
  const port = await carry(pair, app as unknown as Connectable);
  const session = http2.connect(`http://${RIGHT}`, {
    createConnection: () => pair.left.net.connect(port, RIGHT),
  });
  const texts = await Promise.all(
    ['/a', '/b', '/c'].map(async (path) => bodyOf(session.request({ ':path': path }))),
  );
  t.deepEqual(
    texts.map((text) => text.toString()),
    ['/a', '/b', '/c'].map((path) => path.repeat(1000)),
  );
  await new Promise<void>((done) => session.close(done));
  await pair.close();
});

// Node sends small frames at once (`setNoDelay` of the session's socket): it would wait for delayed ACKs.
test('http2: what a session sets on its socket is set on the connection', async (t) => {
  const pair = makePair();
  const port = await carry(pair, http2.createServer() as unknown as Connectable);
  const socket = pair.left.net.connect(port, RIGHT);
  const calls: unknown[] = [];
  socket.setNoDelay = (on) => {
    calls.push(['setNoDelay', on]);
    return socket;
  };
  const session = http2.connect(`http://${RIGHT}`, { createConnection: () => socket });
  await next(session, 'connect');
  t.deepEqual(calls, [['setNoDelay', undefined]]);
  t.is(session.socket.remotePort, port);
  await new Promise<void>((done) => session.close(done));
  await pair.close();
});

// A key that both sides know, so that no certificate is needed.
const PSK = {
  ciphers: 'PSK-AES128-GCM-SHA256',
  maxVersion: 'TLSv1.2',
} as const;
const KEY = Buffer.alloc(16, 'k');

test('tls: a server and a client over stack sockets', async (t) => {
  const pair = makePair();
  const app = tls.createServer({ ...PSK, pskCallback: () => KEY }, (socket) => socket.pipe(socket));
  const port = await carry(pair, app as unknown as Connectable);
  const socket = tls.connect({
    ...PSK,
    socket: pair.left.net.connect({ port, host: RIGHT }),
    pskCallback: () => ({ identity: 'me', psk: KEY }),
    checkServerIdentity: () => undefined,
  });
  await next(socket, 'secureConnect');
  const sent = Buffer.alloc(500_000, 'secret ');
  socket.end(sent);
  t.true((await bodyOf(socket)).equals(sent));
  await pair.close();
});

test('web streams: a socket as a pair of them', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer((socket) => socket.pipe(socket)).listen(7);
  await next(server, 'listening');
  const socket = await pair.left.tcp.connect({ port: 7, host: RIGHT });
  const { readable, writable } = Duplex.toWeb(socket);
  const writer = writable.getWriter();
  await writer.write(Buffer.from('through the web'));
  await writer.close();
  t.is((await bodyOf(readable as AsyncIterable<unknown>)).toString(), 'through the web');
  await pair.close();
});

test('stream: pipeline carries a generator to a collector', async (t) => {
  const pair = makePair();
  const collected: Buffer[] = [];
  const server = pair.right.net.createServer().listen(7);
  const socket = pair.left.net.connect(7, RIGHT);
  const [accepted] = (await next(server, 'connection')) as [Socket];
  const [, text] = await Promise.all([
    pipeline(async function* () {
      for (let i = 0; i < 1000; i++) yield `line ${i}\n`;
    }, socket),
    bodyOf(accepted),
  ]);
  collected.push(text);
  t.is(Buffer.concat(collected).toString().split('\n').length, 1001);
  await pair.close();
});
