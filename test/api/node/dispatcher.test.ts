/**
 * undici, `fetch` and `ws` over stacks, between two of them on a pipe.
 * @module
 */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import test from 'ava';
import { Agent, fetch, request, WebSocket as UndiciSocket } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { cert, key } from '../../../examples/certificate.ts';
import { LEFT, makePair, next, type Pair, portOf, RIGHT } from '../worlds.ts';

const greet: RequestListener = (message, response) => {
  response.end(`${message.url} from ${message.socket.remoteAddress}`);
};

test('dispatcher: undici’s fetch and request leave from the stack', async (t) => {
  const { left, right, close } = makePair();
  right.http.createServer(greet).listen(80);
  const dispatcher = left.dispatcher();
  const response = await fetch(`http://${RIGHT}/a`, { dispatcher });
  t.is(await response.text(), `/a from ${LEFT}`);
  const { body } = await request(`http://${RIGHT}/b`, { dispatcher });
  t.is(await body.text(), `/b from ${LEFT}`);
  await dispatcher.close();
  await close();
});

test('dispatcher: Node’s own fetch takes it', async (t) => {
  const { left, right, close } = makePair();
  right.http.createServer(greet).listen(80);
  const dispatcher = left.dispatcher();
  // Its type is of another copy of undici.
  const options = { dispatcher } as unknown as RequestInit;
  const response = await globalThis.fetch(`http://${RIGHT}/own`, options);
  t.is(await response.text(), `/own from ${LEFT}`);
  await dispatcher.close();
  await close();
});

test('dispatcher: https, with its own certificate authority, and sessions used again', async (t) => {
  const { left, right, close } = makePair();
  const server = right.https.createServer({ cert, key, keepAliveTimeout: 1 }, greet).listen(443);
  let reused = 0;
  server.on('secureConnection', (socket) => {
    if (socket.isSessionReused()) reused++;
  });
  const dispatcher = left.dispatcher({ connect: { ca: cert } });
  for (let i = 0; i < 2; i++) {
    const gone = next(server, 'secureConnection').then(([socket]) =>
      once(socket as never, 'close'),
    );
    const headers = { connection: 'close' };
    const { body } = await request(`https://${RIGHT}/s`, { dispatcher, headers });
    t.is(await body.text(), `/s from ${LEFT}`);
    await gone;
  }
  t.is(reused, 1);
  await dispatcher.close();
  await close();
});

test('dispatcher: HTTP/2 where both can', async (t) => {
  const { left, right, close } = makePair();
  const server = right.http2.createSecureServer({ cert, key }, (message, response) => {
    response.end(`HTTP/${message.httpVersion}`);
  });
  server.listen(443);
  const dispatcher = left.dispatcher({ allowH2: true, connect: { ca: cert } });
  const response = await fetch(`https://${RIGHT}/`, { dispatcher });
  t.is(await response.text(), 'HTTP/2.0');
  await dispatcher.destroy();
  await close();
});

test('dispatcher: a refused connection is undici’s error, with Node’s as the cause', async (t) => {
  const { left, close } = makePair();
  const dispatcher = left.dispatcher();
  const error = await t.throwsAsync(fetch(`http://${RIGHT}:81/`, { dispatcher }));
  t.is((error.cause as Error).message, `connect ECONNREFUSED ${RIGHT}:81`);
  await dispatcher.close();
  await close();
});

test('dispatcher: a connection that does not open in time is given up', async (t) => {
  const { left, close } = makePair();
  const dispatcher = left.dispatcher({ connect: { timeout: 20 } });
  const error = await t.throwsAsync(fetch('http://10.0.0.99/', { dispatcher }));
  t.is((error.cause as NodeJS.ErrnoException).code, 'UND_ERR_CONNECT_TIMEOUT');
  await dispatcher.close();
  await close();
});

test('connector: what an Agent of undici takes', async (t) => {
  const { left, right, close } = makePair();
  right.http.createServer(greet).listen(80);
  const dispatcher = new Agent({ connect: left.connector() as never });
  const { body } = await request(`http://${RIGHT}/c`, { dispatcher });
  t.is(await body.text(), `/c from ${LEFT}`);
  await dispatcher.close();
  await close();
});

/** A WebSocket server that says back what it is told. */
async function echoServer({ right }: Pair, secure: boolean): Promise<number> {
  const server = secure ? right.https.createServer({ cert, key }) : right.http.createServer();
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (message, binary) => socket.send(message, { binary }));
  });
  server.listen(0);
  await once(server, 'listening');
  return portOf(server);
}

for (const secure of [false, true]) {
  const scheme = secure ? 'wss' : 'ws';
  test(`ws: a client and a server of the package, ${scheme}`, async (t) => {
    const pair = makePair();
    const port = await echoServer(pair, secure);
    const agent = secure ? pair.left.agent({ protocol: 'https:' }) : pair.left.agent();
    const socket = new WebSocket(`${scheme}://${RIGHT}:${port}`, { agent, ca: cert });
    await once(socket, 'open');
    const long = 'x'.repeat(1 << 20);
    for (const text of ['hello', '', long]) {
      socket.send(text);
      const [message] = await once(socket, 'message');
      t.is(String(message), text);
    }
    socket.close(1000, 'done');
    const [code, reason] = await once(socket, 'close');
    t.is(`${code} ${reason}`, '1000 done');
    await pair.close();
  });
}

test('ws: undici’s WebSocket takes the dispatcher', async (t) => {
  const pair = makePair();
  const port = await echoServer(pair, false);
  const dispatcher = pair.left.dispatcher();
  const socket = new UndiciSocket(`ws://${RIGHT}:${port}`, { dispatcher });
  await new Promise((done) => socket.addEventListener('open', done));
  socket.send('hello');
  const text = await new Promise((done) =>
    socket.addEventListener('message', ({ data }) => done(data)),
  );
  t.is(text, 'hello');
  socket.close();
  await new Promise((done) => socket.addEventListener('close', done));
  await pair.close();
});
