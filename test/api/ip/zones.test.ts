/**
 * A link-local address counts on one link only, so wherever a stack gives one to its user the device stands with it
 * (`fe80::1%tun0`), and it is taken back so. RFC 4007 §11.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import {
  type AddressConflict,
  createPipe,
  createStack,
  type Device,
  type Stack,
} from '../../../src/index.ts';
import { until } from '../worlds.ts';

interface Ends {
  readonly a: Stack;
  readonly b: Stack;
  /** `fe80::...%pipe0`: the address of each as the other one has it, and as it has it itself. */
  readonly aAsSeen: string;
  readonly bAsSeen: string;
  readonly aOwn: string;
}

const linkLocal = ({ addresses }: Stack): string =>
  addresses.find((one) => one.startsWith('fe80:')) ?? '';
const plain = (address: string): string => address.split('%')[0] ?? '';

async function ends(t: ExecutionContext, medium: 'ip' | 'ethernet' = 'ip'): Promise<Ends> {
  const [left, right] = createPipe({ medium });
  const a = createStack({ device: left, address: 'fd83::1/64' });
  const b = createStack({ device: right, address: 'fd83::2/64' });
  t.teardown(() => Promise.all([a.close({ linger: 0 }), b.close({ linger: 0 })]));
  await Promise.all([a.settled(), b.settled()]);
  return {
    ...{ a, b, aOwn: linkLocal(a) },
    aAsSeen: `${plain(linkLocal(a))}%${right.name}`,
    bAsSeen: `${plain(linkLocal(b))}%${left.name}`,
  };
}

test('zones: own addresses have it', async (t) => {
  const { a, aOwn } = await ends(t);
  t.is(aOwn, `${plain(aOwn)}%${a.devices[0]?.name}`);
  a.removeAddress(aOwn);
  t.false(a.addresses.includes(aOwn));
});

test('zones: ICMP messages have it, and are sent by it', async (t) => {
  const { a, b, aAsSeen, bAsSeen } = await ends(t);
  const seen: string[] = [];
  b.icmp6.handle(({ source, destination }) => seen.push(source, destination));
  a.icmp6.send({ type: 200 }, bAsSeen);
  await until(() => seen.length > 0);
  t.deepEqual(seen, [aAsSeen, linkLocal(b)]);
});

test('zones: protocols have it, and what is reported of them', async (t) => {
  const { a, b, aAsSeen, bAsSeen } = await ends(t);
  const seen: string[] = [];
  const sent = a.protocol(
    253,
    () => {},
    ({ reporter, destination }) => seen.push(reporter, destination),
  );
  sent.send(Buffer.from('nobody takes it'), bAsSeen);
  await until(() => seen.length > 0);
  t.deepEqual(seen.splice(0), [bAsSeen, bAsSeen]);
  b.protocol(253, ({ source, destination }) => seen.push(source, destination));
  sent.send(Buffer.from('x'), bAsSeen);
  await until(() => seen.length > 0);
  t.deepEqual(seen, [aAsSeen, linkLocal(b)]);
});

test('zones: flows of TCP and UDP have it', async (t) => {
  const { a, b, aAsSeen } = await ends(t);
  const stranger = `fe80::77%${a.devices[0]?.name}`;
  const seen: string[] = [];
  b.tcp.intercept((flow) => {
    seen.push(flow.remoteAddress, plain(flow.localAddress));
    flow.refuse();
  });
  b.udp.intercept((flow) => {
    seen.push(flow.remoteAddress, flow.localAddress);
    flow.refuse();
  });
  const [error] = await once(a.net.connect(80, stranger), 'error');
  t.is(error.code, 'ECONNREFUSED');
  const socket = a.dgram.createSocket('udp6');
  socket.connect(53, stranger, () => socket.send('x'));
  t.is((await once(socket, 'error'))[0].code, 'ECONNREFUSED');
  socket.close();
  t.deepEqual(seen, [aAsSeen, 'fe80::77', aAsSeen, `fe80::77%${b.devices[0]?.name}`]);
});

test('zones: who talks to its own link-local address is heard, and sees it', async (t) => {
  const { a, aOwn } = await ends(t);
  const server = a.net.createServer((peer) => peer.end(peer.remoteAddress)).listen(80, aOwn);
  await once(server, 'listening');
  const socket = a.net.connect(80, aOwn);
  const [text] = await once(socket, 'data');
  t.is(String(text), aOwn);
  t.deepEqual([socket.localAddress, socket.remoteAddress], [aOwn, aOwn]);
  const listener = a.dgram.createSocket('udp6').bind(53, '::');
  const heard = once(listener, 'message');
  const asker = a.dgram.createSocket('udp6');
  const long = Buffer.alloc(9000, 1); // in fragments
  asker.send(long, 53, aOwn);
  const [message, { address }] = await heard;
  t.deepEqual([message, address], [long, aOwn]);
  const connected = a.dgram.createSocket('udp6');
  connected.connect(54, aOwn, () => connected.send('x'));
  t.is((await once(connected, 'error'))[0].code, 'ECONNREFUSED');
  for (const one of [listener, asker, connected]) one.close();
  socket.destroy();
  await a.ping(aOwn);
});

test('zones: the zone of a group names the link that it leaves by, and its source is of that link', async (t) => {
  const [pipes, stacks] = [[createPipe(), createPipe()], [] as Stack[]];
  const a = createStack({ device: pipes[0]?.[0] as Device, address: 'fd83::1/64' });
  a.addDevice({ device: pipes[1]?.[0] as Device, address: 'fd84::1/64' });
  for (const [, right] of pipes) {
    stacks.push(createStack({ device: right, address: `fd8${3 + stacks.length}::2/64` }));
  }
  t.teardown(() => Promise.all([a, ...stacks].map((one) => one.close({ linger: 0 }))));
  const heard: unknown[] = [];
  for (const [i, stack] of stacks.entries()) {
    const member = stack.dgram.createSocket('udp6').bind(77, '::');
    await once(member, 'listening');
    for (const group of ['ff02::77', 'ff0e::77']) member.addMembership(group);
    member.on('message', (text, { address }) => heard.push([i, String(text), plain(address)]));
  }
  const own = a.addresses.filter((one) => one.startsWith('fe80:')).map(plain);
  for (const i of stacks.keys()) {
    const name = i + 1; // pipes have one name: by the index, as the system takes it too
    const sender = a.dgram.createSocket('udp6');
    sender.send('near', 77, `ff02::77%${name}`);
    await until(() => heard.length > 0);
    t.deepEqual(heard.splice(0), [[i, 'near', own[i]]]);
    sender.send('far', 77, `ff0e::77%${name}`);
    await until(() => heard.length > 0);
    t.deepEqual(heard.splice(0), [[i, 'far', `fd8${3 + i}::1`]]);
    sender.close();
    const connected = a.dgram.createSocket('udp6');
    connected.connect(77, `ff02::77%${name}`, () => connected.send('connected'));
    await until(() => heard.length > 0);
    t.deepEqual(heard.splice(0), [[i, 'connected', own[i]]]);
    connected.close();
  }
});

test('zones: the zone may be left out of where a datagram goes while there is one link', async (t) => {
  const { a, b, aOwn, bAsSeen } = await ends(t);
  for (const [stack, place] of [
    [b, bAsSeen],
    [a, aOwn],
  ] as const) {
    const listener = stack.dgram.createSocket('udp6').bind(53, '::');
    const heard = once(listener, 'message');
    const asker = a.dgram.createSocket('udp6');
    asker.send('x', 53, plain(place));
    t.is(plain((await heard)[1].address), plain(aOwn));
    for (const one of [listener, asker]) one.close();
  }
});

test('zones: lists of connections and sockets have it', async (t) => {
  const { a, b, aOwn, bAsSeen } = await ends(t);
  const server = b.net.createServer().listen(80, '::');
  await once(server, 'listening');
  const socket = a.net.connect(80, bAsSeen);
  await once(socket, 'connect');
  const [info] = a.connections();
  t.deepEqual([info?.localAddress, info?.remoteAddress], [aOwn, bAsSeen]);
  t.is(socket.remoteAddress, bAsSeen);
  const line = a.sockets({ info: true }).find(({ state }) => state === 'ESTABLISHED');
  t.deepEqual([line?.localAddress, line?.remoteAddress], [aOwn, bAsSeen]);
  t.is(line?.info?.remoteAddress, bAsSeen);
  socket.destroy();
});

test('zones: ports of UDP with a queue have it, and answer by it', async (t) => {
  const { a, b, aAsSeen, bAsSeen } = await ends(t);
  const [one, other] = [a.udp.open({ address: '::' }), b.udp.open({ address: '::' })];
  one.send(Buffer.from('who'), other.port, bAsSeen);
  const asked = await other.receive();
  t.deepEqual([asked?.address, asked?.destination], [aAsSeen, linkLocal(b)]);
  other.send(Buffer.from('me'), asked?.port, asked?.address);
  t.is((await one.receive())?.address, bAsSeen);
});

test('zones: a router is named by it, and shown so', async (t) => {
  const { a, bAsSeen } = await ends(t);
  a.addRoute('2001:db8:9::/48', { gateway: bAsSeen });
  t.is(a.routes.find(({ network }) => network === '2001:db8:9::/48')?.gateway, bAsSeen);
  const unknown = (): unknown => a.addRoute('2001:db8:8::/48', { gateway: 'fe80::1%nowhere' });
  t.throws(unknown, { code: 'ERR_INVALID_IP_ADDRESS' });
});

test('zones: neighbours have it', async (t) => {
  const { a, bAsSeen } = await ends(t, 'ethernet');
  await a.ping(bAsSeen);
  t.true(a.neighbours.some(({ address, mac }) => address === bAsSeen && mac !== undefined));
});

test('zones: a conflict has it', async (t) => {
  const [left, right] = createPipe({ medium: 'ethernet' });
  const a = createStack({ device: left, address: 'fe80::5/64' });
  t.teardown(() => a.close({ linger: 0 }));
  await a.settled();
  const b = createStack({ device: right, address: 'fe80::5/64' });
  t.teardown(() => b.close({ linger: 0 }));
  const told = once(b, 'conflict');
  await b.settled(); // which holds the process
  const [conflict] = (await told) as [AddressConflict];
  t.like(conflict, { address: `fe80::5%${right.name}`, device: right.name, kept: false });
});
