/**
 * `stack.net` beside `node:net`: what the options of sockets and servers do, one by one.
 * @module
 */
import type { Server, Socket, TcpNetConnectOpts } from 'node:net';
import {
  type Log,
  listening,
  next,
  record,
  rounds,
  SOCKET_EVENTS,
  same,
  told,
  type World,
} from '../worlds.ts';

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
    family: world.family,
    timeout: 5000,
    lookup: (_name, _options, done) => process.nextTick(done, null, world.host, world.family),
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
    family: world.family,
    lookup: (_name, _options, done) => done(null, world.host, world.family),
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

same('options: those of the stream reach it, functions too', async ({ client }) => {
  const calls: string[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void => {
      calls.push(name);
      const done = args.at(-1);
      if (typeof done === 'function') done();
    };
  const names = ['construct', 'read', 'write', 'writev', 'final', 'destroy'];
  const functions = Object.fromEntries(names.map((name) => [name, note(name)]));
  const { Socket } = client.net;
  const made = new Socket({
    ...functions,
    ...{ readableHighWaterMark: 3, writableHighWaterMark: 5, captureRejections: true },
    ...{ encoding: 'latin1', defaultEncoding: 'hex', allowHalfOpen: true },
  } as never);
  const shut = new Socket({ highWaterMark: 7, readable: false, writable: false } as never);
  const inherits = new Socket(Object.create({ highWaterMark: 7, encoding: 'hex' }) as never);
  const seen = [made, shut, inherits].map((socket) => [
    ...[socket.readable, socket.writable, socket.allowHalfOpen, socket.readableEncoding],
    ...[socket.readableHighWaterMark, socket.writableHighWaterMark],
    Reflect.get(Reflect.get(socket, '_writableState'), 'defaultEncoding'),
  ]);
  made.on('error', () => {});
  const steps = [() => made.read(), () => made.write('ff'), () => made.end(), () => made.destroy()];
  for (const step of steps) {
    await rounds(2);
    step();
  }
  await rounds(2);
  return [seen, calls];
});
