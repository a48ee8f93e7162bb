/**
 * How connections with TLS begin, and how they are given up, beside `node:tls` and `node:https`: options that are
 * wrong, sockets that are open, connect or will, aborts at each moment.
 * @module
 */
import { once } from 'node:events';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { cert, key } from '../../../examples/certificate.ts';
import { listening, next, record, rounds, same, told } from '../worlds.ts';

const EVENTS = ['connect', 'ready', 'secureConnect', 'end', 'timeout', 'error', 'close'];

const BAD: Readonly<Record<string, object>> = {
  'a version that is none': { minVersion: 'TLSv9' },
  'ciphers that are none': { ciphers: 'no-such-cipher' },
  'a certificate that is none': { cert: 'nonsense', key },
  'a key that is none': { cert, key: 'nonsense' },
  'a context that is none': { secureContext: {} },
  'a port that is none': { port: 70_000 },
  'a trace that is no boolean': { enableTrace: 'yes' },
};

for (const [name, bad] of Object.entries(BAD)) {
  same(`tls: connect with ${name} begins no connection`, async (world) => {
    let connections = 0;
    const server = world.server.net.createServer((socket) => {
      connections++;
      socket.on('error', () => {}).destroy();
    });
    const port = await listening(server, world.host);
    let thrown: unknown;
    try {
      world.client.tls.connect({ port, host: world.host, ...bad }).on('error', () => {});
    } catch (error) {
      thrown = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
    }
    await rounds(10);
    await new Promise((done) => server.close(done));
    return [thrown, connections];
  });
}

/** How far the socket below is when TLS is put on it. */
const BELOW: Readonly<Record<string, (socket: Socket, port: number, host: string) => unknown>> = {
  'is open': (socket, port, host) => once(socket.connect(port, host), 'connect'),
  connects: (socket, port, host) => socket.connect(port, host),
  'is connected later': (socket, port, host) => setTimeout(() => socket.connect(port, host), 10),
};

for (const [name, prepare] of Object.entries(BELOW)) {
  same(`tls: connect over a socket that ${name}`, async (world, log) => {
    const server = world.server.tls.createServer({ cert, key }, (socket) => socket.end('hi'));
    const port = await listening(server, world.host);
    const below = new world.client.net.Socket();
    await prepare(below, port, world.host);
    const socket = world.client.tls.connect({ socket: below, ca: cert, servername: 'localhost' });
    record(log, 'socket', socket, EVENTS);
    let text = '';
    for await (const piece of socket) text += piece;
    await new Promise((done) => server.close(done));
    return [text, below.destroyed];
  });
}

same('tls: sockets of a server with pauseOnConnect are paused', async (world) => {
  const server = world.server.tls.createServer({ cert, key, pauseOnConnect: true });
  const port = await listening(server, world.host);
  const socket = world.client.tls.connect({ port, host: world.host, ca: cert });
  socket.on('error', () => {}).write('hello');
  const [accepted] = (await next(server, 'secureConnection')) as [TLSSocket];
  const paused = accepted.isPaused();
  let early = false;
  accepted.once('data', () => {
    early = true;
  });
  await rounds(10);
  const wasEarly = early;
  accepted.resume();
  if (!early) await next(accepted, 'data');
  socket.destroy();
  await new Promise((done) => server.close(done));
  return [paused, wasEarly];
});

const MOMENTS = ['socket', 'connect', 'secureConnect', 'response', 'end'] as const;

for (const moment of MOMENTS) {
  for (const way of ['the request', 'the agent'] as const) {
    same(`https: ${way} is destroyed at ${moment}`, async (world, log) => {
      const server = world.server.https.createServer({ cert, key }, (_request, response) => {
        response.write('some');
        setTimeout(() => response.end('more'), 5);
      });
      server.on('tlsClientError', () => {});
      const port = await listening(server, world.host);
      const { Agent, get } = world.client.https;
      const agent = new Agent({ keepAlive: true });
      const options: RequestOptions = { port, host: world.host, ca: cert, agent };
      const request = get(options);
      const closed = next(request, 'close');
      const act = (): unknown => (way === 'the agent' ? agent.destroy() : request.destroy());
      request.on('error', (error) => log.push(told(error)));
      request.on('socket', (socket) => {
        if (moment === 'socket') act();
        else if (moment === 'connect' || moment === 'secureConnect') socket.once(moment, act);
      });
      request.on('response', (response) => {
        response.on('error', (error) => log.push(told(error)));
        response.on('end', () => moment === 'end' && act()).resume();
        if (moment === 'response') act();
      });
      await closed;
      await rounds(10);
      agent.destroy();
      await new Promise((done) => server.close(done));
      return undefined;
    });
  }
}

for (const when of ['before', 'in the same tick', 'at connect', 'at secureConnect'] as const) {
  same(`tls: a connect whose signal is aborted ${when}`, async (world, log) => {
    const server = world.server.tls.createServer({ cert, key }).on('tlsClientError', () => {});
    server.on('secureConnection', (socket) => socket.on('error', () => {}).resume());
    const port = await listening(server, world.host);
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const options = { port, host: world.host, ca: cert, signal: controller.signal };
    const socket = world.client.tls.connect(options as ConnectionOptions);
    socket.on('error', (error) => log.push(error.name));
    const closed = next(socket, 'close');
    if (when === 'in the same tick') controller.abort();
    else if (when !== 'before') socket.once(when.slice(3), () => controller.abort());
    await closed;
    await rounds(10);
    await new Promise((done) => server.close(done));
    return socket.destroyed;
  });
}

same('https: a server that closes after each answer, without an agent', async (world) => {
  const server = world.server.https.createServer({ cert, key }, (_request, response) => {
    response.setHeader('connection', 'close');
    response.end('hello');
  });
  const port = await listening(server, world.host);
  const texts: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const options = { port, host: world.host, ca: cert, agent: false } as const;
    const request = world.client.https.get(options);
    const failed: unknown[] = [];
    request.on('error', (error) => failed.push(told(error)));
    const closed = next(request, 'close');
    const [response] = (await next(request, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const piece of response) text += piece;
    await closed;
    texts.push([text, ...failed]);
  }
  await new Promise((done) => server.close(done));
  return texts;
});
