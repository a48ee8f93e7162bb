/**
 * `stack.net` beside `node:net`: servers.
 * @module
 */
import type { Server, Socket } from 'node:net';
import { type Log, listening, next, portOf, record, rounds, same, told } from './worlds.ts';

const SERVER_EVENTS = ['listening', 'connection', 'close', 'error', 'drop'] as const;

const stopped = (server: Server): Promise<unknown> =>
  new Promise((done) => server.close((error) => done(told(error))));

const watch = (log: Log, server: Server): void => record(log, 'server', server, SERVER_EVENTS);

same('server: listening, connection and close in their order', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  log.push(['server', server.listening, server.address()]);
  const port = await listening(server, world.host);
  log.push(['server', server.listening, portOf(server) === port]);
  const client = world.client.net.connect(port, world.host);
  const [socket] = (await next(server, 'connection')) as [Socket];
  log.push([(socket as Socket & { server: Server }).server === server]);
  const count = await new Promise((done) => server.getConnections((_e, n) => done(n)));
  client.on('close', () => log.push(['client', 'close']));
  client.end();
  client.resume();
  socket.resume();
  await stopped(server);
  log.push(['server', server.listening, server.address()]);
  return count;
});

same('server: close waits for the last socket', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  const [socket] = (await next(server, 'connection')) as [Socket];
  client.resume();
  socket.resume();
  const over = stopped(server);
  await rounds();
  log.push(['closed yet', server.listening]);
  client.end();
  await over;
  return undefined;
});

same('server: close without listen is an error', async (world) => {
  const server = world.server.net.createServer();
  return stopped(server);
});

same('server: a port that is taken', async (world, log) => {
  const first = world.server.net.createServer();
  const port = await listening(first, world.host);
  const second = world.server.net.createServer();
  watch(log, second);
  second.listen(port, world.host);
  await next(second, 'error');
  log.push(second.listening);
  await stopped(first);
  return undefined;
});

same('server: an address that is not ours', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  server.listen(0, '192.0.2.99');
  await next(server, 'error');
  return undefined;
});

same('server: listen twice throws', async (world) => {
  const server = world.server.net.createServer();
  await listening(server, world.host);
  try {
    server.listen(0);
    return 'nothing thrown';
  } catch (error) {
    return told(error);
  } finally {
    await stopped(server);
  }
});

same('server: listen again after close', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  await listening(server, world.host);
  await stopped(server);
  await listening(server, world.host);
  await stopped(server);
  return undefined;
});

same('server: a listen that close overtakes says nothing', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  server.listen(0, world.host);
  server.close();
  await rounds();
  return undefined;
});

same('server: an abort signal closes it', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  const controller = new AbortController();
  server.listen({ port: 0, host: world.host, signal: controller.signal });
  await next(server, 'listening');
  controller.abort();
  await next(server, 'close');
  return undefined;
});

same('server: more than maxConnections are dropped', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  server.maxConnections = 1;
  const dropped = next(server, 'drop');
  const port = await listening(server, world.host);
  const first = world.client.net.connect(port, world.host);
  await next(server, 'connection');
  const second = world.client.net.connect(port, world.host);
  record(log, 'second', second, ['connect', 'end', 'error', 'close']);
  second.resume();
  const [info] = (await dropped) as [{ localPort: number; localAddress: string }];
  await next(second, 'close');
  first.destroy();
  await stopped(server);
  return [Object.keys(info).sort(), info.localPort === port, info.localAddress];
});

same('server: pauseOnConnect reads nothing until resumed', async (world, log) => {
  const server = world.server.net.createServer({ pauseOnConnect: true });
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  client.end('early');
  client.resume();
  const [socket] = (await next(server, 'connection')) as [Socket];
  record(log, 'socket', socket, ['data', 'end', 'close']);
  await new Promise((done) => setTimeout(done, 20)); // until it has arrived, in both worlds
  log.push([socket.isPaused(), socket.bytesRead, socket.readableLength]);
  socket.resume();
  await next(socket, 'close');
  await stopped(server);
  return undefined;
});

same('server: a socket that its listener leaves alone keeps what came', async (world) => {
  const server = world.server.net.createServer();
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  client.end('kept');
  client.resume();
  const [socket] = (await next(server, 'connection')) as [Socket];
  await rounds(10);
  let text = '';
  for await (const piece of socket) text += piece;
  await stopped(server);
  return text;
});

same('server: asyncDispose closes it', async (world, log) => {
  const server = world.server.net.createServer();
  watch(log, server);
  await listening(server, world.host);
  await server[Symbol.asyncDispose]();
  return server.listening;
});
