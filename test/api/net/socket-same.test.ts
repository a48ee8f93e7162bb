/**
 * `stack.net` beside `node:net`: the life of a connection, event by event.
 * @module
 */

import type { Server, ServerOpts, Socket } from 'node:net';
import {
  type Log,
  listening,
  next,
  record,
  SOCKET_EVENTS,
  same,
  sameAlone,
  told,
  type World,
} from '../worlds.ts';

interface Ends {
  readonly server: Server;
  readonly client: Socket;
  readonly accepted: Socket;
  readonly port: number;
}

/** A connection, both ends of which are recorded. */
async function connected(world: World, log: Log, options: ServerOpts = {}): Promise<Ends> {
  const server = world.server.net.createServer(options);
  const port = await listening(server, world.host);
  const accepted = next(server, 'connection') as Promise<[Socket]>;
  const client = world.client.net.connect({ port, host: world.host, ...options });
  const [[socket]] = await Promise.all([accepted, next(client, 'connect')]);
  record(log, 'client', client, SOCKET_EVENTS);
  record(log, 'server', socket, SOCKET_EVENTS);
  return { server, client, accepted: socket, port };
}

const closed = (...sockets: Socket[]): Promise<unknown> =>
  Promise.all(sockets.map((socket) => next(socket, 'close')));

/** What each end saw, in order; the two do not share a clock. */
const bySide = (log: Log): unknown => ({
  client: log.filter((line) => (line as unknown[])[0] === 'client'),
  server: log.filter((line) => (line as unknown[])[0] === 'server'),
});

async function finish(server: Server, log: Log): Promise<unknown> {
  await new Promise((done) => server.close(done));
  const sides = bySide(log);
  log.length = 0;
  return sides;
}

same('net: a client that sends and ends', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  let text = '';
  accepted.setEncoding('utf8').on('data', (piece) => {
    text += piece;
  });
  client.resume();
  client.end('hello');
  await closed(client, accepted);
  return [text, await finish(server, log)];
});

same('net: a server that greets and ends', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  let text = '';
  client.setEncoding('utf8').on('data', (piece) => {
    text += piece;
  });
  accepted.resume();
  accepted.end('bye');
  await closed(client, accepted);
  return [text, await finish(server, log)];
});

same('net: half-open sockets end each on its own', async (world, log) => {
  const { server, client, accepted } = await connected(world, log, { allowHalfOpen: true });
  client.resume();
  accepted.resume();
  client.end();
  await next(accepted, 'end');
  log.push(['server', 'state', accepted.readyState, accepted.writable]);
  accepted.end('later');
  await closed(client, accepted);
  return finish(server, log);
});

same('net: the order of events when a connection opens', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.end());
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  log.push([client.connecting, client.pending, client.readyState, client.remoteAddress]);
  record(log, 'client', client, SOCKET_EVENTS);
  client.on('connect', () => log.push([client.connecting, client.pending, client.readyState]));
  client.resume();
  await closed(client);
  log.push([client.readyState, client.pending, client.destroyed, client.localAddress]);
  await new Promise((done) => server.close(done));
  return undefined;
});

same('net: a connection to nobody', async (world, log) => {
  const server = world.server.net.createServer();
  const port = await listening(server, world.host);
  await new Promise((done) => server.close(done));
  const client = world.client.net.connect(port, world.host);
  record(log, 'client', client, SOCKET_EVENTS);
  await closed(client);
  return client.destroyed;
});

same('net: a connection from a port of one’s own to nobody', async (world, log) => {
  const server = world.server.net.createServer();
  const port = await listening(server, world.host);
  await new Promise((done) => server.close(done));
  const client = world.client.net.connect({ port, host: world.host, localPort: 45_671 });
  record(log, 'client', client, SOCKET_EVENTS);
  await closed(client);
  return undefined;
});

same('net: a connection from an address that is not ours', async (world, log) => {
  const client = world.client.net.connect({
    port: 9,
    host: world.host,
    localAddress: '192.0.2.77',
  });
  record(log, 'client', client, SOCKET_EVENTS);
  await closed(client);
  return undefined;
});

same('net: destroy tells the peer of the end', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.resume();
  client.resume();
  client.destroy();
  await closed(client, accepted);
  return finish(server, log);
});

same('net: destroy with an error is an error here and an end there', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.resume();
  client.resume();
  client.destroy(new Error('enough'));
  await closed(client, accepted);
  return finish(server, log);
});

same('net: resetAndDestroy resets the peer', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.resume();
  client.resume();
  client.resetAndDestroy();
  await closed(client, accepted);
  return finish(server, log);
});

same('net: resetAndDestroy before the connection is open', async (world, log) => {
  const server = world.server.net.createServer((socket) => {
    record(log, 'server', socket, SOCKET_EVENTS);
    socket.resume();
  });
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  record(log, 'client', client, SOCKET_EVENTS);
  client.resetAndDestroy();
  await closed(client);
  return finish(server, log).then((sides) => (sides as { client: unknown }).client);
});

same('net: resetAndDestroy of a socket that was never connected', async (world, log) => {
  const client = new world.client.net.Socket();
  record(log, 'client', client, SOCKET_EVENTS);
  client.resetAndDestroy();
  await closed(client);
  return undefined;
});

same('net: destroy of a socket that was never connected', async (world, log) => {
  const client = new world.client.net.Socket();
  record(log, 'client', client, SOCKET_EVENTS);
  log.push([client.readyState, client.pending, client.bytesRead, client.bytesWritten]);
  client.destroy();
  await closed(client);
  return [client.readyState, client.pending];
});

same('net: destroy while connecting', async (world, log) => {
  const server = world.server.net.createServer();
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  record(log, 'client', client, SOCKET_EVENTS);
  client.write('never', (error) => log.push(['write', told(error)]));
  client.destroy();
  await closed(client);
  await new Promise((done) => setImmediate(done));
  server.close();
  return undefined;
});

sameAlone('net: closing with unread text resets the peer', async (world, log) => {
  const { server, client, accepted } = await connected(world, log, { pauseOnConnect: true });
  client.resume();
  client.write('unread');
  await new Promise((done) => setTimeout(done, 100)); // until it has arrived, in both worlds
  accepted.destroy();
  await closed(client, accepted);
  return finish(server, log);
});

same('net: write after end', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.resume();
  client.resume();
  client.end();
  client.write('late', (error) => log.push(['client', 'write', told(error)]));
  await closed(client, accepted);
  return finish(server, log);
});

same('net: write after the peer has ended', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.end();
  client.on('end', () => {
    setImmediate(() => {
      log.push([
        'client',
        'wrote',
        client.write('late', (error) => log.push(['client', told(error)])),
      ]);
    });
  });
  client.resume();
  accepted.resume();
  await closed(client);
  return finish(server, log).then((sides) => (sides as { client: unknown }).client);
});

same('net: write to a socket that is destroyed', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.resume();
  client.destroy();
  client.write('late', (error) => log.push(['client', 'write', told(error)]));
  await closed(client, accepted);
  return finish(server, log);
});

same('net: what is written before the connection is open arrives, counted', async (world, log) => {
  const server = world.server.net.createServer({ allowHalfOpen: true });
  const port = await listening(server, world.host);
  const client = world.client.net.connect(port, world.host);
  record(log, 'client', client, SOCKET_EVENTS);
  client.write('a');
  client.write(Buffer.from('bc'));
  client.write('ZGVm', 'base64');
  log.push(['client', 'counts', client.bytesWritten, client.bytesRead]);
  const [socket] = (await next(server, 'connection')) as [Socket];
  client.end();
  client.resume();
  let text = '';
  for await (const piece of socket) text += piece;
  log.push(['client', 'counts', client.bytesWritten, socket.bytesRead]);
  socket.end();
  await closed(client);
  log.push(['client', 'counts', client.bytesWritten, client.bytesRead]);
  return [text, await finish(server, log)];
});

same('net: addresses of both ends', async (world, log) => {
  const { server, client, accepted, port } = await connected(world, log);
  const result = {
    local: [client.localAddress === world.clientHost, client.localFamily],
    remote: [client.remoteAddress, client.remoteFamily, client.remotePort === port],
    matches: accepted.remotePort === client.localPort && accepted.localPort === port,
    address: Object.keys(client.address()),
    server: (server.address() as { family: string }).family,
  };
  client.destroy();
  accepted.destroy();
  await closed(client, accepted);
  await new Promise((done) => server.close(done));
  log.length = 0;
  return [result, client.remoteAddress, client.localAddress, client.address()];
});

same('net: a time of silence', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  log.push(['client', 'timeout', client.timeout]);
  client.setTimeout(30, () => {
    log.push(['client', 'callback']);
    client.end();
  });
  log.push(['client', 'timeout', client.timeout]);
  client.resume();
  accepted.resume();
  await closed(client, accepted);
  return finish(server, log);
});

same('net: a pipe through a server gives everything back', async (world, log) => {
  const { server, client, accepted } = await connected(world, log);
  accepted.pipe(accepted);
  const over = closed(accepted);
  const sent = Buffer.alloc(3_000_000);
  for (let i = 0; i < sent.length; i++) sent[i] = (i * 7) ^ (i >> 11);
  client.end(sent);
  const pieces: Buffer[] = [];
  for await (const piece of client) pieces.push(piece as Buffer);
  await over;
  await new Promise((done) => server.close(done));
  log.length = 0;
  return [Buffer.concat(pieces).equals(sent), client.bytesRead, client.bytesWritten];
});

same('net: a name is looked up, and told', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.end());
  const port = await listening(server, world.host);
  const client = world.client.net.connect({
    port,
    host: 'somewhere.test',
    family: world.family,
    lookup: (name, options, done) => {
      log.push(['lookup', name, options.family]);
      process.nextTick(done, null, world.host, world.family);
    },
  });
  record(log, 'client', client, SOCKET_EVENTS);
  client.resume();
  await closed(client);
  await new Promise((done) => server.close(done));
  return undefined;
});

same('net: a name that nobody knows', async (world, log) => {
  const client = world.client.net.connect({
    port: 9,
    host: 'nowhere.test',
    lookup: (_name, _options, done) => {
      const error = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.test'), {
        code: 'ENOTFOUND',
      });
      process.nextTick(done, error);
    },
  });
  record(log, 'client', client, SOCKET_EVENTS);
  await closed(client);
  return undefined;
});

same('net: a name with several addresses, each of which is tried', async (world, log) => {
  const server = world.server.net.createServer();
  const port = await listening(server, world.host);
  await new Promise((done) => server.close(done));
  const client = world.client.net.connect({
    port,
    host: 'twice.test',
    autoSelectFamily: true,
    lookup: (_name, _options, done) => {
      const list = [
        { address: world.host, family: 4 },
        { address: world.host, family: 4 },
        { address: world.client.net.isIPv4(world.host) ? world.clientHost : '', family: 4 },
      ];
      process.nextTick(done, null, list);
    },
  });
  const attempts = ['connectionAttempt', 'connectionAttemptFailed'];
  record(log, 'client', client, ['lookup', ...attempts, 'error', 'close']);
  await closed(client);
  // The kernel's client and server have one address, the stacks' have two: the first tells enough.
  return log.splice(0).slice(0, 2);
});

same('net: an abort signal ends a connection', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.resume());
  const port = await listening(server, world.host);
  const controller = new AbortController();
  const { signal } = controller;
  const client = world.client.net.connect({ port, host: world.host, signal });
  record(log, 'client', client, SOCKET_EVENTS);
  await next(client, 'connect');
  controller.abort();
  await closed(client);
  await new Promise((done) => server.close(done));
  return undefined;
});

same('net: onread fills the user’s buffer', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.end('0123456789'));
  const port = await listening(server, world.host);
  const seen: string[] = [];
  const client = world.client.net.connect({
    port,
    host: world.host,
    onread: {
      buffer: Buffer.alloc(4),
      callback: (length, buffer) => {
        seen.push(Buffer.from(buffer.subarray(0, length)).toString());
        return true;
      },
    },
  });
  record(log, 'client', client, [...SOCKET_EVENTS, 'data']);
  await closed(client);
  await new Promise((done) => server.close(done));
  return [seen.join(''), Math.max(...seen.map((piece) => piece.length)), client.bytesRead];
});

same('net: a socket connects again after its end', async (world, log) => {
  const server = world.server.net.createServer((socket) => socket.end('x'));
  const port = await listening(server, world.host);
  const client = new world.client.net.Socket();
  record(log, 'client', client, [...SOCKET_EVENTS, 'data']);
  for (let i = 0; i < 2; i++) {
    client.connect(port, world.host);
    await closed(client);
  }
  await new Promise((done) => server.close(done));
  return undefined;
});
