/**
 * `stack.tls` beside `node:tls`: the same events, in the same order, on both sides of a connection.
 * @module
 */
import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { cert, key } from '../../../examples/certificate.ts';
import { type Log, listening, next, record, rounds, same, type World } from '../worlds.ts';

const EVENTS = ['connect', 'ready', 'secureConnect', 'end', 'finish', 'timeout', 'error', 'close'];

/** What both sides of one connection saw, each by itself: in which order they saw it is chance. */
interface Seen {
  readonly client: Log;
  readonly server: Log;
}

interface Exchange {
  readonly options?: TlsOptions;
  /** What the server does with its socket. */
  serve(socket: TLSSocket): void;
  /** What the client does with its own; it reads unless told. */
  call?(socket: TLSSocket): void;
}

/** One connection to a tls server, to its end on both sides. */
async function exchange(world: World, { options, serve, call }: Exchange): Promise<Seen> {
  const seen: Seen = { client: [], server: [] };
  const server = world.server.tls.createServer({ cert, key, ...options });
  record(seen.server, 'server', server, ['tlsClientError', 'error']);
  const accepted = new Promise<TLSSocket>((done) => server.once('secureConnection', done));
  server.on('secureConnection', (socket) => {
    record(seen.server, 'socket', socket, EVENTS);
    serve(socket);
  });
  const port = await listening(server, world.host);
  const socket = world.client.tls.connect({ port, host: world.host, ca: cert });
  record(seen.client, 'socket', socket, EVENTS);
  let text = '';
  if (call) call(socket);
  socket.on('data', (piece) => {
    text += piece;
  });
  await next(socket, 'close');
  const other = await accepted;
  if (!other.closed) await next(other, 'close');
  await rounds();
  await new Promise((done) => server.close(done));
  seen.client.push(text);
  return seen;
}

const ENDS: Readonly<Record<string, (socket: TLSSocket) => void>> = {
  'end with text': (socket) => socket.resume().end('hi'),
  'end with text and destroySoon': (socket) => {
    socket.end('hi');
    socket.destroySoon();
  },
  'destroySoon after a write': (socket) => {
    socket.write('hi');
    socket.destroySoon();
  },
  'end, and destroy at finish': (socket) => {
    socket.end('hi', () => socket.destroy());
  },
  'end a round later': (socket) => {
    socket.resume().write('hi');
    setImmediate(() => socket.end());
  },
  'end with much text': (socket) => socket.resume().end('much '.repeat(100_000)),
  'end when the other has ended': (socket) => {
    socket.resume().on('end', () => socket.end('bye'));
  },
};

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const options = { minVersion: version, maxVersion: version };
  for (const [name, act] of Object.entries(ENDS)) {
    same(`tls: ${name}, by the server (${version})`, (world) =>
      exchange(world, {
        options,
        serve: act,
        call: (socket) => {
          if (name.includes('other')) socket.once('secureConnect', () => socket.end());
        },
      }),
    );
    same(`tls: ${name}, by the client (${version})`, (world) =>
      exchange(world, {
        options,
        serve: (socket) => {
          if (name.includes('other')) socket.end();
          socket.resume();
        },
        call: (socket) => socket.once('secureConnect', () => act(socket)),
      }),
    );
  }
}

same('tls: a server that does not listen takes sockets by its event', async (world, log) => {
  const secure = world.server.tls.createServer({ cert, key }, (socket) => {
    record(log, 'server', socket, EVENTS);
    socket.write('first ');
    setTimeout(() => socket.end('second'), 20);
  });
  const server = world.server.net.createServer((raw: Socket) => secure.emit('connection', raw));
  const port = await listening(server, world.host);
  const socket = world.client.tls.connect({ port, host: world.host, ca: cert });
  let text = '';
  for await (const piece of socket) text += piece;
  await new Promise((done) => server.close(done));
  return text;
});

for (const kind of ['a buffer', 'a function that gives buffers']) {
  same(`tls: connect with onread into ${kind}`, async ({ client, server, host }, log) => {
    const listener = server.tls.createServer({ cert, key }, (socket) => socket.end('hello'));
    const port = await listening(listener, host);
    const memory = Buffer.alloc(16);
    const socket: TLSSocket = client.tls.connect({
      ...{ port, host, ca: cert },
      onread: {
        buffer: kind === 'a buffer' ? memory : () => memory,
        callback(this: unknown, length: number, bytes: Uint8Array) {
          log.push([length, Buffer.from(bytes.subarray(0, length)).toString(), this === socket]);
          return true;
        },
      },
    } as ConnectionOptions);
    socket.on('data', () => log.push('data'));
    await next(socket.resume(), 'close');
    await new Promise((done) => listener.close(done));
  });
}
