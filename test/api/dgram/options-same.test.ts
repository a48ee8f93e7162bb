/**
 * `stack.dgram` beside `node:dgram`: overloads, options, and what a socket may do in which state.
 * @module
 */
import type { BindOptions, Socket } from 'node:dgram';
import test from 'ava';
import type { Stack } from '../../../src/index.ts';
import {
  type Log,
  next,
  record,
  rounds,
  type Side,
  same,
  sameIPv4,
  stackWorld,
  told,
  type World,
} from '../worlds.ts';

const EVENTS = ['listening', 'connect', 'message', 'error', 'close'] as const;

const shut = (socket: Socket): Promise<void> => new Promise((done) => socket.close(() => done()));

const attempt = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return told(error);
  }
};

const make = (world: World): Socket => world.server.dgram.createSocket(world.udp);

async function bound(world: World): Promise<Socket> {
  const socket = make(world);
  socket.bind(0, world.host);
  await next(socket, 'listening');
  return socket;
}

type Bind = (socket: Socket, host: string, done: () => void) => Socket;

const BINDS: Record<string, Bind> = {
  'bind()': (socket, _host, done) => socket.bind().on('listening', done),
  'bind(cb)': (socket, _host, done) => socket.bind(done),
  'bind(0)': (socket, _host, done) => socket.bind(0).on('listening', done),
  'bind(0, cb)': (socket, _host, done) => socket.bind(0, done),
  'bind(0, host)': (socket, host, done) => socket.bind(0, host).on('listening', done),
  'bind(0, host, cb)': (socket, host, done) => socket.bind(0, host, done),
  'bind({})': (socket, _host, done) => socket.bind({}).on('listening', done),
  'bind({ port, address }, cb)': (socket, host, done) =>
    socket.bind({ port: 0, address: host }, done),
  'bind({ port, exclusive }, cb)': (socket, _host, done) =>
    socket.bind({ port: 0, exclusive: true }, done),
  'bind(undefined, undefined, cb)': (socket, _host, done) =>
    socket.bind(undefined, undefined, done),
  'bind(null)': (socket, _host, done) => socket.bind(null as never).on('listening', done),
};

for (const [title, bind] of Object.entries(BINDS)) {
  same(`dgram: ${title}`, async (world, log) => {
    const socket = make(world);
    record(log, 'socket', socket, EVENTS);
    let result: unknown;
    await new Promise<void>((done) => {
      result = bind(socket, world.host, done);
    });
    const { address, family, port } = socket.address();
    log.push(result === socket, address, family, port > 0);
    await shut(socket);
    return undefined;
  });
}

same('dgram: bind to an address that is a number', async (world) => {
  const socket = make(world);
  const result = attempt(() => socket.bind(0, 5 as never));
  socket.close();
  return result;
});

/** What methods are given, by family. */
const NAMES = {
  4: {
    ...{ any: '0.0.0.0', group: '239.1.2.3', stranger: '239.1.2.4' },
    ...{ source: '10.0.0.9', host: '10.0.0.8', ad: '224.0.0.114' },
  },
  6: {
    ...{ any: '::', group: 'ff15::1:2:3', stranger: 'ff15::1:2:4' },
    ...{ source: 'fd83::9', host: 'fd83::8', ad: 'ff02::114' },
  },
} as const;
type Names = (typeof NAMES)[4 | 6];

/** Every method that needs a descriptor, tried. (Of a closed socket Node throws by accident.) */
const METHODS: Record<string, (socket: Socket, names: Names) => unknown> = {
  address: (socket) => Object.keys(socket.address()),
  remoteAddress: (socket) => Object.keys(socket.remoteAddress()),
  disconnect: (socket) => socket.disconnect(),
  'setTTL(64)': (socket) => socket.setTTL(64),
  'setTTL(0)': (socket) => socket.setTTL(0),
  'setTTL(256)': (socket) => socket.setTTL(256),
  'setBroadcast(true)': (socket) => socket.setBroadcast(true),
  'setBroadcast(false)': (socket) => socket.setBroadcast(false),
  'setMulticastTTL(0)': (socket) => socket.setMulticastTTL(0),
  'setMulticastTTL(255)': (socket) => socket.setMulticastTTL(255),
  'setMulticastTTL(256)': (socket) => socket.setMulticastTTL(256),
  'setMulticastTTL(x)': (socket) => socket.setMulticastTTL('x' as never),
  'setMulticastLoopback(false)': (socket) => socket.setMulticastLoopback(false),
  'setMulticastInterface of any': (socket, names) => socket.setMulticastInterface(names.any),
  'setMulticastInterface of a word': (socket) => socket.setMulticastInterface('x'),
  'setMulticastInterface of a number': (socket) => socket.setMulticastInterface(5 as never),
  'dropMembership of no member': (socket, names) => socket.dropMembership(names.stranger),
  'dropMembership()': (socket) => (socket.dropMembership as () => void)(),
  'addMembership by a bad interface': (socket, names) => socket.addMembership(names.stranger, 'x'),
  'addSourceSpecificMembership of a number': (socket, names) =>
    socket.addSourceSpecificMembership(5 as never, names.group),
  'addSourceSpecificMembership to a number': (socket, names) =>
    socket.addSourceSpecificMembership(names.source, 5 as never),
  'dropSourceSpecificMembership of a number': (socket, names) =>
    socket.dropSourceSpecificMembership(5 as never, names.group),
  'addSourceSpecificMembership to no address': (socket, names) =>
    socket.addSourceSpecificMembership(names.ad, '0'),
  'addSourceSpecificMembership to a host': (socket, names) =>
    socket.addSourceSpecificMembership(names.source, names.host),
  'addSourceSpecificMembership of no address': (socket, names) =>
    socket.addSourceSpecificMembership('x', names.group),
  'addSourceSpecificMembership by a bad interface': (socket, names) =>
    socket.addSourceSpecificMembership(names.source, names.group, 'x'),
  'dropSourceSpecificMembership to no address': (socket, names) =>
    socket.dropSourceSpecificMembership(names.ad, '0'),
  'dropSourceSpecificMembership of no address': (socket, names) =>
    socket.dropSourceSpecificMembership('x', names.group),
  'setRecvBufferSize(-1)': (socket) => socket.setRecvBufferSize(-1),
  'setRecvBufferSize(1.5)': (socket) => socket.setRecvBufferSize(1.5),
  'setSendBufferSize(x)': (socket) => socket.setSendBufferSize('x' as never),
  'setRecvBufferSize(8192)': (socket) => socket.setRecvBufferSize(8192),
  'getRecvBufferSize is a number': (socket) => typeof socket.getRecvBufferSize(),
  'getSendBufferSize is a number': (socket) => typeof socket.getSendBufferSize(),
  getSendQueueSize: (socket) => socket.getSendQueueSize(),
  getSendQueueCount: (socket) => socket.getSendQueueCount(),
  'ref and unref': (socket) => [socket.ref() === socket, socket.unref() === socket],
  'connect to port 0': (socket) => socket.connect(0),
  'connect to a number': (socket) => socket.connect(9, 5 as never),
};

const IN_STATES: Record<string, (world: World) => Promise<Socket>> = {
  'before bind': async (world) => make(world),
  'once bound': bound,
  'once connected': async (world) => {
    const socket = world.client.dgram.createSocket(world.udp);
    socket.connect(9, world.host);
    await next(socket, 'connect');
    return socket;
  },
};

for (const [state, inState] of Object.entries(IN_STATES)) {
  for (const [title, call] of Object.entries(METHODS)) {
    same(`dgram: ${title}, ${state}`, async (world) => {
      const socket = await inState(world);
      const result = attempt(() => call(socket, NAMES[world.family]));
      attempt(() => socket.close());
      return result;
    });
  }
}

same('dgram: sizes of buffers that are asked for', async (world) => {
  const socket = world.server.dgram.createSocket({
    type: world.udp,
    recvBufferSize: 10_000,
    sendBufferSize: 12_000,
  });
  socket.bind(0, world.host);
  await next(socket, 'listening');
  const sizes = [socket.getRecvBufferSize(), socket.getSendBufferSize()];
  socket.setRecvBufferSize(20_000);
  socket.setSendBufferSize(30_000);
  sizes.push(socket.getRecvBufferSize(), socket.getSendBufferSize());
  await shut(socket);
  // Linux doubles what it is told, for its own book-keeping.
  return sizes.map((size, i) => size >= ([10_000, 12_000, 20_000, 30_000][i] ?? 0));
});

same('dgram: sends of a connected socket, in every form', async (world, log) => {
  const server = await bound(world);
  const texts: string[] = [];
  server.on('message', (message) => texts.push(message.toString()));
  const client = world.client.dgram.createSocket(world.udp);
  client.connect(server.address().port, world.host);
  await next(client, 'connect');
  const bytes = Buffer.from('xyz');
  const sends: unknown[][] = [['a'], [bytes], [['b', bytes]], [bytes, 1, 1], ['xyz', 0, 2], [[]]];
  for (const args of sends) {
    const arrived = next(server, 'message');
    const send = client.send as (...args: unknown[]) => void;
    log.push(
      await new Promise((done) => send.call(client, ...args, (...told: unknown[]) => done(told))),
    );
    await arrived;
  }
  await shut(client);
  await shut(server);
  return texts;
});

same('dgram: send without a callback, and with an address of null or none', async (world) => {
  const server = await bound(world);
  const client = world.client.dgram.createSocket(world.udp);
  const { port } = server.address();
  const results: unknown[] = [];
  for (const address of [null, undefined, '']) {
    results.push(attempt(() => client.send('x', port, address as never)));
  }
  results.push(attempt(() => client.send('x', port, world.host)));
  await next(server, 'message');
  await shut(client);
  await shut(server);
  return results;
});

same('dgram: connect with a callback, disconnect, and connect again', async (world, log) => {
  const server = await bound(world);
  const { port } = server.address();
  const client = world.client.dgram.createSocket(world.udp);
  record(log, 'client', client, EVENTS);
  for (let n = 0; n < 2; n++) {
    await new Promise<void>((done) => client.connect(port, world.host, () => done()));
    const arrived = next(server, 'message');
    client.send('x');
    await arrived;
    log.push(client.remoteAddress().port === port);
    client.disconnect();
    log.push(attempt(() => client.remoteAddress()));
  }
  const arrived = next(server, 'message');
  client.send('to', port, world.host);
  await arrived;
  await shut(client);
  await shut(server);
  return undefined;
});

same('dgram: connect without an address, and to a name that nobody knows', async (world, log) => {
  const client = world.client.dgram.createSocket({
    type: world.udp,
    lookup: (name, _options, done) => {
      const error =
        name === 'nowhere' ? Object.assign(new Error('no'), { code: 'ENOTFOUND' }) : null;
      process.nextTick(
        done,
        error,
        name === (world.family === 4 ? '127.0.0.1' : '::1') ? world.host : name,
        world.family,
      );
    },
  });
  record(log, 'client', client, EVENTS);
  log.push(
    await new Promise((done) =>
      client.connect(9, 'nowhere', ((e: Error) => done(told(e))) as never),
    ),
  );
  client.connect(9);
  await next(client, 'connect');
  log.push(client.remoteAddress().address);
  await shut(client);
  return undefined;
});

same('dgram: a connected socket hears nobody else', async (world, log) => {
  const server = await bound(world);
  const client = world.client.dgram.createSocket(world.udp);
  client.connect(server.address().port, world.host);
  await next(client, 'connect');
  record(log, 'client', client, ['message', 'error']);
  const { port } = client.address();
  const stranger = await bound(world);
  stranger.send('who are you', port, world.clientHost);
  await new Promise((done) => setTimeout(done, 20));
  const heard = next(client, 'message');
  server.send('hello', port, world.clientHost);
  await heard;
  for (const socket of [client, server, stranger]) await shut(socket);
  return log.length;
});

same('dgram: a refusal is an error of a connected socket only', async (world, log) => {
  const gone = await bound(world);
  const { port } = gone.address();
  await shut(gone);
  const client = world.client.dgram.createSocket(world.udp);
  record(log, 'client', client, EVENTS);
  client.send('x', port, world.host, (...values) => log.push(values));
  await new Promise((done) => setTimeout(done, 20));
  client.connect(port, world.host);
  await next(client, 'connect');
  client.send('y', (...values: unknown[]) => log.push(values));
  await next(client, 'error');
  await shut(client);
  return undefined;
});

/** Join a group twice, hear it, leave it twice; `name` is how its link is named. */
async function joinAndLeave({ server, udp }: World, group: string, name: string): Promise<Log> {
  const log: Log = [];
  const member = server.dgram.createSocket({ type: udp, reuseAddr: true });
  member.bind(0);
  await next(member, 'listening');
  const port = member.address().port;
  log.push(attempt(() => member.addMembership(group, name)));
  log.push(attempt(() => member.addMembership(group, name)));
  const sender = server.dgram.createSocket(udp);
  sender.bind(0);
  await next(sender, 'listening');
  sender.setMulticastInterface(name);
  sender.setMulticastLoopback(true);
  const heard = next(member, 'message');
  sender.send('to all', port, group);
  const [text] = await heard;
  log.push(String(text));
  log.push(attempt(() => member.dropMembership(group, name)));
  log.push(attempt(() => member.dropMembership(group, name)));
  await shut(member);
  await shut(sender);
  return log;
}

sameIPv4('dgram: a group is joined, heard, and left', (world) =>
  joinAndLeave(world, '239.7.7.7', world.host),
);

// The kernel's loopback has no way to groups of IPv6, so there is nothing to compare: RFC 3493 §5.2.
test('dgram: a group of IPv6 is joined, heard, and left, by the name of its link', async (t) => {
  const world = stackWorld(6);
  const link = `::%${(world.server as Side & Stack).devices[0]?.name}`;
  const log = await joinAndLeave(world, 'ff15::7:7:7', link);
  await world.close();
  const codes = log.map((entry) => (entry as { code?: string } | undefined)?.code ?? entry);
  t.deepEqual(codes, [undefined, 'EADDRINUSE', 'to all', undefined, 'EADDRNOTAVAIL']);
});

sameIPv4('dgram: broadcast has to be allowed', async (world, log) => {
  const socket = await bound(world);
  const send = (): Promise<unknown> =>
    new Promise((done) => socket.send('x', 9, '255.255.255.255', (error) => done(told(error))));
  log.push(await send());
  socket.setBroadcast(true);
  const { code } = ((await send()) ?? {}) as { code?: string };
  log.push(code === 'EACCES');
  await shut(socket);
  return undefined;
});

same('dgram: a signal that is aborted before', async (world, log) => {
  const socket = world.server.dgram.createSocket({ type: world.udp, signal: AbortSignal.abort() });
  record(log, 'socket', socket, EVENTS);
  await rounds();
  return attempt(() => socket.bind({} as BindOptions));
});

same('dgram: asyncDispose closes, once and again', async (world, log) => {
  const socket = await bound(world);
  record(log, 'socket', socket, EVENTS);
  await socket[Symbol.asyncDispose]();
  await socket[Symbol.asyncDispose]();
  return attempt(() => socket.address());
});

const listen = (log: Log, socket: Socket): void => record(log, 'socket', socket, EVENTS);

same('dgram: a listener that createSocket is given, and its this', async (world, log) => {
  const heard = new Promise((done) => {
    const socket = world.server.dgram.createSocket(
      world.udp,
      function (this: Socket, message, sender) {
        log.push([String(message), this === socket, Object.keys(sender), sender.size]);
        socket.close();
        done(undefined);
      },
    );
    listen(log, socket);
    socket.bind(0, world.host, () => {
      socket.send('to myself', socket.address().port, world.host);
    });
  });
  await heard;
  await rounds();
  return undefined;
});
