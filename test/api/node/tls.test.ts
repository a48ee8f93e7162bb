/**
 * `stack.tls` and `stack.http2`, between two stacks on a pipe.
 * @module
 */
import { once } from 'node:events';
import type * as http2 from 'node:http2';
import * as tls from 'node:tls';
import test from 'ava';
import { cert, key } from '../../../examples/certificate.ts';
import type { Socket } from '../../../src/index.ts';
import { LEFT, makePair, next, type Pair, RIGHT } from '../worlds.ts';

const echo = (socket: tls.TLSSocket): void => {
  socket.pipe(socket);
};

async function everything(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

/** A tls server on the right that listens on 443. */
async function served(
  pair: Pair,
  options: tls.TlsOptions,
  listener: (socket: tls.TLSSocket) => void,
): Promise<tls.Server> {
  const server = pair.right.tls.createServer({ cert, key, ...options }, listener).listen(443);
  await once(server, 'listening');
  return server;
}

test('tls: connect takes options, a port and a host, and a callback', async (t) => {
  const pair = makePair();
  await served(pair, {}, echo);
  const { connect } = pair.left.tls;
  const calls: ((done: () => void) => tls.TLSSocket)[] = [
    (done) => connect({ port: 443, host: RIGHT, ca: cert }, done),
    (done) => connect(443, RIGHT, { ca: cert }, done),
    (done) => connect(443, { host: RIGHT, ca: cert }, done),
  ];
  for (const call of calls) {
    const events: string[] = [];
    const socket = call(() => events.push('callback'));
    t.true(socket.connecting);
    for (const name of ['connect', 'ready', 'secureConnect', 'end', 'close']) {
      socket.on(name, () => events.push(name));
    }
    const closed = once(socket, 'close');
    socket.end('hello');
    t.is(await everything(socket), 'hello');
    await closed;
    t.deepEqual(events, ['connect', 'ready', 'callback', 'secureConnect', 'end', 'close']);
  }
  await pair.close();
});

test('tls: both ends have the addresses of the connection', async (t) => {
  const pair = makePair();
  const server = await served(pair, {}, () => {});
  const socket = pair.left.tls.connect({ port: 443, host: RIGHT, ca: cert });
  const [accepted] = (await next(server, 'secureConnection')) as [tls.TLSSocket];
  t.is(accepted.remoteAddress, LEFT);
  t.is(accepted.localPort, 443);
  t.is(accepted.remotePort, socket.localPort);
  t.deepEqual(accepted.address(), { address: RIGHT, family: 'IPv4', port: 443 });
  t.is(socket.remoteAddress, RIGHT);
  t.is(socket.localFamily, 'IPv4');
  socket.destroy();
  await pair.close();
});

test('tls: a client that does not speak TLS is told of by its address', async (t) => {
  const pair = makePair();
  const server = await served(pair, {}, echo);
  pair.left.net.connect(443, RIGHT).end('GET / HTTP/1.0\r\n\r\n');
  const [error, socket] = (await next(server, 'tlsClientError')) as [Error, tls.TLSSocket];
  t.is((error as NodeJS.ErrnoException).code, 'ERR_SSL_HTTP_REQUEST');
  t.is(socket.remoteAddress, LEFT);
  await pair.close();
});

test('tls: a peer that ends first gets all that was written after', async (t) => {
  const pair = makePair();
  const text = 'late but whole '.repeat(50_000);
  await served(pair, { allowHalfOpen: true } as tls.TlsOptions, (socket) => {
    socket.on('end', () => socket.end(text)).resume();
  });
  const options = { port: 443, host: RIGHT, ca: cert, allowHalfOpen: true };
  const socket = pair.left.tls.connect(options);
  socket.end('?');
  t.is(await everything(socket), text);
  await pair.close();
});

test('tls: a socket is ended with its peer, unless it may stay half-open', async (t) => {
  const pair = makePair();
  const server = await served(pair, {}, (socket) => socket.end());
  const socket = pair.left.tls.connect({ port: 443, host: RIGHT, ca: cert }).resume();
  t.false(socket.allowHalfOpen);
  await once(socket, 'close');
  t.true(socket.writableFinished);
  await new Promise((done) => server.close(done));
  await pair.close();
});

test('tls: a plain socket of the stack may be secured later', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer((socket) => {
    socket.once('data', () => {
      socket.write('go ahead');
      const options = { isServer: true, cert, key };
      echo(new tls.TLSSocket(socket as unknown as tls.TLSSocket, options));
    });
  });
  server.listen(25);
  const plain = pair.left.net.connect(25, RIGHT);
  plain.write('STARTTLS');
  await next(plain, 'data');
  const secure = pair.left.tls.connect({
    socket: plain as unknown as tls.TLSSocket,
    ca: cert,
    servername: 'tunstack.example',
  });
  await once(secure, 'secureConnect');
  t.is(secure.remoteAddress, RIGHT);
  secure.write('safe now');
  const [data] = await next(secure, 'data');
  t.is(String(data), 'safe now');
  secure.destroy();
  await pair.close();
});

test('tls: a timeout is that of the secure socket', async (t) => {
  const pair = makePair();
  await served(pair, {}, () => {});
  const socket = pair.left.tls.connect({ port: 443, host: RIGHT, ca: cert, timeout: 30 });
  await Promise.all([once(socket, 'secureConnect'), once(socket, 'timeout')]);
  t.false(socket.destroyed);
  socket.destroy();
  await pair.close();
});

test('tls: a reset in mid-transfer is an error of the secure socket', async (t) => {
  const pair = makePair();
  const server = await served(pair, {}, () => {});
  const raw = next(server, 'connection');
  const socket = pair.left.tls.connect({ port: 443, host: RIGHT, ca: cert });
  await once(socket, 'secureConnect');
  ((await raw)[0] as Socket).resetAndDestroy();
  const [error] = await next(socket, 'error');
  t.is((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  await pair.close();
});

test('http2: several streams on one connection, without TLS', async (t) => {
  const pair = makePair();
  const server = pair.right.http2.createServer((request, response) => {
    response.end(`${request.url} to ${request.socket.remoteAddress}`);
  });
  server.listen(80);
  const session = pair.left.http2.connect(`http://${RIGHT}`);
  const texts = await Promise.all(
    ['/a', '/b', '/c'].map(async (path) => everything(session.request({ ':path': path }))),
  );
  t.deepEqual(
    texts,
    ['/a', '/b', '/c'].map((path) => `${path} to ${LEFT}`),
  );
  t.is(session.socket.remotePort, 80);
  await new Promise<void>((done) => session.close(done));
  await new Promise((done) => server.close(done));
  await pair.close();
});

test('http2: with TLS, for which both agree on h2', async (t) => {
  const pair = makePair();
  const server = pair.right.http2.createSecureServer({ cert, key, allowHTTP1: true });
  server.on('request', (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => {
    response.end(`HTTP/${request.httpVersion} for ${request.socket.remoteAddress}`);
  });
  server.listen(443);
  const session = pair.left.http2.connect(`https://${RIGHT}`, { ca: cert });
  t.is(await everything(session.request({ ':path': '/' })), `HTTP/2.0 for ${LEFT}`);
  t.is(session.socket.remoteAddress, RIGHT);
  t.is(session.alpnProtocol, 'h2');
  session.close();
  const request = pair.left.https.get(`https://${RIGHT}/`, { ca: cert });
  const [response] = await next(request, 'response');
  t.is(await everything(response as AsyncIterable<unknown>), `HTTP/1.1 for ${LEFT}`);
  await pair.close();
});
