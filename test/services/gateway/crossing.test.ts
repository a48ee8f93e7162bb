/**
 * A guest's connection and a socket of this host made one: how many packets that takes, and how each end comes over.
 * RFC 9293 §3.6, §3.8.6.3.
 * @module
 */
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { loadLibc } from '../../../src/device/linux/libc.ts';
import { prepareWrites } from '../../../src/device/linux/socket-write.ts';
import type { Connection } from '../../../src/index.ts';
import { Crossing } from '../../../src/services/gateway/crossing.ts';
import { HostReads } from '../../../src/services/gateway/host-reads.ts';
import type { TcpInfo } from '../../../src/stack/tcp/info.ts';
import { make } from './flows.ts';

const hasCalls = await loadLibc().then(
  () => true,
  () => false,
);
prepareWrites();
await pause(0);

/** Of a stack's socket. */
const infoOf = (socket: Socket): TcpInfo => (socket as unknown as { info(): TcpInfo }).info();

const text = async (socket: Socket): Promise<string> => {
  const [piece] = await once(socket, 'data');
  return String(piece);
};

const ended = async (socket: Socket): Promise<void> => {
  await once(socket.resume(), 'end');
};

test('crossing: the end comes with the last text', async (t) => {
  if (!hasCalls) {
    t.log('skipped: without koffi nobody looks ahead for it');
    t.pass();
    return;
  }
  const { gateway, open } = await make(t, false);
  const { guest, server } = await open();
  server.once('data', () => server.end('an answer'));
  guest.write('a question');
  t.is(await text(guest), 'an answer');
  t.is(infoOf(guest).state, 'CLOSE-WAIT');
  guest.end();
  await ended(server);
  while (gateway.counters.tcpOpen > 0) await pause(5);
  t.is(gateway.counters.tcp, 1);
});

test('crossing: what is not answered is acknowledged before long', async (t) => {
  const { open } = await make(t, false);
  const { guest, server } = await open();
  guest.write('a question');
  t.is(await text(server), 'a question');
  await pause(50);
  t.is(infoOf(guest).unacked, 0);
});

test('crossing: who has said all may still be told, by either side', async (t) => {
  const { gateway, open } = await make(t, false);
  for (const way of ['guest', 'server'] as const) {
    const ends = await open();
    const [first, second] = way === 'guest' ? [ends.guest, ends.server] : [ends.server, ends.guest];
    first.end('all');
    t.is(await text(second), 'all');
    await ended(second);
    for (const word of ['one', 'two', 'three']) {
      second.write(word);
      t.is(await text(first), word);
    }
    second.end();
    await ended(first);
  }
  while (gateway.counters.tcpOpen > 0) await pause(5);
  t.is(gateway.counters.bytesIn + gateway.counters.bytesOut, 2 * 14);
});

test('crossing: a server that speaks first, and ends at once, is heard', async (t) => {
  const { gateway, open, server: door } = await make(t, false);
  door.on('connection', (socket: Socket) => socket.end('welcome'));
  const { guest } = await open();
  t.is(await text(guest), 'welcome');
  await ended(guest);
  guest.end();
  while (gateway.counters.tcpOpen > 0) await pause(5);
  t.pass();
});

test('crossing: a reset goes on as a reset, before and after an end', async (t) => {
  const { gateway, open } = await make(t, false);
  for (const way of ['guest', 'server'] as const) {
    for (const half of [false, true]) {
      const ends = await open();
      const [from, to] = way === 'guest' ? [ends.guest, ends.server] : [ends.server, ends.guest];
      if (half) {
        to.end();
        await ended(from);
      } else to.resume();
      const closed = new Promise((done) => to.once('close', done));
      const failed = half ? undefined : once(to, 'error');
      from.resetAndDestroy();
      if (failed !== undefined) t.is((await failed)[0].code, 'ECONNRESET');
      while (gateway.counters.tcpOpen > 0) await pause(5);
      to.destroy();
      await closed;
    }
  }
});

test('crossing: a flow that is cut is reset at both ends', async (t) => {
  const { gateway, open } = await make(t, false);
  const { guest, server } = await open();
  const failed = [guest, server].map((socket) => once(socket.resume(), 'error'));
  while (gateway.counters.tcpOpen === 0) await pause(5);
  t.is(
    gateway.cut(() => true, 'test'),
    1,
  );
  for (const [error] of await Promise.all(failed)) t.is(error.code, 'ECONNRESET');
  while (gateway.counters.tcpOpen > 0) await pause(5);
  t.is(gateway.counters.cut, 1);
});

// In TIME-WAIT it is kept for a minute after both ends have gone, and with it whatever it holds.
test('crossing: a connection that is over holds nothing but who gives back what it was lent', async (t) => {
  const host = new Socket();
  const nobody = { opened: () => {}, lost: () => {}, closed: () => {} };
  const crossing = new Crossing(host, new HostReads(), nobody);
  const guest = { handler: crossing, setNoDelay: () => {}, abort: () => {} };
  const connection = guest as unknown as Connection;
  crossing.open(connection);
  host.destroy();
  await once(host, 'close');
  const { handler } = connection;
  t.not(handler, crossing);
  let given = 0;
  handler.release?.(connection, { letGo: () => given++ });
  t.is(given, 1);
});
