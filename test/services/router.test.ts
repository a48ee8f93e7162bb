/**
 * Router advertisements and stateless DHCPv6 for guests: RFC 4861 §6.2, RFC 8106, RFC 8415 §18.3.6.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { decode, encode } from 'dns-packet';
import { createPipe, createStack, createSwitch, type Stack } from '../../src/index.ts';
import {
  advertiseRouter,
  createDhcpv6Server,
  type RouterAdvertiserOptions,
  resolveInside,
} from '../../src/services.ts';

const TOLD: RouterAdvertiserOptions = {
  ...{ prefixes: ['fd91::/64'], dns: ['fd91::1', 'fd91::2'], search: ['lan', 'example.org'] },
  ...{ mtu: 1400, otherConfig: true, interval: 4 },
};

function open(t: ExecutionContext): { router: Stack; join(options?: object): Stack } {
  const bridge = createSwitch();
  const join = (options: object = { autoconf: true }): Stack => {
    const [near, far] = createPipe({ medium: 'ethernet' });
    bridge.plug(near);
    const stack = createStack({ device: far, ...options });
    t.teardown(() => stack.close());
    return stack;
  };
  return { router: join({ address: 'fd91::1/64', autoconf: false }), join };
}

/** Settles when `done`, or throws after ten seconds. */
async function until(what: string, done: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!done()) {
    if (performance.now() > end) throw new Error(`not in ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('router: a guest makes an address from the prefix, and has the stack for a router', async (t) => {
  const { router, join } = open(t);
  const advertiser = advertiseRouter(router, TOLD);
  t.teardown(() => advertiser.close());
  await advertiser.ready;
  const guest = join();
  const inPrefix = (): string | undefined =>
    guest.addresses.find((address) => address.startsWith('fd91:'));
  await until('an address', () => inPrefix() !== undefined);
  await until('a router', () => guest.routes.some(({ network }) => network === '::/0'));
  t.true((await guest.ping('fd91::1')).rtt > 0);
});

// RFC 8106 §5.3: servers and domains that are advertised are a host's own for as long as it is told.
test('router: a guest of IPv6 alone asks the server that is advertised, for AAAA alone', async (t) => {
  const { router, join } = open(t);
  const asked: string[] = [];
  await router.settled();
  const server = router.dgram.createSocket('udp6').bind(53, 'fd91::1');
  server.on('message', (bytes, { port, address }) => {
    const { id = 0, questions = [] } = decode(bytes);
    asked.push(`${questions[0]?.name} ${questions[0]?.type}`);
    const name = questions[0]?.name ?? '';
    const answers = [{ type: 'AAAA' as const, name, ttl: 1, data: 'fd91::80' }];
    server.send(encode({ type: 'response', id, questions, answers }), port, address);
  });
  const told = { ...TOLD, dns: ['fd91::1'], otherConfig: false };
  const advertiser = advertiseRouter(router, told);
  t.teardown(() => advertiser.close());
  await advertiser.ready;
  const guest = join();
  t.deepEqual(guest.dnsConfig, { servers: [], domains: [] });
  await t.throwsAsync(resolveInside(guest)('www.lan'), { code: 'EAI_AGAIN' });
  await until('a server', () => guest.dnsConfig.servers.length > 0);
  await until('an address', () => guest.addresses.some((address) => address.startsWith('fd91:')));
  t.deepEqual(guest.dnsConfig, { servers: ['fd91::1'], domains: ['lan', 'example.org'] });
  t.is(await resolveInside(guest)('www.lan'), 'fd91::80');
  t.deepEqual(asked, ['www.lan AAAA']);
});

test('router: an advertisement is what RFC 4861 §4.2 and RFC 8106 have it to be', async (t) => {
  const { router, join } = open(t);
  const listener = join({ address: 'fd91::9/64', autoconf: false });
  const heard: Buffer[] = [];
  const raw = listener.raw((packet) => {
    if (packet[6] === 58 && packet[40] === 134) heard.push(packet);
  });
  t.teardown(() => raw.close());
  const advertiser = advertiseRouter(router, TOLD);
  await until('an advertisement', () => heard.length > 0);
  const packet = heard[0] as Buffer;
  t.is(packet[7], 255, 'hop limit');
  t.is(packet[44], 64);
  t.is(packet[45], 0x40, 'other configuration');
  t.is(packet.readUInt16BE(46), 1800);
  const options = new Map<number, Buffer>();
  for (let at = 56; at < packet.length; at += (packet[at + 1] as number) * 8) {
    options.set(packet[at] as number, packet.subarray(at, at + (packet[at + 1] as number) * 8));
  }
  t.deepEqual([...options.keys()], [3, 5, 25, 31, 1]);
  t.is(options.get(1)?.toString('hex', 2), router.hardwareAddress()?.replaceAll(':', ''));
  t.is(options.get(3)?.readUInt16BE(2), 0x40c0);
  t.is(options.get(5)?.readUInt32BE(4), 1400);
  t.is(options.get(25)?.length, 8 + 32);
  t.is(options.get(25)?.readUInt32BE(4), 12);
  t.is(
    options.get(31)?.toString('latin1', 8).replace(/\0+$/, '\0'),
    '\x03lan\0\x07example\x03org\0',
  );
  // RFC 4861 §6.2.5: who ceases to be a router says so.
  advertiser.close();
  await until('the last', () => heard.at(-1)?.readUInt16BE(46) === 0);
  t.pass();
});

test('router: what cannot be meant is refused', (t) => {
  const { router } = open(t);
  const wrong: [RouterAdvertiserOptions, string][] = [
    [{ prefixes: ['fd91::/48'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ prefixes: ['10.0.0.0/64'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ prefixes: [], dns: ['10.0.0.1'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ prefixes: [], mtu: 576 }, 'ERR_OUT_OF_RANGE'],
    [{ prefixes: [], interval: 1 }, 'ERR_OUT_OF_RANGE'],
  ];
  for (const [options, code] of wrong) t.throws(() => advertiseRouter(router, options), { code });
});

test('dhcpv6: who asks for information gets servers and domains (RFC 8415 §18.3.6)', async (t) => {
  const { router, join } = open(t);
  const server = createDhcpv6Server(router, { dns: ['fd91::1'], search: ['lan'] });
  t.teardown(() => server.close());
  await server.ready;
  const guest = join({ address: 'fd91::9/64', autoconf: false });
  await until('an address', () => guest.addresses.some((one) => one.startsWith('fe80')));
  const socket = guest.dgram.createSocket('udp6').bind(546);
  t.teardown(() => socket.close());
  await once(socket, 'listening');
  const ask = Buffer.from('0b010203000100040000abcd', 'hex');
  const device = guest.devices[0]?.name ?? '';
  let answer: Buffer | undefined;
  socket.on('message', (text: Buffer) => {
    answer = text;
  });
  await until('an answer', () => {
    socket.send(ask, 547, `ff02::1:2%${device}`);
    return answer !== undefined;
  });
  t.is(answer?.readUInt32BE(0), 0x07010203);
  t.is(answer?.toString('hex', 4, 12), '000100040000abcd');
  t.is(answer?.toString('hex', 12, 20), '0002000a00030001');
  const told = answer?.toString('hex', 26);
  t.is(told, '00170010fd91000000000000000000000000000100180005036c616e00');
  t.true(server.stats.answered > 0);
  for (const bad of ['03010203', '0b0102', '0b0102030001ffff']) {
    socket.send(Buffer.from(bad, 'hex'), 547, 'fd91::1');
  }
  await until('the bad ones', () => server.stats.malformed === 3);
});

// RFC 4861 §6.2.6: not to everyone again within three seconds; to whom has asked it may be said alone.
test('router: who asks soon after an advertisement to all is answered alone', async (t) => {
  const { router, join } = open(t);
  const listener = join({ address: 'fd91::9/64', autoconf: false });
  await listener.settled();
  const heard: { group: boolean; at: number }[] = [];
  listener.icmp6.handle(({ type, destination }) => {
    if (type === 134) heard.push({ group: destination.startsWith('ff02'), at: performance.now() });
    return false;
  });
  const advertiser = advertiseRouter(router, { ...TOLD, interval: 600 });
  t.teardown(() => advertiser.close());
  await until('one to all', () => heard.some(({ group }) => group));
  const device = listener.devices[0]?.name ?? '';
  const local = listener.addresses.find((one) => one.startsWith('fe80')) as string;
  const ask = (data: Uint8Array): void =>
    listener.icmp6.send({ type: 133, data }, `ff02::2%${device}`, { source: local, ttl: 255 });
  ask(Uint8Array.of(1, 0)); // an option of no length is not listened to (§6.1.1)
  for (let i = 0; i < 10; i++) ask(new Uint8Array(0));
  await until('one to it alone', () => heard.some(({ group }) => !group));
  const [first, second] = heard;
  t.true(first?.group && second?.group === false, JSON.stringify(heard));
  t.is(heard.filter(({ group }) => !group).length, 1, 'ten questions, one answer');
  t.is(advertiser.stats.solicited, 10);
});
