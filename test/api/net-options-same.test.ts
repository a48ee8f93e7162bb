/**
 * `stack.net` beside `node:net`: what the options of sockets and servers do, one by one.
 * @module
 */
import type { Server, Socket, TcpNetConnectOpts } from 'node:net';
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
  type World,
} from './worlds.ts';

const stopped = (server: Server): Promise<unknown> => new Promise((done) => server.close(done));

/** A server whose sockets say hello and end. */
async function greeter(world: World): Promise<{ server: Server; port: number }> {
  const server = world.server.net.createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.end('hello');
  });
  return { server, port: await listening(server, world.host) };
}

const attempt = (call: () => unknown): unknown => {
  try {
    return ['nothing thrown', typeof call()];
  } catch (error) {
    return told(error);
  }
};

/** Connects with these options, reads all, and tells every event. */
async function life(world: World, log: Log, options: Partial<TcpNetConnectOpts>): Promise<Socket> {
  const { server, port } = await greeter(world);
  const socket = world.client.net.connect({ port, host: world.host, ...options });
  record(log, 'client', socket, [...SOCKET_EVENTS, 'data']);
  await next(socket, 'close');
  await stopped(server);
  return socket;
}

same('options: every event of a life, in its order', async (world, log) => {
  const { server, port } = await greeter(world);
  const socket = world.client.net.connect({
    port,
    host: 'name.test',
    family: 4,
    timeout: 5000,
    lookup: (_name, _options, done) => process.nextTick(done, null, world.host, 4),
  });
  record(log, 'client', socket, [...SOCKET_EVENTS, 'data', 'connectionAttempt']);
  const enough = socket.write(Buffer.alloc(30_000));
  log.push(['write said', enough, socket.timeout]);
  await next(socket, 'close');
  await stopped(server);
  return log.splice(0).map((line) => (line as unknown[]).filter((value) => value !== port));
});

for (const options of [
  { noDelay: true },
  { keepAlive: true },
  { keepAlive: true, keepAliveInitialDelay: 1500 },
  { keepAliveInitialDelay: -5 },
  { allowHalfOpen: true, timeout: 10_000 },
  { family: 4 },
  { hints: 0 },
  { readable: true, writable: true },
] as Partial<TcpNetConnectOpts>[]) {
  same(`options: connect with ${JSON.stringify(options)}`, async (world, log) => {
    const { server, port } = await greeter(world);
    const socket = world.client.net.connect({ port, host: world.host, ...options });
    record(log, 'client', socket, [...SOCKET_EVENTS, 'data']);
    await next(socket, 'end');
    const result = [socket.allowHalfOpen, socket.timeout];
    socket.destroy();
    await next(socket, 'close');
    await stopped(server);
    return result;
  });
}

same('options: marks of a socket’s buffers', async (world) => {
  const marks = (options: object): unknown => {
    const socket = new world.client.net.Socket(options);
    const { readableHighWaterMark, writableHighWaterMark } = socket;
    return [readableHighWaterMark, writableHighWaterMark, socket.writableLength];
  };
  return [
    marks({}),
    marks({ highWaterMark: 100 }),
    marks({ readableHighWaterMark: 5, writableHighWaterMark: 6 }),
    attempt(() => marks({ highWaterMark: -1 })),
    attempt(() => marks({ highWaterMark: 'x' })),
  ];
});

same('options: a server’s mark is that of its sockets', async (world) => {
  const server = world.server.net.createServer({ highWaterMark: 1234 });
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  const [socket] = (await next(server, 'connection')) as [Socket];
  const result = [socket.readableHighWaterMark, socket.writableHighWaterMark];
  const said = [socket.write(Buffer.alloc(1233)), socket.writableNeedDrain];
  client.destroy();
  socket.destroy();
  await stopped(server);
  return [result, said];
});

same('options: write says when it is enough, and drain when it is not', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  const port = await listening(server, world.host);
  const options: object = { port, host: world.host, writableHighWaterMark: 1000 };
  const socket = world.client.net.connect(options as TcpNetConnectOpts);
  record(log, 'client', socket, SOCKET_EVENTS);
  log.push([socket.write(Buffer.alloc(999)), socket.writableLength, socket.writableNeedDrain]);
  log.push([socket.write(Buffer.alloc(1)), socket.writableLength, socket.writableNeedDrain]);
  await next(socket, 'drain');
  log.push([socket.writableLength, socket.bytesWritten, socket.bufferSize]);
  socket.end();
  socket.resume();
  await next(socket, 'close');
  await stopped(server);
  return undefined;
});

same('options: a timeout comes while nothing happens, again and again', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  const port = await listening(server, world.host);
  const socket = world.client.net.connect({ port, host: world.host, timeout: 30 });
  record(log, 'client', socket, SOCKET_EVENTS);
  await next(socket, 'timeout');
  socket.write('x'); // activity begins the time anew
  await next(socket, 'timeout');
  socket.setTimeout(0);
  await new Promise((done) => setTimeout(done, 50));
  log.push([socket.timeout, socket.destroyed]);
  socket.destroy();
  await next(socket, 'close');
  server.close();
  return undefined;
});

same('options: a timeout of a connection that does not open', async (world, log) => {
  const socket = world.client.net.connect({
    port: 9,
    host: 'never.test',
    timeout: 20,
    lookup: () => {},
  });
  record(log, 'client', socket, SOCKET_EVENTS);
  await next(socket, 'timeout');
  log.push([socket.connecting, socket.destroyed]);
  socket.destroy();
  await next(socket, 'close');
  return undefined;
});

same(
  'options: a callback of setTimeout is called once, and taken back with 0',
  async (world, log) => {
    const socket = new world.client.net.Socket();
    const one = (): void => {
      log.push('one');
    };
    socket.setTimeout(10, one);
    await next(socket, 'timeout');
    socket.setTimeout(10, one);
    socket.setTimeout(0, one);
    await new Promise((done) => setTimeout(done, 30));
    const left = socket.listenerCount('timeout');
    socket.destroy();
    return [left, socket.setTimeout(5) === socket];
  },
);

same('options: a signal that is aborted before', async (world, log) => {
  const signal = AbortSignal.abort();
  const socket = new world.client.net.Socket({ signal });
  record(log, 'client', socket, SOCKET_EVENTS);
  await next(socket, 'close');
  return undefined;
});

same('options: a signal aborted while it connects', async (world, log) => {
  const { server, port } = await greeter(world);
  const controller = new AbortController();
  const { signal } = controller;
  const socket = world.client.net.connect({ port, host: world.host, signal });
  record(log, 'client', socket, SOCKET_EVENTS);
  controller.abort(new Error('a reason'));
  await next(socket, 'close');
  await stopped(server);
  return undefined;
});

same('options: a signal aborted after the end changes nothing', async (world, log) => {
  const controller = new AbortController();
  await life(world, log, { signal: controller.signal });
  controller.abort();
  await rounds();
  return undefined;
});

same(
  'options: onread with a function for a buffer, that pauses and goes on',
  async (world, log) => {
    const server = world.server.net.createServer((socket) => socket.end('0123456789'));
    const port = await listening(server, world.host);
    const seen: string[] = [];
    let made = 0;
    const socket = world.client.net.connect({
      port,
      host: world.host,
      onread: {
        buffer: () => {
          made++;
          return Buffer.alloc(3);
        },
        callback: (length, buffer) => {
          seen.push(Buffer.from(buffer.subarray(0, length)).toString());
          if (seen.length !== 2) return true;
          setTimeout(() => {
            log.push(['so far', seen.length]);
            socket.resume();
          }, 20);
          return false;
        },
      },
    });
    record(log, 'client', socket, [...SOCKET_EVENTS, 'data']);
    await next(socket, 'close');
    await stopped(server);
    return [seen.join(''), seen.length, made > 3, socket.bytesRead];
  },
);

same('options: onread that is no onread', async (world, log) => {
  await life(world, log, { onread: { buffer: 5, callback: () => true } as never });
  return undefined;
});

same('options: an address and a port to come from', async (world, log) => {
  let seen: unknown;
  const server = world.server.net.createServer((socket) => {
    seen = [socket.remoteAddress === world.clientHost, socket.remotePort];
    socket.end();
  });
  const port = await listening(server, world.host);
  const socket = world.client.net.connect({
    port,
    host: world.host,
    localAddress: world.clientHost,
    localPort: 45_672,
  });
  socket.resume();
  await next(socket, 'connect');
  log.push([socket.localAddress === world.clientHost, socket.localPort, socket.localFamily]);
  await next(socket, 'close');
  await stopped(server);
  return seen;
});

same('options: what a lookup is asked', async (world, log) => {
  const ask = (options: object): Promise<unknown> => {
    const socket = world.client.net.connect({
      ...{ port: 9, host: 'asked.test', ...options },
      lookup: (name, asked, done) => {
        log.push([name, asked]);
        const error = Object.assign(new Error('no'), { code: 'ENOTFOUND' });
        process.nextTick(done as (error: Error) => void, error);
      },
    });
    return next(socket, 'error').then(([error]) => log.push(told(error)));
  };
  await ask({});
  await ask({ family: 4 });
  await ask({ hints: 1024 });
  await ask({ autoSelectFamily: false });
  await ask({ localAddress: world.clientHost });
  return undefined;
});

const ANSWERS: Record<string, unknown[]> = {
  'no address': [null, 'nonsense', 4],
  'another family than its address': [null, '10.1.2.3', 7],
  'a list of nonsense': [null, [{ address: 'nonsense', family: 4 }]],
  undefined: [null, undefined, 4],
};

for (const [title, answer] of Object.entries(ANSWERS)) {
  for (const family of [0, 4]) {
    same(`options: a lookup that gives ${title} (family ${family})`, async (world, log) => {
      if (family === 4 && Array.isArray(answer[1])) return undefined; // not what it was asked
      if (family === 0 && !Array.isArray(answer[1])) return undefined;
      const socket = world.client.net.connect({
        ...{ port: 9, host: 'odd.test', family },
        lookup: (_name, _options, done) => process.nextTick(done as () => void, ...answer),
      });
      record(log, 'client', socket, SOCKET_EVENTS);
      await next(socket, 'close');
      return undefined;
    });
  }
}

same('options: a lookup that answers at once', async (world, log) => {
  await life(world, log, {
    host: 'now.test',
    family: 4,
    lookup: (_name, _options, done) => done(null, world.host, 4),
  });
  return undefined;
});

same('options: a lookup that fails at once', async (world, log) => {
  const socket = world.client.net.connect({
    ...{ port: 9, host: 'now.test', family: 4 },
    lookup: (_name, _options, done) => done(new Error('at once'), '', 4),
  });
  record(log, 'client', socket, SOCKET_EVENTS);
  await next(socket, 'close');
  return undefined;
});

same('options: a lookup that throws', async (world) =>
  attempt(() =>
    world.client.net.connect({
      ...{ port: 9, host: 'throws.test' },
      lookup: () => {
        throw new TypeError('thrown');
      },
    }),
  ),
);

same('options: setters give the socket back, in every state', async (world) => {
  const check = (socket: Socket): unknown => [
    socket.setNoDelay() === socket,
    socket.setNoDelay(false) === socket,
    socket.setKeepAlive(true, 1000) === socket,
    socket.setKeepAlive() === socket,
    socket.setTimeout(0) === socket,
    socket.ref() === socket,
    socket.unref() === socket,
    socket.ref() === socket,
  ];
  const fresh = new world.client.net.Socket();
  const server = world.server.net.createServer((socket) => socket.resume());
  const port = await listening(server, world.host);
  const socket = world.client.net.connect(port, world.host);
  const states = [check(fresh), check(socket)];
  await next(socket, 'connect');
  states.push(check(socket));
  socket.destroy();
  states.push(check(socket));
  await next(socket, 'close');
  await stopped(server);
  return states;
});

same('options: what a server is told shows on it', async (world) => {
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
  same(`options: ${title}`, async (world, log) => {
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

same('options: a port that a signal frees before it listens', async (world, log) => {
  const server = world.server.net.createServer();
  record(log, 'server', server, ['listening', 'error', 'close']);
  server.listen({ port: 0, host: world.host, signal: AbortSignal.abort() });
  await next(server, 'close');
  await rounds();
  return server.listening;
});

same('options: getConnections counts, and gives the server back', async (world, log) => {
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

same('options: a closed server leaves its sockets alone', async (world, log) => {
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

same('options: read, pause, setEncoding and unshift are those of a stream', async (world) => {
  const { server, port } = await greeter(world);
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

same('options: end takes text, an encoding and a callback', async (world, log) => {
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
