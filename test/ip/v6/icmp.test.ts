/**
 * ICMPv6: echoes, errors that leave and their limits, errors that come in, and what they say of paths.
 * RFC 4443, RFC 8201, RFC 5927.
 * @module
 */
import test from 'ava';
import { type Address, ALL_NODES, ANY, ANY6, fromWords } from '../../../src/stack/base/address.ts';
import { addressCount, enterBatch, leaveBatch } from '../../../src/stack/base/address-table.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import type { UdpSocket } from '../../../src/stack/udp/socket.ts';
import { Udp } from '../../../src/stack/udp/udp.ts';
import { Type } from '../../../src/stack/wire/icmp6.ts';
import { pattern, udp } from '../../support/packets.ts';
import { Host6, icmp6, ip6, PEER6, Read6, US6 } from '../../support/packets6.ts';

const ROUTER = ip6('fd83::99');

/** A host with UDP and a socket on port 7 that notes what it is told. */
class Speaker extends Host6 {
  readonly udp: Udp = new Udp(this.net);
  readonly errors: Failure[] = [];
  readonly texts: number[] = [];
  readonly socket: UdpSocket;

  constructor() {
    super();
    this.socket = this.udp.open({
      onMessage: (_bytes, _at, length) => {
        this.texts.push(length);
        return Drop.NONE;
      },
      onError: (failure) => void this.errors.push(failure),
    });
    this.socket.bind(ANY6, 7);
  }

  datagram(text: Uint8Array, o: { to?: number; from?: Address; summed?: boolean } = {}): Drop {
    const { to = 7, from = PEER6, summed = true } = o;
    return this.take({ source: from, protocol: 17, body: udp(from, 5000, US6, to, text, summed) });
  }

  /** An error from a router about the packet that was sent last. */
  complain(about: Read6, type: number, code: number, rest = 0): Drop {
    const body = icmp6(type, code, rest, about.bytes.subarray(0, 1232), ROUTER);
    return this.take({ source: ROUTER, protocol: 58, body });
  }
}

test('icmp6: an echo comes back as it was (RFC 4443 §4.2)', (t) => {
  const host = new Host6();
  const body = icmp6(Type.ECHO, 0, 0x1234_0001, pattern(300));
  t.is(host.take({ protocol: 58, body, trafficClass: 0xb8 }), Drop.NONE);
  const { out } = host;
  t.is(out.u8(0), Type.ECHO_REPLY);
  t.is(out.u32(4), 0x1234_0001);
  t.deepEqual(out.body.subarray(8), pattern(300));
  t.true(out.sumGood);
  t.true(host.balanced);
});

test('icmp6: an echo to everyone, with a wrong checksum or cut is not answered', (t) => {
  const host = new Host6();
  const toAll = icmp6(Type.ECHO, 0, 1, pattern(8), PEER6, ALL_NODES);
  t.is(host.take({ destination: ALL_NODES, protocol: 58, body: toAll }), Drop.ICMP_BROADCAST);
  const wrong = icmp6(Type.ECHO, 0, 1, pattern(8));
  wrong[9] = 99;
  t.is(host.take({ protocol: 58, body: wrong }), Drop.ICMP_CHECKSUM);
  t.is(host.take({ protocol: 58, body: pattern(7) }), Drop.ICMP_MALFORMED);
  t.is(host.wire.sent.length, 0);
  t.is(host.stat('Icmp6InErrors'), 2);
});

test('icmp6: a closed port is told with as much as fits 1280 bytes (RFC 4443 §2.4)', (t) => {
  const host = new Speaker();
  t.is(host.datagram(pattern(1400), { to: 9 }), Drop.UDP_NO_PORT);
  const { out } = host;
  t.deepEqual([out.u8(0), out.u8(1)], [Type.UNREACHABLE, 4]);
  t.is(out.bytes.length, 1280);
  t.is(out.source, US6);
  t.true(out.sumGood);
});

test('icmp6: no error answers an error, a group, or a source that is no host', (t) => {
  const host = new Speaker();
  const error = icmp6(Type.UNREACHABLE, 4, 0, pattern(60));
  host.take({ protocol: 58, body: error });
  const body = udp(PEER6, 5000, ALL_NODES, 9, pattern(8));
  host.take({ destination: ALL_NODES, protocol: 17, body });
  host.take({ source: ANY6, protocol: 17, body: udp(ANY6, 5000, US6, 9, pattern(8)) });
  t.is(host.wire.sent.length, 0);
});

test('icmp6: a flood to closed ports is answered so often a second, to one and to all', (t) => {
  const host = new Speaker();
  for (let n = 0; n < 500; n++) host.datagram(pattern(8), { to: 9 });
  t.is(host.wire.sent.length, 100);
  t.is(host.stat('Icmp6OutRateLimitHost'), 400);
  for (let n = 0; n < 5000; n++) {
    enterBatch();
    host.datagram(pattern(8), { to: 9, from: fromWords(0xfd83_0000, 0, 1, n) });
    leaveBatch();
  }
  t.true(host.wire.sent.length <= 1000);
});

test('icmp6: UDP without a checksum is dropped, unless the socket takes it (RFC 8200 §8.1, RFC 6935)', (t) => {
  const host = new Speaker();
  t.is(host.datagram(pattern(8), { summed: false }), Drop.UDP_CHECKSUM);
  t.is(host.datagram(pattern(8), { summed: false, to: 9 }), Drop.UDP_CHECKSUM);
  t.is(host.wire.sent.length, 0, 'and nobody is told');
  host.socket.zeroChecksum = true;
  t.is(host.datagram(pattern(8), { summed: false }), Drop.NONE);
  t.deepEqual(host.texts, [8]);
  t.is(host.stat('Udp6InCsumErrors'), 2);
});

test('icmp6: errors reach the socket whose datagram they quote (RFC 4443 §5.2)', (t) => {
  const cases: readonly [type: number, code: number, failure: Failure][] = [
    [Type.UNREACHABLE, 0, Failure.NET_UNREACHABLE],
    [Type.UNREACHABLE, 1, Failure.PROHIBITED],
    [Type.UNREACHABLE, 2, Failure.HOST_UNREACHABLE],
    [Type.UNREACHABLE, 3, Failure.HOST_UNREACHABLE],
    [Type.UNREACHABLE, 4, Failure.REFUSED],
    [Type.UNREACHABLE, 5, Failure.PROHIBITED],
    [Type.UNREACHABLE, 6, Failure.PROHIBITED],
    [Type.TIME_EXCEEDED, 0, Failure.HOST_UNREACHABLE],
    [Type.PARAMETER_PROBLEM, 1, Failure.PROTOCOL],
  ];
  for (const [type, code, failure] of cases) {
    const host = new Speaker();
    host.socket.receiveErrors = true;
    t.is(host.socket.connect(PEER6, 5000), Failure.NONE);
    host.socket.send(pattern(8), 0, 8);
    t.is(host.complain(host.out, type, code), Drop.NONE);
    t.deepEqual(host.errors, [failure], `${type} ${code}`);
  }
});

test('icmp6: an error about a packet that was not ours is nobody’s', (t) => {
  const host = new Speaker();
  host.socket.send(pattern(8), 0, 8, PEER6, 5000);
  const { out } = host;
  out.bytes[9] = 99; // from elsewhere
  t.is(host.complain(out, Type.UNREACHABLE, 4), Drop.ICMP_NO_MATCH);
  t.is(host.complain(new Read6(pattern(60)), Type.UNREACHABLE, 4), Drop.ICMP_MALFORMED);
});

test('icmp6: packet too big narrows the path to that address alone (RFC 8201 §5.1)', (t) => {
  const host = new Speaker();
  host.socket.send(pattern(1400), 0, 1400, PEER6, 5000);
  t.is(host.complain(host.out, Type.PACKET_TOO_BIG, 0, 1300), Drop.NONE);
  t.is(host.net.route(PEER6, ANY)?.mtu, 1300);
  t.is(host.net.route(ROUTER, ANY)?.mtu, 1500);
  host.socket.send(pattern(1400), 0, 1400, PEER6, 5000);
  t.is(host.wire.sent.length, 2, 'in fragments');
});

test('icmp6: a packet too big below 1280 is not believed (RFC 8201 §4)', (t) => {
  const host = new Speaker();
  host.socket.send(pattern(1400), 0, 1400, PEER6, 5000);
  t.is(host.complain(host.out, Type.PACKET_TOO_BIG, 0, 1279), Drop.ICMP_NO_MATCH);
  t.is(host.net.route(PEER6, ANY)?.mtu, 1500);
});

test('icmp6: ten thousand paths that turn out narrow are no more than are kept', (t) => {
  const host = new Speaker();
  for (let n = 0; n < 10_000; n++) {
    enterBatch();
    host.net.routes.hints.reduce(fromWords(0xfd83_0000, 0, 7, n), 1300, 0);
    leaveBatch();
  }
  const kept = addressCount();
  host.net.expire(3600e6);
  enterBatch();
  leaveBatch();
  t.true(kept - addressCount() >= 4090, `${kept} then ${addressCount()}`);
  t.true(kept - addressCount() <= 4100);
});

test('icmp6: flow labels are the same for a flow, and others for others (RFC 6437 §3)', (t) => {
  const label = (host: Speaker, port: number): number => {
    host.socket.send(pattern(8), 0, 8, PEER6, port);
    return host.out.flowLabel;
  };
  const host = new Speaker();
  const labels = Array.from({ length: 100 }, (_x, i) => label(host, 5000 + i));
  t.true(new Set(labels).size > 95);
  t.true(labels.every((one) => one > 0 && one <= 0xf_ffff));
  t.is(label(host, 5042), labels[42] ?? 0);
});
