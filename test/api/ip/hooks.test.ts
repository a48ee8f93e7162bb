/**
 * What users add below the sockets: hooks, raw packets, ICMP, protocols of their own, addresses and
 * routes.
 * @module
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  createPipe,
  createStack,
  type HookPacket,
  type IcmpMessage,
  type IcmpReport,
  type RawPacket,
  type Stack,
} from '../../../src/index.ts';
import * as wire from '../../../src/wire.ts';
import { makePair } from '../worlds.ts';

async function until(done: () => boolean): Promise<void> {
  while (!done()) await pause(5);
}

function pair(t: ExecutionContext): { left: Stack; right: Stack } {
  const { left, right, close } = makePair();
  t.teardown(close);
  return { left, right };
}

/** Three stacks in a row: 10.0.1.1 - 10.0.1.2 and 10.0.2.2 - 10.0.2.1. */
function row(t: ExecutionContext): { left: Stack; middle: Stack; right: Stack } {
  const [a, b] = createPipe();
  const [c, d] = createPipe();
  const left = createStack({ device: a, address: '10.0.1.1/24', gateway: '10.0.1.2' });
  const middle = createStack({
    devices: [
      { device: b, address: '10.0.1.2/24' },
      { device: c, address: '10.0.2.2/24' },
    ],
    forwarding: true,
  });
  const right = createStack({ device: d, address: '10.0.2.1/24', gateway: '10.0.2.2' });
  t.teardown(() => Promise.all([left, middle, right].map((s) => s.close({ linger: 0 }))));
  return { left, middle, right };
}

test('hooks: a hook on input drops what it does not like', async (t) => {
  const { left, right } = pair(t);
  const hook = right.hook('input', ({ protocol }: HookPacket) =>
    protocol === 1 ? 'drop' : undefined,
  );
  await t.throwsAsync(() => left.ping('10.0.0.2', { timeout: 50 }), { code: 'ETIMEDOUT' });
  t.is(right.stats().drops['ipFiltered'], 1);
  t.is(right.stats().IpInDiscards, 1);
  hook.remove();
  t.is((await left.ping('10.0.0.2')).address, '10.0.0.2');
});

test('hooks: a hook on output drops what leaves, with a reason', async (t) => {
  const { left } = pair(t);
  left.hook('output', ({ protocol }) => (protocol === 1 ? 'drop' : 'pass'));
  await t.throwsAsync(() => left.ping('10.0.0.2', { timeout: 5000 }), { code: 'EACCES' });
  t.is(left.stats().drops['outFiltered'], 1);
});

test('hooks: a hook on forwarding sees what goes through, and no more', async (t) => {
  const { left, middle } = row(t);
  const seen: string[] = [];
  middle.hook('forward', (p) => {
    seen.push(`${p.device}: ${wire.describe(p.view, p.at, p.length).replace(/ id \d+/, '')}`);
  });
  await left.ping('10.0.1.2');
  t.deepEqual(seen, []);
  await left.ping('10.0.2.1', { size: 8 });
  t.deepEqual(seen, [
    'pipe1: 10.0.1.1 > 10.0.2.1: ICMP echo seq 1 len 8',
    'pipe0: 10.0.2.1 > 10.0.1.1: ICMP echo reply seq 1 len 8',
  ]);
});

test('hooks: addresses and ports are rewritten, checksums with them', async (t) => {
  const { left, right } = pair(t);
  // Port 8080 is port 80, there and back.
  right.hook('input', (p) => {
    if (p.hasPorts && p.destinationPort === 8080) p.setDestination(p.destination, 80);
  });
  right.hook('output', (p) => {
    if (p.hasPorts && p.sourcePort === 80) p.setSource('10.0.0.2', 8080);
  });
  const server = right.net.createServer((socket) => socket.end('here')).listen(80);
  await once(server, 'listening');
  const socket = left.net.connect(8080, '10.0.0.2');
  t.is((await once(socket, 'data')).toString(), 'here');
  t.is(left.stats().TcpInCsumErrors + right.stats().TcpInCsumErrors, 0);
});

test('hooks: where a packet leaves is known on forwarding and output, not on input', async (t) => {
  const { left, middle } = row(t);
  const seen: string[] = [];
  for (const point of ['input', 'forward', 'output'] as const) {
    middle.hook(point, (p) => {
      seen.push(`${point}: ${p.device} > ${p.leavesBy}`);
    });
  }
  left.icmp.send({ type: 40 }, '10.0.2.1');
  await until(() => seen.length === 3);
  t.deepEqual(seen, [
    'input: pipe1 > undefined',
    'forward: pipe1 > pipe0',
    'output: pipe0 > pipe0',
  ]);
});

test('hooks: the identifier of an echo counts as its port, other ICMP has none', async (t) => {
  const { left, right } = pair(t);
  const ports: number[][] = [];
  right.hook('input', (p) => {
    ports.push([p.sourcePort, p.destinationPort]);
    p.setSource(p.source, 77);
  });
  const echoes: IcmpMessage[] = [];
  left.icmp.handle((message) => echoes.push(message));
  left.icmp.send({ type: 8, rest: 0x0005_0001, data: Buffer.from('text') }, '10.0.0.2');
  left.icmp.send({ type: 40, rest: 0x0005_0001 }, '10.0.0.2');
  await until(() => ports.length === 2 && echoes.length === 1);
  t.deepEqual(ports, [
    [5, 5],
    [-1, -1],
  ]);
  t.is(echoes[0]?.rest, 0x004d_0001);
  t.is(left.stats().IcmpInCsumErrors + right.stats().IcmpInCsumErrors, 0);
});

test('hooks: the packet that an error quotes is shown, and translated with its checksums', async (t) => {
  const { left } = pair(t);
  const seen: unknown[] = [];
  left.hook('input', ({ quoted }) => {
    if (quoted === undefined) return;
    const { protocol, source, destination, sourcePort, destinationPort } = quoted;
    seen.push([protocol, source, destination, sourcePort, destinationPort].map(Number));
    quoted.setSource('10.9.9.9', 1);
    quoted.setDestination('10.8.8.8', 2);
    seen.push([quoted.source, quoted.destination, quoted.sourcePort, quoted.destinationPort]);
  });
  const shown: Buffer[] = [];
  left.icmp.handle(({ data }) => shown.push(data));
  const socket = left.dgram.createSocket('udp4');
  socket.bind(5000, () => socket.send('odd', 9, '10.0.0.2'));
  await until(() => shown.length === 1);
  const [from, to] = ['10.0.0.1', '10.0.0.2'].map((text) => wire.parseAddress(text) ?? 0);
  const [newFrom, newTo] = ['10.9.9.9', '10.8.8.8'].map((text) => wire.parseAddress(text) ?? 0);
  t.deepEqual(seen, [
    [17, from, to, 5000, 9],
    [newFrom, newTo, 1, 2],
  ]);
  const [data] = shown as [Buffer];
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  t.is(wire.checksum.internet(data, 0, 20), 0);
  const { source, destination } = wire.ipv4;
  t.is(wire.checksum.transport(source(view, 0), destination(view, 0), 17, data, 20), 0);
  t.is(left.stats().IcmpInCsumErrors, 0);
});

test('hooks: an error that quotes too little, or a later fragment, shows no packet', async (t) => {
  const { left, right } = pair(t);
  const seen: boolean[] = [];
  left.hook('input', ({ quoted }) => {
    seen.push(quoted !== undefined);
  });
  const quote = Buffer.alloc(28);
  const view = new DataView(quote.buffer, quote.byteOffset, quote.length);
  const write = (fragment: number): void => {
    const [a, b] = [wire.fromOctets(10, 0, 0, 1), wire.fromOctets(10, 0, 0, 2)];
    wire.ipv4.write(view, 0, 0, 28, 0, fragment, 64, 17, a, b);
  };
  write(0);
  right.icmp.send({ type: 3, data: quote }, '10.0.0.1');
  right.icmp.send({ type: 3, data: quote.subarray(0, 27) }, '10.0.0.1');
  right.icmp.send({ type: 3 }, '10.0.0.1');
  right.icmp.send({ type: 13, data: quote }, '10.0.0.1');
  await until(() => seen.length === 4);
  write(1);
  right.icmp.send({ type: 3, data: quote }, '10.0.0.1');
  await until(() => seen.length === 5);
  t.deepEqual(seen, [true, false, false, false, false]);
});

test('hooks: a header that was changed by hand is read again', async (t) => {
  const { left, right } = pair(t);
  const before: number[] = [];
  right.hook('input', (p) => {
    wire.ipv4.setTtl(p.view, p.at, 9);
    const length = wire.ipv4.headerLen(p.view, p.at);
    wire.ipv4.setChecksum(p.view, p.at, 0);
    wire.ipv4.setChecksum(p.view, p.at, wire.checksum.internet(p.bytes, p.at, length));
    p.changed();
  });
  right.hook('input', (p) => {
    before.push(p.ttl);
  });
  await left.ping('10.0.0.2');
  t.deepEqual(before, [9]);
});

test('hooks: what a hook throws drops the packet and surfaces', async (t) => {
  const { left, right } = pair(t);
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const thrown = once(process, 'uncaughtException');
  right.hook('input', () => {
    throw new Error('a bug');
  });
  await t.throwsAsync(() => left.ping('10.0.0.2', { timeout: 50 }), { code: 'ETIMEDOUT' });
  t.is((await thrown)[0].message, 'a bug');
  for (const listener of listeners) process.on('uncaughtException', listener);
  t.throws(() => right.hook('sideways' as never, () => {}), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('raw: whole packets are seen, and sent as they are', async (t) => {
  const { left, right } = pair(t);
  const seen: Buffer[] = [];
  right.raw((packet, device) => {
    t.is(device, 'pipe1');
    seen.push(packet);
  });
  const raw = left.raw();
  const packet = Buffer.alloc(24);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const from = wire.fromOctets(0, 0, 0, 0);
  const to = wire.fromOctets(10, 0, 0, 2);
  wire.ipv4.write(view, 0, 0x20, 0, 0, 0, 7, 253, from, to);
  packet.write('text', 20);
  raw.send(packet);
  await until(() => seen.length === 1);
  const got = seen[0] as Buffer;
  t.is(got.toString('latin1', 20), 'text');
  const gotView = new DataView(got.buffer, got.byteOffset, got.length);
  t.is(wire.formatAddress(wire.ipv4.source(gotView, 0)), '10.0.0.1');
  t.is(wire.ipv4.ttl(gotView, 0), 7);
  t.is(wire.ipv4.tos(gotView, 0), 0x20);
  t.is(wire.ipv4.totalLen(gotView, 0), 24);
  t.is(wire.checksum.internet(got, 0, 20), 0);
  // Nobody takes protocol 253 there: that is told, and comes in here.
  await until(() => left.stats().IcmpInDestUnreachs === 1);
  t.throws(() => raw.send(Buffer.alloc(10)), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(() => raw.send(Buffer.concat([packet, Buffer.alloc(1500)])), { code: 'EMSGSIZE' });
});

test('icmp: messages are shown, taken and sent', async (t) => {
  const { left, right } = pair(t);
  const seen: IcmpMessage[] = [];
  const handle = right.icmp.handle((message) => {
    seen.push(message);
    return message.type === 8;
  });
  await t.throwsAsync(() => left.ping('10.0.0.2', { timeout: 50 }), { code: 'ETIMEDOUT' });
  left.icmp.send({ type: 40, code: 2, rest: 0xdeadbeef, data: Buffer.from('odd') }, '10.0.0.2');
  await until(() => seen.length === 2);
  const { source, type, code, rest, data } = seen[1] as IcmpMessage;
  t.deepEqual([source, type, code, rest, `${data}`], ['10.0.0.1', 40, 2, 0xdeadbeef, 'odd']);
  handle.remove();
  await t.notThrowsAsync(() => left.ping('10.0.0.2'));
  right.icmp.answersEcho = false;
  await t.throwsAsync(() => left.ping('10.0.0.2', { timeout: 50 }), { code: 'ETIMEDOUT' });
});

test('protocol: a checksum with the pseudo-header is filled in, and can be verified', async (t) => {
  const { left, right } = pair(t);
  const got: RawPacket[] = [];
  right.protocol(253, (packet) => got.push(packet));
  const sender = left.protocol(253, () => {});
  const data = Buffer.from([1, 2, 0, 0, 5]);
  sender.send(data, '10.0.0.2', { checksumAt: 2 });
  await until(() => got.length === 1);
  const { source, destination, data: arrived } = got[0] as RawPacket;
  const from = wire.parseAddress(source);
  const to = wire.parseAddress(destination);
  if (from === undefined || to === undefined) return t.fail('no addresses');
  t.is(wire.checksum.transport(from, to, 253, arrived), 0);
  t.not(arrived.readUInt16BE(2), 0);
  t.is(data.readUInt16BE(2), 0, 'what was given is left as it was');
  t.throws(() => sender.send(data, '10.0.0.2', { checksumAt: 4 }), { code: 'ERR_OUT_OF_RANGE' });
  return undefined;
});

test('protocol: ICMP errors about what was sent are told, and only what is known is believed', async (t) => {
  const { left, middle, right } = row(t);
  const reports: IcmpReport[] = [];
  let known = false;
  const sender = left.protocol(
    253,
    () => {},
    (report) => {
      reports.push(report);
      return known;
    },
  );
  sender.send(Buffer.from('to nobody'), '10.0.2.1');
  await until(() => reports.length === 1);
  const { data, ...rest } = reports[0] as IcmpReport;
  t.is(`${data}`, 'to nobody');
  const places = { reporter: '10.0.2.1', destination: '10.0.2.1' };
  t.like(rest, { type: 3, code: 2, mtu: 0, ...places });
  right.protocol(253, () => {}); // from now on
  const tooBig = { type: 3, code: 4, rest: 1000 };
  const quoted = Buffer.alloc(28);
  const view = new DataView(quoted.buffer, quoted.byteOffset, quoted.length);
  const [from, to] = [wire.fromOctets(10, 0, 1, 1), wire.fromOctets(10, 0, 2, 1)];
  wire.ipv4.write(view, 0, 0, 1500, 0, 0x4000, 64, 253, from, to);
  const long = Buffer.alloc(1400);
  for (known of [false, true]) {
    const before = reports.length;
    middle.icmp.send({ ...tooBig, data: quoted }, '10.0.1.1');
    await until(() => reports.length > before);
    t.like(reports.at(-1), { error: 'EMSGSIZE', mtu: 1000, reporter: '10.0.1.2' });
    const send = (): void => sender.send(long, '10.0.2.1', { dontFragment: true });
    if (known) t.throws(send, { code: 'EMSGSIZE' });
    else t.notThrows(send);
  }
  t.true((left.stats().drops['icmpNoMatch'] ?? 0) >= 2);
});

test('routing: addresses and routes come and go, and forwarding can be switched', async (t) => {
  const { left, middle, right } = row(t);
  right.addAddress('192.0.2.1/32');
  const route = middle.addRoute('192.0.2.0/24', { gateway: '10.0.2.1' });
  t.is((await left.ping('192.0.2.1')).address, '192.0.2.1');
  t.deepEqual(middle.routes[0], {
    ...{ network: '10.0.1.0/24', device: 'pipe1', gateway: undefined },
    ...{ source: '10.0.1.2', metric: 0 },
  });
  t.true(middle.routes.some((line) => line.network === '192.0.2.0/24'));
  route.remove();
  await t.throwsAsync(() => left.ping('192.0.2.1', { timeout: 1000 }), { code: 'ENETUNREACH' });
  middle.forwarding = false;
  await t.throwsAsync(() => left.ping('10.0.2.1', { timeout: 50 }), { code: 'ETIMEDOUT' });
  right.removeAddress('192.0.2.1');
  t.deepEqual(right.addresses, ['10.0.2.1']);
  t.throws(() => right.removeAddress('192.0.2.1'), { code: 'EADDRNOTAVAIL' });
  t.throws(() => middle.addAddress('192.0.2.9/24'), { code: 'ENODEV' });
});
