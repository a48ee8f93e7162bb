/**
 * A client and a server in virtual time. What is right: OpenVPN 2.6, openvpn(8) and its ssl.c, push.c, mudp.c.
 */
import test from 'ava';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { readStaticKey, writeStaticKey } from '../../../src/tunnel/openvpn/wrap/static-key.ts';
import { tlsAuth } from '../../../src/tunnel/openvpn/wrap/tls-auth.ts';
import { tlsCrypt } from '../../../src/tunnel/openvpn/wrap/tls-crypt.ts';
import type { Wrapping } from '../../../src/tunnel/openvpn/wrap/wrap.ts';
import {
  addClient,
  addServer,
  common,
  packet4,
  put,
  SECOND,
  SERVER_AT,
  toyTls,
  World,
} from './world.ts';

const KEY = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 0xff);

test('openvpn: a client comes up, and packets pass both ways', (t) => {
  const world = new World();
  const server = addServer(world, {
    push: ['route 10.1.0.0 255.255.0.0', 'dhcp-option DNS 10.8.0.1'],
  });
  const client = addClient(world);
  world.run(SECOND);
  t.deepEqual(client.log, ['up']);
  t.deepEqual(server.log, ['joined toy']);
  const [network] = client.networks;
  t.is(network?.address, '10.8.0.2/24');
  t.is(network?.address6, 'fd00:8::1000/64');
  t.is(network?.gateway, '10.8.0.1');
  t.deepEqual(network?.dns, ['10.8.0.1']);
  t.deepEqual(network?.routes, [{ network: '10.1.0.0/16', gateway: undefined, metric: undefined }]);
  t.is(network?.cipher, 'AES-256-GCM');
  t.is(network?.ping, 10);
  t.is(network?.pingRestart, 60);
  const there = packet4('10.8.0.2', '10.8.0.1', 'there');
  const back = packet4('10.8.0.1', '10.8.0.2', 'back');
  put(world, client, there);
  put(world, server, back);
  world.run(SECOND);
  t.deepEqual(server.delivered, [there]);
  t.deepEqual(client.delivered, [back]);
});

const wrappings: [string, () => [Wrapping, Wrapping, Uint8Array | undefined]][] = [
  ['tls-auth with a direction', () => [tlsAuth(KEY, 1), tlsAuth(KEY, 0), KEY]],
  [
    'tls-auth without a direction',
    () => [tlsAuth(KEY, undefined, 'SHA256'), tlsAuth(KEY, undefined, 'SHA256'), KEY],
  ],
  ['tls-crypt', () => [tlsCrypt(KEY, 'client'), tlsCrypt(KEY, 'server'), KEY]],
];
for (const [name, make] of wrappings) {
  test(`openvpn: ${name} wraps the first handshake and renegotiations`, (t) => {
    const world = new World();
    const [ours, theirs, key] = make();
    const end = (
      role: 'client' | 'server',
      wrapping: Wrapping,
    ): { control: ReturnType<typeof common> } => ({
      control: {
        ...common(world, toyTls(role, world.chance)),
        wrapping,
        wrappingKey: key,
        renegAfter: role === 'client' ? 100 * SECOND : 0,
      },
    });
    const server = addServer(world, end('server', theirs));
    const client = addClient(world, end('client', ours));
    world.run(450 * SECOND);
    t.deepEqual(client.log, ['up']);
    t.is(client.protocol.handshakes, 5);
    put(world, client, packet4('10.8.0.2', '10.8.0.1'));
    world.run(SECOND);
    t.is(server.delivered.length, 1);
    t.is(server.protocol.counters.controlRefused, 0);
  });
}

test('openvpn: a wrong key of tls-crypt is answered by nothing', (t) => {
  const world = new World();
  const server = addServer(world, {
    control: {
      ...common(world, toyTls('server', world.chance)),
      wrapping: tlsCrypt(KEY, 'server'),
    },
  });
  const other = KEY.map((byte) => byte ^ 1);
  const client = addClient(world, {
    control: {
      ...common(world, toyTls('client', world.chance)),
      wrapping: tlsCrypt(other, 'client'),
    },
  });
  world.run(59 * SECOND);
  t.true(world.sent.every(({ from }) => !from.isSame(SERVER_AT)));
  t.true(server.protocol.counters.controlRefused > 3);
  world.run(5 * SECOND);
  t.regex(client.log[0] ?? '', /^down: no handshake within 60 s/);
});

test('openvpn: a quarter of all datagrams lost delays a handshake and breaks nothing', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(seed);
    world.loss = 0.25;
    const server = addServer(world);
    const client = addClient(world);
    world.run(58 * SECOND);
    t.is(client.protocol.state, 'up', `seed ${seed}: ${client.log.join('; ')}`);
    t.true(server.log.includes('joined toy'));
  }
});

test('openvpn: data flows on while keys are renegotiated, none of it lost', (t) => {
  const world = new World();
  const control = common(world, toyTls('client', world.chance));
  const server = addServer(world);
  const client = addClient(world, {
    control: { ...control, renegAfter: 20 * SECOND, handWindow: 8 * SECOND },
  });
  world.run(SECOND);
  for (let i = 0; i < 2000; i++) {
    put(world, client, packet4('10.8.0.2', '10.8.0.1', `n${i}`));
    put(world, server, packet4('10.8.0.1', '10.8.0.2', `m${i}`));
    world.run(SECOND / 10);
  }
  t.true(client.protocol.handshakes >= 9, `${client.protocol.handshakes}`);
  t.is(server.delivered.length, 2000);
  t.is(client.delivered.length, 2000);
  t.deepEqual(client.log, ['up']);
});

test('openvpn: key ids go from 0 to 7 and then from 1 (ssl.c, key_id)', (t) => {
  const world = new World();
  const control = { ...common(world, toyTls('client', world.chance)), renegAfter: 10 * SECOND };
  addServer(world);
  addClient(world, { control });
  world.run(100 * SECOND);
  const ids = world.sent
    .filter(({ bytes }) => (bytes[0] ?? 0) >> 3 === 3)
    .map(({ bytes }) => (bytes[0] ?? 0) & 7);
  t.deepEqual([...new Set(ids)], [1, 2, 3, 4, 5, 6, 7]);
  t.true(ids.lastIndexOf(1) > ids.indexOf(7));
});

test('openvpn: a silent server is left after ping-restart, and found again when it is back', (t) => {
  const world = new World();
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  world.remove(server.protocol);
  world.run(70 * SECOND);
  t.regex(client.log.at(-1) ?? '', /silent for 60 s|no handshake/);
  const again = addServer(world);
  world.run(120 * SECOND);
  t.is(client.protocol.state, 'up');
  t.deepEqual(again.log, ['joined toy']);
});

test('openvpn: a client that is silent is forgotten, and its address is free', (t) => {
  const world = new World();
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  world.remove(client.protocol);
  world.run(130 * SECOND);
  t.deepEqual(server.log, ['joined toy', 'left toy: it was silent for 120 s']);
  t.is([...server.protocol.clients].length, 0);
});

test('openvpn: a client that comes from another address is known by its peer id (float)', (t) => {
  const world = new World();
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  const elsewhere = new Endpoint('203.0.113.9', 999);
  world.gate = (bytes, from, to) => {
    if (from.isSame(SERVER_AT)) return true;
    world.inject(bytes, elsewhere, to);
    return false;
  };
  put(world, client, packet4('10.8.0.2', '10.8.0.1'));
  t.is(server.delivered.length, 1);
  t.true(server.joined[0]?.link.endpoint.isSame(elsewhere));
  world.sent.length = 0;
  put(world, server, packet4('10.8.0.1', '10.8.0.2'));
  t.true(world.sent[0]?.to.isSame(elsewhere));
});

test('openvpn: a replayed data packet from elsewhere moves nobody', (t) => {
  const world = new World();
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  world.sent.length = 0;
  put(world, client, packet4('10.8.0.2', '10.8.0.1'));
  world.run(SECOND);
  const { bytes } = world.sent[0] ?? { bytes: new Uint8Array(0) };
  world.inject(bytes, new Endpoint('203.0.113.9', 999), SERVER_AT);
  t.is(server.protocol.counters.replayed, 1);
  t.is(server.delivered.length, 1);
  t.true(server.joined[0]?.link.endpoint.isSame(new Endpoint('198.51.100.7', 40_000)));
});

test('openvpn: a source address that a client was not given is dropped', (t) => {
  const world = new World();
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  put(world, client, packet4('10.8.0.3', '10.8.0.1'));
  world.run(SECOND);
  t.is(server.delivered.length, 0);
  t.is(server.protocol.counters.wrongSource, 1);
});

test('openvpn: clients reach each other with client-to-client, and this end without', (t) => {
  for (const clientToClient of [true, false]) {
    const world = new World();
    const server = addServer(world, { clientToClient, duplicates: true });
    const one = addClient(world);
    world.run(SECOND);
    const two = addClient(world, {}, new Endpoint('198.51.100.8', 1));
    world.run(SECOND);
    const between = packet4('10.8.0.2', '10.8.0.3');
    put(world, one, between);
    world.run(SECOND);
    t.deepEqual(two.delivered, clientToClient ? [between] : []);
    t.deepEqual(server.delivered, clientToClient ? [] : [between]);
  }
});

test('openvpn: a second client of the same name takes the place of the first, unless duplicate-cn', (t) => {
  for (const duplicates of [false, true]) {
    const world = new World();
    const server = addServer(world, { duplicates });
    addClient(world);
    world.run(SECOND);
    addClient(world, {}, new Endpoint('198.51.100.8', 1));
    world.run(SECOND);
    t.is([...server.protocol.clients].length, duplicates ? 2 : 1);
  }
});

test('openvpn: a wrong password is refused with AUTH_FAILED, and the client stops', async (t) => {
  const world = new World();
  const server = addServer(world, {
    authorize: async ({ user, password }) =>
      user === 'ann' && password === 'right' ? true : 'no such user',
  });
  const client = addClient(world, { user: 'ann', password: 'wrong' });
  await world.live(2 * SECOND);
  t.deepEqual(client.log, [
    'ended: the server refuses user or certificate (AUTH_FAILED: no such user)',
  ]);
  t.deepEqual(server.log, ['refused: no such user']);
  await world.live(6 * SECOND);
  t.is([...server.protocol.clients].length, 0);
  const right = addClient(
    world,
    { user: 'ann', password: 'right' },
    new Endpoint('198.51.100.9', 5),
  );
  await world.live(2 * SECOND);
  t.deepEqual(right.log, ['up']);
});

test('openvpn: without a shared cipher a client is told so', (t) => {
  const world = new World();
  addServer(world, { ciphers: ['AES-128-GCM'] });
  const client = addClient(world, { ciphers: ['CHACHA20-POLY1305'] });
  world.run(2 * SECOND);
  t.regex(
    client.log[0] ?? '',
    /AUTH_FAILED: Data channel cipher negotiation failed \(no shared cipher\)/,
  );
});

for (const cipher of ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305']) {
  test(`openvpn: ${cipher} is used where it is the first that both have`, (t) => {
    const world = new World();
    const server = addServer(world, { ciphers: [cipher] });
    const client = addClient(world);
    world.run(SECOND);
    t.is(client.networks[0]?.cipher, cipher);
    put(world, client, packet4('10.8.0.2', '10.8.0.1'));
    world.run(SECOND);
    t.is(server.delivered.length, 1);
  });
}

test('openvpn: an exit is notified, on the control channel or as data, and the address is free at once', (t) => {
  for (const byControl of [true, false]) {
    const world = new World();
    const server = addServer(world);
    const client = addClient(world, { exitNotify: true });
    world.run(SECOND);
    client.protocol.network.exitByControl = byControl;
    client.protocol.stop(world.now);
    world.remove(client.protocol);
    world.run(SECOND);
    t.regex(server.log.at(-1) ?? '', /^left toy: it has ended/);
  }
});

test('openvpn: a static key file is read as it was written', (t) => {
  t.deepEqual(readStaticKey(`# a comment\n${writeStaticKey(KEY)}`), KEY);
});
