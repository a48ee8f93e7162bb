/**
 * Fragments of IPv6, out and in. RFC 8200 §4.5; RFC 5722 (overlaps), RFC 6946 (atomic ones), RFC 7112 (the whole
 * chain in the first), RFC 7739 (identifications), RFC 8021 (none for a small MTU).
 * @module
 */
import test from 'ava';
import { ANY } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { Type } from '../../../src/stack/wire/icmp6.ts';
import { pattern } from '../../support/packets.ts';
import {
  extension,
  type Fields6,
  fragment,
  Host6,
  ip6,
  PEER6,
  packet6,
  US6,
} from '../../support/packets6.ts';

const SECOND = 1e6;
const PROTOCOL = 253;

function listening(): { host: Host6; got: Uint8Array[] } {
  const host = new Host6();
  const got: Uint8Array[] = [];
  host.net.setProtocol(PROTOCOL, {
    input: (p) => {
      got.push(host.bytes(p.body, p.bodyLength));
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  return { host, got };
}

/** The bytes `from` to `to` of a pattern, as a fragment. */
const piece = (from: number, to: number, more: boolean, fields: Fields6 = {}, id = 1): Fields6 => ({
  extensions: [fragment(from, more, id)],
  body: pattern(3000).subarray(from, to),
  ...fields,
});

test('fragments: in any order they become the packet that they were', (t) => {
  const { host, got } = listening();
  t.is(host.take(piece(2000, 3000, false)), Drop.NONE);
  t.is(host.take(piece(0, 1000, true)), Drop.NONE);
  t.is(got.length, 0);
  t.is(host.take(piece(1000, 2000, true)), Drop.NONE);
  t.deepEqual(got, [pattern(3000)]);
  t.is(host.stat('Ip6ReasmOKs'), 1);
  t.is(host.stat('Ip6ReasmReqds'), 3);
  t.true(host.balanced);
});

test('fragments: the protocol is not among what names a packet (RFC 8200 §4.5)', (t) => {
  const { host, got } = listening();
  host.take(piece(0, 1000, true));
  host.take(piece(1000, 1500, false, { protocol: 7 }));
  t.is(got[0]?.length, 1500, 'what the first fragment says counts');
});

test('fragments: an overlap ends the packet, and all that still comes of it (RFC 5722 §4)', (t) => {
  const { host, got } = listening();
  t.is(host.take(piece(0, 1000, true)), Drop.NONE);
  t.is(host.take(piece(992, 2000, true)), Drop.IP_FRAGMENT_OVERLAP);
  t.is(host.take(piece(1000, 3000, false)), Drop.IP_FRAGMENT_OVERLAP);
  t.is(got.length, 0);
  t.is(host.wire.sent.length, 0, 'silently');
  t.is(host.stat('IpExtReasmOverlaps'), 0, "that is IPv4's");
});

test('fragments: the longest packet, 65 535 octets and its header, lies in no slot (RFC 8200 §3)', (t) => {
  const { host, got } = listening();
  const { bytes, scratchSize } = host.slots;
  t.is(host.slots.acquire(), scratchSize, 'the first slot is nobody else’s');
  bytes.fill(0xee, scratchSize, scratchSize + 64);
  const whole = pattern(65_535);
  for (let at = 0; at < whole.length; at += 1024) {
    const end = Math.min(at + 1024, whole.length);
    const extensions = [fragment(at, end < whole.length)];
    t.is(host.take({ extensions, body: whole.subarray(at, end) }), Drop.NONE);
  }
  t.deepEqual(got, [whole]);
  t.true(bytes.subarray(scratchSize, scratchSize + 64).every((byte) => byte === 0xee));
});

test('fragments: one that is a whole packet stands alone (RFC 6946)', (t) => {
  const { host, got } = listening();
  t.is(host.take(piece(0, 1000, true)), Drop.NONE);
  t.is(host.take({ extensions: [fragment(0, false)], body: pattern(50) }), Drop.NONE);
  t.deepEqual(got, [pattern(50)], 'though it has the identification of another');
  t.is(host.take(piece(1000, 3000, false)), Drop.NONE);
  t.is(got.length, 2);
});

test('fragments: a length that is no multiple of 8 is told, and so is an end past 65 535', (t) => {
  const { host } = listening();
  t.is(host.take(piece(0, 1001, true)), Drop.IP_FRAGMENT);
  const length = host.out;
  t.deepEqual([length.u8(0), length.u8(1), length.u32(4)], [Type.PARAMETER_PROBLEM, 0, 4]);
  const far = { extensions: [fragment(65_528, false)], body: pattern(16) };
  t.is(host.take(far), Drop.IP_FRAGMENT);
  t.is(host.wire.sent.length, 0, 'not the first: no error is about it (RFC 4443 §2.4)');
});

test('fragments: the first has the whole header chain, or is refused (RFC 7112 §5)', (t) => {
  const { host, got } = listening();
  const first = { protocol: 6, extensions: [fragment(0, true)], body: pattern(16) };
  t.is(host.take(first), Drop.IP_FRAGMENT);
  const { out } = host;
  t.deepEqual([out.u8(0), out.u8(1)], [Type.PARAMETER_PROBLEM, 3]);
  const options = extension(60, 1, 4, 0, 0, 0, 0);
  const cut = { protocol: 17, extensions: [fragment(0, true), options], body: new Uint8Array(0) };
  t.is(host.take(cut), Drop.IP_FRAGMENT);
  t.is(got.length, 0);
  t.true(host.balanced);
});

test('fragments: what does not come in 60 s is given up, and told if the first is there', (t) => {
  const { host } = listening();
  host.take(piece(0, 1000, true));
  host.take(piece(1000, 2000, true, {}, 2));
  host.net.expire(59 * SECOND);
  t.is(host.wire.sent.length, 0);
  host.net.expire(60 * SECOND);
  t.is(host.wire.sent.length, 1);
  const { out } = host;
  t.deepEqual([out.u8(0), out.u8(1)], [Type.TIME_EXCEEDED, 1]);
  t.is(host.stat('Ip6ReasmTimeout'), 2);
  t.true(host.balanced);
});

test('fragments: a thousand packets of one source hold no more than its share', (t) => {
  const { host } = listening();
  for (let id = 0; id < 1000; id++) host.take(piece(0, 1000, true, {}, id));
  t.is(host.net.fragments6.length, 64);
  t.is(host.net.fragments.length, 0, "none of IPv4's room");
  host.net.expire(3600 * SECOND);
  t.is(host.net.fragments6.pages.used, 0);
  t.true(host.balanced);
});

test('fragments: out, they fit the path, count in eights and have one identification', (t) => {
  const host = new Host6({ slots: { count: 256, packetSize: 1500 } });
  const ids = new Set<number>();
  for (let n = 0; n < 50; n++) {
    const route = host.net.route(PEER6, ANY);
    if (route === undefined) return t.fail('no route');
    const at = host.net.output.reserve(route);
    const text = pattern(4000, n);
    const sent = host.net.output.sendLarge(route, US6, PROTOCOL, at, 0, text, 0, 4000);
    t.is(sent, Failure.NONE);
    let offset = 0;
    for (const more of [true, true, false]) {
      const { out } = host;
      t.is(out.next, 44);
      t.is(out.u16(2), offset | (more ? 1 : 0));
      t.true(out.bytes.length <= 1500);
      t.deepEqual(out.body.subarray(8), text.subarray(offset, offset + out.body.length - 8));
      ids.add(out.u32(4));
      offset += out.body.length - 8;
    }
    t.is(offset, 4000);
  }
  t.is(ids.size, 50);
  const steps = [...ids].map((id, i, all) => id - (all[i - 1] ?? 0)).slice(1);
  t.true(new Set(steps).size > 25, 'by no step that could be known (RFC 7739 §5.1)');
  t.is(host.stat('Ip6FragCreates'), 150);
});

test('fragments: no packet has a fragment header that needs none (RFC 8021)', (t) => {
  const host = new Host6();
  host.net.routes.hints.reduce(PEER6, 1000, 0);
  const route = host.net.route(PEER6, ANY);
  if (route === undefined) return t.fail('no route');
  t.is(route.mtu, 1280, 'nor is any path narrower (RFC 8201 §4)');
  const at = host.net.output.reserve(route);
  host.net.output.send(route, US6, PROTOCOL, at, 1240);
  t.is(host.out.next, PROTOCOL);
});

test('fragments: two senders and two receivers are told apart', (t) => {
  const { host, got } = listening();
  const other = ip6('fd83::77');
  host.take(piece(0, 1000, true));
  host.take(piece(1000, 1500, false, { source: other }));
  t.is(got.length, 0);
  host.take(piece(0, 1000, true, { source: other }));
  t.is(got.length, 1);
  t.is(packet6({}).length, 40);
});

test('fragments: congestion that one met all met, and none that says it cannot (RFC 3168 §5.3)', (t) => {
  const host = new Host6();
  const classes: number[] = [];
  host.net.setProtocol(PROTOCOL, {
    input: (p) => {
      classes.push(p.tos);
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  const [CAPABLE, MET, NOT] = [0xb8 | 2, 0xb8 | 3, 0xb8];
  host.take(piece(0, 1000, true, { trafficClass: CAPABLE }));
  t.is(host.take(piece(1000, 1500, false, { trafficClass: MET })), Drop.NONE);
  t.deepEqual(classes, [MET]);
  host.take(piece(0, 1000, true, { trafficClass: NOT }, 2));
  t.is(host.take(piece(1000, 1500, false, { trafficClass: MET }, 2)), Drop.IP_FRAGMENT);
  t.is(classes.length, 1);
  t.true(host.balanced);
});
