/**
 * The translator of examples/nat.ts between two pipes: a host behind it, and one that knows nothing of it.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, type Stack } from 'tunstack';
import * as wire from 'tunstack/wire';
import { Nat } from '../../examples/nat.ts';
import { until } from '../api/worlds.ts';
import { pattern } from '../support/packets.ts';

const HOST = '10.0.0.2';
const OURS = '192.0.2.1';
const SERVER = '192.0.2.2';
const MINUTE = 60_000;

interface Place {
  readonly inside: Stack;
  readonly router: Stack;
  readonly outside: Stack;
  readonly nat: Nat;
  /** What the translator takes for the time, in milliseconds. */
  readonly clock: { now: number };
}

interface PlaceOptions {
  readonly most?: number;
  readonly outerMtu?: number;
  /** Of the pipe inside, and the one outside. */
  readonly offload?: readonly [boolean, boolean];
}

/** 10.0.0.2 - 10.0.0.1 the translator 192.0.2.1 - 192.0.2.2, which has a way to 10.0.0.0/24 too. */
function place(t: ExecutionContext, options: PlaceOptions = {}): Place {
  const { most, outerMtu = 1500, offload: [near, far] = [false, false] } = options;
  const [a, b] = createPipe({ offload: near });
  const [c, d] = createPipe({ offload: far });
  const clock = { now: 1000 };
  const inside = createStack({ device: a, address: `${HOST}/24`, gateway: '10.0.0.1' });
  const router = createStack({
    devices: [
      { device: b, address: '10.0.0.1/24' },
      { device: c, address: `${OURS}/24`, mtu: outerMtu },
    ],
    forwarding: true,
  });
  const outside = createStack({ device: d, address: `${SERVER}/24`, gateway: OURS });
  t.teardown(() => Promise.all([inside, router, outside].map((s) => s.close({ linger: 0 }))));
  const nat = new Nat(router, c.name, OURS, most, () => clock.now);
  return { inside, router, outside, nat, clock };
}

/** No checksum was wrong anywhere. */
function checkSums(t: ExecutionContext, { inside, router, outside }: Place): void {
  for (const { stats } of [inside, router, outside].map((stack) => ({ stats: stack.stats() }))) {
    const { TcpInCsumErrors, UdpInCsumErrors, IcmpInCsumErrors } = stats;
    t.deepEqual([TcpInCsumErrors, UdpInCsumErrors, IcmpInCsumErrors], [0, 0, 0]);
    t.is(stats.drops['ipChecksum'] ?? 0, 0);
  }
}

/** What UDP port 7 of the server echoes to a new socket of the host, on a port if one is named. */
async function ask({ inside }: Place, text: string | Uint8Array, port = 0): Promise<Buffer> {
  const socket = inside.dgram.createSocket('udp4');
  socket.bind(port);
  socket.send(text, 7, SERVER);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return answer;
}

/** The server's UDP echo, and where from it was asked. */
function echo({ outside }: Place): { address: string; port: number }[] {
  const askers: { address: string; port: number }[] = [];
  const socket = outside.dgram.createSocket('udp4');
  socket.bind(7);
  socket.on('message', (message, { address, port }) => {
    askers.push({ address, port });
    socket.send(message, port, address);
  });
  return askers;
}

/** Send a datagram from outside to the translator, from this port of the server. */
function send({ outside }: Place, from: number, to: number, host = OURS): Promise<void> {
  const socket = outside.dgram.createSocket('udp4');
  return new Promise((done) => {
    socket.bind(from, () => socket.send('knock', to, host, () => done(void socket.close())));
  });
}

for (const offload of [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const) {
  const how = offload.map((one) => (one ? 'with' : 'without')).join(' offload inside, ');
  test(`nat: TCP passes it both ways, from the address that all share, ${how} outside`, async (t) => {
    const all = place(t, { offload });
    const text = pattern(300_000);
    let from = '';
    const server = all.outside.net.createServer((socket) => {
      from = `${socket.remoteAddress}`;
      socket.pipe(socket);
    });
    server.listen(80);
    const socket = all.inside.net.connect({ port: 80, host: SERVER, allowHalfOpen: true });
    socket.end(text);
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece);
    t.deepEqual(Uint8Array.from(Buffer.concat(pieces)), text);
    t.is(from, OURS);
    t.is(all.nat.mappings, 1);
    t.is(all.nat.refused, 0);
    checkSums(t, all);
  });
}

test('nat: UDP passes it, and what comes in fragments', async (t) => {
  const all = place(t);
  const askers = echo(all);
  t.is(`${await ask(all, 'hello')}`, 'hello');
  const long = pattern(20_000);
  t.deepEqual(Uint8Array.from(await ask(all, long)), long);
  t.deepEqual(
    askers.map(({ address }) => address),
    [OURS, OURS],
  );
  checkSums(t, all);
});

test('nat: ping passes it, of any size', async (t) => {
  const all = place(t);
  t.is((await all.inside.ping(SERVER)).address, SERVER);
  t.is((await all.inside.ping(SERVER, { size: 5000 })).address, SERVER);
  t.is(all.outside.stats().IcmpInEchos, 2);
  checkSums(t, all);
});

test('nat: what nobody asked for is dropped and counted', async (t) => {
  const all = place(t);
  const { inside, router, outside, nat } = all;
  await send(all, 5000, 4000);
  await send(all, 5000, 4000, HOST); // past the translator, by a route
  await t.throwsAsync(() => outside.ping(OURS, { timeout: 30 }), { code: 'ETIMEDOUT' });
  outside.net.connect(22, OURS).on('error', () => {});
  await until(() => nat.refused === 4);
  t.is(router.stats().drops['ipFiltered'], 4);
  t.is(inside.stats().IpInReceives, 0);
  t.is(nat.mappings, 0);
});

test('nat: only those that a host talks to may answer, from any port', async (t) => {
  const all = place(t);
  const askers = echo(all);
  const socket = all.inside.dgram.createSocket('udp4');
  const heard: string[] = [];
  socket.on('message', (message, { address, port }) => heard.push(`${address} ${port} ${message}`));
  socket.send('hello', 7, SERVER);
  await once(socket, 'message');
  const { port } = askers[0] as { port: number };
  all.outside.addAddress('192.0.2.3/24');
  const stranger = all.outside.dgram.createSocket('udp4');
  stranger.bind(5000, '192.0.2.3', () => stranger.send('knock', port, OURS));
  await until(() => all.nat.refused === 1);
  await send(all, 5001, port);
  await until(() => heard.length === 2);
  t.deepEqual(heard, [`${SERVER} 7 hello`, `${SERVER} 5001 knock`]);
});

test('nat: a mapping ends when nothing has passed for its time', async (t) => {
  const all = place(t);
  const socket = all.inside.dgram.createSocket('udp4');
  let heard = 0;
  socket.on('message', () => heard++);
  socket.bind(4000, () => socket.send('hello', 7, SERVER));
  await until(() => all.nat.mappings === 1);
  all.clock.now += 5 * MINUTE - 1;
  await send(all, 5001, 4000);
  await until(() => heard === 1);
  all.clock.now += 5 * MINUTE; // from then on
  await send(all, 5001, 4000);
  await until(() => all.nat.refused === 1);
  t.is(heard, 1);
  t.is(all.nat.mappings, 0);
});

test('nat: a connection is kept for two hours while it is open, and minutes once it is shut', async (t) => {
  const all = place(t);
  const server = all.outside.net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.resume();
    socket.on('end', () => setTimeout(() => socket.end('bye'), 20));
  });
  server.listen(80);
  const socket = all.inside.net.connect(80, SERVER);
  await once(socket, 'connect');
  socket.resume();
  all.clock.now += 120 * MINUTE;
  socket.end('still there');
  await once(socket, 'close');
  t.is(all.nat.refused, 0);
  await new Promise((done) => setTimeout(done, 50)); // until the last acknowledgment has passed
  t.is(all.nat.mappings, 1);
  all.clock.now += 4 * MINUTE;
  // It is over, and stays in the table until room is wanted.
  const other = all.inside.net.connect(80, SERVER);
  await once(other, 'connect');
  t.is(all.nat.mappings, 2);
  other.destroy();
});

test('nat: the table has a bound, past which new flows are dropped and old ones go on', async (t) => {
  const all = place(t, { most: 3 });
  echo(all);
  for (const port of [4001, 4002, 4003]) await ask(all, 'hello', port);
  const late = all.inside.dgram.createSocket('udp4');
  late.bind(4004, () => late.send('hello', 7, SERVER));
  await until(() => all.nat.full === 1);
  t.is(all.nat.mappings, 3);
  t.is(`${await ask(all, 'again', 4002)}`, 'again');
  // Once some have run out there is room.
  all.clock.now += 5 * MINUTE;
  late.send('hello', 7, SERVER);
  t.is(`${(await once(late, 'message'))[0]}`, 'hello');
  t.is(all.nat.mappings, 1);
});

test('nat: two hosts with one port get two', async (t) => {
  const all = place(t);
  const askers = echo(all);
  all.inside.addAddress('10.0.0.3/24');
  for (const address of [HOST, '10.0.0.3']) {
    const socket = all.inside.dgram.createSocket('udp4');
    socket.bind(4000, address, () => socket.send(address, 7, SERVER));
    t.is(`${(await once(socket, 'message'))[0]}`, address);
  }
  t.deepEqual(
    askers.map(({ port }) => port),
    [4000, 4001],
  );
});

test('nat: an error about a flow reaches whose flow it is, its quote translated', async (t) => {
  const all = place(t);
  const quotes: string[] = [];
  all.inside.icmp.handle(({ type, data }) => {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    t.is(wire.checksum.internet(data, 0, 20), 0);
    quotes.push(`${type}: ${wire.describe(view, 0, data.length).replace(/ id \d+/, '')}`);
  });
  const socket = all.inside.dgram.createSocket('udp4');
  socket.bind(500, () => socket.connect(9, SERVER, () => socket.send('nobody there')));
  const [error] = await once(socket, 'error');
  t.is(error.code, 'ECONNREFUSED');
  t.deepEqual(quotes, [`3: ${HOST}.500 > ${SERVER}.9: UDP len 12`]);
  checkSums(t, all);
});

test('nat: a connection learns by an error of the translator itself what its path takes', async (t) => {
  const all = place(t, { outerMtu: 1000 });
  const text = pattern(100_000);
  let got = 0;
  const server = all.outside.net.createServer((socket) => {
    socket.on('data', (data) => {
      got += data.length;
    });
  });
  server.listen(80);
  const socket = all.inside.net.connect(80, SERVER);
  socket.end(text);
  await once(socket, 'close');
  t.is(got, text.length);
  t.true(all.inside.stats().IcmpInDestUnreachs > 0);
  checkSums(t, all);
});

test('nat: an error from inside about what came in reaches the outside as from us', async (t) => {
  const all = place(t);
  const quotes: string[] = [];
  const senders: string[] = [];
  all.outside.icmp.handle(({ source, data }) => {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    senders.push(source);
    quotes.push(wire.describe(view, 0, data.length).replace(/ id \d+/, ''));
  });
  echo(all);
  await ask(all, 'hello', 4000); // and the socket is shut
  await send(all, 5001, 4000);
  await until(() => quotes.length === 1);
  t.deepEqual(senders, [OURS]);
  t.deepEqual(quotes, [`${SERVER}.5001 > ${OURS}.4000: UDP len 5`]);
  checkSums(t, all);
});

test('nat: traceroute shows the translator and what is behind it', async (t) => {
  const all = place(t);
  const hops: (string | undefined)[] = [];
  for await (const hop of all.inside.traceroute(SERVER, { queries: 1 })) {
    hops.push(hop.probes[0]?.address);
  }
  t.deepEqual(hops, ['10.0.0.1', SERVER]);
});
