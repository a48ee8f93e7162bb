/**
 * Guests of IPv6: their addresses and names, flows, what a policy says of them whichever address they use, and
 * ports that lead to them. RFC 4862, RFC 8106, RFC 8305.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { decode, encode } from 'dns-packet';
import { createPipe, createStack } from '../../../src/index.ts';
import type { Dialer } from '../../../src/services/gateway/dial.ts';
import { answerGvproxy } from '../../../src/services/network/gvproxy.ts';
import { createNetwork, readStatus } from '../../../src/services.ts';
import { GATEWAY, GATEWAY6, greet, look, say, world } from './world.ts';

const http = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const SIX = 'fd83::15';

async function until(what: string, done: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!done()) {
    if (performance.now() > end) throw new Error(`not in ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What this host gets from a port of its own. */
async function ask(port: number, text: string, host: string): Promise<string> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on('error', () => {}); // the loop below throws it
  socket.end(text);
  let answer = '';
  for await (const piece of socket) answer += piece;
  return answer;
}

test('network: a guest makes its address, has a router, and is told names and addresses of them', async (t) => {
  const it = await world(t);
  const [port, device] = createPipe({ medium: 'ethernet' });
  it.network.plug(port, { name: 'box' });
  const guest = createStack({ device, autoconf: true });
  t.teardown(() => guest.close({ linger: 0 }));
  await until('an address', () => guest.addresses.some((one) => one.startsWith('fd83::')));
  t.true((await guest.ping(GATEWAY6)).rtt > 0);
  t.is(await look(guest, 'good.example', 'AAAA', GATEWAY6), '2001:db8::1');
  t.is(await look(guest, 'host.docker.internal', 'AAAA', GATEWAY6), 'fd83::fe');
  t.is(await look(guest, 'gateway.internal', 'AAAA', GATEWAY6), GATEWAY6);
  t.regex(await say(guest, '2001:db8::1', 80, http('good.example')), /^heard/);
  t.deepEqual(it.dialled, ['tcp 2001:db8::1:80']);
  const [own] = guest.addresses.filter((one) => one.startsWith('fd83::'));
  const [found] = it.network.guests.list();
  t.like(found, { port: 'box', mac: guest.hardwareAddress() as string, address: own as string });
  t.true(found?.addresses?.some((one) => one.startsWith('fe80::')));
});

test('network: a name of a lease has the addresses of IPv6 that its holder has made', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  await guest.ping(GATEWAY6);
  const mac = guest.hardwareAddress() as string;
  const lease = { address: '10.83.0.15', mac, name: 'box', left: 60 };
  Object.defineProperty(it.network.dhcp, 'leases', { get: () => [lease] });
  t.is(await look(guest, 'box.internal', 'A'), '10.83.0.15');
  t.is(await look(guest, 'box.internal', 'AAAA', GATEWAY6), SIX);
  t.deepEqual(readStatus(it.network).leases, [{ ...lease, addresses6: [SIX] }]);
  const name = '5.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.8.d.f.ip6.arpa';
  const socket = guest.dgram.createSocket('udp6');
  t.teardown(() => socket.close());
  const answer = once(socket, 'message');
  socket.send(
    encode({ type: 'query', id: 1, flags: 256, questions: [{ type: 'PTR', name }] }),
    53,
    GATEWAY6,
  );
  const [bytes] = await answer;
  t.like(decode(bytes).answers?.[0], { type: 'PTR', data: 'box.internal' });
});

// RFC 2181 §4.1: who asks an address is answered from it, whichever of its own the guest asks from.
test('network: names are told from the address that was asked, to a link-local guest too', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  const local = guest.addresses.find((one) => one.startsWith('fe80')) as string;
  const [, device = ''] = local.split('%');
  const gateway = it.network.stack.addresses.find((one) => one.startsWith('fe80')) as string;
  const targets = [GATEWAY6, 'fd83::fe', gateway.replace(/%.*/, `%${device}`)];
  for (const target of targets) {
    for (const source of [SIX, local]) {
      const socket = guest.dgram.createSocket('udp6');
      await new Promise<void>((done) => socket.bind(0, source, done));
      const answer = once(socket, 'message', { signal: AbortSignal.timeout(3000) });
      socket.send(
        encode({ type: 'query', id: 9, flags: 256, questions: [{ type: 'A', name: 'x.invalid' }] }),
        53,
        target,
      );
      const [, from] = await answer;
      t.is(from.address, target, `asked from ${source}`);
      socket.close();
    }
  }
});

const STRICT = { default: 'deny' as const, rules: ['allow good.example', 'allow six.example:443'] };

test('policy: a name that a guest was told over one family counts for its flows over the other', async (t) => {
  const it = await world(t, { policy: STRICT });
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  await guest.ping(GATEWAY6); // its address of IPv6 is known to be its own
  t.is(await look(guest, 'good.example', 'AAAA'), '2001:db8::1'); // asked by IPv4
  t.regex(await say(guest, '2001:db8::1', 80, http('good.example')), /^heard/);
  t.is(await look(guest, 'good.example', 'A', GATEWAY6), '198.51.100.1'); // and by IPv6
  t.regex(await say(guest, '198.51.100.1', 80, http('good.example')), /^heard/);
  t.is(await say(guest, '2001:db8::1', 80, http('evil.example')), 'ECONNRESET');
  t.is(await say(guest, '2001:db8::66', 80, http('evil.example')), 'ECONNREFUSED');
  t.is(await look(guest, 'evil.example', 'AAAA'), undefined);
  t.like(it.events('open')[0], {
    ...{ address: '2001:db8::1', name: 'good.example', rule: 'good.example' },
    guest: { address: SIX, mac: '02:00:5e:00:53:15', port: 'box' },
  });
});

// RFC 3986 §3.2.2: an address in brackets is an address, which opens no more than going there straight does.
test('policy: a host that is an address of IPv6 is no name', async (t) => {
  const policy = { direct: 'deny' as const, rules: ['deny evil.example'] };
  const it = await world(t, { policy });
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  await look(guest, 'good.example', 'AAAA', GATEWAY6);
  t.is(await say(guest, '2001:db8::1', 80, http('[2001:db8::1]:80')), 'ECONNRESET');
  t.regex(await say(guest, '2001:db8::1', 80, http('good.example')), /^heard/);
  t.is(it.events('deny')[0]?.['reason'], 'no-name');
});

test('policy: what one guest was told over IPv6 is no way for another', async (t) => {
  const it = await world(t, { policy: STRICT });
  const one = await it.guest('10.83.0.15', 'one', SIX);
  const two = await it.guest('10.83.0.16', 'two', 'fd83::16');
  await look(one, 'good.example', 'AAAA', GATEWAY6);
  t.is(await say(two, '2001:db8::1', 80, http('good.example')), 'ECONNREFUSED');
  t.regex(await say(one, '2001:db8::1', 80, http('good.example')), /^heard/);
});

test('policy: a rule for a guest, by whichever of its addresses, holds for all its flows', async (t) => {
  const rules = ['deny 10.83.0.15=2001:db8::/32', 'deny fd83::0016=0.0.0.0/0', 'deny wire=*'];
  const it = await world(t, { policy: { rules } });
  const one = await it.guest('10.83.0.15', 'one', SIX);
  const two = await it.guest('10.83.0.16', 'two', 'fd83::16');
  const three = await it.guest('10.83.0.17', 'wire', 'fd83::17');
  for (const guest of [one, two, three]) {
    await guest.ping(GATEWAY);
    await guest.ping(GATEWAY6);
  }
  t.is(await say(one, '2001:db8::1', 22, 'x'), 'ECONNREFUSED');
  t.regex(await say(one, '198.51.100.1', 22, 'x'), /^heard/);
  t.regex(await say(two, '2001:db8::1', 22, 'x'), /^heard/);
  t.is(await say(two, '198.51.100.1', 22, 'x'), 'ECONNREFUSED');
  t.is(await say(three, '2001:db8::1', 22, 'x'), 'ECONNREFUSED');
});

test('policy: what is closed of IPv6 is closed to guests, whatever rule allows everything', async (t) => {
  const it = await world(t, { policy: { rules: ['allow *'], close: ['private'] } });
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  const closed = [
    ...['::1', GATEWAY6, 'fd83::fe', 'fd83::77', 'fd00:ec2::254', 'fc00::1'],
    ...['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '2002:7f00:1::1', '::ffff:0:7f00:1'],
  ];
  for (const address of closed) {
    // By way of the gateway, as a guest does that means to get round the switch.
    guest.addRoute(`${address}/128`, { gateway: GATEWAY6 });
    t.is(await say(guest, address, 80, 'x').catch((error) => error.code), 'ECONNREFUSED', address);
  }
  await look(guest, 'rebound6.example', 'AAAA');
  t.is(await say(guest, 'fd00:ec2::254', 80, http('rebound6.example')), 'ECONNREFUSED');
  t.deepEqual(it.dialled, []);
});

test('policy: one that is replaced cuts flows of IPv6 that it does not let through', async (t) => {
  const it = await world(t, { policy: { default: 'deny', rules: ['allow 2001:db8::/32'] } });
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  const socket = guest.net.connect({ host: '2001:db8::1', port: 22 });
  socket.write('text');
  await once(socket, 'data');
  const gone = once(socket, 'error');
  t.is(await it.network.replacePolicy({ default: 'deny', rules: ['deny 10.83.0.15=*'] }), 1);
  t.is((await gone)[0].code, 'ECONNRESET');
});

/** A way out that has no IPv6, or says otherwise why not. */
const failing = (code: string): Dialer => ({
  descriptors: { tcp: 1, udp: 1 },
  connect: () => Promise.reject(Object.assign(new Error(code), { code })),
  open: () => Promise.reject(Object.assign(new Error(code), { code })),
});

// RFC 8305 §5, RFC 4443 §3.1: who hears at once that there is no route goes on with its other addresses at once.
test('network: a host without IPv6 has its guests told at once that there is no route', async (t) => {
  for (const code of ['ENETUNREACH', 'EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
    const it = await world(t, { dialer: failing(code) });
    const guest = await it.guest('10.83.0.15', 'box', SIX);
    const codes: string[] = [];
    guest.icmp6.handle(({ type, code: why }) => type === 1 && codes.push(`${why}`) < 0);
    t.is(await say(guest, '2001:db8::1', 80, 'x'), 'ENETUNREACH', code);
    t.deepEqual(codes, ['0'], 'no route');
  }
});

test('network: what stands for this host leads to its loopback of either family', async (t) => {
  const dialled: string[] = [];
  const it = await world(t, { policy: { rules: ['allow host.docker.internal:5432', 'allow *'] } });
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  await look(guest, 'host.docker.internal', 'AAAA');
  t.regex(await say(guest, 'fd83::fe', 5432, 'select'), /^heard/);
  t.is(await say(guest, 'fd83::fe', 5433, 'x'), 'ECONNREFUSED');
  t.deepEqual(it.dialled, ['tcp ::1:5432']);
  const refusing: Dialer = {
    ...failing('ECONNREFUSED'),
    connect: (address) => {
      dialled.push(address);
      return Promise.reject(Object.assign(new Error(''), { code: 'ECONNREFUSED' }));
    },
  };
  const other = await world(t, {
    ...{ dialer: refusing, policy: { rules: ['allow fd83::fe', 'allow 10.83.0.254'] } },
  });
  const two = await other.guest('10.83.0.15', 'box', SIX);
  t.is(await say(two, 'fd83::fe', 5432, 'x'), 'ECONNREFUSED');
  t.is(await say(two, '10.83.0.254', 5432, 'x'), 'ECONNREFUSED');
  t.deepEqual(dialled, ['::1', '127.0.0.1', '127.0.0.1', '::1']);
});

test('network: a port of [::1] leads to a guest of IPv6, its datagrams too, and PROXY v2 says who', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  const heard = await greet(guest, 80);
  const to = { host: '::1', guest: 'fd83:0::15', guestPort: 80 };
  const plain = await it.network.publish(to);
  t.is(await ask(plain.port, 'text', '::1'), 'hello text');
  t.is(heard[0], `${GATEWAY6} text`);
  const told = await it.network.publish({ ...to, source: 'proxy' });
  await ask(told.port, 'text', '::1');
  const text = Buffer.from(heard[1]?.slice(GATEWAY6.length + 1) ?? '', 'latin1');
  t.is(text.subarray(0, 16).toString('hex'), '0d0a0d0a000d0a515549540a21210024');
  t.is(text.subarray(16, 48).toString('hex'), `${'0'.repeat(31)}1`.repeat(2));
  t.is(text.readUInt16BE(50), told.port);
  t.is(text.subarray(52).toString(), 'text');

  const server = guest.dgram.createSocket('udp6');
  server.on('message', (message, { address, port }) => server.send(`${message}!`, port, address));
  await new Promise<void>((done) => server.bind(53, done));
  const udp = await it.network.publish({ ...to, guestPort: 53, protocol: 'udp' });
  const client = createSocket('udp6');
  t.teardown(() => client.close());
  const answer = once(client, 'message');
  client.send('datagram', udp.port, '::1');
  t.is((await answer)[0].toString(), 'datagram!');
});

test('network: with source=inside a guest of IPv6 sees and answers the client itself', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  // What connects is not loopback's, so the client is of an address that this process makes up: the disguise is asked.
  const { Disguises } = await import('../../../src/services/network/inside.ts');
  const disguises = new Disguises(it.network.stack);
  const heard = await greet(guest, 80);
  const client = { address: '2001:db8:5::7', port: 5555 };
  const undo = disguises.add({
    ...{ protocol: 6, own: { address: GATEWAY6, port: 20_001 }, client },
    guest: { address: SIX, port: 80 },
  });
  const socket = it.network.stack.net.connect({
    ...{ host: SIX, port: 80, localAddress: GATEWAY6, localPort: 20_001, allowHalfOpen: true },
  });
  socket.end('who');
  const [answer] = await once(socket, 'data');
  t.is(answer.toString(), 'hello who');
  t.is(heard[0], '2001:db8:5::7 who');
  undo?.();
});

test('control: gvproxy’s paths take addresses of IPv6, and tell them so', async (t) => {
  const { network, guest: make } = await world(t);
  const guest = await make('10.83.0.15', 'box', SIX);
  await greet(guest, 80);
  const post = (path: string, body: unknown) =>
    answerGvproxy(network, { method: 'POST', path, query: new URLSearchParams(), body });
  const expose = { local: '[::1]:0', remote: `[${SIX}]:80`, protocol: 'tcp' };
  await post('/services/forwarder/expose', expose);
  const all = await post('/services/forwarder/all', undefined);
  const lines = (all?.json ?? []) as { local?: string; remote?: string }[];
  const [{ local = '', remote = '' } = {}] = lines;
  t.regex(local, /^\[::1\]:\d+$/);
  t.is(remote, `[${SIX}]:80`);
  t.is(await ask(Number(/\d+$/.exec(local)?.[0]), 'x', '::1'), 'hello x');
  await post('/services/forwarder/unexpose', { local, protocol: 'tcp' });
  t.deepEqual((await post('/services/forwarder/all', undefined))?.json, []);
  const Records = [
    { Name: 'api', IP: '10.83.0.15' },
    { Name: 'api', IP: 'FD83::15' },
  ];
  await post('/services/dns/add', { Name: 'apps.', Records });
  t.is(await look(guest, 'api.apps', 'A'), '10.83.0.15');
  t.is(await look(guest, 'api.apps', 'AAAA'), SIX);
});

test('network: without IPv6 nothing is advertised, and a guest that has it reaches nothing by it', async (t) => {
  const it = await world(t, { address6: false });
  t.is(it.network.address6, undefined);
  t.is(it.network.router, undefined);
  const guest = await it.guest('10.83.0.15', 'box', SIX);
  t.is(await look(guest, 'host.docker.internal', 'AAAA'), undefined);
  await t.throwsAsync(guest.ping(GATEWAY6, { timeout: 200 }));
  await until('its frames are dropped', () => it.network.guests.drops.spoofed > 0);
  t.pass();
});

test('network: addresses of IPv6 that cannot be meant are refused at the door', (t) => {
  const code = 'ERR_INVALID_ARG_VALUE';
  for (const address6 of [
    'fd83::1',
    'fd83::1/48',
    '10.0.0.1/64',
    'fe80::1/64',
    'fd83::/64',
    '::1/64',
  ]) {
    t.throws(() => createNetwork({ address6 }), { code }, address6);
  }
  t.throws(() => createNetwork({ hostAlias6: 'fd84::fe' }), { code });
  t.throws(() => createNetwork({ hostAlias6: 'fd83::1' }), { code });
  t.throws(() => createNetwork({ address6: 'fd83::1/64', mtu: 1000 }), { code });
});

test('network: on a link too short for IPv6 guests have IPv4 alone (RFC 8200 §5)', async (t: ExecutionContext) => {
  const network = createNetwork({ mtu: 1000 });
  t.teardown(() => network.close());
  await network.ready;
  t.is(network.address6, undefined);
});
