/**
 * What a packet must be to be taken in. RFC 791 §3.1, RFC 1122 §3.2.1.
 * @module
 */
import test from 'ava';
import { BROADCAST } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import type { Check, Packet } from '../../../src/stack/ip/packet.ts';
import { HEADROOM } from '../../../src/stack/memory/slots.ts';
import {
  Host,
  type HostOptions,
  icmp,
  ip,
  PEER,
  packet,
  pattern,
  US,
} from '../../support/packets.ts';

interface Seen {
  text: Uint8Array;
  ttl: number;
  tos: number;
  unicast: boolean;
  check: Check;
  gsoSize: number;
  transient: boolean;
}

function listening(options: HostOptions = {}): { host: Host; seen: Seen[] } {
  const host = new Host(options);
  const seen: Seen[] = [];
  host.net.setProtocol(253, {
    input(p: Packet) {
      const { ttl, tos, unicast, check, gsoSize, transient } = p;
      const text = host.bytes(p.body, p.bodyLength);
      seen.push({ text, ttl, tos, unicast, check, gsoSize, transient });
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  return { host, seen };
}

test('input: a packet to us reaches its protocol with what its header says', (t) => {
  const { host, seen } = listening();
  t.is(host.input(packet({ ttl: 7, tos: 0xb8, body: pattern(100) })), Drop.NONE);
  t.deepEqual(seen[0]?.text, pattern(100));
  t.is(seen[0]?.ttl, 7);
  t.is(seen[0]?.tos, 0xb8);
  t.true(seen[0]?.unicast);
  t.true(host.balanced);
  t.is(host.stat('IpInDelivers'), 1);
});

test('input: what the link added after the packet is no part of it', (t) => {
  const { host, seen } = listening();
  const padded = new Uint8Array(46);
  padded.set(packet({ body: pattern(3) }));
  t.is(host.input(padded), Drop.NONE);
  t.is(seen[0]?.text.length, 3);
});

const malformed: [string, Drop, (p: Uint8Array) => Uint8Array][] = [
  ['19 bytes are no header', Drop.IP_TRUNCATED, (p) => p.subarray(0, 19)],
  ['an empty frame is no packet', Drop.IP_TRUNCATED, (p) => p.subarray(0, 0)],
  ["version 5 is nobody's", Drop.IP_VERSION, (p) => Uint8Array.from(p).fill(0x55, 0, 1)],
  ['a header of 16 bytes is too short', Drop.IP_HEADER, (p) => p.fill(0x44, 0, 1)],
  ['a total length below the header is refused', Drop.IP_HEADER, (p) => p.fill(0, 2, 4)],
  ['a header longer than the packet is refused', Drop.IP_HEADER, (p) => p.fill(0x4f, 0, 1)],
  ['a packet that was cut is refused', Drop.IP_TRUNCATED, (p) => p.subarray(0, p.length - 1)],
  ['one wrong bit in the header is noticed', Drop.IP_CHECKSUM, (p) => p.fill(1, 8, 9)],
];
for (const [name, reason, damage] of malformed) {
  test(`input: ${name}`, (t) => {
    const { host, seen } = listening();
    t.is(host.input(damage(packet({ body: pattern(20) }))), reason);
    t.is(seen.length, 0);
    t.is(host.net.drops[reason], 1);
    t.is(host.stat('IpInHdrErrors'), 1);
    t.is(host.wire.sent.length, 0);
    t.true(host.balanced);
  });
}

const noHosts = ['224.0.0.5', '255.255.255.255', '240.0.0.1', '0.0.0.0', '127.0.0.1', '10.0.0.255'];
for (const source of [...noHosts, '10.0.0.2']) {
  test(`input: a packet from outside does not come from ${source}`, (t) => {
    const { host } = listening();
    t.is(host.input(packet({ source: ip(source) })), Drop.IP_SOURCE);
    t.is(host.wire.sent.length, 0);
  });
}

// What was found of the last packet's source is remembered, for as long as our addresses stay as they are.
test('input: a source that was good is refused once it is an address of ours', (t) => {
  const { host } = listening();
  const from = { source: ip('192.168.1.1') };
  t.is(host.input(packet(from)), Drop.NONE);
  t.is(host.input(packet(from)), Drop.NONE);
  t.is(host.input(packet({ ...from, destination: ip('127.0.0.1') })), Drop.IP_SOURCE);
  host.addDevice('t1', host.wire, ip('192.168.1.1'), 24);
  t.is(host.input(packet(from)), Drop.IP_SOURCE);
});

test('input: a packet from outside does not go to 127.0.0.1', (t) => {
  const { host } = listening();
  t.is(host.input(packet({ destination: ip('127.0.0.1') })), Drop.IP_SOURCE);
});

test('input: a packet to another host is dropped without an answer', (t) => {
  const { host, seen } = listening();
  t.is(host.input(packet({ destination: ip('10.0.0.3') })), Drop.IP_NOT_OURS);
  t.is(host.input(packet({ destination: ip('0.0.0.0') })), Drop.IP_NOT_OURS);
  t.is(seen.length + host.wire.sent.length, 0);
  t.is(host.stat('IpInAddrErrors'), 2);
});

test('input: an interface without an address takes nothing in but broadcasts', (t) => {
  const { host, seen } = listening();
  const bare = host.addDevice('t1', host.wire, undefined, 0);
  t.is(host.input(packet({ destination: ip('0.0.0.0') }), bare), Drop.IP_NOT_OURS);
  t.is(host.input(packet({ destination: ip('10.9.0.1') }), bare), Drop.IP_NOT_OURS);
  t.is(host.input(packet({ destination: BROADCAST }), bare), Drop.NONE);
  t.is(seen.length, 1);
});

test('input: a weak host takes a packet for any of its addresses from any interface', (t) => {
  const { host, seen } = listening();
  const other = host.addDevice('t1', host.wire, ip('192.168.1.1'), 24);
  t.is(host.input(packet({ source: ip('192.168.1.9') }), other), Drop.NONE);
  t.is(seen.length, 1);
});

test('input: broadcasts are taken in and marked, of the link and of our prefix', (t) => {
  const { host, seen } = listening();
  t.is(host.input(packet({ destination: BROADCAST })), Drop.NONE);
  t.is(host.input(packet({ destination: ip('10.0.0.255') })), Drop.NONE);
  t.deepEqual(
    seen.map((s) => s.unicast),
    [false, false],
  );
});

// RFC 8200 §3: version 6 is another protocol, and no broken header of IPv4.
test('input: without an address of IPv6, packets of it are for others', (t) => {
  const { host } = listening();
  t.is(host.input(packet({}).fill(0x65, 0, 1)), Drop.IP_NO_FAMILY);
  t.is(host.stat('IpInReceives') + host.stat('IpInHdrErrors'), 0);
  t.is(host.stat('Ip6InReceives'), 1);
  t.is(host.stat('Ip6InDiscards'), 1);
});

test('input: a multicast packet is taken in by members only', (t) => {
  const { host, seen } = listening();
  const group = ip('239.1.2.3');
  t.is(host.input(packet({ destination: group })), Drop.IP_NOT_MEMBER);
  t.true(host.net.multicast.join(host.iface, group));
  t.is(host.input(packet({ destination: group })), Drop.NONE);
  t.true(host.net.multicast.leave(host.iface, group));
  t.is(host.input(packet({ destination: group })), Drop.IP_NOT_MEMBER);
  t.is(host.stat('IpInAddrErrors'), 0, 'RFC 1112 §7.2: no error');
  t.deepEqual(
    seen.map((s) => s.unicast),
    [false],
  );
});

test('input: an interface that accepts any address takes in every unicast packet', (t) => {
  const { host, seen } = listening();
  host.iface.acceptAny = true;
  t.is(host.input(packet({ destination: ip('93.184.216.34') })), Drop.NONE);
  t.is(host.input(packet({ destination: ip('239.1.1.1') })), Drop.IP_NOT_MEMBER);
  t.is(host.input(packet({ destination: ip('0.0.0.1') })), Drop.IP_NOT_OURS);
  t.true(seen[0]?.unicast);
});

test('input: options are walked and ignored', (t) => {
  const { host, seen } = listening();
  const options = [7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0];
  t.is(host.input(packet({ options, body: pattern(8) })), Drop.NONE);
  t.deepEqual(seen[0]?.text, pattern(8));
});

test('input: a source route, loose or strict, is refused without an answer', (t) => {
  const { host } = listening();
  for (const kind of [131, 137]) {
    const options = [1, kind, 7, 4, 10, 0, 0, 9];
    t.is(host.input(packet({ options })), Drop.IP_SOURCE_ROUTE);
  }
  t.is(host.wire.sent.length, 0);
});

test('input: options that do not hold together are answered with a parameter problem', (t) => {
  const { host } = listening();
  for (const options of [
    [7, 1, 0, 0],
    [7, 9, 4, 0],
    [1, 1, 1, 7],
  ]) {
    t.is(host.input(packet({ options })), Drop.IP_OPTIONS);
    const answer = host.wire.take();
    t.is(answer.u8(0), 12);
    t.is(answer.u8(4), 20);
    t.true(answer.icmpGood);
  }
});

test('input: a TTL of 0 or 1 does not keep a packet from us', (t) => {
  const { host, seen } = listening();
  t.is(host.input(packet({ ttl: 0 })), Drop.NONE);
  t.is(host.input(packet({ ttl: 1 })), Drop.NONE);
  t.is(seen.length, 2);
});

test('input: a protocol that is not there is reported', (t) => {
  const { host } = listening();
  t.is(host.input(packet({ protocol: 200, body: pattern(40) })), Drop.IP_PROTOCOL);
  const answer = host.wire.take();
  t.is(answer.destination, PEER);
  t.is(answer.source, US);
  t.deepEqual([answer.u8(0), answer.u8(1)], [3, 2]);
  t.deepEqual(answer.body.subarray(8), packet({ protocol: 200, body: pattern(40) }));
  t.true(answer.icmpGood && answer.headerGood);
});

test('input: a frame shorter than the virtio header is refused', (t) => {
  const { host } = listening({ headerLength: 10 });
  t.is(host.net.input(host.iface, 65_536 + 38, 9), Drop.IP_TRUNCATED);
});

test('input: an echo request is answered from the slot it came in', (t) => {
  const { host } = listening();
  const before = host.slots.free;
  const body = icmp(8, 0, 0x1234_0007, pattern(56));
  t.is(host.input(packet({ protocol: 1, tos: 0x10, body })), Drop.NONE);
  const reply = host.wire.take();
  t.deepEqual(reply.body, icmp(0, 0, 0x1234_0007, pattern(56)));
  t.is(reply.source, US);
  t.is(reply.destination, PEER);
  t.is(reply.ttl, 64);
  t.is(reply.tos, 0x10);
  t.true(reply.headerGood);
  t.is(host.slots.free, before);
  t.true(host.balanced);
});

/** Hand in the first `kept` bytes of a packet. */
function inputCut(host: Host, bytes: Uint8Array, kept: number): void {
  const slot = host.slots.acquire();
  host.slots.bytes.set(bytes.subarray(0, kept), slot + HEADROOM);
  host.net.inputCut(host.iface, slot + HEADROOM, kept);
  host.slots.release(slot);
  host.net.flush();
}

// RFC 1191 §4: "fragmentation needed and DF set" with the next hop's MTU in the low 16 bits.
test('input: the sender of a packet longer than a slot is told what passes', (t) => {
  const host = new Host();
  inputCut(host, packet({ dontFragment: true, body: pattern(4000) }), 1500);
  const [answer] = host.wire.sent;
  t.deepEqual([answer?.[20], answer?.[21]], [3, 4]);
  t.is(((answer?.[26] ?? 0) << 8) | (answer?.[27] ?? 0), 1500);
  t.is(host.net.drops[Drop.TOO_LONG], 1);
  t.true(host.balanced);
});

test('input: of a packet longer than a slot nothing is said where that would not help', (t) => {
  const host = new Host();
  const body = pattern(4000);
  inputCut(host, packet({ body }), 1500); // without DF
  inputCut(host, packet({ dontFragment: true, body, source: BROADCAST }), 1500);
  inputCut(host, packet({ dontFragment: true, body, offset: 1480 }), 1500);
  inputCut(host, packet({ dontFragment: true, body }), 40); // cut within what a header may be
  const wrong = packet({ dontFragment: true, body });
  wrong[10] = (wrong[10] ?? 0) ^ 1;
  inputCut(host, wrong, 1500);
  t.is(host.wire.sent.length, 0);
  t.is(host.net.drops[Drop.TOO_LONG], 5);
  t.true(host.balanced);
});
