/**
 * OpenVPN under garbage: mutated, replayed, cut and made-up packets, in virtual time. Nothing is thrown, nothing is
 * delivered that was not sent, who is a stranger gets no more than the bounded answers, and nothing grows.
 *
 * `npm run tunnels -- --only fuzz` has a million rounds of each.
 */
import test from 'ava';
import { Endpoint } from '../../src/tunnel/endpoint.ts';
import { tlsCrypt } from '../../src/tunnel/openvpn/wrap/tls-crypt.ts';
import {
  addClient,
  addServer,
  CLIENT_AT,
  common,
  packet4,
  put,
  SECOND,
  SERVER_AT,
  seeded,
  toyTls,
  World,
} from '../tunnel/openvpn/world.ts';

const ROUNDS = Number(process.env['TUNSTACK_TUNNEL_FUZZ'] ?? 40_000);
const KEY = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 0xff);

/** One of many ways to spoil a packet. */
function spoil(bytes: Uint8Array, chance: () => number): Uint8Array {
  const kind = Math.floor(chance() * 6);
  const at = Math.floor(chance() * bytes.length);
  const copy = bytes.slice();
  if (kind === 0) copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(chance() * 8));
  else if (kind === 1) return copy.subarray(0, at);
  else if (kind === 2) copy[0] = Math.floor(chance() * 256);
  else if (kind === 3) copy.fill(Math.floor(chance() * 256), at, at + 4);
  else if (kind === 4) return Buffer.concat([copy, copy.subarray(0, at)]);
  else
    return Uint8Array.from({ length: Math.floor(chance() * 80) }, () => Math.floor(chance() * 256));
  return copy;
}

for (const wrapped of [false, true]) {
  test(`openvpn: spoiled and replayed packets at every moment of a session, ${wrapped ? 'in tls-crypt' : 'in the clear'}`, (t) => {
    const chance = seeded(wrapped ? 77 : 7);
    let rounds = 0;
    for (let seed = 1; rounds < ROUNDS; seed++) {
      const world = new World(seed);
      const more = (role: 'client' | 'server'): { control: ReturnType<typeof common> } => ({
        control: {
          ...common(world, toyTls(role, world.chance)),
          ...(wrapped && { wrapping: tlsCrypt(KEY, role), wrappingKey: KEY }),
          renegAfter: role === 'client' ? 3 * SECOND : 0,
        },
      });
      const server = addServer(world, more('server'));
      const client = addClient(world, more('client'));
      const sent = new Set<string>();
      for (let step = 0; step < 100; step++) {
        world.run(SECOND / 20);
        if (client.protocol.state === 'up') {
          const packet = packet4('10.8.0.2', '10.8.0.1', `${seed} ${step}`);
          sent.add(Buffer.from(packet).toString('hex'));
          put(world, client, packet);
        }
        for (let i = 0; i < 20 && world.sent.length > 0; i++, rounds++) {
          const one = world.sent[Math.floor(chance() * world.sent.length)];
          if (one === undefined) continue;
          const isReplay = chance() < 0.2;
          const from =
            chance() < 0.3 ? new Endpoint('203.0.113.1', 1 + Math.floor(chance() * 9)) : one.from;
          world.inject(isReplay ? one.bytes : spoil(one.bytes, chance), from, one.to);
        }
      }
      for (const packet of server.delivered) {
        if (!sent.delete(Buffer.from(packet).toString('hex')))
          t.fail('delivered what was not sent, or twice');
      }
      if (wrapped && client.protocol.state !== 'up')
        t.fail(`seed ${seed}: ${client.log.join('; ')}`);
      t.true([...server.protocol.clients].length <= 20);
    }
    t.pass();
  });
}

test('openvpn: resets that look right, from everywhere, make no state and few answers', (t) => {
  const world = new World(3);
  const server = addServer(world, { maxAnswers: 100 });
  const client = addClient(world);
  world.step(world.now);
  const [reset] = world.sent;
  world.remove(client.protocol);
  world.sent.length = 0;
  const bytes = reset?.bytes ?? new Uint8Array(0);
  let came = 0;
  for (let i = 0; i < 50_000; i++) {
    const copy = bytes.slice();
    copy[8] = i;
    copy[7] = i >> 8;
    came += copy.length;
    world.inject(
      copy,
      new Endpoint(`203.0.${(i >> 8) & 255}.${i & 255}`, 1 + (i % 60_000)),
      SERVER_AT,
    );
  }
  const answers = world.sent.filter(({ from }) => from.isSame(SERVER_AT));
  t.is(answers.length, 100);
  t.true(answers.reduce((sum, one) => sum + one.bytes.length, 0) < came / 100);
  // Twelve bytes more than it came with: 40 for 28 with IP and UDP is what the protocol asks.
  t.is((answers[0]?.bytes.length ?? 0) - bytes.length, 12);
  t.is([...server.protocol.clients].length, 0);
  t.is(server.protocol.counters.limited, 49_900);
  world.run(10 * SECOND);
  const late = addClient(world);
  world.run(5 * SECOND);
  t.is(late.protocol.state, 'up');
});

test('openvpn: who shows its address and says no more holds one of a bounded number of places, and not for long', (t) => {
  const world = new World(4);
  const server = addServer(world, { maxHandshakes: 20, maxAnswers: 100_000 });
  const started: { protocol: { stop(now: number): void } }[] = [];
  for (let i = 0; i < 60; i++) {
    const at = new Endpoint('203.0.113.5', 1000 + i);
    const client = addClient(world, {}, at);
    started.push(client);
  }
  let packets = new Map<number, number>();
  world.gate = (_, from) => {
    if (from.isSame(SERVER_AT)) return true;
    const count = (packets.get(from.port) ?? 0) + 1;
    packets.set(from.port, count);
    return count <= 2;
  };
  world.run(SECOND);
  t.is([...server.protocol.clients].length, 20);
  t.true(server.protocol.counters.limited > 0);
  for (const node of [...world.nodes])
    if (node.at.address === '203.0.113.5') world.remove(node.protocol);
  packets = new Map();
  world.run(61 * SECOND);
  t.is([...server.protocol.clients].length, 0);
});

test('openvpn: a server that is silent from any moment on is left, and one that says anything throws nothing', (t) => {
  for (let keep = 0; keep < 14; keep++) {
    const world = new World(keep + 1);
    addServer(world);
    const client = addClient(world);
    let count = 0;
    world.gate = (_, from) => !from.isSame(SERVER_AT) || ++count <= keep;
    world.run(200 * SECOND);
    t.true(
      client.log.some((line) => line.startsWith('down:')),
      `after ${keep} packets: ${client.log.join('; ')}`,
    );
    world.gate = () => true;
    world.run(300 * SECOND);
    t.is(client.protocol.state, 'up', `after ${keep} packets`);
  }
});

test('openvpn: an answer of another server, or from another place, is not taken', (t) => {
  const world = new World(5);
  const server = addServer(world);
  const client = addClient(world);
  const answers: Uint8Array[] = [];
  world.gate = (bytes, from) => {
    if (from.isSame(SERVER_AT)) answers.push(bytes);
    return !from.isSame(SERVER_AT);
  };
  world.run(SECOND);
  const [answer = new Uint8Array(0)] = answers;
  world.inject(answer, new Endpoint('203.0.113.66', 1194), CLIENT_AT);
  t.is(client.protocol.counters.stray, 1);
  const forged = answer.slice();
  forged[14] = (forged[14] ?? 0) ^ 1; // whose reset it answers
  world.inject(forged, SERVER_AT, CLIENT_AT);
  t.is(client.protocol.counters.controlRefused, 1);
  t.is([...server.protocol.clients].length, 0);
});

test('openvpn: the last numbers of a key are not passed: another is agreed on, and nothing is sealed with the old', (t) => {
  const world = new World(6);
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  const key = client.protocol.link?.control.newest?.data;
  if (key === undefined) {
    t.fail('no key');
    return;
  }
  key.sent = 0xff00_0000 - 1;
  put(world, client, packet4('10.8.0.2', '10.8.0.1'));
  world.run(SECOND);
  t.is(client.protocol.handshakes, 2);
  key.sent = 0xffff_ffff;
  world.run(SECOND);
  put(world, client, packet4('10.8.0.2', '10.8.0.1'));
  world.run(SECOND);
  t.is(server.delivered.length, 2);
  t.is(key.sent, 0xffff_ffff);
});

test('openvpn: a peer that says without end, or what is not printable, changes nothing and is bounded', (t) => {
  const world = new World(7);
  const server = addServer(world);
  const client = addClient(world);
  world.run(SECOND);
  const [member] = [...server.protocol.clients];
  member?.link.control.newest?.say(Buffer.from('PUSH_REPLY\u0007,route 0.0.0.0 0.0.0.0\0'));
  member?.link.control.work(world.now);
  world.run(SECOND);
  t.deepEqual(client.log, ['up']);
  for (let i = 0; i < 40; i++) member?.link.control.newest?.say(Buffer.alloc(1000, 65));
  member?.link.control.work(world.now);
  world.run(30 * SECOND);
  t.regex(client.log[1] ?? '', /no end to what the peer says/);
});
