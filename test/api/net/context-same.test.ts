/**
 * Asynchronous contexts, in both worlds: what a program keeps in an `AsyncLocalStorage` follows a connection,
 * and never passes from one to another.
 *
 * Node documentation: "Asynchronous context tracking"; "async_hooks", `triggerAsyncId`.
 * @module
 */
import { AsyncLocalStorage, createHook, executionAsyncId } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { listening, next, portOf, rounds, same } from '../worlds.ts';

const lines = (seen: unknown[]): string[] => seen.map((one) => JSON.stringify(one)).toSorted();

/** A client that asks, and waits for the answer. */
async function ask(socket: Socket, text: string): Promise<void> {
  const answered = next(socket, 'data');
  socket.write(text);
  await answered;
}

same('context: an accepted socket begins with none', async ({ client, server, host }) => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const tell = (what: string) => (): unknown => seen.push([what, storage.getStore()]);
  const listener = server.net.createServer((socket) => {
    tell('connection')();
    for (const event of ['data', 'end', 'close']) socket.on(event, tell(event));
    socket.write('x', tell('written'));
  });
  const listens = next(listener, 'listening');
  storage.run('listen', () => listener.listen(0, host, tell('listening')));
  await listens;
  const socket = storage.run('connect', () => client.net.connect(portOf(listener), host));
  for (const event of ['connect', 'data', 'end', 'close']) socket.on(event, tell(`its ${event}`));
  await next(socket, 'data');
  storage.run('end', () => socket.end('hello', tell('its finish')));
  await next(socket, 'close');
  await rounds();
  await new Promise((done) => storage.run('close', () => listener.close(done)));
  return lines(seen);
});

same('context: what one socket enters no other is in', async ({ client, server, host }) => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const listener = server.net.createServer((socket) => {
    socket.on('data', (text) => {
      seen.push([String(text), storage.getStore()]);
      storage.enterWith(String(text));
      socket.write('.');
    });
  });
  const port = await listening(listener, host);
  const one = client.net.connect(port, host);
  const other = client.net.connect(port, host);
  await ask(one, 'a');
  await ask(other, 'b');
  await ask(one, 'c');
  await ask(other, 'd');
  one.destroy();
  other.destroy();
  await new Promise((done) => listener.close(done));
  return seen;
});

same('context: what a server enters at a connection is for its next', async (world) => {
  const { client, server, host } = world;
  const storage = new AsyncLocalStorage<number>();
  const seen: unknown[] = [];
  const listener = server.net.createServer((socket) => {
    seen.push(['connection', storage.getStore()]);
    storage.enterWith(seen.length);
    socket.on('data', () => {
      seen.push(['data', storage.getStore()]);
      socket.write('.');
    });
  });
  const port = await listening(listener, host);
  for (let i = 0; i < 2; i++) {
    const socket = client.net.connect(port, host);
    await ask(socket, 'x');
    socket.destroy();
    await next(socket, 'close');
  }
  await new Promise((done) => listener.close(done));
  return seen;
});

same('context: drain is in that of the write', async ({ client, server, host }) => {
  const storage = new AsyncLocalStorage<string>();
  const listener = server.net.createServer((socket) => {
    setTimeout(() => socket.resume(), 20);
  });
  const port = await listening(listener, host);
  const socket = storage.run('connect', () => client.net.connect(port, host));
  await next(socket, 'connect');
  const drained = new Promise((done) => socket.on('drain', () => done(storage.getStore())));
  storage.run('write', () => socket.write(Buffer.alloc(8 << 20)));
  const seen = await drained;
  socket.destroy();
  await new Promise((done) => listener.close(done));
  return seen;
});

same('context: a keep-alive connection’s requests are each in its own', async (world) => {
  const { client, server, host } = world;
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const listener = server.http.createServer((request, response) => {
    seen.push(['request', storage.getStore()]);
    storage.enterWith('entered');
    request.resume().on('end', () => {
      seen.push(['its end', storage.getStore()]);
      response.end('ok');
    });
  });
  const listens = next(listener, 'listening');
  storage.run('listen', () => listener.listen(0, host));
  await listens;
  const agent = new client.http.Agent({ keepAlive: true, maxSockets: 1 });
  const options = { port: portOf(listener), host, agent };
  for (const name of ['one', 'two', 'three']) {
    await new Promise<void>((done) => {
      storage.run(name, () => {
        client.http.get(options, (response) => {
          seen.push(['response', storage.getStore()]);
          response.resume().on('end', () => {
            seen.push(['end', storage.getStore()]);
            setImmediate(done);
          });
        });
      });
    });
  }
  agent.destroy();
  await new Promise((done) => listener.close(done));
  return seen;
});

same('context: resources have the types and the causes of Node’s', async (world) => {
  const { client, server, host } = world;
  const made = new Map<number, { type: string; cause: number }>();
  const hook = createHook({
    init: (id, type, cause) => {
      if (type.startsWith('TCP')) made.set(id, { type, cause });
    },
  });
  hook.enable();
  const causes = (): string[] => {
    const types: string[] = [];
    for (let at = made.get(executionAsyncId()); at; at = made.get(at.cause)) types.push(at.type);
    return types;
  };
  const seen: unknown[] = [];
  const listener = server.net.createServer((socket) => {
    seen.push(['connection', causes()]);
    socket.on('data', () => {
      seen.push(['data', causes()]);
      socket.end();
    });
  });
  const port = await listening(listener, host);
  const socket = client.net.connect(port, host, () => {
    seen.push(['connect', causes()]);
    socket.write('x');
  });
  await next(socket.resume(), 'close');
  await new Promise((done) => listener.close(done));
  hook.disable();
  return lines(seen);
});
