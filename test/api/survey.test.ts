/**
 * `stack.survey`, which shows each connection without an object for it, and `stack.paths`: what is known of the MTU of
 * paths (RFC 1191 §6.3).
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { ConnectionView, TcpInfo } from '../../src/index.ts';
import { icmp, ip, packet } from '../support/packets.ts';
import { LEFT, makePair, type Pair, RIGHT } from './worlds.ts';

const PORT = 7;

async function connections({ left, right }: Pair, count: number): Promise<void> {
  right.net.createServer((socket) => socket.on('error', () => {})).listen(PORT);
  for (let i = 0; i < count; i++) {
    await once(
      left.net.connect(PORT, RIGHT).on('error', () => {}),
      'connect',
    );
  }
}

test('survey: shows each connection once, as `connections` tells of it', async (t) => {
  const pair = makePair();
  await connections(pair, 3);
  const seen: object[] = [];
  pair.left.survey((view) => {
    const { localAddress, localPort, remoteAddress, remotePort, state, rtt, cwnd } = view;
    const { sendWindow: sndWnd, receiveWindow: rcvWnd, unacked, notsent, segsOut, pmtu } = view;
    const { networkLimited, rwndLimited, sndbufLimited, mss: sndMss } = view;
    seen.push({
      ...{ localAddress, localPort, remoteAddress, remotePort, state, rtt, cwnd, sndWnd, rcvWnd },
      ...{ unacked, notsent, segsOut, pmtu, networkLimited, rwndLimited, sndbufLimited, sndMss },
    });
  });
  t.is(seen.length, 3);
  const told = pair.left.connections() as readonly TcpInfo[];
  for (const [i, one] of seen.entries()) t.like(told[i], one);
  t.is(new Set(told.map(({ localPort }) => localPort)).size, 3);
  await pair.close();
});

test('survey: one object is used for all, and true ends it', async (t) => {
  const pair = makePair();
  await connections(pair, 3);
  const views = new Set<ConnectionView>();
  const keys = new Set<number>();
  pair.left.survey((view) => {
    views.add(view);
    keys.add(view.key);
  });
  t.is(views.size, 1);
  t.is(keys.size, 3, 'a key tells them apart');
  let asked = 0;
  pair.left.survey(() => ++asked === 2);
  t.is(asked, 2);
  await pair.close();
});

test('survey: a stack without connections shows none; what is no function is refused', async (t) => {
  const pair = makePair();
  pair.left.survey(() => t.fail());
  // @ts-expect-error: that is the question
  t.throws(() => pair.left.survey(1), { code: 'ERR_INVALID_ARG_TYPE' });
  await pair.close();
});

test('survey: bytes that wait are those that nobody reads', async (t) => {
  const pair = makePair();
  const { left, right } = pair;
  const server = left.net.createServer((socket) => socket.pause()).listen(0);
  const { port } = server.address() as AddressInfo;
  const socket = right.net.connect(port, LEFT);
  await once(socket, 'connect');
  socket.write(Buffer.alloc(1000));
  let waiting = 0;
  let halfOpen = 0;
  let received = 0;
  const look = (): void =>
    left.survey(({ receiveQueue, isHalfOpen, bytesReceived }) => {
      waiting = receiveQueue;
      received = bytesReceived;
      if (isHalfOpen) halfOpen++;
    });
  while (received < 1000) {
    await new Promise((later) => setImmediate(later));
    look();
  }
  t.true(waiting <= 1000);
  t.is(halfOpen, 0);
  await pair.close();
});

test('paths: what a router says of a path stands there with its size and time (RFC 1191 §6.3)', async (t) => {
  const pair = makePair();
  const { left, right } = pair;
  t.deepEqual(left.paths, []);
  right.net.createServer((socket) => socket.on('error', () => {}).resume()).listen(PORT);
  const raw = right.raw();
  // A router whose next link takes 1300 bytes, and says so: RFC 792, type 3, code 4; RFC 1191 §4.
  const hook = right.hook('input', ({ bytes, at, length }) => {
    if (length <= 1300) return undefined;
    const quoted = bytes.slice(at, at + 28);
    const body = icmp(3, 4, 1300, quoted);
    raw.send(packet({ source: ip(RIGHT), destination: ip(LEFT), protocol: 1, body }));
    return 'drop';
  });
  const socket = left.net.connect(PORT, RIGHT).on('error', () => {});
  await once(socket, 'connect');
  socket.end(Buffer.alloc(20_000));
  await once(socket, 'close');
  const [path, ...more] = left.paths;
  t.like(path, { destination: RIGHT, mtu: 1300, learnt: 'icmp' });
  t.deepEqual(more, []);
  const left0 = path?.left ?? 0;
  t.true(left0 > 60_000 && left0 <= 600_000, 'milliseconds, of ten minutes (RFC 1191 §6.3)');
  hook.remove();
  raw.close();
  await pair.close();
});
