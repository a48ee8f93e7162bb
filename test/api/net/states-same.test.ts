/**
 * `stack.net` beside `node:net`: what ends a socket, in every state that a socket can be in.
 * @module
 */
import type { Socket } from 'node:net';
import {
  type Log,
  listening,
  next,
  record,
  rounds,
  SOCKET_EVENTS,
  sameAlone,
  told,
  type World,
} from '../worlds.ts';

/** A socket in some state, and the other end of its connection where there is one. */
interface Subject {
  readonly socket: Socket;
  readonly peer?: Socket;
}

/** Settles when all that follows from what was done has happened, on a busy machine too. */
async function settled(reader?: Socket): Promise<void> {
  const before = reader?.bytesRead;
  await new Promise((done) => setTimeout(done, 40));
  await rounds(20);
  if (before !== reader?.bytesRead) await settled(reader);
}

const stateOf = (socket: Socket): unknown => [
  socket.readyState,
  socket.pending,
  socket.connecting,
  socket.destroyed,
  socket.readable,
  socket.writable,
];

/** A connection; what arrives at the peer waits there if it is `paused`. */
async function open(world: World, log: Log, paused = false): Promise<Required<Subject>> {
  const server = world.server.net.createServer({ allowHalfOpen: true });
  const port = await listening(server, world.host);
  const socket = world.client.net.connect({ port, host: world.host, allowHalfOpen: true });
  record(log, 'client', socket, SOCKET_EVENTS);
  const [[peer]] = await Promise.all([
    next(server, 'connection') as Promise<[Socket]>,
    next(socket, 'connect'),
  ]);
  record(log, 'server', peer, SOCKET_EVENTS);
  server.close();
  if (paused) peer.pause();
  else peer.resume();
  return { socket, peer };
}

/** A server that resumes whatever comes, and is forgotten. */
async function served(world: World): Promise<number> {
  const server = world.server.net.createServer((peer) => {
    peer.on('error', () => {});
    peer.resume();
  });
  const port = await listening(server, world.host);
  setTimeout(() => server.close(), 1000);
  return port;
}

type State = (world: World, log: Log) => Promise<Subject>;

const STATES: Record<string, State> = {
  'that was never connected': async (world, log) => {
    const socket = new world.client.net.Socket();
    record(log, 'client', socket, SOCKET_EVENTS);
    return { socket };
  },
  'whose name is looked up': async (world, log) => {
    const port = await served(world);
    const socket = world.client.net.connect({
      port,
      host: 'slow.test',
      family: world.family,
      lookup: (_name, _options, done) => setTimeout(done, 20, null, world.host, world.family),
    });
    record(log, 'client', socket, SOCKET_EVENTS);
    return { socket };
  },
  'that connects': async (world, log) => {
    const port = await served(world);
    const socket = world.client.net.connect(port, world.host);
    record(log, 'client', socket, SOCKET_EVENTS);
    await next(socket, 'connectionAttempt');
    return { socket };
  },
  'that connects, with text to send': async (world, log) => {
    const port = await served(world);
    const socket = world.client.net.connect(port, world.host);
    record(log, 'client', socket, SOCKET_EVENTS);
    await next(socket, 'connectionAttempt');
    socket.write('text', (error) => log.push(['client', 'written', told(error)]));
    return { socket };
  },
  'that connects to nobody': async (world, log) => {
    const server = world.server.net.createServer();
    const port = await listening(server, world.host);
    await new Promise((done) => server.close(done));
    const socket = world.client.net.connect(port, world.host);
    record(log, 'client', socket, SOCKET_EVENTS);
    await next(socket, 'connectionAttempt');
    return { socket };
  },
  'that is open': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.resume();
    return { socket, peer };
  },
  'that is open and reads nothing': (world, log) => open(world, log),
  'that has unread text': async (world, log) => {
    const { socket, peer } = await open(world, log);
    peer.write('unread');
    await settled();
    return { socket, peer };
  },
  'that waits for room to write': async (world, log) => {
    const { socket, peer } = await open(world, log, true);
    socket.resume();
    socket.write(Buffer.alloc(16 << 20), (error) => log.push(['client', 'written', told(error)]));
    socket.write('more', (error) => log.push(['client', 'written', told(error)]));
    await settled();
    return { socket, peer };
  },
  'that has ended': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.resume();
    socket.end();
    await next(peer, 'end');
    return { socket, peer };
  },
  'whose peer has ended': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.resume();
    peer.end();
    await next(socket, 'end');
    return { socket, peer };
  },
  'whose peer has reset it unseen': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.pause();
    peer.resetAndDestroy();
    await settled();
    return { socket, peer };
  },
  'whose peer has ended and reset it': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.resume();
    peer.end();
    await next(socket, 'end');
    peer.resetAndDestroy();
    await settled();
    return { socket, peer };
  },
  'that is at its end': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.resume();
    socket.end();
    peer.end();
    await next(socket, 'close');
    return { socket, peer };
  },
  'that is destroyed': async (world, log) => {
    const { socket, peer } = await open(world, log);
    socket.destroy();
    return { socket, peer };
  },
};

const ENDINGS: Record<string, (socket: Socket) => unknown> = {
  destroy: (socket) => socket.destroy(),
  'destroy with an error': (socket) => socket.destroy(new Error('enough')),
  destroySoon: (socket) => socket.destroySoon(),
  resetAndDestroy: (socket) => socket.resetAndDestroy(),
  end: (socket) => socket.end(),
  'end with text': (socket) => socket.end('last words'),
};

/**
 * Not compared: libuv tells the peer of an end, and not of the reset, if there was text to read before it.
 * `failures.test.ts` has what the stack tells.
 */
const UNLIKE = 'resetAndDestroy, of a socket that waits for room to write';

for (const [state, make] of Object.entries(STATES)) {
  for (const [ending, act] of Object.entries(ENDINGS)) {
    if (`${ending}, of a socket ${state}` === UNLIKE) continue;
    sameAlone(`states: ${ending}, of a socket ${state}`, async (world, log) => {
      const { socket, peer } = await make(world, log);
      log.push(['client', stateOf(socket)]);
      const result = act(socket);
      log.push(['client', result === socket, stateOf(socket)]);
      peer?.resume();
      await settled(peer);
      log.push(['client', stateOf(socket)]);
      const lines = log.splice(0);
      socket.destroy();
      peer?.destroy();
      return ['client', 'server'].map((who) =>
        lines.filter((line) => (line as string[])[0] === who),
      );
    });
  }
}
