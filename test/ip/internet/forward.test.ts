/**
 * Forwarding between two devices. RFC 1812 §5.2, §5.3.
 * @module
 */
import test from 'ava';
import type { Address } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import type { Interface } from '../../../src/stack/ip/interface.ts';
import { setDestination, setSource } from '../../../src/stack/ip/internet/rewrite.ts';
import * as checksums from '../../../src/stack/wire/checksum.ts';
import {
  Host,
  type HostOptions,
  ip,
  PEER,
  packet,
  pattern,
  Read,
  udp,
  Wire,
} from '../../support/packets.ts';

const FAR = ip('10.1.0.9');
const INSIDE = ip('10.1.0.2');

/** 10.0.0.2/24 on one side, 10.1.0.2/24 on the other. */
class Router extends Host {
  readonly far: Wire;
  readonly farSide: Interface;

  constructor(options: HostOptions = {}, far: HostOptions = {}) {
    super({ forwarding: true, ...options });
    this.far = new Wire(this.slots);
    this.farSide = this.addDevice('t1', this.far, INSIDE, 24, far);
  }
}

test('forward: a packet for the other side goes there, with a TTL one less', (t) => {
  const host = new Router();
  const body = pattern(100);
  t.is(host.input(packet({ destination: FAR, ttl: 9, tos: 3, id: 7, body })), Drop.NONE);
  const sent = host.far.take();
  t.deepEqual([sent.ttl, sent.tos, sent.id], [8, 3, 7]);
  t.deepEqual([sent.source, sent.destination], [PEER, FAR]);
  t.deepEqual(sent.body, body);
  t.true(sent.headerGood);
  t.is(host.stat('IpForwDatagrams'), 1);
  t.true(host.balanced);
});

test('forward: it is off unless asked for', (t) => {
  const host = new Router({ forwarding: false });
  t.is(host.input(packet({ destination: FAR })), Drop.IP_NOT_OURS);
});

test('forward: every TTL is counted down with the right checksum', (t) => {
  const host = new Router();
  for (let ttl = 2; ttl < 256; ttl++) {
    host.input(packet({ destination: FAR, ttl, id: ttl * 257 }));
    const sent = host.far.take();
    t.true(sent.headerGood && sent.ttl === ttl - 1);
  }
});

test('forward: at a TTL of 1 the sender is told', (t) => {
  const host = new Router();
  for (const ttl of [0, 1]) {
    const bytes = packet({ destination: FAR, ttl, body: pattern(20) });
    t.is(host.input(bytes), Drop.IP_TTL);
    const report = host.wire.take();
    t.deepEqual([report.u8(0), report.u8(1)], [11, 0]);
    t.is(report.source, ip('10.0.0.2'));
    t.deepEqual(report.body.subarray(8), bytes);
  }
  t.true(host.balanced);
});

test('forward: without a route the sender is told', (t) => {
  const host = new Router();
  t.is(host.input(packet({ destination: ip('8.8.8.8') })), Drop.IP_NO_ROUTE);
  const report = host.wire.take();
  t.deepEqual([report.u8(0), report.u8(1)], [3, 0]);
});

test('forward: what is too long and has DF is reported with the MTU', (t) => {
  const host = new Router({}, { mtu: 600 });
  const bytes = packet({ destination: FAR, dontFragment: true, body: pattern(700) });
  t.is(host.input(bytes), Drop.IP_TOO_BIG);
  const report = host.wire.take();
  t.deepEqual([report.u8(0), report.u8(1), report.u16(6)], [3, 4, 600]);
  t.deepEqual(report.body.subarray(8), bytes.subarray(0, 548));
  t.is(host.far.sent.length, 0);
});

test('forward: what is too long goes on in fragments, options copied as they say', (t) => {
  const host = new Router({}, { mtu: 100 });
  // Record route is for the first fragment only, router alert is for all.
  const options = [7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0];
  const body = pattern(200);
  host.input(packet({ destination: FAR, options, id: 5, offset: 80, more: true, body }));
  const pieces = host.far.sent.splice(0).map((b) => new Read(b));
  t.deepEqual(
    pieces.map((p) => p.headerLen),
    [32, 24, 24],
  );
  t.deepEqual(
    pieces.map((p) => p.offset),
    [80, 144, 216],
  );
  t.true(pieces.every((p) => p.more && p.id === 5 && p.headerGood && p.totalLen <= 100));
  t.deepEqual(Uint8Array.from(pieces.flatMap((p) => [...p.body])), body);
  t.deepEqual([...(pieces[1]?.bytes.subarray(20, 24) ?? [])], [148, 4, 0, 0]);
  t.true(host.balanced);
});

test('forward: groups, broadcasts, loopback and this-network addresses stay here', (t) => {
  const host = new Router();
  for (const to of ['224.0.0.9', '255.255.255.255', '10.1.0.255', '0.1.2.3', '240.0.0.1']) {
    host.input(packet({ destination: ip(to) }));
  }
  t.is(host.far.sent.length, 0);
  t.is(host.input(packet({ destination: ip('127.0.0.1') })), Drop.IP_SOURCE);
});

test('forward: a packet waits for a device that is full', (t) => {
  const host = new Router();
  host.far.open = false;
  host.input(packet({ destination: FAR, body: pattern(9) }));
  t.is(host.slots.free, host.slots.count - 1);
  host.far.open = true;
  host.net.writable(host.farSide);
  t.deepEqual(host.far.take().body, pattern(9));
  t.true(host.balanced);
});

test('forward: a hook may stop a packet', (t) => {
  const host = new Router();
  host.net.hooks.forward = () => 1;
  t.is(host.input(packet({ destination: FAR })), Drop.IP_FILTERED);
  t.is(host.far.sent.length, 0);
  t.true(host.balanced);
});

/** A TCP segment of `length` bytes of text whose checksum holds the pseudo-header only. */
function begunTcp(
  source: Address,
  destination: Address,
  length: number,
  flags: number,
): Uint8Array {
  const segment = new Uint8Array(20 + length);
  const v = new DataView(segment.buffer);
  v.setUint16(0, 1000);
  v.setUint16(2, 80);
  v.setUint32(4, 0xffff_ff00);
  v.setUint8(12, 5 << 4);
  v.setUint8(13, flags);
  segment.set(pattern(length), 20);
  let sum = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  sum += 6 + segment.length;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  v.setUint16(16, sum);
  return segment;
}

const OFFLOAD = { checksum: true, tso4: true, uso4: true };
const virtio = (gso: number, size: number): Uint8Array =>
  Uint8Array.of(1, gso, 40, 0, size & 255, size >> 8, 20, 0, 16, 0);

test('forward: a checksum that was begun is completed for a device that cannot', (t) => {
  const host = new Router({ headerLength: 10, offload: OFFLOAD });
  const body = begunTcp(PEER, FAR, 101, 0x10);
  const bytes = packet({ destination: FAR, protocol: 6, body });
  t.is(host.input(bytes, host.iface, virtio(0, 0)), Drop.NONE);
  t.true(host.far.take().transportGood);
});

test('forward: offload is passed on to a device that has it', (t) => {
  const slots = { packetSize: 65_535, count: 8 };
  const host = new Router(
    { headerLength: 10, offload: OFFLOAD, slots },
    { headerLength: 12, offload: OFFLOAD },
  );
  const body = begunTcp(PEER, FAR, 5000, 0x10);
  const bytes = packet({ destination: FAR, protocol: 6, dontFragment: true, body });
  t.is(host.input(bytes, host.iface, virtio(1, 1400)), Drop.NONE);
  const sent = host.far.sent[0] ?? new Uint8Array(0);
  t.deepEqual([...sent.subarray(0, 12)], [...virtio(1, 1400), 0, 0]);
  t.deepEqual(sent.subarray(32), body);
});

test('forward: large segments are cut for a device that cannot', (t) => {
  const slots = { packetSize: 65_535, count: 64 };
  const host = new Router({ headerLength: 10, offload: OFFLOAD, slots });
  const body = begunTcp(PEER, FAR, 5000, 0x80 | 0x10 | 0x08 | 0x01); // CWR ACK PSH FIN
  const bytes = packet({ destination: FAR, protocol: 6, dontFragment: true, id: 9, body });
  t.is(host.input(bytes, host.iface, virtio(1, 1400)), Drop.NONE);
  const pieces = host.far.sent.splice(0).map((b) => new Read(b));
  t.deepEqual(
    pieces.map((p) => p.body.length - 20),
    [1400, 1400, 1400, 800],
  );
  t.deepEqual(
    pieces.map((p) => p.u8(13)),
    [0x90, 0x10, 0x10, 0x19],
  );
  t.deepEqual(
    pieces.map((p) => p.id),
    [9, 10, 11, 12],
  );
  t.deepEqual(
    pieces.map((p) => p.view.getInt32(24)),
    [-256, 1144, 2544, 3944],
  );
  t.true(pieces.every((p) => p.transportGood && p.headerGood && p.ttl === 63));
  const text = Uint8Array.from(pieces.flatMap((p) => [...p.body.subarray(20)]));
  t.deepEqual(text, pattern(5000));
  t.true(host.balanced);
});

test('forward: segments that are too long for the path are reported, not cut further', (t) => {
  const slots = { packetSize: 65_535, count: 64 };
  const host = new Router({ headerLength: 10, offload: OFFLOAD, slots }, { mtu: 1280 });
  const body = begunTcp(PEER, FAR, 5000, 0x10);
  const bytes = packet({ destination: FAR, protocol: 6, dontFragment: true, body });
  t.is(host.input(bytes, host.iface, virtio(1, 1400)), Drop.IP_TOO_BIG);
  const report = host.wire.take(10);
  t.deepEqual([report.u8(0), report.u8(1), report.u16(6)], [3, 4, 1280]);
});

test('forward: a batch of datagrams is cut into them for a device that cannot', (t) => {
  const slots = { packetSize: 65_535, count: 64 };
  const host = new Router({ headerLength: 10, offload: OFFLOAD, slots });
  const body = udp(PEER, 1, FAR, 2, pattern(1000));
  host.input(packet({ destination: FAR, protocol: 17, body }), host.iface, virtio(5, 400));
  const pieces = host.far.sent.splice(0).map((b) => new Read(b));
  t.deepEqual(
    pieces.map((p) => p.u16(4)),
    [408, 408, 208],
  );
  t.true(pieces.every((p) => p.transportGood && p.headerGood));
});

test('rewrite: addresses and ports change with all checksums right, there and back', (t) => {
  const host = new Router();
  const outside = INSIDE;
  host.net.hooks.forward = (p) => {
    setSource(host.slots.view, p, outside, 40_000);
    return 2;
  };
  host.net.hooks.input = (p) => {
    if (p.destination !== outside) return 0;
    setDestination(host.slots.view, p, PEER, 5000);
    return 2;
  };
  for (let i = 0; i < 300; i++) {
    const body = udp(PEER, 5000, FAR, 53, pattern(i, i));
    host.input(packet({ destination: FAR, protocol: 17, body }));
    const out = host.far.take();
    t.is(out.source, outside);
    t.is(out.u16(0), 40_000);
    t.true(out.headerGood && out.transportGood);
  }
  host.net.hooks.forward = null;
  const answer = udp(FAR, 53, outside, 40_000, pattern(30));
  host.input(
    packet({ source: FAR, destination: outside, protocol: 17, body: answer }),
    host.farSide,
  );
  const back = host.wire.take();
  t.is(back.destination, PEER);
  t.is(back.u16(2), 5000);
  t.true(back.headerGood && back.transportGood);
  t.true(host.balanced);
});

test('rewrite: a checksum that was begun, and none at all, stay what they are', (t) => {
  const host = new Router({ headerLength: 10, offload: OFFLOAD });
  host.net.hooks.forward = (p) => {
    setSource(host.slots.view, p, INSIDE, 40_000);
    return 2;
  };
  const body = begunTcp(PEER, FAR, 101, 0x10);
  host.input(packet({ destination: FAR, protocol: 6, body }), host.iface, virtio(0, 0));
  t.true(host.far.take().transportGood);
  const bare = udp(PEER, 5000, FAR, 53, pattern(5), false);
  host.input(packet({ destination: FAR, protocol: 17, body: bare }), host.iface);
  t.is(host.far.take().u16(6), 0);
});

test('rewrite: a hook on output knows which checksum is only begun', (t) => {
  const host = new Router(
    { headerLength: 10, offload: OFFLOAD },
    { headerLength: 10, offload: OFFLOAD },
  );
  host.net.hooks.output = (p) => {
    setSource(host.slots.view, p, INSIDE, 40_000);
    return 2;
  };
  const body = begunTcp(PEER, FAR, 100, 0x10);
  host.input(packet({ destination: FAR, protocol: 6, body }), host.iface, virtio(0, 0));
  const sent = host.far.take(10);
  // What the device does: sum from the transport header on, and complement.
  const sum = checksums.finish(checksums.sumBytes(sent.body, 0, sent.body.length));
  sent.view.setUint16(36, sum);
  t.is(sent.u16(0), 40_000);
  t.true(sent.transportGood && sent.headerGood);
});

test('rewrite: a later fragment has no ports to change', (t) => {
  const host = new Router();
  host.net.hooks.forward = (p) => {
    setSource(host.slots.view, p, INSIDE, 40_000);
    return 2;
  };
  const body = pattern(64);
  host.input(packet({ destination: FAR, protocol: 17, offset: 64, body }));
  const sent = host.far.take();
  t.deepEqual(sent.body, body);
  t.true(sent.headerGood);
});

test('forward: with an input hook, fragments are put together and cut again', (t) => {
  const host = new Router();
  const sizes: number[] = [];
  host.net.hooks.input = (p) => {
    sizes.push(p.bodyLength);
    return 0;
  };
  const body = pattern(3000);
  host.input(packet({ destination: FAR, more: true, id: 3, body: body.subarray(0, 1480) }));
  host.input(
    packet({ destination: FAR, offset: 1480, id: 3, body: body.subarray(1480, 1488), more: true }),
  );
  host.input(packet({ destination: FAR, offset: 1488, id: 3, body: body.subarray(1488) }));
  t.is(sizes[0], 3000);
  const pieces = host.far.sent.splice(0).map((b) => new Read(b));
  t.deepEqual(Uint8Array.from(pieces.flatMap((p) => [...p.body])), body);
  t.true(pieces.every((p) => p.headerGood && p.ttl === 63));
  host.input(packet({ destination: FAR, more: true, id: 4, body: body.subarray(0, 80) }));
  host.input(packet({ destination: FAR, offset: 80, id: 4, body: body.subarray(80, 100) }));
  t.deepEqual(host.far.take().body, body.subarray(0, 100));
  t.true(host.balanced);
});
