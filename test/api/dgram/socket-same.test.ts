/**
 * `stack.dgram` beside `node:dgram`.
 * @module
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { type Log, next, record, rounds, same, told, type World } from '../worlds.ts';

const EVENTS = ['listening', 'connect', 'message', 'error', 'close'] as const;

async function bound(world: World, log: Log, who = 'server'): Promise<Socket> {
  const socket = world.server.dgram.createSocket(world.udp);
  record(log, who, socket, ['listening', 'connect', 'error', 'close']);
  socket.bind(0, world.host);
  await next(socket, 'listening');
  return socket;
}

const close = (...sockets: Socket[]): Promise<unknown> =>
  Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));

const receive = async (socket: Socket): Promise<[string, RemoteInfo]> => {
  const [message, sender] = (await next(socket, 'message')) as [Buffer, RemoteInfo];
  return [message.toString(), sender];
};

same('dgram: a question and an answer', async (world, log) => {
  const server = await bound(world, log);
  const client = world.client.dgram.createSocket(world.udp);
  record(log, 'client', client, ['listening', 'connect', 'error', 'close']);
  const { port } = server.address();
  server.once('message', (message, sender) => {
    server.send(`${message}!`, sender.port, sender.address);
  });
  const answer = receive(client);
  client.send('who', port, world.host, (error, bytes) => log.push(['sent', error, bytes]));
  const [text, sender] = await answer;
  const result = [text, sender.address, sender.family, sender.size, sender.port === port];
  const { address, family } = client.address();
  await close(client, server);
  return [result, address, family, Object.keys(sender)];
});

same('dgram: every form of send', async (world, log) => {
  const server = await bound(world, log);
  const { port } = server.address();
  const texts: string[] = [];
  server.on('message', (message) => texts.push(message.toString()));
  const client = world.client.dgram.createSocket(world.udp);
  const { host } = world;
  const sends: ((done: (error: Error | null, bytes: number) => void) => void)[] = [
    (done) => client.send('a', port, host, done),
    (done) => client.send(Buffer.from('b'), port, host, done),
    (done) => client.send(new Uint8Array([99]), port, host, done),
    (done) => client.send(['d', Buffer.from('e')], port, host, done),
    (done) => client.send(Buffer.from('xfgx'), 1, 2, port, host, done),
    (done) => client.send('xhix', 1, 2, port, host, done),
    (done) => client.send([], port, host, done),
    (done) => client.send(new DataView(new ArrayBuffer(1)), port, host, done),
  ];
  for (const send of sends) {
    const arrived = next(server, 'message');
    log.push(await new Promise((done) => send((error, bytes) => done([error, bytes]))));
    await arrived;
  }
  await close(client, server);
  return texts;
});

same('dgram: a connected socket', async (world, log) => {
  const server = await bound(world, log);
  const { port } = server.address();
  const client = world.client.dgram.createSocket(world.udp);
  record(log, 'client', client, ['listening', 'connect', 'error', 'close']);
  client.connect(port, world.host);
  await next(client, 'connect');
  const arrived = receive(server);
  client.send('over', (error, bytes) => log.push(['sent', error, bytes]));
  const [text] = await arrived;
  const remote = client.remoteAddress();
  const local = client.address();
  const problems = [
    () => client.connect(port, world.host),
    () => client.send('x', 0, 1, port),
    () => client.send('x', 0, 1, port, world.host),
  ].map((call) => {
    try {
      call();
      return 'nothing thrown';
    } catch (error) {
      return told(error);
    }
  });
  client.disconnect();
  await close(client, server);
  return [text, remote.address, remote.port === port, local.address === world.clientHost, problems];
});

same('dgram: what is sent to a closed port comes back as an error', async (world, log) => {
  const server = await bound(world, log);
  const { port } = server.address();
  await close(server);
  const client = world.client.dgram.createSocket(world.udp);
  client.connect(port, world.host);
  await next(client, 'connect');
  const failed = next(client, 'error');
  client.send('anyone?');
  const [error] = await failed;
  await close(client);
  return told(error);
});

same('dgram: a port that is taken', async (world, log) => {
  const first = await bound(world, log, 'first');
  const second = world.server.dgram.createSocket(world.udp);
  second.bind(first.address().port, world.host);
  const [error] = await next(second, 'error');
  await close(first, second);
  return told(error);
});

same('dgram: an address that is not ours', async (world) => {
  const socket = world.server.dgram.createSocket(world.udp);
  socket.bind(0, world.family === 4 ? '192.0.2.9' : '2001:db8::9');
  const [error] = await next(socket, 'error');
  await close(socket);
  return told(error);
});

same('dgram: a port shared by those who agree', async (world, log) => {
  const make = (): Socket => world.server.dgram.createSocket({ type: world.udp, reuseAddr: true });
  const [first, second] = [make(), make()];
  record(log, 'first', first, EVENTS);
  record(log, 'second', second, EVENTS);
  first.bind(0, world.host);
  await next(first, 'listening');
  second.bind(first.address().port, world.host);
  await next(second, 'listening');
  await close(first);
  await close(second);
  return undefined;
});

same('dgram: what is sent before bind waits for it', async (world, log) => {
  const server = await bound(world, log);
  const { port } = server.address();
  const client = world.client.dgram.createSocket(world.udp);
  record(log, 'client', client, ['listening']);
  const arrived = receive(server);
  client.send('early', port, world.host, () => log.push('sent'));
  log.push('send has returned');
  const [text] = await arrived;
  await rounds();
  await close(client, server);
  return text;
});

same('dgram: close and its callback, and what is not running', async (world, log) => {
  const socket = await bound(world, log);
  socket.close(() => log.push('closed'));
  log.push('close has returned');
  await next(socket, 'close');
  try {
    socket.send('x', 1);
    return 'nothing thrown';
  } catch (error) {
    return told(error);
  }
});

same('dgram: a bind that close overtakes', async (world, log) => {
  const socket = world.server.dgram.createSocket(world.udp);
  record(log, 'socket', socket, EVENTS);
  socket.bind(0, world.host);
  socket.close();
  await rounds();
  return undefined;
});

same('dgram: an abort signal closes it', async (world, log) => {
  const controller = new AbortController();
  const socket = world.server.dgram.createSocket({ type: world.udp, signal: controller.signal });
  record(log, 'socket', socket, EVENTS);
  socket.bind(0, world.host);
  await next(socket, 'listening');
  controller.abort();
  await next(socket, 'close');
  return undefined;
});

same('dgram: a lookup of its own', async (world, log) => {
  const server = await bound(world, log);
  const { port } = server.address();
  const client = world.client.dgram.createSocket({
    type: world.udp,
    lookup: (name, _options, done) => {
      log.push(['lookup', name]);
      process.nextTick(done, null, name === 'there' ? world.host : world.any, world.family);
    },
  });
  const arrived = receive(server);
  client.send('hello', port, 'there');
  const [text] = await arrived;
  await close(client, server);
  return text;
});

same('dgram: a name that nobody knows', async (world) => {
  const client = world.client.dgram.createSocket({
    type: world.udp,
    lookup: (name, _options, done) => {
      const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), {
        code: 'ENOTFOUND',
      });
      if (name === 'nowhere') process.nextTick(done, error, '', world.family);
      else process.nextTick(done, null, world.any, world.family);
    },
  });
  const result = await new Promise((done) => client.send('x', 1, 'nowhere', done));
  await close(client);
  return told(result);
});

same('dgram: options of a socket that is bound', async (world, log) => {
  const socket = await bound(world, log);
  socket.setBroadcast(true);
  const values = [
    socket.setTTL(12),
    socket.setMulticastTTL(3),
    socket.setMulticastLoopback(true),
    socket.getSendQueueSize(),
    socket.getSendQueueCount(),
    socket.ref() === socket,
    socket.unref() === socket,
  ];
  await close(socket);
  return values;
});

same('dgram: a datagram that is too long', async (world, log) => {
  const client = world.client.dgram.createSocket(world.udp);
  const sent = new Promise((done) => {
    client.send(Buffer.alloc(70_000), 9, world.host, (error) => done(told(error)));
  });
  log.push(await sent);
  await close(client);
  return undefined;
});

same('dgram: 65 507 bytes arrive as they were', async (world, log) => {
  const server = await bound(world, log);
  const { port } = server.address();
  const client = world.client.dgram.createSocket(world.udp);
  const message = Buffer.alloc(65_507, 'long ');
  const arrived = receive(server);
  client.send(message, port, world.host);
  const [text] = await arrived;
  await close(client, server);
  return text === message.toString();
});
