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

/** The same place in both families. */
const PLACES = {
  4: {
    name: 'IPv4',
    host: '10.0.0.2',
    router: '10.0.0.1',
    second: '10.0.0.3',
    ours: '192.0.2.1',
    server: '192.0.2.2',
    stranger: '192.0.2.3',
    bits: 24,
    udp: 'udp4',
    echos: 'IcmpInEchos',
    packets: 'IpInReceives',
    tooBigs: 'IcmpInDestUnreachs',
    icmp: 'icmp',
    unreachable: 3,
  },
  6: {
    name: 'IPv6',
    host: 'fd85::2',
    router: 'fd85::1',
    second: 'fd85::3',
    ours: '2001:db8::1',
    server: '2001:db8::2',
    stranger: '2001:db8::3',
    bits: 64,
    udp: 'udp6',
    echos: 'Icmp6InEchos',
    packets: 'Ip6InReceives',
    tooBigs: 'Icmp6InPktTooBigs',
    icmp: 'icmp6',
    unreachable: 1,
  },
} as const;
type Names = (typeof PLACES)[4 | 6];
const FAMILIES = [4, 6] as const;
const MINUTE = 60_000;

interface Place {
  readonly names: Names;
  readonly inside: Stack;
  readonly router: Stack;
  readonly outside: Stack;
  readonly nat: Nat;
  /** What the translator takes for the time, in milliseconds. */
  readonly clock: { now: number };
}

interface PlaceOptions {
  readonly family?: 4 | 6;
  readonly most?: number;
  readonly outerMtu?: number;
  /** Of the pipe inside, and the one outside. */
  readonly offload?: readonly [boolean, boolean];
}

/** host - router, the translator, ours - server, which has a way to the host's network too. */
function place(t: ExecutionContext, options: PlaceOptions = {}): Place {
  const { family = 4, most, outerMtu = 1500, offload: [near, far] = [false, false] } = options;
  const names = PLACES[family];
  const { host, router: inner, ours, server, bits } = names;
  const [a, b] = createPipe({ offload: near });
  const [c, d] = createPipe({ offload: far });
  const clock = { now: 1000 };
  const inside = createStack({ device: a, address: `${host}/${bits}`, gateway: inner });
  const router = createStack({
    devices: [
      { device: b, address: `${inner}/${bits}` },
      { device: c, address: `${ours}/${bits}`, mtu: outerMtu },
    ],
    forwarding: true,
  });
  const outside = createStack({ device: d, address: `${server}/${bits}`, gateway: ours });
  t.teardown(() => Promise.all([inside, router, outside].map((s) => s.close({ linger: 0 }))));
  const nat = new Nat(router, c.name, [ours], most, () => clock.now);
  return { names, inside, router, outside, nat, clock };
}

/** No checksum was wrong anywhere. */
function checkSums(t: ExecutionContext, { inside, router, outside }: Place): void {
  for (const { stats } of [inside, router, outside].map((stack) => ({ stats: stack.stats() }))) {
    const { TcpInCsumErrors, UdpInCsumErrors, IcmpInCsumErrors } = stats;
    t.deepEqual([TcpInCsumErrors, UdpInCsumErrors, IcmpInCsumErrors], [0, 0, 0]);
    t.deepEqual([stats.Udp6InCsumErrors, stats.Icmp6InCsumErrors], [0, 0]);
    t.is(stats.drops['ipChecksum'] ?? 0, 0);
  }
}

/** What UDP port 7 of the server echoes to a new socket of the host, on a port if one is named. */
async function ask({ inside, names }: Place, text: string | Uint8Array, port = 0): Promise<Buffer> {
  const socket = inside.dgram.createSocket(names.udp);
  socket.bind(port);
  socket.send(text, 7, names.server);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return answer;
}

/** The server's UDP echo, and where from it was asked. */
function echo({ outside, names }: Place): { address: string; port: number }[] {
  const askers: { address: string; port: number }[] = [];
  const socket = outside.dgram.createSocket(names.udp);
  socket.bind(7);
  socket.on('message', (message, { address, port }) => {
    askers.push({ address, port });
    socket.send(message, port, address);
  });
  return askers;
}

/** Send a datagram from outside to the translator, from this port of the server. */
function send(
  { outside, names }: Place,
  from: number,
  to: number,
  host: string = names.ours,
): Promise<void> {
  const socket = outside.dgram.createSocket(names.udp);
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
  for (const family of FAMILIES) {
    const title = `nat: ${PLACES[family].name}: TCP passes it both ways, from the address that all share`;
    test(`${title}, ${how} outside`, async (t) => {
      const all = place(t, { family, offload });
      const text = pattern(300_000);
      let from = '';
      const server = all.outside.net.createServer((socket) => {
        from = `${socket.remoteAddress}`;
        socket.pipe(socket);
      });
      server.listen(80);
      const socket = all.inside.net.connect({
        port: 80,
        host: all.names.server,
        allowHalfOpen: true,
      });
      socket.end(text);
      const pieces: Buffer[] = [];
      for await (const piece of socket) pieces.push(piece);
      t.deepEqual(Uint8Array.from(Buffer.concat(pieces)), text);
      t.is(from, all.names.ours);
      t.is(all.nat.mappings, 1);
      t.is(all.nat.refused, 0);
      checkSums(t, all);
    });
  }
}

for (const family of FAMILIES) {
  const { name } = PLACES[family];

  test(`nat: ${name}: UDP passes it, and what comes in fragments`, async (t) => {
    const all = place(t, { family });
    const askers = echo(all);
    t.is(`${await ask(all, 'hello')}`, 'hello');
    const long = pattern(20_000);
    t.deepEqual(Uint8Array.from(await ask(all, long)), long);
    t.deepEqual(
      askers.map(({ address }) => address),
      [all.names.ours, all.names.ours],
    );
    checkSums(t, all);
  });

  test(`nat: ${name}: ping passes it, of any size`, async (t) => {
    const all = place(t, { family });
    t.is((await all.inside.ping(all.names.server)).address, all.names.server);
    t.is((await all.inside.ping(all.names.server, { size: 5000 })).address, all.names.server);
    t.is(all.outside.stats()[all.names.echos], 2);
    checkSums(t, all);
  });

  test(`nat: ${name}: what nobody asked for is dropped and counted`, async (t) => {
    const all = place(t, { family });
    const { inside, router, outside, nat } = all;
    await send(all, 5000, 4000);
    await send(all, 5000, 4000, all.names.host); // past the translator, by a route
    await t.throwsAsync(() => outside.ping(all.names.ours, { timeout: 30 }), { code: 'ETIMEDOUT' });
    outside.net.connect(22, all.names.ours).on('error', () => {});
    await until(() => nat.refused === 4);
    t.is(router.stats().drops['ipFiltered'], 4);
    t.is(inside.stats()[all.names.packets], 0);
    t.is(nat.mappings, 0);
  });

  test(`nat: ${name}: only those that a host talks to may answer, from any port`, async (t) => {
    const all = place(t, { family });
    const askers = echo(all);
    const socket = all.inside.dgram.createSocket(all.names.udp);
    const heard: string[] = [];
    socket.on('message', (message, { address, port }) =>
      heard.push(`${address} ${port} ${message}`),
    );
    socket.send('hello', 7, all.names.server);
    await once(socket, 'message');
    const { port } = askers[0] as { port: number };
    all.outside.addAddress(`${all.names.stranger}/${all.names.bits}`);
    const stranger = all.outside.dgram.createSocket(all.names.udp);
    stranger.bind(5000, all.names.stranger, () => stranger.send('knock', port, all.names.ours));
    await until(() => all.nat.refused === 1);
    await send(all, 5001, port);
    await until(() => heard.length === 2);
    t.deepEqual(heard, [`${all.names.server} 7 hello`, `${all.names.server} 5001 knock`]);
  });

  test(`nat: ${name}: a mapping ends when nothing has passed for its time`, async (t) => {
    const all = place(t, { family });
    const socket = all.inside.dgram.createSocket(all.names.udp);
    let heard = 0;
    socket.on('message', () => heard++);
    socket.bind(4000, () => socket.send('hello', 7, all.names.server));
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

  test(`nat: ${name}: a connection is kept for two hours while it is open, and minutes once it is shut`, async (t) => {
    const all = place(t, { family });
    const server = all.outside.net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume();
      socket.on('end', () => setTimeout(() => socket.end('bye'), 20));
    });
    server.listen(80);
    const socket = all.inside.net.connect(80, all.names.server);
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
    const other = all.inside.net.connect(80, all.names.server);
    await once(other, 'connect');
    t.is(all.nat.mappings, 2);
    other.destroy();
  });

  test(`nat: ${name}: the table has a bound, past which new flows are dropped and old ones go on`, async (t) => {
    const all = place(t, { family, most: 3 });
    echo(all);
    for (const port of [4001, 4002, 4003]) await ask(all, 'hello', port);
    const late = all.inside.dgram.createSocket(all.names.udp);
    late.bind(4004, () => late.send('hello', 7, all.names.server));
    await until(() => all.nat.full === 1);
    t.is(all.nat.mappings, 3);
    t.is(`${await ask(all, 'again', 4002)}`, 'again');
    // Once some have run out there is room.
    all.clock.now += 5 * MINUTE;
    late.send('hello', 7, all.names.server);
    t.is(`${(await once(late, 'message'))[0]}`, 'hello');
    t.is(all.nat.mappings, 1);
  });

  test(`nat: ${name}: two hosts with one port get two`, async (t) => {
    const all = place(t, { family });
    const askers = echo(all);
    all.inside.addAddress(`${all.names.second}/${all.names.bits}`);
    for (const address of [all.names.host, all.names.second]) {
      const socket = all.inside.dgram.createSocket(all.names.udp);
      socket.bind(4000, address, () => socket.send(address, 7, all.names.server));
      t.is(`${(await once(socket, 'message'))[0]}`, address);
    }
    t.deepEqual(
      askers.map(({ port }) => port),
      [4000, 4001],
    );
  });

  test(`nat: ${name}: an error about a flow reaches whose flow it is, its quote translated`, async (t) => {
    const all = place(t, { family });
    const quotes: string[] = [];
    all.inside[all.names.icmp].handle(({ type, data }) => {
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      if (family === 4) t.is(wire.checksum.internet(data, 0, 20), 0);
      quotes.push(`${type}: ${wire.describe(view, 0, data.length).replace(/ id \d+/, '')}`);
    });
    const socket = all.inside.dgram.createSocket(all.names.udp);
    socket.bind(500, () => socket.connect(9, all.names.server, () => socket.send('nobody there')));
    const [error] = await once(socket, 'error');
    t.is(error.code, 'ECONNREFUSED');
    t.deepEqual(quotes, [
      `${all.names.unreachable}: ${all.names.host}.500 > ${all.names.server}.9: UDP len 12`,
    ]);
    checkSums(t, all);
  });

  test(`nat: ${name}: a connection learns by an error of the translator itself what its path takes`, async (t) => {
    const all = place(t, { family, outerMtu: 1300 });
    const text = pattern(100_000);
    let got = 0;
    const server = all.outside.net.createServer((socket) => {
      socket.on('data', (data) => {
        got += data.length;
      });
    });
    server.listen(80);
    const socket = all.inside.net.connect(80, all.names.server);
    socket.end(text);
    await once(socket, 'close');
    t.is(got, text.length);
    t.true(all.inside.stats()[all.names.tooBigs] > 0);
    checkSums(t, all);
  });

  test(`nat: ${name}: an error from inside about what came in reaches the outside as from us`, async (t) => {
    const all = place(t, { family });
    const quotes: string[] = [];
    const senders: string[] = [];
    all.outside[all.names.icmp].handle(({ source, data }) => {
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      senders.push(source);
      quotes.push(wire.describe(view, 0, data.length).replace(/ id \d+/, ''));
    });
    echo(all);
    await ask(all, 'hello', 4000); // and the socket is shut
    await send(all, 5001, 4000);
    await until(() => quotes.length === 1);
    t.deepEqual(senders, [all.names.ours]);
    t.deepEqual(quotes, [`${all.names.server}.5001 > ${all.names.ours}.4000: UDP len 5`]);
    checkSums(t, all);
  });

  test(`nat: ${name}: traceroute shows the translator and what is behind it`, async (t) => {
    const all = place(t, { family });
    const hops: (string | undefined)[] = [];
    for await (const hop of all.inside.traceroute(all.names.server, { queries: 1 })) {
      hops.push(hop.probes[0]?.address);
    }
    t.deepEqual(hops, [all.names.router, all.names.server]);
  });
}
