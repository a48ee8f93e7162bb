/**
 * `stack.net` beside `node:net`: servers.
 * @module
 */
import type { Server, Socket } from 'node:net';
import {
  type Log,
  listening,
  next,
  portOf,
  record,
  rounds,
  SOCKET_EVENTS,
  same,
  told,
} from '../worlds.ts';

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

same('server: what a server is told shows on it', async (world) => {
  const of = (options?: object): unknown => {
    const server = world.server.net.createServer(options) as Server & Record<string, unknown>;
    return [
      ...['allowHalfOpen', 'pauseOnConnect', 'noDelay', 'keepAlive'],
      ...['maxConnections', 'listening'],
    ].map((name) => server[name]);
  };
  return [
    of(),
    of({}),
    of({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }),
    of({ keepAlive: true }),
  ];
});

type Listen = (server: Server, host: string, done: () => void) => Server;

const LISTENS: Record<string, Listen> = {
  'listen(cb)': (server, _host, done) => server.listen(done),
  'listen()': (server, _host, done) => server.listen().on('listening', done),
  'listen(0)': (server, _host, done) => server.listen(0).on('listening', done),
  'listen("0")': (server, _host, done) => server.listen('0' as never, done),
  'listen(0, cb)': (server, _host, done) => server.listen(0, done),
  'listen(0, 5, cb)': (server, _host, done) => server.listen(0, 5, done),
  'listen(0, host, cb)': (server, host, done) => server.listen(0, host, done),
  'listen(0, host, 5, cb)': (server, host, done) => server.listen(0, host, 5, done),
  'listen(0, null, null, cb)': (server, _host, done) =>
    server.listen(0, null as never, null as never, done),
  'listen(undefined, cb)': (server, _host, done) => server.listen(undefined, done),
  'listen(null, cb)': (server, _host, done) => server.listen(null as never, done),
  'listen({ port, host, backlog, exclusive })': (server, host, done) =>
    server.listen({ port: 0, host, backlog: 7, exclusive: true }, done),
  'listen({ port: undefined })': (server, _host, done) => server.listen({ port: undefined }, done),
  'listen({ port: null })': (server, _host, done) => server.listen({ port: null as never }, done),
  'listen({ host }) without a port': (server, host, done) => server.listen({ host }, done),
  'listen({ port: "" })': (server, _host, done) => server.listen({ port: '' as never }, done),
  'listen({ signal: undefined })': (server, host, done) =>
    server.listen({ port: 0, host, signal: undefined }, done),
  'listen(host name)': (server, _host, done) => server.listen(0, 'localhost', done),
  'listen(0, "")': (server, _host, done) => server.listen(0, '', done),
};

for (const [title, listen] of Object.entries(LISTENS)) {
  same(`server: ${title}`, async (world, log) => {
    const server = world.server.net.createServer();
    record(log, 'server', server, ['listening', 'error', 'close']);
    try {
      let result: unknown;
      await new Promise<void>((done) => {
        result = listen(server, world.host, done);
      });
      const { family, ...rest } = server.address() as { family: string };
      log.push(result === server, server.listening, portOf(server) > 0, Object.keys(rest));
      log.push(await stopped(server));
      return server.address();
    } catch (error) {
      return told(error);
    }
  });
}

same('server: a port that a signal frees before it listens', async (world, log) => {
  const server = world.server.net.createServer();
  record(log, 'server', server, ['listening', 'error', 'close']);
  server.listen({ port: 0, host: world.host, signal: AbortSignal.abort() });
  await next(server, 'close');
  await rounds();
  return server.listening;
});

same('server: getConnections counts, and gives the server back', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  const count = (): Promise<unknown> =>
    new Promise((done) => {
      const result = server.getConnections((error, n) => done([error, n]));
      log.push(result === server);
    });
  log.push(await count());
  const port = await listening(server, world.host);
  const clients: Socket[] = [];
  const sockets: Socket[] = [];
  for (let n = 0; n < 2; n++) {
    clients.push(world.client.net.connect(port, world.host).resume());
    sockets.push(...((await next(server, 'connection')) as [Socket]));
  }
  log.push(await count());
  clients[0]?.destroy();
  await next(sockets[0] as Socket, 'close');
  log.push(await count());
  clients[1]?.destroy();
  await stopped(server);
  log.push(await count());
  return undefined;
});

same('server: a closed server leaves its sockets alone', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.pipe(socket));
  record(log, 'server', server, ['close']);
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  record(log, 'client', client, SOCKET_EVENTS);
  await next(server, 'connection');
  const over = stopped(server);
  const late = world.client.net.connect(port, world.host);
  record(log, 'late', late, ['connect', 'error', 'close']);
  await next(late, 'close');
  client.write('still served');
  const [text] = await next(client, 'data');
  log.push(String(text));
  client.end();
  client.resume();
  await over;
  return undefined;
});
