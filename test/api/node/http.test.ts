/**
 * `stack.http`, `stack.https` and agents, between two stacks on a pipe.
 * @module
 */
import { once } from 'node:events';
import * as http from 'node:http';
import type * as https from 'node:https';
import * as net from 'node:net';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { cert, key } from '../../../examples/certificate.ts';
import { LEFT, makePair, next, portOf, RIGHT, rounds } from '../worlds.ts';

/** The answer to a request, as text. */
async function answer(request: http.ClientRequest): Promise<string> {
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const piece of response) text += piece;
  return text;
}

const greet: http.RequestListener = (request, response) => {
  const { remoteAddress, localPort } = request.socket;
  response.end(`${request.method} ${request.url} from ${remoteAddress} to ${localPort}`);
};

test('http: a server of the stack answers a request of another stack', async (t) => {
  const { left, right, close } = makePair();
  const server = right.http.createServer(greet).listen(80);
  t.true(server instanceof http.Server);
  t.true(server instanceof right.http.Server);
  await once(server, 'listening');
  const text = await answer(left.http.get(`http://${RIGHT}/here`));
  t.is(text, `GET /here from ${LEFT} to 80`);
  await close();
});

test('http: what is no connection is the exports of node:http', (t) => {
  const { left } = makePair();
  t.is(left.http.METHODS, http.METHODS);
  t.is(left.http.maxHeaderSize, http.maxHeaderSize);
  t.not(left.http.globalAgent, http.globalAgent);
  t.is(left.http, left.http);
  t.true(left.http.globalAgent instanceof left.http.Agent);
  // Node's classes may be called without `new`, which their types do not say.
  t.true(Reflect.apply(left.http.Agent, undefined, []) instanceof http.Agent);
});

test('http: request takes a URL, options, both, and a callback', async (t) => {
  const { left, right, close } = makePair();
  right.http.createServer(greet).listen(8080);
  const { request } = left.http;
  const calls: ((done: () => void) => http.ClientRequest)[] = [
    (done) => request(`http://${RIGHT}:8080/x`, done),
    (done) => request(new URL(`http://${RIGHT}:8080/x`), done),
    (done) => request(`http://${RIGHT}:8080/y`, { path: '/x' }, done),
    (done) => request({ host: RIGHT, port: 8080, path: '/x' }, done),
    (done) => request({ host: RIGHT, port: 8080, path: '/x', agent: false }, done),
    (done) => request({ host: RIGHT, port: 8080, path: '/x', agent: left.agent() }, done),
    (done) => new left.http.ClientRequest({ host: RIGHT, port: 8080, path: '/x' }, done),
  ];
  for (const call of calls) {
    let called = 0;
    const made = call(() => called++);
    made.end();
    t.is(await answer(made), `GET /x from ${LEFT} to 8080`);
    t.is(called, 1);
  }
  await close();
});

test('http: an agent of the stack keeps its connections and uses them again', async (t) => {
  const { left, right, close } = makePair();
  let connections = 0;
  const server = right.http.createServer(greet).listen(80);
  server.on('connection', () => connections++);
  const agent = left.agent({ keepAlive: true });
  for (let i = 0; i < 5; i++) await answer(http.get({ host: RIGHT, agent }));
  t.is(connections, 1);
  agent.destroy();
  await close();
});

test('http: without an answer within the timeout the request times out', async (t) => {
  const { left, right, close } = makePair();
  right.http.createServer(() => {}).listen(80);
  const request = left.http.get({ host: RIGHT, timeout: 30 });
  await once(request, 'timeout');
  request.destroy();
  const [error] = await next(request, 'error');
  t.is((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  await close();
});

test('http: a connection that is refused is an error of the request', async (t) => {
  const { left, close } = makePair();
  const [error] = await next(left.http.get(`http://${RIGHT}:81/`), 'error');
  t.is((error as Error).message, `connect ECONNREFUSED ${RIGHT}:81`);
  await close();
});

test('http: a local socket is refused with the way out', (t) => {
  const { left } = makePair();
  t.throws(() => left.http.get({ socketPath: '/tmp/x' }), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /use node:net/,
  });
});

test('http: an upgrade hands the socket over', async (t) => {
  const { left, right, close } = makePair();
  const server = right.http.createServer().listen(80);
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const headers = { connection: 'upgrade', upgrade: 'echo' };
  const request = left.http.get({ host: RIGHT, headers });
  const [, socket] = (await next(request, 'upgrade')) as [unknown, net.Socket];
  socket.end('over');
  const [data] = await next(socket, 'data');
  t.is(String(data), 'over');
  await close();
});

test('carry: a server has its address at once, its connections, and its close', async (t) => {
  const { left, right, close } = makePair();
  const server = right.http.createServer(greet).listen(0);
  t.true(server.listening);
  t.is(server.address() && typeof server.address(), 'object');
  t.deepEqual(server.address(), { address: '0.0.0.0', family: 'IPv4', port: portOf(server) });
  await once(server, 'listening');
  const socket = left.net.connect(portOf(server), RIGHT);
  await once(server, 'connection');
  const count = await new Promise((done) => server.getConnections((_error, n) => done(n)));
  t.is(count, 1);
  const closed = new Promise((done) => server.close(done));
  t.false(server.listening);
  socket.end();
  t.is(await closed, undefined);
  t.is(server.address(), null);
  await close();
});

test('carry: a server listens again after its close', async (t) => {
  const { left, right, close } = makePair();
  const server = right.http.createServer(greet);
  for (let i = 0; i < 3; i++) {
    await new Promise<void>((done) => server.listen(80, RIGHT, done));
    t.is(await answer(left.http.get({ host: RIGHT, agent: false })), `GET / from ${LEFT} to 80`);
    await new Promise((done) => server.close(done));
  }
  await close();
});

test('carry: closed while its host is looked up it does not listen', async (t) => {
  const { right, close } = makePair({
    lookup: (_host, _options, callback) => setImmediate(callback, null, RIGHT, 4),
  });
  const server = right.http.createServer().listen(80, 'name.example');
  t.false(server.listening);
  server.on('listening', () => t.fail());
  server.close();
  await once(server, 'close');
  await rounds(10);
  t.false(server.listening);
  t.deepEqual(right.connections(), []);
  await close();
});

test('carry: a port that is taken is an error of the server, in Node’s words', async (t) => {
  const { right, close } = makePair();
  right.http.createServer().listen(80);
  const second = right.http.createServer().listen(80);
  const [error] = await next(second, 'error');
  t.is((error as Error).message, 'listen EADDRINUSE: address already in use 0.0.0.0:80');
  t.throws(() => right.http.createServer().listen(82).listen(83), {
    code: 'ERR_SERVER_ALREADY_LISTEN',
  });
  await close();
});

test('carry: a signal closes the server', async (t) => {
  const { right, close } = makePair();
  const controller = new AbortController();
  const server = right.http.createServer().listen({ port: 80, signal: controller.signal });
  await once(server, 'listening');
  controller.abort();
  await once(server, 'close');
  t.false(server.listening);
  await close();
});

test('carry: what is over maxConnections is dropped', async (t) => {
  const { left, right, close } = makePair();
  const server = right.http.createServer().listen(80);
  server.maxConnections = 1;
  left.net.connect(80, RIGHT);
  await once(server, 'connection');
  left.net.connect(80, RIGHT);
  const [data] = (await next(server, 'drop')) as [net.DropArgument];
  t.is(data.localPort, 80);
  await close();
});

test('carry: a server of a framework’s own listens on the stack', async (t) => {
  const { left, right, close } = makePair();
  const server = right.carry(http.createServer(greet));
  await new Promise<void>((done) => server.listen(80, done));
  t.is(await answer(left.http.get(`http://${RIGHT}/`)), `GET / from ${LEFT} to 80`);
  t.throws(() => right.carry({} as net.Server), { code: 'ERR_INVALID_ARG_TYPE' });
  await close();
});

test('carry: a net.Server of Node gets sockets of the stack', async (t) => {
  const { left, right, close } = makePair();
  const server = right.carry(net.createServer({ allowHalfOpen: true }));
  server.listen(7);
  const socket = left.net.connect(7, RIGHT);
  const [accepted] = (await next(server, 'connection')) as [net.Socket];
  t.true(accepted instanceof right.net.Socket);
  t.true(accepted.allowHalfOpen);
  t.is(accepted.remoteAddress, LEFT);
  socket.destroy();
  await close();
});

test('https: a server of the stack answers, and both know whom they talk to', async (t) => {
  const { left, right, close } = makePair();
  const server = right.https.createServer({ cert, key }, greet).listen(443);
  const request = left.https.get(`https://${RIGHT}/safe`, { ca: cert });
  const [socket] = (await next(request, 'socket')) as [TLSSocket];
  t.true(socket.connecting);
  const text = await answer(request);
  t.is(text, `GET /safe from ${LEFT} to 443`);
  t.is(socket.remoteAddress, RIGHT);
  t.is(socket.remotePort, 443);
  t.is(socket.remoteFamily, 'IPv4');
  t.true(socket.authorized);
  server.close();
  await close();
});

test('https: a certificate that nobody vouches for is an error', async (t) => {
  const { left, right, close } = makePair();
  right.https.createServer({ cert, key }, greet).listen(443);
  const [error] = await next(left.https.get(`https://${RIGHT}/`), 'error');
  t.is((error as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
  await close();
});

test('https: an agent of the stack keeps connections, and remembers sessions', async (t) => {
  const { left, right, close } = makePair();
  right.https.createServer({ cert, key }, greet).listen(443);
  const reused: boolean[] = [];
  const agent: https.Agent = left.agent({ protocol: 'https:', ca: cert, maxCachedSessions: 9 });
  for (let i = 0; i < 2; i++) {
    const request = left.https.get({ host: RIGHT, agent, servername: 'tunstack.example' });
    const [socket] = (await next(request, 'socket')) as [TLSSocket];
    await answer(request);
    reused.push(socket.isSessionReused());
    if (!socket.destroyed) await next(socket, 'close'); // the next one is a new connection
  }
  t.deepEqual(reused, [false, true]);
  agent.destroy();
  await close();
});

test('https: a connection that is refused is an error of the request', async (t) => {
  const { left, close } = makePair();
  const [error] = await next(left.https.get(`https://${RIGHT}/`), 'error');
  t.is((error as Error).message, `connect ECONNREFUSED ${RIGHT}:443`);
  await close();
});

test('https: a body of megabytes passes both ways', async (t) => {
  const { left, right, close } = makePair();
  const app: http.RequestListener = (request, response) => request.pipe(response);
  right.https.createServer({ cert, key }, app).listen(443);
  const body = Buffer.alloc(3 << 20, 'safe and sound ');
  const request = left.https.request({ host: RIGHT, method: 'POST', ca: cert });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  t.true(Buffer.concat(pieces).equals(body));
  await close();
});

// Node documentation: `server.headersTimeout`, `connectionsCheckingInterval`: late requests get 408.
for (const sent of ['', 'GET / HT']) {
  test(`http: a server of the stack has Node's time-outs: ${sent || 'nothing'} is sent`, async (t) => {
    const { left, right, close } = makePair();
    const limits = { headersTimeout: 100, connectionsCheckingInterval: 20 };
    const server = right.http.createServer(limits, greet).listen(80);
    t.is(right.http.createServer().headersTimeout, http.createServer().headersTimeout);
    await once(server, 'listening');
    const socket = left.net.connect(80, RIGHT);
    if (sent !== '') socket.write(sent);
    let text = '';
    for await (const piece of socket) text += piece;
    t.regex(text, /^HTTP\/1\.1 408 /);
    await close();
  });
}
