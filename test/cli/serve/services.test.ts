/**
 * The small services, on Node's own modules over the loopback: what RFC 862, 863, 864 and 867 say.
 * @module
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import test from 'ava';
import {
  daytime,
  type Net,
  type Server,
  type Service,
  type Services,
  startServices,
} from '../../../src/cli/serve/services.ts';
import { liveServer } from '../../../src/page/live/live.ts';
import type { PageLimit } from '../../../src/page/server.ts';

const about = () => ({
  ...{ command: 'test', device: 'none', medium: 'ip' as const, addresses: [], uptime: 1 },
});
/** The page, with these numbers. */
const pageOf = (numbers: () => unknown, limit?: PageLimit) =>
  liveServer({ about, numbers }, limit && { limit }).connected;

const NOW = new Date(Date.UTC(1982, 1, 22, 17, 37, 43));
const TEXT = 'Monday, February 22, 1982 17:37:43-UTC\r\n';
const HOME = '127.0.0.1';

const ANY_PORT = { echo: 0, discard: 0, daytime: 0, chargen: 0, page: 0 };

const start = (page?: (socket: Duplex) => void): Promise<Services> =>
  startServices({
    net,
    dgram,
    address: HOME,
    now: () => NOW,
    ports: ANY_PORT,
    ...(page ? { page } : {}),
  });

/** A connection to one of them. */
async function connect(services: Services, service: Service): Promise<net.Socket> {
  const socket = net.connect({ port: services.tcp[service] ?? 0, host: HOME, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the other side has said all. */
async function everything(socket: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The answer to one datagram. */
async function ask(services: Services, service: Service, message: string): Promise<Buffer> {
  const socket = dgram.createSocket('udp4');
  socket.send(message, services.udp[service] ?? 0, HOME);
  const [answer] = await once(socket, 'message');
  socket.close();
  return answer;
}

test('services: echo gives back all that was sent, after our FIN too', async (t) => {
  const services = await start();
  const socket = await connect(services, 'echo');
  const sent = Buffer.alloc(1 << 20, 'the quick brown fox ');
  socket.end(sent);
  t.deepEqual(await everything(socket), sent);
  await services.close();
});

test('services: echo answers a datagram with itself', async (t) => {
  const services = await start();
  t.is((await ask(services, 'echo', 'to and fro')).toString(), 'to and fro');
  t.is((await ask(services, 'echo', '')).length, 0);
  const { datagramsIn, datagramsOut } = services.carried().echo;
  t.deepEqual({ datagramsIn, datagramsOut }, { datagramsIn: 2, datagramsOut: 2 });
  await services.close();
});

test('services: discard takes everything and says nothing', async (t) => {
  const services = await start();
  const socket = await connect(services, 'discard');
  socket.end(Buffer.alloc(1 << 20));
  t.is((await everything(socket)).length, 0);
  await services.close();
});

test('services: daytime says the time and hangs up', async (t) => {
  const services = await start();
  const socket = await connect(services, 'daytime');
  t.is((await everything(socket)).toString(), TEXT);
  t.is((await ask(services, 'daytime', 'what time is it?')).toString(), TEXT);
  socket.end();
  await services.close();
});

test('services: daytime has the form that RFC 867 shows', (t) => {
  t.is(daytime(NOW), TEXT);
  t.is(daytime(new Date(Date.UTC(2026, 10, 1))), 'Sunday, November 1, 2026 00:00:00-UTC\r\n');
});

test('services: chargen sends lines of 72 characters, each turned by one', async (t) => {
  const services = await start();
  const socket = await connect(services, 'chargen');
  let text = '';
  for await (const piece of socket) {
    text += piece.toString('latin1');
    if (text.length > 95 * 74 * 2) break;
  }
  socket.destroy();
  const lines = text.split('\r\n').slice(0, 96);
  t.is(lines[0], ' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg');
  t.true(lines[1]?.startsWith('!"#') === true && lines[1].endsWith('gh'));
  t.true(lines.every((line) => line.length === 72));
  t.is(lines[95], lines[0]);
  await services.close();
});

test('services: a datagram of chargen has 0 to 512 characters', async (t) => {
  const services = await start();
  const lengths = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const answer = await ask(services, 'chargen', 'more');
    lengths.add(answer.length);
    t.true(answer.length <= 512 && /^[\x20-\x7e\r\n]*$/.test(answer.toString('latin1')));
  }
  t.true(lengths.size > 25, 'the lengths differ');
  await services.close();
});

test('services: what a service carried is counted, while a connection is open too', async (t) => {
  const services = await start();
  const socket = await connect(services, 'echo');
  socket.write('12345');
  await once(socket, 'data');
  const { connections, open, bytesIn, bytesOut } = services.carried().echo;
  t.deepEqual(
    { connections, open, bytesIn, bytesOut },
    {
      connections: 1,
      open: 1,
      bytesIn: 5,
      bytesOut: 5,
    },
  );
  socket.destroy();
  await services.close();
});

test('services: close ends what is open', async (t) => {
  const services = await start();
  const socket = await connect(services, 'discard');
  socket.on('error', () => {});
  const closed = once(socket.resume(), 'end').catch(() => []); // or a reset
  await services.close();
  socket.end();
  await closed;
  t.pass();
});

test('services: a port that is taken is told, and nothing stays open', async (t) => {
  const taken = net.createServer().listen(0, HOME);
  await once(taken, 'listening');
  const { port } = taken.address() as net.AddressInfo;
  await t.throwsAsync(
    startServices({
      net,
      dgram,
      address: HOME,
      now: () => NOW,
      ports: { ...ANY_PORT, chargen: port },
    }),
    { code: 'EADDRINUSE' },
  );
  taken.close();
});

test('services: a datagram from a port that answers anything, or from none, is not answered', async (t) => {
  const heard: string[] = [];
  let arrive: ((message: Uint8Array, from: { address: string; port: number }) => void) | undefined;
  /** A `dgram` of one's own, so that a datagram may come from port 19. */
  const forged = {
    createSocket: () => {
      const socket = {
        bind: (_port: number, _address: string, listening: () => void) => listening(),
        send: (message: Uint8Array, port: number) => heard.push(`${port}: ${message}`),
        on: (event: string, listener: typeof arrive) => {
          if (event === 'message') arrive ??= listener; // the first is echo's
        },
        close: (closed?: () => void) => closed?.(),
        address: () => ({ port: 7 }),
      };
      return socket as unknown as dgram.Socket;
    },
  };
  const services = await startServices({
    net,
    dgram: forged,
    address: HOME,
    now: () => NOW,
    ports: ANY_PORT,
  });
  arrive?.(Buffer.from('a'), { address: HOME, port: 19 });
  arrive?.(Buffer.from('b'), { address: HOME, port: 7 });
  arrive?.(Buffer.from('0'), { address: HOME, port: 0 });
  arrive?.(Buffer.from('c'), { address: HOME, port: 1234 });
  t.deepEqual(heard, ['1234: c']);
  await services.close();
});

/** Serves only connections that a test makes itself, with streams it can hold back. */
class HandMade implements Net {
  readonly connected: ((socket: Duplex) => void)[] = [];

  createServer(_options: object, connected: (socket: Duplex) => void): Server {
    this.connected.push(connected);
    return {
      listen: (_port: number, _address: string, listening: () => void) => listening(),
      close: (closed?: () => void) => closed?.(),
      address: () => ({ port: 1 }),
      on: () => {},
    };
  }
}

/** Starts the services on a hand-made `net`: in the order echo, discard, daytime, chargen. */
async function byHand(): Promise<{ hands: HandMade; services: Services }> {
  const hands = new HandMade();
  const services = await startServices({
    net: hands,
    dgram,
    address: HOME,
    now: () => NOW,
    ports: ANY_PORT,
  });
  return { hands, services };
}

test('services: chargen stops writing to a peer that does not read', async (t) => {
  const { hands, services } = await byHand();
  let written = 0;
  let accept = (): void => {};
  const socket = new Duplex({
    highWaterMark: 16_384,
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      written += chunk.length;
      accept = done; // not called: the peer's window is shut
    },
  });
  hands.connected[3]?.(socket);
  t.is(written, 95 * 74, 'one chunk is on its way');
  t.true(socket.writableLength < 16_384 + 95 * 74, 'and what waits behind it is bounded');
  const before = socket.writableLength;
  await new Promise((resolve) => setImmediate(resolve));
  t.is(socket.writableLength, before, 'nothing more without a drain');
  accept();
  await new Promise((resolve) => setImmediate(resolve));
  t.true(written > 95 * 74, 'a drain lets it go on');
  socket.destroy();
  await services.close();
});

test('services: echo stops reading from a peer that does not read', async (t) => {
  const { hands, services } = await byHand();
  const incoming = new PassThrough({ highWaterMark: 1000 });
  const socket = Duplex.from({
    readable: incoming,
    writable: new PassThrough({ highWaterMark: 1000 }), // nobody reads its other end
  });
  hands.connected[0]?.(socket);
  let fed = 0;
  while (fed < 1 << 24 && incoming.writableLength < 1000) {
    incoming.write(Buffer.alloc(1000));
    fed += 1000;
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(fed < 1 << 20, `it took ${fed} bytes and then no more`);
  socket.on('error', () => {});
  socket.destroy();
  await services.close();
});

test('services: the page shows the numbers, and gives them as JSON', async (t) => {
  const services = await start(pageOf(() => ({ packets: { in: 7 } })));
  const at = `http://${HOME}:${services.tcp.page}`;
  const page = await fetch(`${at}/`);
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8');
  t.regex(await page.text(), /^<!doctype html>[\s\S]*v1\/live[\s\S]*<\/html>\n$/);
  t.deepEqual(await (await fetch(`${at}/stats.json?now`)).json(), { packets: { in: 7 } });
  t.is((await fetch(`${at}/other`)).status, 404);
  t.is((await fetch(`${at}/`, { method: 'POST', body: 'x' })).status, 405);
  const head = await fetch(`${at}/`, { method: 'HEAD' });
  t.is(await head.text(), '');
  t.true(Number(head.headers.get('content-length')) > 1000);
  await services.close();
});

/** What the page answers to these bytes. */
async function raw(services: Services, bytes: string): Promise<string> {
  const socket = await connect(services, 'page');
  socket.write(bytes);
  return (await everything(socket)).toString('latin1');
}

// RFC 9110 §7.2, §15.5.20. A browser that was led here by another's name (DNS rebinding) sends that name.
test('services: the page is only for who asks for it by an address', async (t) => {
  const services = await start(pageOf(() => ({})));
  const ask = (host: string) =>
    raw(services, `GET /stats.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  for (const host of ['10.83.0.2', '10.83.0.2:80', '[::1]:80', 'localhost:8080', 'LOCALHOST']) {
    t.regex(await ask(host), /^HTTP\/1\.1 200 /, host);
  }
  for (const host of [
    'evil.example',
    'evil.example:80',
    '10.83.0.2.evil.example',
    'localhost.evil',
    '',
  ]) {
    t.regex(await ask(host), /^HTTP\/1\.1 421 /, host);
  }
  t.regex(await raw(services, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  await services.close();
});

// Node documentation: `server.headersTimeout`, `server.requestTimeout` (408), `server.setTimeout()`.
test('services: the page does not wait for ever for a request, nor for its answer to be taken', async (t) => {
  const limit = { HEADER: 100, REQUEST: 200, IDLE: 600, STALLED: 800, EVERY: 20 };
  const services = await start(pageOf(() => ({}), limit));
  t.regex(await raw(services, 'GET / HT'), /^HTTP\/1\.1 408 /);
  t.regex(await raw(services, ''), /^HTTP\/1\.1 408 /);
  const post = 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nab';
  t.regex(await raw(services, post), /^HTTP\/1\.1 4/);
  t.regex(await raw(services, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'), /^HTTP\/1\.1 200 /);
  while (services.open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // Answers that nobody reads, until no more can be sent.
  const deaf = await connect(services, 'page');
  deaf.on('error', () => {});
  deaf.pause();
  const closed = once(deaf, 'close');
  const request = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  deaf.write(request.repeat(3000));
  while (services.open === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  while (services.open > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  deaf.destroy();
  await closed;
  await services.close();
});

test('services: the numbers are counted once for many who ask at a time', async (t) => {
  let asked = 0;
  const services = await start(pageOf(() => ({ asked: ++asked })));
  const at = `http://${HOME}:${services.tcp.page}/stats.json`;
  await Promise.all(Array.from({ length: 20 }, () => fetch(at).then((answer) => answer.text())));
  t.true(asked < 20, `${asked}`);
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.deepEqual(await (await fetch(at)).json(), { asked: asked });
  await services.close();
});
