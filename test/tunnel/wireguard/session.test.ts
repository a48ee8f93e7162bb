/**
 * Sessions of WireGuard in virtual time: handshakes, timers, roaming. "WireGuard: Next Generation Kernel Network
 * Tunnel" §5.4 and §6; the section stands in each test.
 * @module
 */
import test from 'ava';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { Length, Type } from '../../../src/tunnel/wireguard/messages.ts';
import { packet4, packet6, pair, S, sendNumbers } from './pair.ts';

const types = (seen: readonly { readonly bytes: Uint8Array }[]): (number | undefined)[] =>
  seen.map(({ bytes }) => bytes[0]);

test('wireguard: the first packet brings about a handshake, and comes out of the other end', (t) => {
  // §5.1: initiation, response, then data.
  const { network, a, b } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'hello'));
  network.line.run(S);
  t.deepEqual(b.texts, ['hello']);
  t.deepEqual(types(network.seen), [Type.INITIATION, Type.RESPONSE, Type.DATA]);
  b.send(packet4('10.0.0.2', '10.0.0.1', 'hello yourself'));
  network.line.run(S);
  t.deepEqual(a.texts, ['hello yourself']);
});

test('wireguard: IPv6 goes through as IPv4 does', (t) => {
  const { network, a, b } = pair();
  a.send(packet6('fd00::1', 'fd00::2', 'six'));
  network.line.run(S);
  t.is(Buffer.from((b.out[0] as Uint8Array).subarray(40)).toString(), 'six');
});

test('wireguard: text is padded with zeros to 16 bytes, not above the MTU', (t) => {
  // §5.4.6.
  const { network, a, b } = pair();
  const sizes = [21, 36, 1420];
  for (const size of sizes) a.send(packet4('10.0.0.1', '10.0.0.2', new Uint8Array(size - 20)));
  network.line.run(S);
  t.deepEqual(
    network.seen.slice(2).map(({ bytes }) => bytes.length - Length.DATA),
    [32, 48, 1420],
  );
  t.deepEqual(
    b.out.map((bytes) => bytes.length),
    sizes,
  );
});

test('wireguard: a preshared key that differs ends every handshake', (t) => {
  // §5.2: it is mixed into the keys.
  const { network, a, b, toA } = pair({ change: { presharedKey: new Uint8Array(32).fill(7) } });
  toA.presharedKey.fill(8);
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(20 * S);
  t.deepEqual(b.out, []);
  t.true(a.core.drops.handshake >= 3);
  toA.presharedKey.fill(7);
  network.line.run(20 * S);
  t.deepEqual(b.texts, ['x']);
});

test('wireguard: an initiation without an answer is sent again every 5 s for 90 s', (t) => {
  // §6.4: REKEY_TIMEOUT, REKEY_ATTEMPT_TIME.
  const { network, a } = pair();
  const times: number[] = [];
  network.pass = () => {
    times.push(network.line.now());
    return false;
  };
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(200 * S);
  t.is(times.length, 19);
  const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
  t.true(gaps.every((gap) => gap >= 5 * S && gap < 5.334 * S));
  t.true(new Set(gaps).size > 10, 'with a jitter');
  t.is(a.core.drops.unsent, 1, 'what waited is given up');
});

test('wireguard: packets wait for a session, up to 128, and the oldest give way', (t) => {
  const { network, a, b } = pair();
  sendNumbers(a, '10.0.0.1', '10.0.0.2', 0, 200);
  network.line.run(S);
  t.deepEqual(
    b.texts,
    Array.from({ length: 128 }, (_, i) => `packet ${i + 72}`),
  );
  t.is(a.core.drops.unsent, 72);
});

test('wireguard: the initiator begins another session after 120 s, and nothing is lost', (t) => {
  // §6.2: REKEY_AFTER_TIME.
  const { network, a, b } = pair();
  for (let i = 0; i < 300; i++) {
    sendNumbers(a, '10.0.0.1', '10.0.0.2', i, 1);
    network.line.run(S);
  }
  t.is(b.texts.length, 300);
  t.deepEqual(
    b.texts,
    Array.from({ length: 300 }, (_, i) => `packet ${i}`),
  );
  t.is(network.seen.filter(({ bytes }) => bytes[0] === Type.INITIATION).length, 3);
  t.true(
    network.seen
      .filter(({ bytes }) => bytes[0] === Type.INITIATION)
      .every(({ from }) => from === a.transport.own),
  );
});

test('wireguard: an initiator that only receives begins another session after 165 s', (t) => {
  // §6.2: REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT.
  const { network, a, b } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'hello'));
  network.line.run(S);
  const began = network.seen.length;
  for (let i = 0; i < 170; i++) {
    sendNumbers(b, '10.0.0.2', '10.0.0.1', i, 1);
    network.line.run(S);
  }
  t.is(a.out.length, 170);
  const again = network.seen.slice(began).filter(({ bytes }) => bytes[0] === Type.INITIATION);
  t.is(again.length, 1);
  t.is(again[0]?.from, a.transport.own);
});

test('wireguard: no packet of a session is taken or sent after 180 s', (t) => {
  // §6.2: REJECT_AFTER_TIME.
  const { network, a, b } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'early'));
  network.line.run(S);
  const late = network.seen.at(-1);
  network.line.run(190 * S);
  if (late !== undefined) network.arrive(late);
  t.is(b.core.drops.expired, 1);
  network.seen.length = 0;
  a.send(packet4('10.0.0.1', '10.0.0.2', 'late'));
  t.is(network.seen[0]?.bytes[0], Type.INITIATION);
  network.line.run(S);
  t.deepEqual(b.texts, ['early', 'late']);
});

test('wireguard: keys are forgotten 540 s after the last handshake', (t) => {
  // §6.2: three times REJECT_AFTER_TIME.
  const { network, a, b, toB } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(530 * S);
  t.true(toB.current !== undefined);
  network.line.run(15 * S);
  t.is(toB.current, undefined);
  t.is(a.core.indices, 0);
  t.is(b.core.indices, 0);
  t.is(a.core.deadline(), Number.POSITIVE_INFINITY, 'nothing is due any more');
});

test('wireguard: who has heard data and has nothing to say sends a keepalive after 10 s', (t) => {
  // §6.5: KEEPALIVE_TIMEOUT.
  const { network, a } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(9.9 * S);
  const before = network.seen.length;
  network.line.run(S);
  const [keepalive] = network.seen.slice(before);
  t.is(keepalive?.bytes.length, Length.DATA);
  t.is(keepalive?.from.address, '192.0.2.2');
  network.line.run(60 * S);
  t.is(network.seen.length, before + 1, 'a keepalive is not answered');
});

test('wireguard: who has sent data and hears nothing for 15 s begins another handshake', (t) => {
  // §6.5: KEEPALIVE_TIMEOUT + REKEY_TIMEOUT.
  const { network, a } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(12 * S);
  network.pass = () => false;
  network.seen.length = 0;
  const sent = network.line.now();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'y'));
  t.true(
    network.line.until(
      () => network.seen.some(({ bytes }) => bytes[0] === Type.INITIATION),
      30 * S,
    ),
  );
  const waited = network.line.now() - sent;
  t.true(waited >= 15 * S && waited < 15.4 * S, `${waited}`);
});

test('wireguard: a persistent keepalive is sent at its interval, with a handshake first', (t) => {
  // §6.5, wg(8).
  const { network, a } = pair({ change: { persistentKeepalive: 25 } });
  network.line.run(101 * S);
  const fromA = network.seen.filter(({ from }) => from === a.transport.own);
  t.is(fromA[0]?.bytes[0], Type.INITIATION);
  t.deepEqual(
    fromA.slice(1).map(({ bytes }) => bytes.length),
    [32, 32, 32, 32, 32],
  );
});

test('wireguard: a peer that moves is followed to where its packets come from', (t) => {
  // §2.1: roaming.
  const { network, a, b, toA } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'home'));
  network.line.run(S);
  a.transport.move('198.51.100.7', 4242);
  a.send(packet4('10.0.0.1', '10.0.0.2', 'away'));
  network.line.run(S);
  t.is(`${toA.endpoint}`, '198.51.100.7:4242');
  b.send(packet4('10.0.0.2', '10.0.0.1', 'found you'));
  network.line.run(S);
  t.deepEqual(a.texts, ['found you']);
});

test('wireguard: who repeats a packet from elsewhere moves nobody', (t) => {
  // §5.4.6: an endpoint is that of the last packet that was new and opened.
  const { network, a, b, toA } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  network.line.run(S);
  const data = network.seen.find(({ bytes }) => bytes[0] === Type.DATA);
  t.truthy(data);
  if (data) network.arrive({ ...data, from: new Endpoint('203.0.113.66', 666) });
  t.is(b.core.drops.replayed, 1);
  t.is(toA.endpoint?.address, '192.0.2.1');
});

test('wireguard: both ends may begin at once', (t) => {
  const { network, a, b, toA } = pair();
  toA.endpoint = new Endpoint('192.0.2.1', 51_820);
  a.send(packet4('10.0.0.1', '10.0.0.2', 'from a'));
  b.send(packet4('10.0.0.2', '10.0.0.1', 'from b'));
  network.line.run(20 * S);
  t.deepEqual(b.texts, ['from a']);
  t.deepEqual(a.texts, ['from b']);
  sendNumbers(a, '10.0.0.1', '10.0.0.2', 0, 3);
  sendNumbers(b, '10.0.0.2', '10.0.0.1', 0, 3);
  network.line.run(S);
  t.is(b.out.length, 4);
  t.is(a.out.length, 4);
});

test('wireguard: the other end may have forgotten everything', (t) => {
  // A restart: its old index is unknown, and after 15 s of silence there is another handshake (§6.5).
  const one = pair();
  one.a.send(packet4('10.0.0.1', '10.0.0.2', 'x'));
  one.network.line.run(S);
  const { toA, b, a, network } = one;
  b.core.removePeer(a.core.publicKey);
  b.add(a.core.publicKey, { ips: ['10.0.0.1/32'] });
  t.not(b.core.peer(a.core.publicKey), toA);
  a.send(packet4('10.0.0.1', '10.0.0.2', 'lost'));
  network.line.run(16 * S);
  t.is(b.core.drops.index, 1);
  a.send(packet4('10.0.0.1', '10.0.0.2', 'found'));
  network.line.run(S);
  t.deepEqual(b.texts, ['x', 'found']);
});

test('wireguard: what goes through a link that loses, doubles and reorders comes once', (t) => {
  const { network, a, b } = pair({ loss: 0.05, duplicate: 0.05, jitter: 5_000 });
  const count = 5_000;
  for (let i = 0; i < count; i++) {
    sendNumbers(a, '10.0.0.1', '10.0.0.2', i, 1);
    network.line.run(100_000);
  }
  t.is(new Set(b.texts).size, b.texts.length);
  t.true(b.texts.length > count * 0.93 && b.texts.length < count);
  t.true(b.core.drops.replayed > count * 0.03);
  t.is(a.core.handshakes, b.core.handshakes);
  t.true(a.core.handshakes >= 4, 'several sessions');
});

test('wireguard: a packet to nobody is dropped, and so is one from an address that is not its sender’s', (t) => {
  // §4: cryptokey routing.
  const { network, a, b } = pair();
  a.send(packet4('10.0.0.1', '10.0.0.77', 'nobody'));
  a.send(packet4('10.9.9.9', '10.0.0.2', 'spoofed'));
  a.send(Uint8Array.of(0x45, 0, 0));
  network.line.run(S);
  t.deepEqual(b.out, []);
  t.is(a.core.drops.noPeer, 1);
  t.is(a.core.drops.notIp, 1);
  t.is(b.core.drops.source, 1);
});
