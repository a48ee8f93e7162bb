/**
 * `stack.net` and `stack.dgram` beside Node's: each event comes from a callback of the event loop of its
 * own, however many packets came in one batch, so ticks and promises of one listener run before the next.
 *
 * Node documentation: "The Node.js Event Loop", "process.nextTick()": the queue of ticks is fully drained,
 * and then that of microtasks, before the event loop continues.
 * @module
 */
import * as http from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream';
import { type Log, listening, next, portOf, same } from '../worlds.ts';

/** Writes down `what`, then what a listener would leave for later. */
function happened(log: Log, what: string): void {
  log.push(what);
  process.nextTick(() => log.push(`${what}: tick`));
  void (async () => {
    for (let i = 0; i < 4; i++) await undefined;
    log.push(`${what}: promise`);
    process.nextTick(() => log.push(`${what}: tick of a promise`));
  })();
}

/** Everything a peer does is on its way in one batch. */
const SPEECHES: Record<string, (socket: Socket) => void> = {
  'text and the end': (socket) => socket.end('text'),
  'the end': (socket) => socket.end(),
};

for (const [name, speak] of Object.entries(SPEECHES)) {
  same(`events: of ${name} in one batch, at a server`, async ({ client, server, host }, log) => {
    const listener = server.net.createServer({ allowHalfOpen: true });
    listener.on('connection', (socket) => {
      happened(log, 'connection');
      socket.on('data', () => happened(log, 'data'));
      socket.on('end', () => {
        happened(log, 'end');
        setImmediate(() => socket.end());
      });
    });
    const port = await listening(listener, host);
    const socket = client.net.connect(port, host);
    speak(socket);
    socket.resume();
    await next(socket, 'close');
    await new Promise((done) => listener.close(done));
  });
}

same('events: connect and the first text in one batch', async ({ client, server, host }, log) => {
  const listener = server.net.createServer((socket) => socket.end('hello'));
  const port = await listening(listener, host);
  const socket = client.net.connect(port, host);
  for (const event of ['connect', 'data', 'end']) socket.on(event, () => happened(log, event));
  await next(socket, 'close');
  await new Promise((done) => listener.close(done));
});

same('events: datagrams in one batch', async ({ client, server, host, udp }) => {
  const receiver = server.dgram.createSocket(udp);
  await new Promise<void>((done) => receiver.bind(0, host, done));
  const sender = client.dgram.createSocket(udp);
  for (const text of ['one', 'two', 'three']) sender.send(text, portOf(receiver), host);
  const got: string[] = [];
  // Whoever asks again in a promise must not miss what came with the last.
  for (let i = 0; i < 3; i++) got.push(String((await next(receiver, 'message'))[0]));
  for (const socket of [sender, receiver]) socket.close();
  return got;
});

/** What a raw client gets for `request` and the end of its side, in one batch. */
async function ask(world: Parameters<Parameters<typeof same>[1]>[0], app: http.RequestListener) {
  const inner = http.createServer(app);
  const listener = world.server.net.createServer({ allowHalfOpen: true }, (socket) => {
    inner.emit('connection', socket);
  });
  const port = await listening(listener, world.host);
  const socket = world.client.net.connect({ port, host: world.host, allowHalfOpen: true });
  socket.end('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((done) => finished(socket, done));
  await new Promise((done) => listener.close(done));
  return Buffer.concat(chunks)
    .toString()
    .replace(/Date: .*\r\n/, '');
}

same('events: http answers a request that came with the end', (world) =>
  ask(world, (request, response) => request.resume().on('end', () => response.end('bye'))),
);

same('events: http answers such a request from a promise', (world) =>
  ask(world, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.end(text);
  }),
);
