/**
 * DHCP: what a client says and what it is answered, between two stacks on a cable of frames. RFC 2131.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, createSwitch, type Stack } from '../../src/index.ts';
import { MessageType, number32, Option, parse, words } from '../../src/services/dhcp/message.ts';
import { createDhcpServer, type DhcpServer, type DhcpServerOptions } from '../../src/services.ts';

const SERVER = '10.87.0.1';
const EVERYONE = '255.255.255.255';

/** A client without an address: a stack that sends from 0.0.0.0 cannot be had, so it writes its frames. */
interface Said {
  readonly type: number;
  readonly mac?: string;
  readonly ciaddr?: number;
  readonly options?: readonly (readonly [number, Uint8Array | readonly number[]])[];
}

const ip = (text: string): number =>
  text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

function message({ type, mac = '02:00:00:00:00:09', ciaddr = 0, options = [] }: Said): Uint8Array {
  const bytes = new Uint8Array(300);
  const v = new DataView(bytes.buffer);
  bytes.set([1, 1, 6]);
  v.setUint32(4, 0x1234);
  v.setUint32(12, ciaddr);
  bytes.set(
    mac.split(':').map((octet) => Number.parseInt(octet, 16)),
    28,
  );
  v.setUint32(236, 0x6382_5363);
  let at = 240;
  for (const [code, value] of [[Option.MESSAGE_TYPE, [type]] as const, ...options]) {
    bytes.set([code, value.length, ...value], at);
    at += 2 + value.length;
  }
  bytes[at] = Option.END;
  return bytes;
}

interface World {
  readonly server: DhcpServer;
  readonly stack: Stack;
  now: number;
  /** What the server answers to what a client says; `type` 0: nothing within 100 ms. */
  ask(
    said: Said,
  ): Promise<{ type: number; yours: number; options: ReadonlyMap<number, Uint8Array> }>;
}

async function world(t: ExecutionContext, more: Partial<DhcpServerOptions> = {}): Promise<World> {
  const bridge = createSwitch();
  const [port, device] = createPipe({ medium: 'ethernet' });
  const [other, client] = createPipe({ medium: 'ethernet' });
  bridge.plug(port);
  bridge.plug(other);
  const stack = createStack({ device, address: `${SERVER}/24` });
  // A client that has no address yet: another stack asks for it, which the server cannot tell.
  const asking = createStack({ device: client, address: '10.87.0.250/24' });
  const it = { now: 0 } as World;
  const server = createDhcpServer(stack, {
    ...{ address: `${SERVER}/24`, pool: ['10.87.0.10', '10.87.0.12'], probe: 0 },
    clock: { now: () => it.now },
    ...more,
  });
  await server.ready;
  const socket = asking.dgram.createSocket('udp4');
  await new Promise<void>((done) => socket.bind(68, done));
  socket.setBroadcast(true);
  t.teardown(async () => {
    server.close();
    socket.close();
    await Promise.all([stack.close(), asking.close(), bridge.close()]);
  });
  const ask: World['ask'] = async (said) => {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(3000) });
    socket.send(message(said), 67, EVERYONE);
    const [bytes] = await answer.catch(() => [new Uint8Array(0)]);
    const found = parse(bytes as Uint8Array);
    const options = found?.options ?? new Map<number, Uint8Array>();
    return { type: options.get(Option.MESSAGE_TYPE)?.[0] ?? 0, yours: found?.yiaddr ?? 0, options };
  };
  return Object.assign(it, { server, stack, ask });
}

const wish = (address: string): readonly [number, Uint8Array] => [
  Option.REQUESTED_ADDRESS,
  words(ip(address)),
];
const chosen: readonly [number, Uint8Array] = [Option.SERVER_ID, words(ip(SERVER))];

test('dhcp: a guest is offered an address, asks for it, and has it for an hour (§3.1)', async (t) => {
  const { ask, server } = await world(t, { mtu: 1400, domain: 'lan', search: ['a.lan', 'b'] });
  const offer = await ask({ type: MessageType.DISCOVER });
  t.is(offer.type, MessageType.OFFER);
  t.is(offer.yours, ip('10.87.0.10'));
  const ack = await ask({
    type: MessageType.REQUEST,
    options: [wish('10.87.0.10'), chosen, [Option.HOST_NAME, [104, 105]]],
  });
  t.is(ack.type, MessageType.ACK);
  t.is(ack.yours, ip('10.87.0.10'));
  const { options } = ack;
  t.is(number32(options, Option.SUBNET_MASK), ip('255.255.255.0'));
  t.is(number32(options, Option.ROUTER), ip(SERVER));
  t.is(number32(options, Option.DNS), ip(SERVER));
  t.is(number32(options, Option.LEASE_TIME), 3600);
  t.is(number32(options, Option.RENEWAL_TIME), 1800);
  t.is(number32(options, Option.REBINDING_TIME), 3150);
  t.deepEqual([...(options.get(Option.MTU) ?? [])], [1400 >> 8, 1400 & 255]);
  t.deepEqual(
    [...(options.get(Option.DOMAIN_SEARCH) ?? [])],
    [1, 97, 3, 108, 97, 110, 0, 1, 98, 0],
  );
  t.deepEqual(server.leases, [
    { address: '10.87.0.10', mac: '02:00:00:00:00:09', name: 'hi', left: 3600 },
  ]);
});

/** Offer and request in one; the address, or 0. */
async function lend({ ask }: World, mac: string, address?: string): Promise<number> {
  const options = address === undefined ? [] : [wish(address)];
  const { yours } = await ask({ type: MessageType.DISCOVER, mac, options });
  if (yours === 0) return 0;
  const asked: readonly [number, Uint8Array] = [Option.REQUESTED_ADDRESS, words(yours)];
  return (await ask({ type: MessageType.REQUEST, mac, options: [asked, chosen] })).yours;
}

const MACS = [1, 2, 3, 4].map((n) => `02:00:00:00:00:0${n}`) as [string, string, string, string];

test('dhcp: an empty pool answers nobody, and what lapses is lent again (§4.3.1)', async (t) => {
  const it = await world(t);
  const lent = [await lend(it, MACS[0]), await lend(it, MACS[1]), await lend(it, MACS[2])];
  t.deepEqual(lent, [ip('10.87.0.10'), ip('10.87.0.11'), ip('10.87.0.12')]);
  t.is(await lend(it, MACS[3]), 0);
  t.is(it.server.stats.exhausted, 1);
  it.now += 3601e6;
  t.deepEqual(it.server.leases, []);
  t.is(await lend(it, MACS[3]), ip('10.87.0.10'), 'the one that lapsed first');
  t.is(await lend(it, MACS[1]), ip('10.87.0.11'), 'who had one gets it back');
});

test('dhcp: a guest gets what it asks for if nobody has it, and what is reserved for it', async (t) => {
  const it = await world(t, { reservations: { [MACS[2]]: '10.87.0.77' } });
  t.is(await lend(it, MACS[0], '10.87.0.12'), ip('10.87.0.12'));
  t.is(await lend(it, MACS[1], '10.87.0.12'), ip('10.87.0.10'));
  t.is(await lend(it, MACS[2], '10.87.0.11'), ip('10.87.0.77'));
});

test('dhcp: renewing sends the address as its own and keeps it; another’s is refused (§4.3.2)', async (t) => {
  const it = await world(t);
  const address = await lend(it, MACS[0]);
  const wrong = await it.ask({
    ...{ type: MessageType.REQUEST, mac: MACS[1] },
    options: [[Option.REQUESTED_ADDRESS, words(address)]],
  });
  t.is(wrong.type, MessageType.NAK);
  const elsewhere = await it.ask({
    ...{ type: MessageType.REQUEST, mac: MACS[1] },
    options: [wish('192.168.1.5')],
  });
  t.is(elsewhere.type, MessageType.NAK);
  it.now += 1800e6;
  t.is(it.server.leases[0]?.left, 1800);
  const rebooted = await it.ask({
    ...{ type: MessageType.REQUEST, mac: MACS[0] },
    options: [[Option.REQUESTED_ADDRESS, words(address)]],
  });
  t.is(rebooted.type, MessageType.ACK);
  t.is(it.server.leases[0]?.left, 3600);
});

test('dhcp: who has chosen another server is not answered (§4.3.2)', async (t) => {
  const it = await world(t);
  const { yours } = await it.ask({ type: MessageType.DISCOVER });
  const other: readonly [number, Uint8Array] = [Option.SERVER_ID, words(ip('10.87.0.2'))];
  const asked: readonly [number, Uint8Array] = [Option.REQUESTED_ADDRESS, words(yours)];
  t.is((await it.ask({ type: MessageType.REQUEST, options: [asked, other] })).type, 0);
});

test('dhcp: what is released is free, and what is declined is left alone (§4.3.3, §4.3.4)', async (t) => {
  const it = await world(t);
  const heard: string[] = [];
  it.server.on('release', (address) => heard.push(`release ${address}`));
  it.server.on('conflict', (address) => heard.push(`conflict ${address}`));
  const first = await lend(it, MACS[0]);
  await it.ask({ type: MessageType.RELEASE, mac: MACS[0], ciaddr: first });
  t.deepEqual(it.server.leases, []);
  const second = await lend(it, MACS[1]);
  await it.ask({
    ...{ type: MessageType.DECLINE, mac: MACS[2] },
    options: [[Option.REQUESTED_ADDRESS, words(second)]],
  });
  t.is(it.server.leases.length, 1, 'only its holder may decline it');
  await it.ask({
    ...{ type: MessageType.DECLINE, mac: MACS[1] },
    options: [[Option.REQUESTED_ADDRESS, words(second)]],
  });
  t.not(await lend(it, MACS[1]), second);
  t.deepEqual(heard, ['release 10.87.0.10', 'conflict 10.87.0.11']);
});

test('dhcp: an address that somebody answers at is not offered (§2.2)', async (t) => {
  const it = await world(t, { probe: 1000, pool: ['10.87.0.250', '10.87.0.251'] });
  const found = once(it.server, 'conflict');
  const first = it.ask({ type: MessageType.DISCOVER });
  t.deepEqual(await found, ['10.87.0.250'], 'the asking stack has it');
  t.is((await first).type, 0);
  t.is((await it.ask({ type: MessageType.DISCOVER })).yours, ip('10.87.0.251'));
});

test('dhcp: who needs no address is told the rest (§4.3.5)', async (t) => {
  const it = await world(t);
  const { type, yours, options } = await it.ask({
    type: MessageType.INFORM,
    ciaddr: ip('10.87.0.250'),
  });
  t.is(type, MessageType.ACK);
  t.is(yours, 0);
  t.is(number32(options, Option.ROUTER), ip(SERVER));
  t.false(options.has(Option.LEASE_TIME));
});

test('dhcp: messages cut short, of relays, and options that lie are counted and not answered', async (t) => {
  const it = await world(t);
  const good = message({ type: MessageType.DISCOVER });
  for (let length = 0; length <= 241; length++)
    t.is(parse(good.subarray(0, length))?.options.size ?? 0, 0);
  const lies = good.slice();
  lies[241] = 255;
  t.is(parse(lies), undefined);
  const relayed = good.slice();
  relayed[27] = 1;
  t.is(parse(relayed)?.giaddr, 1);
  const names = message({ type: MessageType.DISCOVER, options: [[Option.OVERLOAD, [3]]] });
  names.set([Option.HOST_NAME, 1, 65, Option.END], 108);
  names.set([Option.DOMAIN, 1, 66, Option.END], 44);
  t.deepEqual([...(parse(names)?.options.get(Option.HOST_NAME) ?? [])], [65]);
  t.deepEqual([...(parse(names)?.options.get(Option.DOMAIN) ?? [])], [66]);
  t.is(it.server.stats.malformed, 0);
});

test('dhcp: what cannot be meant is refused with the reason', (t) => {
  const [device] = createPipe({ medium: 'ethernet' });
  const stack = createStack({ device, address: `${SERVER}/24` });
  const base = { address: `${SERVER}/24`, pool: ['10.87.0.10', '10.87.0.12'] } as const;
  const refuses = (more: Partial<DhcpServerOptions>, code: string): unknown =>
    t.throws(() => createDhcpServer(stack, { ...base, ...more }), { code }, JSON.stringify(more));
  refuses({ pool: ['10.88.0.1', '10.88.0.2'] }, 'ERR_INVALID_ARG_VALUE');
  refuses({ pool: ['10.87.0.12', '10.87.0.10'] }, 'ERR_INVALID_ARG_VALUE');
  refuses({ address: '10.87.0.1' }, 'ERR_INVALID_ARG_VALUE');
  refuses({ router: '192.168.0.1' }, 'ERR_INVALID_ARG_VALUE');
  refuses({ reservations: { '02:00': '10.87.0.10' } }, 'ERR_INVALID_ARG_VALUE');
  refuses({ leaseTime: 1 }, 'ERR_OUT_OF_RANGE');
  refuses({ mtu: 67 }, 'ERR_OUT_OF_RANGE');
});

// RFC 2131 §4.2: a client is who it says it is, so one station can be any number of them.
test('dhcp: one station that asks under many names gets four addresses, and leaves the rest', async (t) => {
  const it = await world(t, { pool: ['10.87.0.10', '10.87.0.30'] });
  let lent = 0;
  for (let i = 0; i < 8; i++) {
    const id: readonly [number, readonly number[]] = [Option.CLIENT_ID, [0, 1, i]];
    const { type, yours } = await it.ask({ type: MessageType.DISCOVER, options: [id] });
    if (type !== MessageType.OFFER) continue;
    lent++;
    const asked: readonly [number, Uint8Array] = [Option.REQUESTED_ADDRESS, words(yours)];
    await it.ask({ type: MessageType.REQUEST, options: [id, asked, chosen] });
  }
  t.is(lent, 4);
  t.is(it.server.leases.length, 4);
  t.not(await lend(it, MACS[0]), 0, 'another station gets its own');
});

// RFC 2131 §4.3.2: who comes back after a restart asks for its address without an offer.
test('dhcp: who asks for addresses without an offer has no more of them than with one', async (t) => {
  const it = await world(t, { pool: ['10.87.0.10', '10.87.0.30'] });
  const types: number[] = [];
  for (let i = 0; i < 6; i++) {
    const id: readonly [number, readonly number[]] = [Option.CLIENT_ID, [0, 1, i]];
    const wish: readonly [number, Uint8Array] = [
      Option.REQUESTED_ADDRESS,
      words(ip(`10.87.0.${20 + i}`)),
    ];
    types.push((await it.ask({ type: MessageType.REQUEST, options: [id, wish] })).type);
  }
  const { ACK, NAK } = MessageType;
  t.deepEqual(types, [ACK, ACK, ACK, ACK, NAK, NAK]);
  const id: readonly [number, readonly number[]] = [Option.CLIENT_ID, [0, 1, 0]];
  const same: readonly [number, Uint8Array] = [Option.REQUESTED_ADDRESS, words(ip('10.87.0.20'))];
  const renewed = await it.ask({ type: MessageType.REQUEST, options: [id, same] });
  t.is(renewed.type, ACK, 'what it has it keeps');
});

// Identifiers are easily guessed: Linux' clients send 1 and their hardware address (RFC 2132 §9.14).
test('dhcp: under another’s identifier a station neither takes its address nor gives it back', async (t) => {
  const it = await world(t, { pool: ['10.87.0.10', '10.87.0.30'] });
  const id: readonly [number, readonly number[]] = [Option.CLIENT_ID, [1, 2, 0, 0, 0, 0, 9]];
  const address = ip('10.87.0.20');
  const wish: readonly [number, Uint8Array] = [Option.REQUESTED_ADDRESS, words(address)];
  const mine = await it.ask({ type: MessageType.REQUEST, options: [id, wish] });
  t.is(mine.type, MessageType.ACK);
  const mac = '02:00:00:00:00:66';
  const taken = await it.ask({ type: MessageType.REQUEST, mac, options: [id, wish] });
  t.is(taken.type, MessageType.NAK);
  await it.ask({ type: MessageType.RELEASE, mac, ciaddr: address, options: [id] });
  t.like(it.server.leases[0], { address: '10.87.0.20', mac: '02:00:00:00:00:09' });
});
