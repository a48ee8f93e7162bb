/**
 * `onread`, in both worlds: each call of its callback stands for a read of the kernel's, with the program's ticks
 * and promises after it, and what it says counts before the next.
 *
 * Node documentation: "new net.Socket([options])", `onread`; "The Node.js Event Loop".
 * @module
 */
import type { Socket } from 'node:net';
import { type Log, listening, next, rounds, same, type World } from '../worlds.ts';

const TEXT = '0123456789abcdef';

interface Reader {
  /** Called after each piece was written down; what it gives the callback gives. */
  readonly read: (socket: Socket, log: Log) => boolean | undefined;
  readonly buffer?: () => Uint8Array | (() => Uint8Array);
}

/** A client with a buffer of four bytes, to its end. */
async function play({ client, server, host }: World, log: Log, reader: Reader): Promise<unknown> {
  const listener = server.net.createServer((peer) => {
    peer.on('error', () => {}).end(TEXT);
  });
  const port = await listening(listener, host);
  const { read, buffer = () => Buffer.alloc(4) } = reader;
  const socket: Socket = client.net.connect({
    ...{ port, host },
    onread: {
      buffer: buffer(),
      callback: (length, bytes) => {
        log.push(Buffer.from(bytes).toString('latin1', 0, length));
        return read(socket, log) ?? true;
      },
    },
  });
  socket.on('end', () => log.push('end'));
  socket.on('error', (error) => log.push(error.message));
  await next(socket, 'close');
  await rounds();
  await new Promise((done) => listener.close(done));
  return socket.bytesRead;
}

const ticks = (_socket: Socket, log: Log): undefined => {
  process.nextTick(() => log.push('tick'));
  void Promise.resolve().then(() => log.push('promise'));
};

const READERS: Readonly<Record<string, Reader>> = {
  'has ticks and promises between two calls': { read: ticks },
  'has them between two buffers that a function gives': {
    read: ticks,
    buffer: () => () => Buffer.alloc(4),
  },
  'counts what it was told, and no more': {
    read: (socket, log) => {
      log.push(socket.bytesRead);
      return true;
    },
  },
  'is told nothing after it has destroyed the socket': {
    read: (socket) => {
      socket.destroy();
      return true;
    },
  },
  'that says enough has the next when it resumes': {
    read: (socket, log) => {
      setTimeout(() => {
        log.push('resume');
        socket.resume();
      }, 5);
      return false;
    },
  },
  'that pauses has the next when it resumes': {
    read: (socket, log) => {
      socket.pause();
      setTimeout(() => {
        log.push('resume');
        socket.resume();
      }, 5);
      return true;
    },
  },
};

for (const [title, reader] of Object.entries(READERS)) {
  same(`onread: a callback ${title}`, (world, log) => play(world, log, reader));
}
