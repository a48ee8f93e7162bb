/**
 * What WireGuard does with strangers, and with the worst that peers can send: no answer to who has not proved himself,
 * cookies under load, bounds, counters at their limits, and nothing thrown. "WireGuard: Next Generation Kernel Network
 * Tunnel" §5.1, §5.3, §5.4.7, §6.
 * @module
 */
import test from 'ava';
import { below, SeededRandom } from '../../../src/stack/base/random.ts';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { CookieChecker } from '../../../src/tunnel/wireguard/cookies.ts';
import { Load } from '../../../src/tunnel/wireguard/load.ts';
import { Length, Type } from '../../../src/tunnel/wireguard/messages.ts';
import { End, packet4, pair, S, secretOf } from './pair.ts';

const stranger = new Endpoint('203.0.113.66', 4444);

test('strangers: nobody is answered who does not know our public key', (t) => {
  // §5.4.4: mac1.
  const { network, b } = pair();
  const random = new SeededRandom(1);
  for (const [type, length] of [
    [Type.INITIATION, Length.INITIATION],
    [Type.RESPONSE, Length.RESPONSE],
    [Type.COOKIE, Length.COOKIE],
    [Type.DATA, 64],
  ] as const) {
    for (let i = 0; i < 100; i++) {
      const bytes = Uint8Array.from({ length }, () => random.int32());
      bytes.set([type, 0, 0, 0]);
      network.arrive({ from: stranger, to: b.transport.own, bytes });
    }
  }
  t.is(b.core.drops.mac1, 200);
  t.is(b.core.drops.index, 100);
  t.is(network.seen.length, 0);
  t.is(b.core.indices, 0);
});

test('strangers: who knows our public key and is no peer is not answered either', (t) => {
  const { network, b } = pair();
  const other = new End(network, '203.0.113.66', 4444, secretOf(66));
  other.add(b.core.publicKey, { endpoint: b.transport.own, ips: ['10.0.0.2/32'] });
  other.send(packet4('10.0.0.1', '10.0.0.2', 'let me in'));
  network.line.run(S);
  t.is(b.core.drops.unknownPeer, 1);
  t.true(network.seen.every(({ from }) => from === other.transport.own));
  t.is(b.core.indices, 0);
});

test('strangers: an initiation that is repeated is not answered', (t) => {
  // §5.1: the timestamp must be greater than the greatest so far.
  const { network, a, b } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(S);
  const [initiation] = network.seen;
  const before = network.seen.length;
  for (let i = 0; i < 10; i++) {
    network.line.run(S);
    if (initiation) network.arrive({ ...initiation, from: stranger });
  }
  t.is(b.core.drops.replayedHandshake, 10);
  t.is(network.seen.filter(({ to }) => to === stranger).length, 0);
  t.is(network.seen.slice(before).filter(({ bytes }) => bytes[0] === Type.RESPONSE).length, 0);
});

test('strangers: under load a message must show a cookie, and whoever has one gets through', (t) => {
  // §5.3: three handshakes a second are load here.
  const { network, a, b, toB } = pair({ handshakes: 3 });
  a.send(packet4('10.0.0.1', '10.0.0.2', 'first'));
  network.line.run(2 * S);
  const [initiation] = network.seen;
  if (initiation === undefined) return t.fail('no initiation');
  const flood = (): void => network.arrive({ ...initiation, from: stranger });
  for (let i = 0; i < 10; i++) flood();
  const cookies = network.seen.filter(({ to }) => to === stranger);
  t.is(cookies.length, 7, 'beyond three');
  t.true(cookies.every(({ bytes }) => bytes.length === Length.COOKIE && bytes[0] === Type.COOKIE));
  t.true(Length.COOKIE < Length.RESPONSE && Length.COOKIE < Length.INITIATION, 'no amplification');
  network.line.run(6 * S);
  for (let i = 0; i < 10; i++) flood();
  network.seen.length = 0;
  a.core.connect(toB, network.line.now());
  network.line.run(0.5 * S);
  t.deepEqual(
    network.seen.filter(({ to }) => to !== stranger).map(({ bytes }) => bytes[0]),
    [Type.INITIATION, Type.COOKIE],
  );
  const again = network.line.now();
  for (let i = 0; i < 8; i++) {
    // The flood goes on until the initiation is sent again, with mac2.
    network.line.run(0.6 * S);
    for (let n = 0; n < 10; n++) flood();
  }
  network.line.run(2 * S);
  t.true(network.line.now() > again);
  t.is(a.core.handshakes, 2);
  t.is(b.core.handshakes, 2);
});

test('strangers: a mac2 of zeros is no cookie, whatever the message (§5.4.4)', (t) => {
  const checker = new CookieChecker(new Uint8Array(32).fill(9), (into) => into.fill(7));
  const message = new Uint8Array(Length.INITIATION).fill(3);
  const place = Length.INITIATION - 16;
  checker.reply(message, 0, Length.INITIATION, 1, stranger, S, new Uint8Array(64), 0);
  message.fill(0, place);
  t.false(checker.hasCookie(message, 0, Length.INITIATION, stranger, S));
  message[place] = 1;
  t.false(checker.hasCookie(message, 0, Length.INITIATION, stranger, S));
});

test('strangers: a cookie is of no use from another address', (t) => {
  // §5.4.7: it is a mac of the address and port that it was sent to.
  const { network, a, b, toB } = pair({ handshakes: 1 });
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(6 * S);
  const [initiation] = network.seen;
  for (let i = 0; i < 3; i++) if (initiation) network.arrive({ ...initiation, from: stranger });
  a.core.connect(toB, network.line.now());
  network.line.run(0.1 * S);
  network.line.run(5 * S);
  for (let i = 0; i < 3; i++) if (initiation) network.arrive({ ...initiation, from: stranger });
  network.seen.length = 0;
  a.core.connect(toB, network.line.now());
  const [signed] = network.seen;
  if (signed === undefined) return t.fail('no initiation');
  t.true(
    signed.bytes.subarray(132).some((octet) => octet !== 0),
    'it has a mac2',
  );
  const before = b.core.drops.cookie;
  network.arrive({ ...signed, from: stranger });
  t.is(b.core.drops.cookie, before + 1);
});

test('strangers: a source that has a cookie may begin 20 handshakes a second, 5 at once', (t) => {
  // §5.3; the bucket is wireguard-go's.
  const load = new Load(1);
  const begun = (n: number, now: number): number =>
    Array.from({ length: n }, () => load.allows(stranger, now)).filter(Boolean).length;
  t.is(begun(50, 0), 5);
  t.is(begun(50, 0.1 * S), 2);
  t.is(begun(50, 10 * S), 5);
  const prefix = new Endpoint('2001:db8::1', 1);
  for (let i = 0; i < 5; i++) t.true(load.allows(prefix, 0));
  t.false(load.allows(new Endpoint('2001:db8::2', 9), 0), 'who has one address has its /64');
});

test('strangers: no more than 8192 sources are remembered', (t) => {
  const load = new Load(1);
  for (let i = 0; i < 20_000; i++) {
    load.allows(new Endpoint(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1), i);
  }
  t.true(load.sources <= 8192);
});

test('strangers: peers’ packets that were changed anywhere do not open, and throw nothing', (t) => {
  const { network, a, b } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'hello'));
  network.line.run(S);
  const sent = network.seen.slice();
  const random = new SeededRandom(3);
  const rounds = Number(process.env['TUNSTACK_TUNNEL_FUZZ'] ?? 20_000);
  const came = b.out.length;
  for (let i = 0; i < rounds; i++) {
    const one = sent[below(random, sent.length)];
    if (one === undefined) continue;
    let bytes = Uint8Array.from(one.bytes);
    for (let n = 1 + below(random, 3); n > 0; n--) {
      bytes[below(random, bytes.length)] = random.int32();
    }
    if (below(random, 4) === 0) bytes = bytes.subarray(0, below(random, bytes.length));
    const to = below(random, 2) === 0 ? a : b;
    network.arrive({ from: stranger, to: to.transport.own, bytes: Uint8Array.from(bytes) });
    if (i % 100 === 0) network.line.run(S / 100);
  }
  t.is(b.out.length, came, 'nothing came out');
  t.is(
    network.seen.filter(({ to, bytes }) => to === stranger && bytes[0] !== Type.COOKIE).length,
    0,
  );
  t.true(a.core.indices <= 8 && b.core.indices <= 8);
  network.line.run(20 * S);
  a.send(packet4('10.0.0.1', '10.0.0.2', 'still here'));
  network.line.run(20 * S);
  t.is(b.texts.at(-1), 'still here');
});

test('strangers: a session ends at 2^64 - 2^13 - 1 packets, and is renewed at 2^60', (t) => {
  // §6.1: REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES.
  const { network, a, b, toB } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(6 * S);
  const session = toB.current;
  if (session === undefined) return t.fail('no session');
  session.sendHigh = 2 ** 28;
  network.seen.length = 0;
  a.send(packet4('10.0.0.1', '10.0.0.2', 'renew'));
  t.deepEqual(
    network.seen.map(({ bytes }) => bytes[0]),
    [Type.DATA, Type.INITIATION],
  );
  network.line.run(6 * S);
  const renewed = toB.current;
  t.not(renewed, session);
  if (renewed === undefined) return t.fail('no session');
  renewed.sendHigh = 0xffff_ffff;
  renewed.sendLow = 0xffff_dffe;
  network.seen.length = 0;
  a.send(packet4('10.0.0.1', '10.0.0.2', 'the last'));
  a.send(packet4('10.0.0.1', '10.0.0.2', 'waits'));
  t.deepEqual(
    network.seen.map(({ bytes }) => bytes[0]),
    [Type.DATA, Type.INITIATION],
  );
  network.line.run(6 * S);
  t.deepEqual(b.texts, ['x', 'renew', 'the last', 'waits']);
});

test('strangers: a public key that no secret leads to is refused at the door', (t) => {
  // RFC 7748 §6.1: points of small order.
  const { a } = pair();
  for (const key of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))]) {
    t.throws(() => a.add(key, {}), { instanceOf: RangeError });
  }
});
