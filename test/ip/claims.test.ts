/**
 * What a device claims of a packet, and how far it is believed. virtio 1.2 §5.1.6.4.1: without
 * VIRTIO_NET_F_GUEST_CSUM the flags are 0, without one of the offloads that need it the gso_type is NONE;
 * a device that says otherwise lies.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import type { Offload } from '../../src/stack/ip/interface.ts';
import { Check } from '../../src/stack/ip/packet.ts';
import { Gso } from '../../src/stack/wire/virtio.ts';
import { type Fields, Host, ip, PEER, packet, pattern, US, udp, Wire } from '../support/packets.ts';

const TCP = 6;
const UDP = 17;
const NEEDS_CSUM = 1;
const DATA_VALID = 2;
const ALL: Offload = { checksum: true, tso4: true, uso4: true };
const slots = { packetSize: 65_535, count: 200 };

/** A virtio header: flags, type and segment size, little-endian. */
const claim = (flags: number, gso: number, size: number): Uint8Array =>
  Uint8Array.of(flags, gso, 0, 0, size & 255, size >> 8, 0, 0, 0, 0);

/** A TCP segment with a header of 20 bytes and so much text. */
function segment(length: number): Uint8Array {
  const bytes = new Uint8Array(20 + length);
  bytes[12] = 5 << 4;
  return bytes;
}

/** What is believed of a packet with this claim, on a device with this offload. */
function believed(offload: Offload, fields: Fields, header: Uint8Array): [Check, number] {
  const host = new Host({ headerLength: 10, offload, slots });
  let seen: [Check, number] = [-1 as Check, -1];
  for (const number of [TCP, UDP, 253]) {
    host.net.setProtocol(number, {
      input: ({ check, gsoSize }) => {
        seen = [check, gsoSize];
        return Drop.NONE;
      },
      error: () => Drop.ICMP_NO_MATCH,
    });
  }
  host.input(packet(fields), host.iface, header);
  return seen;
}

const tcp = { protocol: TCP, body: segment(4000) };
const datagrams = { protocol: UDP, body: udp(PEER, 1, US, 2, pattern(4000)) };

test('claims: what was agreed is believed', (t) => {
  t.deepEqual(believed(ALL, tcp, claim(0, 0, 0)), [Check.NEEDED, 0]);
  t.deepEqual(believed(ALL, tcp, claim(NEEDS_CSUM, Gso.TCPV4, 1448)), [Check.BEGUN, 1448]);
  t.deepEqual(believed(ALL, tcp, claim(NEEDS_CSUM, Gso.TCPV4 | Gso.ECN, 1448)), [
    Check.BEGUN,
    1448,
  ]);
  t.deepEqual(believed(ALL, datagrams, claim(NEEDS_CSUM, Gso.UDP_L4, 500)), [Check.BEGUN, 500]);
  t.deepEqual(believed(ALL, tcp, claim(DATA_VALID, 0, 99)), [Check.DONE, 0]);
});

test('claims: a checksum is verified where no offload was agreed, whatever the device says', (t) => {
  const none = { checksum: false, tso4: false, uso4: false };
  for (const fields of [tcp, datagrams]) {
    t.deepEqual(believed(none, fields, claim(NEEDS_CSUM, 0, 0)), [Check.NEEDED, 0]);
    t.deepEqual(believed(none, fields, claim(DATA_VALID, 0, 0)), [Check.NEEDED, 0]);
    t.deepEqual(believed(none, fields, claim(NEEDS_CSUM, Gso.TCPV4, 1448)), [Check.NEEDED, 0]);
  }
});

test('claims: a packet is one where segmentation was not agreed, or is not of its kind', (t) => {
  const csum = { checksum: true, tso4: false, uso4: false };
  t.deepEqual(believed(csum, tcp, claim(NEEDS_CSUM, Gso.TCPV4, 1448)), [Check.BEGUN, 0]);
  t.deepEqual(believed(csum, datagrams, claim(NEEDS_CSUM, Gso.UDP_L4, 500)), [Check.BEGUN, 0]);
  t.deepEqual(believed(ALL, tcp, claim(NEEDS_CSUM, Gso.UDP_L4, 1448)), [Check.BEGUN, 0]);
  t.deepEqual(believed(ALL, tcp, claim(NEEDS_CSUM, Gso.TCPV6, 1448)), [Check.BEGUN, 0]);
  t.deepEqual(believed(ALL, datagrams, claim(NEEDS_CSUM, Gso.UDP, 500)), [Check.BEGUN, 0]);
  t.deepEqual(believed(ALL, tcp, claim(0, Gso.TCPV4, 1448)), [Check.NEEDED, 0]);
});

test('claims: nothing is believed of a packet that has no checksum, or no text', (t) => {
  const short = { protocol: TCP, body: new Uint8Array(16) };
  t.deepEqual(believed(ALL, short, claim(NEEDS_CSUM, 0, 0)), [Check.NEEDED, 0]);
  const header = segment(0);
  header[12] = 15 << 4; // a header that is longer than the packet
  const empty = { protocol: TCP, body: header };
  t.deepEqual(believed(ALL, empty, claim(NEEDS_CSUM, Gso.TCPV4, 1000)), [Check.BEGUN, 0]);
});

test('claims: nothing is believed of other protocols, and of fragments', (t) => {
  const other = { protocol: 253, body: pattern(100) };
  t.deepEqual(believed(ALL, other, claim(NEEDS_CSUM, Gso.TCPV4, 50)), [Check.NEEDED, 0]);
  const host = new Host({ forwarding: true, headerLength: 10, offload: ALL, slots });
  const far = new Wire(host.slots);
  host.addDevice('t1', far, ip('10.9.0.1'), 24);
  const piece = { destination: ip('10.9.0.2'), protocol: TCP, more: true, body: segment(1000) };
  host.input(packet(piece), host.iface, claim(NEEDS_CSUM, Gso.TCPV4, 100));
  t.deepEqual(far.take().body, segment(1000));
  t.is(far.sent.length, 0);
});

const bounds: [string, Fields, number, number, boolean][] = [
  [
    '128 datagrams',
    { protocol: UDP, body: udp(PEER, 1, US, 2, pattern(128)) },
    Gso.UDP_L4,
    1,
    true,
  ],
  [
    '129 datagrams',
    { protocol: UDP, body: udp(PEER, 1, US, 2, pattern(129)) },
    Gso.UDP_L4,
    1,
    false,
  ],
  ['1024 segments', { protocol: TCP, body: segment(1024 * 60) }, Gso.TCPV4, 60, true],
  ['1025 segments', { protocol: TCP, body: segment(1024 * 60 + 1) }, Gso.TCPV4, 60, false],
  ['segments of 35 bytes', { protocol: TCP, body: segment(70) }, Gso.TCPV4, 35, false],
  ['segments of none', { protocol: TCP, body: segment(70) }, Gso.TCPV4, 0, false],
];
for (const [what, fields, gso, size, passes] of bounds) {
  test(`claims: ${what} are ${passes ? '' : 'not '}believed`, (t) => {
    const seen = believed(ALL, fields, claim(NEEDS_CSUM, gso, size));
    t.deepEqual(seen, [Check.BEGUN, passes ? size : 0]);
  });
}

test('claims: one packet is not made 65 000 of by a segment size of 1', (t) => {
  const host = new Host({ forwarding: true, headerLength: 10, offload: ALL, slots });
  const far = new Wire(host.slots);
  host.addDevice('t1', far, ip('10.9.0.1'), 24);
  const destination = ip('10.9.0.2');
  const text = { destination, protocol: TCP, dontFragment: true, body: segment(65_000) };
  t.is(host.input(packet(text), host.iface, claim(NEEDS_CSUM, Gso.TCPV4, 1)), Drop.IP_TOO_BIG);
  t.is(far.sent.length, 0);
  const batch = { destination, protocol: UDP, body: udp(PEER, 1, destination, 2, pattern(65_000)) };
  t.is(host.input(packet(batch), host.iface, claim(NEEDS_CSUM, Gso.UDP_L4, 1)), Drop.NONE);
  t.is(far.sent.length, Math.ceil(65_008 / 1480), 'fragments of one datagram');
  t.true(host.balanced);
});
