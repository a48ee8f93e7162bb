/**
 * A network of machines: addresses, names, published ports, who may speak for whom, and its API. Guests are stacks
 * in memory; what is outside is the kernel's loopback.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import test from 'ava';
import { createPipe } from '../../../src/index.ts';
import { plain, proxyHeader } from '../../../src/services/network/proxy-v2.ts';
import { Control, createNetwork, type NetworkStatus, readStatus } from '../../../src/services.ts';
import { ask, controlled, GATEWAY, greet, look, say, world } from './world.ts';

test('network: names that every guest expects lead to the gateway and to this host’s alias', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15');
  const found: Record<string, string | undefined> = {};
  for (const name of ['gateway', 'host']) {
    for (const zone of ['internal', 'docker.internal', 'containers.internal']) {
      found[`${name}.${zone}`] = await look(guest, `${name}.${zone}`);
    }
  }
  t.deepEqual(new Set(Object.values(found)), new Set([GATEWAY, '10.83.0.254']));
  t.is(found['host.docker.internal'], '10.83.0.254');
  t.is((await guest.ping(GATEWAY)).rtt > 0, true);
});

test('network: two guests reach each other, and do not where they are isolated', async (t) => {
  for (const isolated of [false, true]) {
    const it = await world(t, { isolated });
    const [one, two] = [await it.guest('10.83.0.15'), await it.guest('10.83.0.16')];
    await greet(two, 80);
    const ping = one.ping('10.83.0.16', { timeout: isolated ? 500 : 5000 });
    if (isolated) await t.throwsAsync(ping);
    else t.true((await ping).rtt > 0);
    t.true((await one.ping(GATEWAY)).rtt > 0);
    // Nor by the gateway, which is no way to its own network.
    if (isolated) t.is(await say(one, '10.83.0.16', 80, 'x').catch(() => ''), 'EHOSTUNREACH');
  }
});

test('network: a published port leads to a guest, both ways and to the end', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15');
  const heard = await greet(guest, 80);
  const published = await it.network.publish({ guest: '10.83.0.15', guestPort: 80 });
  t.is(await ask(published.port, 'x'.repeat(100_000)), `hello ${'x'.repeat(100_000)}`);
  t.is(heard[0]?.slice(0, 11), `${GATEWAY} x`);
  const second = { guest: '10.83.0.15', guestPort: 80, port: published.port };
  await t.throwsAsync(it.network.publish(second), { code: 'EADDRINUSE' });
  t.true(await it.network.unpublish({ port: published.port }));
  t.false(await it.network.unpublish({ port: published.port }));
  t.is(await ask(published.port, 'x'), 'ECONNREFUSED');
});

test('network: a port that the guest does not serve is reset, and told', async (t) => {
  const it = await world(t);
  await it.guest('10.83.0.15');
  const published = await it.network.publish({ guest: '10.83.0.15', guestPort: 81 });
  t.is(await ask(published.port, 'x'), 'ECONNRESET');
  t.is(published.failed, 1);
});

// HAProxy, "The PROXY protocol", §2.2: twelve bytes, version and command, family, length, addresses, ports.
test('network: with source=proxy the guest is told of the client by PROXY v2', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15');
  const heard = await greet(guest, 80);
  const { port } = await it.network.publish({
    guest: '10.83.0.15',
    guestPort: 80,
    source: 'proxy',
  });
  await ask(port, 'text');
  const text = Buffer.from(heard[0]?.slice(GATEWAY.length + 1) ?? '', 'latin1');
  t.is(text.subarray(0, 16).toString('hex'), '0d0a0d0a000d0a515549540a2111000c');
  t.deepEqual([...text.subarray(16, 24)], [127, 0, 0, 1, 127, 0, 0, 1]);
  t.is(text.readUInt16BE(26), port);
  t.is(text.subarray(28).toString(), 'text');
});

test('proxy-v2: addresses of both families become those of IPv6, and mapped ones IPv4', (t) => {
  t.is(plain('::ffff:192.0.2.1'), '192.0.2.1');
  t.is(plain('2001:db8::1'), '2001:db8::1');
  const ends = {
    remoteAddress: '2001:db8::1',
    remotePort: 1,
    localAddress: '192.0.2.1',
    localPort: 2,
  };
  const header = proxyHeader(ends);
  t.is(header.subarray(12, 16).toString('hex'), '21210024');
  t.is(header.subarray(32, 48).toString('hex'), '00000000000000000000ffffc0000201');
});

test('network: datagrams to a published port come back to whom they are from', async (t) => {
  const it = await world(t);
  const guest = await it.guest('10.83.0.15');
  const server = guest.dgram.createSocket('udp4');
  server.on('message', (message, { address, port }) => server.send(`${message}!`, port, address));
  await new Promise<void>((done) => server.bind(53, done));
  const published = await it.network.publish({
    protocol: 'udp',
    guest: '10.83.0.15',
    guestPort: 53,
  });
  const clients = [createSocket('udp4'), createSocket('udp4')];
  for (const [i, client] of clients.entries()) {
    const answer = once(client, 'message');
    client.send(`client ${i}`, published.port, '127.0.0.1');
    t.is((await answer)[0].toString(), `client ${i}!`);
    client.close();
  }
  t.is(published.flows, 2);
});

test('network: a guest that sends from another’s address is not heard, and the other one is', async (t) => {
  const it = await world(t);
  const one = await it.guest('10.83.0.15');
  await one.ping(GATEWAY);
  const liar = await it.guest('10.83.0.15');
  await t.throwsAsync(liar.ping(GATEWAY, { timeout: 300 }));
  const gateway = await it.guest(GATEWAY.replace(/1$/, '254'));
  await t.throwsAsync(gateway.ping(GATEWAY, { timeout: 300 }));
  t.true((await one.ping(GATEWAY)).rtt > 0);
  t.true(it.network.guests.drops.spoofed > 0);
  t.like(it.network.guests.find('10.83.0.15'), { mac: '02:00:5e:00:53:15', port: one.port.name });
});

test('network: an address that is reserved is nobody else’s, whether its owner is there or not', async (t) => {
  const reservations = { '02:00:5e:00:53:15': '10.83.0.15' };
  const it = await world(t, { reservations, policy: { rules: ['allow 10.83.0.15=*'] } });
  t.deepEqual(it.network.guests.list(), []);
  const other = await it.guest('10.83.0.16');
  other.addAddress('10.83.0.15/24');
  other.icmp.send({ type: 8 }, GATEWAY, { source: '10.83.0.15' });
  while (it.network.guests.drops.spoofed < 1) await new Promise(setImmediate);
  t.is(it.network.guests.find('10.83.0.15').port, undefined);
  const owner = await it.guest('10.83.0.15', 'owner');
  t.true((await owner.ping(GATEWAY)).rtt > 0);
  t.is(it.network.guests.find('10.83.0.15').port, 'owner');
});

test('network: a guest that plays the DHCP server is not heard', async (t) => {
  const it = await world(t);
  const [one, two] = [await it.guest('10.83.0.15'), await it.guest('10.83.0.16')];
  const client = two.dgram.createSocket('udp4');
  await new Promise<void>((done) => client.bind(68, done));
  let heard = 0;
  client.on('message', () => heard++);
  const rogue = one.dgram.createSocket('udp4');
  await new Promise<void>((done) => rogue.bind(67, done));
  rogue.setBroadcast(true);
  rogue.send('offer', 68, '255.255.255.255');
  rogue.send('offer', 68, '10.83.0.16');
  while (it.network.guests.drops.rogueDhcp < 1) await new Promise(setImmediate);
  await two.ping(GATEWAY);
  t.is(heard, 0);
});

test('network: a guest asks for a lease as itself, and its port for sixteen stations', async (t) => {
  const it = await world(t);
  const [port, end] = createPipe({ medium: 'ethernet' });
  it.network.plug(port);
  const memory = new Uint8Array(2048);
  end.start({ memory, readable: () => {}, writable: () => {}, closed: () => {} });
  const discover = (source: number, chaddr: number): void => {
    const frame = Buffer.alloc(14 + 20 + 8 + 244);
    frame.fill(255, 0, 6);
    frame.set([2, 0, 0, 0, 0, source], 6);
    frame.writeUInt16BE(0x0800, 12);
    frame.set([0x45, 0, 1, 16, 0, 0, 0, 0, 64, 17], 14);
    frame.fill(255, 30, 34);
    frame.writeUInt16BE(68, 34);
    frame.writeUInt16BE(67, 36);
    frame.set([2, 0, 0, 0, 0, chaddr], 42 + 28);
    memory.set(frame);
    end.write(0, frame.length);
  };
  discover(1, 9);
  while (it.network.guests.drops.spoofed < 1) await new Promise(setImmediate);
  for (let i = 1; i <= 20; i++) discover(i, i);
  while (it.network.guests.drops.tooMany < 4) await new Promise(setImmediate);
  t.deepEqual(
    { ...it.network.guests.drops },
    { spoofed: 1, rogueDhcp: 0, rogueRouter: 0, tooMany: 4 },
  );
  await end.close();
});

// RFC 6105, RFC 7113 §2.1, RFC 7610: what makes a guest the router, or the resolver, of the others.
test('network: a guest is no router of IPv6 for others, nor their server of DHCPv6, whatever it hides behind', async (t) => {
  const it = await world(t, { address6: false }); // which would speak as well
  const [port, end] = createPipe({ medium: 'ethernet' });
  const [other, far] = createPipe({ medium: 'ethernet' });
  it.network.plug(port);
  it.network.plug(other);
  const memory = new Uint8Array(4096);
  const heard: number[] = [];
  end.start({ memory, readable: () => {}, writable: () => {}, closed: () => {} });
  const ears = new Uint8Array(131_072);
  const readable = (): void => {
    while (far.read(0, 2048) > 0) if (ears[12] === 0x86) heard.push(ears[53] as number);
  };
  far.start({ memory: ears, readable, writable: () => {}, closed: () => {} });
  let mark = 0;
  const say = (next: number, ...body: number[]): void => {
    const frame = Buffer.alloc(54 + body.length);
    frame.set([0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60], 0);
    frame.writeUInt16BE(body.length, 18);
    frame.set([next, 255, 0xfe, 0x80], 20);
    frame.set([0xff, 2], 38);
    frame[53] = ++mark; // the last octet of the group tells them apart
    frame.set(body, 54);
    memory.set(frame);
    end.write(0, frame.length);
  };
  const advertisement = [134, 0, 0, 0, 64, 0, 7, 8];
  const header = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];
  const piece = (next: number, offset: number): number[] => [
    next,
    0,
    offset >> 5,
    (offset << 3) & 255,
    0,
    0,
    0,
    1,
  ];
  say(58, ...advertisement); // 1: plainly
  say(58, 137, 0, 0, 0, 0, 0, 0, 0); // 2: a redirect
  say(60, ...header(58), ...advertisement); // 3: behind options
  say(44, ...piece(58, 0), ...advertisement); // 4: in pieces
  say(44, ...piece(60, 0), ...header(58)); // 5: the first piece ends before it
  say(60, ...Array.from({ length: 9 }, () => header(60)).flat()); // 6: behind more than there may be
  say(17, 2, 35, 2, 34, 0, 8, 0, 0); // 7: from port 547 to 546
  say(58, 135, ...new Array<number>(23).fill(0)); // 8: a neighbour solicitation is everyone's
  say(17, 2, 34, 2, 35, 0, 8, 0, 0); // 9: a question for DHCPv6
  say(44, ...piece(58, 64), ...advertisement); // 10: a later piece of what was dropped
  while (!heard.includes(10)) await new Promise(setImmediate);
  t.deepEqual(heard, [8, 9, 10]);
  t.like(it.network.guests.drops, { rogueRouter: 6, rogueDhcp: 1, spoofed: 0 });
  await Promise.all([end.close(), far.close()]);
});

test('network: one port has a bound of addresses, and the others lose none by it', async (t) => {
  const it = await world(t, { address: '10.83.0.1/16' });
  const guest = await it.guest('10.83.0.15');
  for (let i = 0; i < 100; i++) {
    guest.addAddress(`10.83.1.${i + 1}/16`);
    guest.icmp.send({ type: 8 }, GATEWAY, { source: `10.83.1.${i + 1}` });
  }
  while (it.network.guests.drops.tooMany < 30) await new Promise(setImmediate);
  t.true(it.network.guests.list().length <= 64);
  t.true((await (await it.guest('10.83.0.16')).ping(GATEWAY)).rtt > 0);
});

test('network: a guest that reads nothing holds up no other', async (t) => {
  const it = await world(t);
  const [port, dead] = createPipe({ medium: 'ethernet', limit: 16 }); // nobody starts it
  it.network.plug(port, { queue: 8 });
  const [one, two] = [await it.guest('10.83.0.15'), await it.guest('10.83.0.16')];
  for (let i = 0; i < 200; i++) {
    // To everyone, the dead one included.
    one.icmp.send({ type: 8, rest: i }, '10.83.0.255');
  }
  t.true((await one.ping('10.83.0.16')).rtt > 0);
  t.true((await two.ping(GATEWAY)).rtt > 0);
  await dead.close();
});

test('network: options that cannot be meant are refused at the door', (t) => {
  const code = 'ERR_INVALID_ARG_VALUE';
  t.throws(() => createNetwork({ address: '10.83.0.1' }), { code });
  t.throws(() => createNetwork({ address: '10.83.0.1/31' }), { code });
  t.throws(() => createNetwork({ hostAlias: '10.84.0.2' }), { code });
  t.throws(() => createNetwork({ mtu: 500 }), { code });
});

test('control: the socket is its owner’s alone, and a second one is refused', async (t) => {
  const { path, network } = await controlled(t);
  t.is(statSync(path).mode & 0o777, 0o600);
  await t.throwsAsync(new Control(network).listen(path), { code: 'EADDRINUSE' });
});

test('control: status, flows, names, ports and the policy are read and changed', async (t) => {
  const it = await controlled(t);
  const guest = await it.guest('10.83.0.15', 'box');
  const { call } = it;
  t.like((await call('GET', '/v1/status')).body as NetworkStatus, { leases: [], published: [] });
  t.deepEqual((await call('PUT', '/v1/names', { 'db.lan': '10.83.0.15' })).status, 200);
  t.is(await look(guest, 'db.lan'), '10.83.0.15');
  t.is((await call('DELETE', '/v1/names?name=db.lan')).status, 200);
  t.is((await call('PUT', '/v1/names', { 'db lan': '10.83.0.15' })).status, 400);
  const heard = await greet(guest, 80);
  const made = await call('POST', '/v1/published', { guest: '10.83.0.15', guestPort: 80 });
  t.is(await ask(made.body.port, 'hi'), 'hello hi');
  t.is(heard.length, 1);
  t.is((await call('GET', '/v1/published')).body[0].flows, 1);
  t.is((await call('DELETE', `/v1/published?port=${made.body.port}`)).status, 200);
  t.is((await call('DELETE', `/v1/published?port=${made.body.port}`)).status, 404);
  t.is((await call('POST', '/v1/published', { guest: 'x', guestPort: 80 })).status, 400);

  const socket = guest.net.connect({ host: 'good.example', port: 22 });
  socket.write('text\n');
  await once(socket, 'data');
  t.like((await call('GET', '/v1/flows')).body[0], { name: 'good.example', port: 22, bytesOut: 5 });
  t.deepEqual((await call('GET', '/v1/policy')).body.default, 'deny');
  const gone = once(socket, 'error');
  t.deepEqual((await call('PUT', '/v1/policy', { default: 'deny' })).body, { cut: 1 });
  t.is((await gone)[0].code, 'ECONNRESET');
  t.is((await call('PUT', '/v1/policy', { default: 'nobody' })).status, 400);
  t.is((await call('POST', '/v1/policy/reload')).status, 409);
  t.is((await call('DELETE', '/v1/flows')).status, 400);
  t.is((await call('GET', '/v2')).status, 404);
  t.is((await call('PUT', '/v1/policy', '{')).status, 400);
  t.is((await call('PUT', '/v1/policy', 'x'.repeat(2 << 20))).status, 413);
});

test('control: flows are cut by guest', async (t) => {
  const it = await controlled(t);
  const [one, two] = [await it.guest('10.83.0.15', 'one'), await it.guest('10.83.0.16', 'two')];
  const sockets = await Promise.all(
    [one, two].map(async (guest) => {
      const socket = guest.net.connect({ host: 'good.example', port: 22 });
      socket.write('text\n');
      await once(socket, 'data');
      return socket;
    }),
  );
  const gone = once(sockets[0] as never, 'error');
  t.deepEqual((await it.call('DELETE', '/v1/flows?guest=one')).body, { cut: 1 });
  t.is((await gone)[0].code, 'ECONNRESET');
  t.is(it.network.gateway.flows.length, 1);
  t.is(readStatus(it.network).flows.cut, 1);
});

test('network: a guest that opens all connections that it can leaves some to the next one', async (t) => {
  const it = await world(t, { flows: 20 });
  const greedy = await it.guest('10.83.0.15', 'greedy');
  const other = await it.guest('10.83.0.16', 'other');
  const sockets = Array.from({ length: 40 }, () => greedy.net.connect(22, '192.0.2.1'));
  const opened = await Promise.all(
    sockets.map((socket) =>
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
    ),
  );
  t.is(opened.filter(Boolean).length, 15);
  for (let i = 0; i < 2; i++) t.is(await say(other, '192.0.2.1', 22, 'x'), 'heard 1\n');
  const { full, tcp } = it.network.gateway.carried();
  t.deepEqual([full, tcp], [25, 17]);
  for (const socket of sockets) socket.destroy();
});
