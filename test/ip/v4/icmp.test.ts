/**
 * ICMP: echoes, errors that come in, errors that go out. RFC 792, RFC 1122 §3.2.2.
 * @module
 */
import test from 'ava';
import { ANY, BROADCAST } from '../../../src/stack/base/address.ts';
import { SECOND } from '../../../src/stack/base/clock.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { below, SeededRandom } from '../../../src/stack/base/random.ts';
import { Host, icmp, ip, PEER, packet, pattern, US } from '../../support/packets.ts';

const ROUTER = ip('10.0.0.99');

test('icmp: an echo of 65 507 bytes is answered in fragments', (t) => {
  const host = new Host();
  const message = icmp(8, 0, 0x0001_0002, pattern(65_507));
  for (let at = 0; at < message.length; at += 1480) {
    const more = at + 1480 < message.length;
    const body = message.subarray(at, at + 1480);
    t.is(host.input(packet({ protocol: 1, offset: at, more, body })), Drop.NONE);
  }
  const answer: number[] = [];
  while (host.wire.sent.length > 0) answer.push(...host.wire.take().body);
  t.deepEqual(Uint8Array.from(answer), icmp(0, 0, 0x0001_0002, pattern(65_507)));
  t.true(host.balanced);
});

test('icmp: an echo with options is answered without them', (t) => {
  const host = new Host();
  const body = icmp(8, 0, 1, pattern(8));
  t.is(host.input(packet({ protocol: 1, options: [7, 7, 4, 0, 0, 0, 0, 0], body })), Drop.NONE);
  const reply = host.wire.take();
  t.is(reply.headerLen, 20);
  t.deepEqual(reply.body, icmp(0, 0, 1, pattern(8)));
});

test('icmp: an echo waits in its slot for a device that is full', (t) => {
  const host = new Host();
  host.wire.open = false;
  host.input(packet({ protocol: 1, body: icmp(8, 0, 1, pattern(8)) }));
  host.input(packet({ protocol: 1, body: icmp(8, 0, 2, pattern(8)) }));
  t.is(host.slots.free, host.slots.count - 2);
  host.wire.open = true;
  host.net.writable(host.iface);
  t.deepEqual(host.wire.take().body, icmp(0, 0, 1, pattern(8)));
  t.deepEqual(host.wire.take().body, icmp(0, 0, 2, pattern(8)));
  t.true(host.balanced);
});

test('icmp: an echo to everyone is not answered, nor one when that is switched off', (t) => {
  const host = new Host();
  const body = icmp(8, 0, 1);
  t.is(host.input(packet({ protocol: 1, destination: BROADCAST, body })), Drop.ICMP_BROADCAST);
  host.net.icmp.answersEcho = false;
  t.is(host.input(packet({ protocol: 1, body })), Drop.ICMP_TYPE);
  t.is(host.wire.sent.length, 0);
});

test('icmp: an echo to any address is answered from there, where any is accepted', (t) => {
  const host = new Host();
  host.iface.acceptAny = true;
  const destination = ip('8.8.8.8');
  host.input(packet({ protocol: 1, destination, body: icmp(8, 0, 1) }));
  t.is(host.wire.take().source, destination);
});

test('icmp: a damaged or short message is dropped', (t) => {
  const host = new Host();
  const body = icmp(8, 0, 1, pattern(8));
  body[9] = 0xee;
  t.is(host.input(packet({ protocol: 1, body })), Drop.ICMP_CHECKSUM);
  t.is(host.input(packet({ protocol: 1, body: pattern(7) })), Drop.ICMP_MALFORMED);
  t.is(host.stat('IcmpInCsumErrors'), 1);
  t.is(host.wire.sent.length, 0);
});

test('icmp: redirects, quenches and unknown types are dropped', (t) => {
  const host = new Host();
  for (const type of [4, 5, 9, 10, 13, 15, 17, 42, 255]) {
    t.is(host.input(packet({ protocol: 1, body: icmp(type, 0, 0, pattern(28)) })), Drop.ICMP_TYPE);
  }
  t.is(host.wire.sent.length, 0);
});

test('icmp: a timestamp is answered only if that is switched on', (t) => {
  const host = new Host({ now: 5 * SECOND });
  host.net.icmp.answersTimestamp = true;
  t.is(host.input(packet({ protocol: 1, body: icmp(13, 0, 7, pattern(12)) })), Drop.NONE);
  const reply = host.wire.take();
  t.is(reply.u8(0), 14);
  t.deepEqual(reply.body.subarray(8, 12), pattern(4));
  t.is(reply.view.getUint32(32), 0x8000_0000 + 5000);
  t.is(reply.view.getUint32(36), 0x8000_0000 + 5000);
  t.true(reply.icmpGood);
  t.is(host.input(packet({ protocol: 1, body: icmp(13, 0, 7) })), Drop.ICMP_MALFORMED);
});

test('icmp: a handler may take any message before us', (t) => {
  const host = new Host();
  const seen: number[] = [];
  host.net.icmp.handler = (p) => {
    seen.push(host.slots.bytes[p.body] ?? 0);
    return seen.length === 1;
  };
  host.input(packet({ protocol: 1, body: icmp(8, 0, 1) }));
  t.is(host.wire.sent.length, 0);
  host.input(packet({ protocol: 1, body: icmp(8, 0, 1) }));
  t.is(host.wire.sent.length, 1);
});

function pinging(host: Host): { id: number; replies: number[][]; errors: (number | string)[][] } {
  const replies: number[][] = [];
  const errors: (number | string)[][] = [];
  const id = host.net.echoes.open({
    onReply: (p, seq, at, length) => {
      replies.push([seq, p.ttl, length, host.slots.bytes[at] ?? -1]);
    },
    onError: (e, seq) => void errors.push([seq, e.type, e.code, e.failure, e.reporter]),
  });
  return { id, replies, errors };
}

test('echo: a request leaves whole, and its reply finds who asked', (t) => {
  const host = new Host();
  const { id, replies } = pinging(host);
  const route = host.net.route(PEER, ANY);
  if (route === undefined) return t.fail();
  host.net.output.next.ttl = 9;
  t.is(host.net.icmp.sendEcho(route, id, 7, pattern(56, 5), 0, 56), Failure.NONE);
  const request = host.wire.take();
  t.deepEqual(request.body, icmp(8, 0, (id << 16) | 7, pattern(56, 5)));
  t.is(request.ttl, 9);
  const reply = icmp(0, 0, (id << 16) | 7, pattern(56, 5));
  t.is(host.input(packet({ protocol: 1, ttl: 50, body: reply })), Drop.NONE);
  t.deepEqual(replies, [[7, 50, 56, 5]]);
  host.net.echoes.close(id);
  return t.is(host.input(packet({ protocol: 1, body: reply })), Drop.ICMP_NO_MATCH);
});

test('echo: an error about a request finds who asked', (t) => {
  const host = new Host();
  const { id, errors } = pinging(host);
  const route = host.net.route(PEER, ANY);
  if (route === undefined) return t.fail();
  host.net.icmp.sendEcho(route, id, 3, pattern(56), 0, 56);
  const quoted = host.wire.take().bytes.subarray(0, 28);
  const tell = (type: number, code: number): Drop =>
    host.input(packet({ source: ROUTER, protocol: 1, body: icmp(type, code, 0, quoted) }));
  t.is(tell(11, 0), Drop.NONE);
  t.is(tell(3, 1), Drop.NONE);
  t.deepEqual(errors, [
    [3, 11, 0, Failure.HOST_UNREACHABLE, ROUTER],
    [3, 3, 1, Failure.HOST_UNREACHABLE, ROUTER],
  ]);
  return t.is(host.stat('IcmpInTimeExcds'), 1);
});

test('echo: identifiers are different, and there are 65 536', (t) => {
  const host = new Host();
  const client = { onReply() {}, onError() {} };
  const ids = new Set<number>();
  for (let i = 0; i < 65_536; i++) ids.add(host.net.echoes.open(client));
  t.is(ids.size, 65_536);
  t.is(host.net.echoes.open(client), -1);
  host.net.echoes.close(77);
  t.is(host.net.echoes.open(client), 77);
});

const meanings: [number, number, Failure, boolean][] = [
  [3, 0, Failure.NET_UNREACHABLE, false],
  [3, 1, Failure.HOST_UNREACHABLE, false],
  [3, 2, Failure.PROTOCOL, true],
  [3, 3, Failure.REFUSED, true],
  [3, 4, Failure.NONE, false],
  [3, 5, Failure.HOST_UNREACHABLE, false],
  [3, 6, Failure.NET_UNREACHABLE, false],
  [3, 7, Failure.HOST_UNREACHABLE, false],
  [3, 8, Failure.HOST_UNREACHABLE, false],
  [3, 9, Failure.PROHIBITED, false],
  [3, 10, Failure.PROHIBITED, false],
  [3, 11, Failure.NET_UNREACHABLE, false],
  [3, 12, Failure.HOST_UNREACHABLE, false],
  [3, 13, Failure.PROHIBITED, false],
  [3, 14, Failure.HOST_UNREACHABLE, false],
  [3, 15, Failure.HOST_UNREACHABLE, false],
  [3, 200, Failure.HOST_UNREACHABLE, false],
  [11, 0, Failure.HOST_UNREACHABLE, false],
  [11, 1, Failure.HOST_UNREACHABLE, false],
  [12, 0, Failure.PROTOCOL, false],
];
for (const [type, code, failure, hard] of meanings) {
  test(`icmp: error ${type}/${code} reaches the protocol as what RFC 1122 calls it`, (t) => {
    const host = new Host();
    const seen: unknown[] = [];
    host.net.setProtocol(253, {
      input: () => Drop.NONE,
      error(e) {
        seen.push(e.failure, e.hard, e.source, e.destination, e.reporter, e.bodyLength);
        seen.push(host.bytes(e.body, 8));
        return Drop.NONE;
      },
    });
    const about = packet({ source: US, destination: PEER, body: pattern(100) });
    const body = icmp(type, code, 0, about);
    t.is(host.input(packet({ source: ROUTER, protocol: 1, body })), Drop.NONE);
    t.deepEqual(seen, [failure, hard, US, PEER, ROUTER, 100, pattern(8)]);
  });
}

test('icmp: an error that quotes no packet of ours is dropped', (t) => {
  const host = new Host();
  host.net.setProtocol(253, { input: () => Drop.NONE, error: () => Drop.NONE });
  const tell = (text: Uint8Array): Drop =>
    host.input(packet({ source: ROUTER, protocol: 1, body: icmp(3, 1, 0, text) }));
  const ours = { source: US, destination: PEER, body: pattern(8) };
  t.is(tell(packet(ours)), Drop.NONE);
  t.is(tell(packet({ ...ours, source: ip('10.0.0.3') })), Drop.ICMP_NO_MATCH);
  t.is(tell(packet({ ...ours, offset: 8 })), Drop.ICMP_NO_MATCH);
  t.is(tell(packet({ ...ours, protocol: 99 })), Drop.ICMP_NO_MATCH);
  t.is(tell(packet(ours).subarray(0, 27)), Drop.ICMP_MALFORMED);
  t.is(tell(packet(ours).fill(0x65, 0, 1)), Drop.ICMP_MALFORMED);
  t.is(tell(packet(ours).fill(0x4f, 0, 1)), Drop.ICMP_MALFORMED);
  t.is(tell(packet(ours).fill(0x44, 0, 1)), Drop.ICMP_MALFORMED);
});

const silent: [string, Parameters<typeof packet>[0]][] = [
  ['a broadcast', { destination: BROADCAST }],
  ['a broadcast to our prefix', { destination: ip('10.0.0.255') }],
  ['another error', { protocol: 1, body: icmp(3, 99, 0, packet({ source: US })) }],
  ['a later fragment', { offset: 8, more: true, body: pattern(8) }],
  ['what says it comes from everyone', { source: BROADCAST }],
  ['what says it comes from nobody', { source: ANY }],
  ['what says it comes from everyone in our prefix', { source: ip('10.0.0.255') }],
  ['what says it comes from a group', { source: ip('224.0.0.9') }],
  ['what says it comes from a loopback address', { source: ip('127.0.0.1') }],
  ['what says it comes from class E', { source: ip('250.1.2.3') }],
  ['a group', { destination: ip('224.0.0.1') }],
];
for (const [what, fields] of silent) {
  test(`errors: ${what} is never answered with an error`, (t) => {
    const host = new Host();
    host.input(packet({ protocol: 200, ...fields }));
    host.net.expire(100 * SECOND);
    t.is(host.wire.sent.length, 0);
  });
}

test('errors: answers to echoes are not limited', (t) => {
  const none = { all: 0, each: 0 };
  const host = new Host({ errorRates: { tooBig: none, others: none } });
  for (let i = 0; i < 5000; i++) host.input(packet({ protocol: 1, body: icmp(8, 0, i) }));
  t.is(host.wire.sent.length, 5000);
});

test('errors: without a slot or a route back nothing is sent and nothing breaks', (t) => {
  const host = new Host({ slots: { count: 4 } });
  const held = [0, 1, 2].map(() => host.slots.acquire());
  t.is(host.input(packet({ protocol: 200 })), Drop.IP_PROTOCOL);
  for (const slot of held) host.slots.release(slot);
  t.is(host.input(packet({ protocol: 200, source: ip('99.1.1.1') })), Drop.IP_PROTOCOL);
  t.is(host.wire.sent.length, 0);
  t.true(host.balanced);
});

test('icmp: mutated packets throw nothing, leak nothing, and the counters add up', (t) => {
  const seed = 99;
  const random = new SeededRandom(seed);
  const host = new Host();
  const about = packet({ source: US, destination: PEER, protocol: 1, body: icmp(8, 0, 1) });
  for (let i = 0; i < 60_000; i++) {
    const text = below(random, 2) === 0 ? about : pattern(below(random, 80));
    const message = icmp(below(random, 20), below(random, 16), random.int32(), text);
    const bytes = packet({ protocol: 1, body: message });
    const flips = below(random, 4);
    for (let f = 0; f < flips; f++) bytes[below(random, bytes.length)] = below(random, 256);
    const cut = below(random, 10) === 0 ? below(random, bytes.length) : bytes.length;
    host.input(bytes.subarray(0, cut));
    host.wire.sent.length = 0;
  }
  host.net.expire(1e12);
  t.true(host.balanced, `seed ${seed}`);
});

test('icmp: each type counts under its name, whether anybody takes it or not', (t) => {
  const host = new Host();
  const names = {
    0: 'IcmpInEchoReps',
    3: 'IcmpInDestUnreachs',
    4: 'IcmpInSrcQuenchs',
    5: 'IcmpInRedirects',
    8: 'IcmpInEchos',
    11: 'IcmpInTimeExcds',
    12: 'IcmpInParmProbs',
    13: 'IcmpInTimestamps',
    14: 'IcmpInTimestampReps',
  } as const;
  for (const taken of [false, true]) {
    host.net.icmp.handler = () => taken;
    for (const [type, name] of Object.entries(names)) {
      const before = host.stat(name);
      host.input(packet({ protocol: 1, body: icmp(Number(type), 0, 1, pattern(12)) }));
      t.is(host.stat(name), before + 1, name);
    }
  }
  host.net.icmp.answersTimestamp = true;
  host.net.icmp.handler = null;
  host.input(packet({ protocol: 1, body: icmp(13, 0, 1, pattern(12)) }));
  t.is(host.stat('IcmpOutTimestampReps'), 1);
  t.is(host.stat('IcmpOutEchoReps'), 1);
});
