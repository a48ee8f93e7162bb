/**
 * `stack.net` beside `node:net`: sockets as the streams that they are, and what Node builds on those.
 * @module
 */
import type { Server, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { listening, next, record, rounds, SOCKET_EVENTS, same, told } from '../worlds.ts';

const stopped = (server: Server): Promise<unknown> => new Promise((done) => server.close(done));

same('streams: read, pause, setEncoding and unshift are those of a stream', async (world) => {
  const server = world.server.net.createServer((socket) => socket.resume().end('hello'));
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  socket.setEncoding('latin1');
  await next(socket, 'readable');
  const first = socket.read(2);
  socket.unshift('H', 'latin1');
  let rest = '';
  for await (const piece of socket) rest += piece;
  await stopped(server);
  return [first, rest, socket.readableEncoding, socket.readableEnded, socket.writableFinished];
});

same('streams: end takes text, an encoding and a callback', async (world, log) => {
  let text = '';
  const server = world.server.net.createServer((socket) => {
    socket.on('data', (piece) => {
      text += piece;
    });
  });
  const port = await listening(server, world.host);
  for (const args of [[], ['a'], ['Yg==', 'base64'], [Buffer.from('c')]] as never[][]) {
    const socket = world.client.net.connect(port, world.host);
    socket.resume();
    const result = (socket.end as (...args: unknown[]) => Socket)(...args, () => log.push('over'));
    log.push(result === socket);
    await next(socket, 'close');
  }
  await stopped(server);
  return text;
});

same(
  'streams: asyncDispose of a socket that is open, and of one that is at its end',
  async (world, log) => {
    const server = world.server.net.createServer((socket) => socket.resume().on('error', () => {}));
    const port = await listening(server, world.host);
    const socket = world.client.net.connect(port, world.host);
    record(log, 'client', socket, SOCKET_EVENTS);
    await next(socket, 'connect');
    const dispose = (): Promise<unknown> =>
      socket[Symbol.asyncDispose]().then(
        () => 'settled',
        (error: unknown) => told(error),
      );
    const results = [await dispose(), await dispose()];
    await rounds();
    await stopped(server);
    return [results, socket.destroyed];
  },
);

same('streams: a loop over a socket that is left destroys it', async (world, log) => {
  const server = world.server.net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write('one');
  });
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  record(log, 'client', socket, SOCKET_EVENTS);
  for await (const piece of socket) {
    log.push(String(piece));
    break;
  }
  log.push(socket.destroyed);
  await rounds();
  await stopped(server);
  return undefined;
});

same('streams: a loop over a socket that is reset throws', async (world, log) => {
  const server = world.server.net.createServer((socket) => {
    socket.on('data', () => socket.resetAndDestroy());
  });
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  record(log, 'client', socket, ['error', 'close']);
  socket.write('reset me');
  try {
    for await (const piece of socket) log.push(String(piece));
  } catch (error) {
    log.push((error as { code: string }).code);
  }
  await stopped(server);
  return undefined;
});

same('streams: web streams over a socket, and their cancel', async (world, log) => {
  const server = world.server.net.createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  record(log, 'client', socket, SOCKET_EVENTS);
  const { readable, writable } = Duplex.toWeb(socket);
  const writer = writable.getWriter();
  await writer.write(Buffer.from('through the web'));
  const reader = readable.getReader();
  const { value } = await reader.read();
  log.push(Buffer.from(value as Uint8Array).toString());
  await reader.cancel('enough').catch((error: unknown) => log.push(told(error)));
  await rounds(10);
  socket.destroy();
  await stopped(server);
  return socket.destroyed;
});

same('streams: pipeline and finished know how a socket ended', async (world, log) => {
  const server = world.server.net.createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  const port = await listening(server, world.host);
  const pieces: string[] = [];
  await pipeline(['a', 'b', 'c'], world.client.net.connect(port, world.host), async (source) => {
    for await (const piece of source) pieces.push(String(piece));
  });
  const cut = world.client.net.connect(port, world.host);
  await next(cut, 'connect');
  const ended = finished(cut).then(
    () => 'in order',
    (error: unknown) => told(error),
  );
  cut.destroy();
  log.push(await ended);
  await stopped(server);
  return pieces.join('');
});

same('streams: strings are written as what they are, and counted in bytes', async (world, log) => {
  let text = '';
  const server = world.server.net.createServer((socket) => {
    socket.setEncoding('latin1').on('data', (piece) => {
      text += piece;
    });
  });
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  socket.resume().write('é€', 'utf8');
  log.push(socket.bytesWritten, socket.writableLength);
  await next(socket, 'connect');
  socket.cork();
  for (const [piece, encoding] of [
    ['é\ud800', 'utf8'],
    ['é', 'latin1'],
    ['é', 'utf16le'],
    ['c3a9zz', 'hex'],
    ['', 'latin1'],
    ['w6k=', 'base64'],
  ] as const) {
    socket.write(piece, encoding);
  }
  socket.write(Buffer.from('bytes'));
  log.push(socket.bytesWritten, socket.writableLength);
  socket.uncork();
  socket.write('é'.repeat(20_000));
  socket.write('');
  socket.end('€');
  await next(socket, 'close');
  await stopped(server);
  log.push(socket.bytesWritten);
  return text;
});

same('streams: who takes the place of a socket’s _write is given strings', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  await next(socket.resume(), 'connect');
  socket._write = (chunk, encoding, done) => {
    log.push([typeof chunk, encoding]);
    done();
  };
  socket.write('one', 'latin1');
  socket.write(Buffer.from('two'));
  socket.end();
  await next(socket, 'close');
  await stopped(server);
  return undefined;
});
