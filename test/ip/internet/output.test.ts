/**
 * Packets on their way out: headers, fragments, queues, devices. RFC 791 §3.2, RFC 6864.
 * @module
 */
import test from 'ava';
import {
  type Address,
  ANY,
  fromWords,
  keepForever,
  LOOPBACK,
} from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { IPV4_STATS, IPV6_STATS } from '../../../src/stack/ip/family.ts';
import { Check } from '../../../src/stack/ip/packet.ts';
import type { Route } from '../../../src/stack/ip/route.ts';
import { NO_SLOT } from '../../../src/stack/memory/slots.ts';
import { Host, icmp, ip, PEER, packet, pattern, US, Wire } from '../../support/packets.ts';

const EXPERIMENT = 253;

function routeTo(host: Host, to: string): Route {
  const route = host.net.route(ip(to), ANY);
  if (route === undefined) throw new Error(`no route to ${to}`);
  return route;
}

/** Send `text` as a transport would. */
function send(host: Host, text: Uint8Array, route: Route = routeTo(host, '10.0.0.1')): Failure {
  const at = host.net.output.reserve(route);
  if (at === NO_SLOT) return Failure.NO_BUFFERS;
  host.slots.bytes.set(text, at);
  return host.net.output.send(route, route.source, EXPERIMENT, at, text.length);
}

test('output: a packet has a whole header before the transport’s bytes', (t) => {
  const host = new Host();
  t.is(send(host, pattern(100)), Failure.NONE);
  const sent = host.wire.take();
  t.is(sent.headerLen, 20);
  t.is(sent.totalLen, 120);
  t.is(sent.bytes.length, 120);
  t.deepEqual([sent.source, sent.destination, sent.protocol, sent.ttl], [US, PEER, EXPERIMENT, 64]);
  t.deepEqual(sent.body, pattern(100));
  t.true(sent.headerGood);
  t.is(host.stat('IpOutRequests'), 1);
  t.is(host.stat('IpExtOutOctets'), 120);
  t.true(host.balanced);
});

test('output: what is asked for one packet is not asked for the next', (t) => {
  const host = new Host();
  const { next } = host.net.output;
  next.tos = 0x2e;
  next.ttl = 3;
  next.dontFragment = true;
  send(host, pattern(1));
  send(host, pattern(1));
  const [first, second] = [host.wire.take(), host.wire.take()];
  t.deepEqual([first.tos, first.ttl, first.dontFragment], [0x2e, 3, true]);
  t.deepEqual([second.tos, second.ttl, second.dontFragment], [0, 64, false]);
});

test('output: what may not be fragmented has no identification, the rest has one each', (t) => {
  const host = new Host();
  host.net.output.next.dontFragment = true;
  send(host, pattern(1));
  t.is(host.wire.take().id, 0);
  const ids = new Set<number>();
  for (let i = 0; i < 70; i++) {
    send(host, pattern(1));
    ids.add(host.wire.take().id);
  }
  t.is(ids.size, 70);
});

test('output: identifications to different hosts do not tell of each other', (t) => {
  const host = new Host();
  send(host, pattern(1), routeTo(host, '10.0.0.1'));
  send(host, pattern(1), routeTo(host, '10.0.0.9'));
  const [one, other] = [host.wire.take().id, host.wire.take().id];
  t.true(Math.abs(one - other) > 1);
});

test('output: fragments have offsets in eights, one id and all the bytes', (t) => {
  const host = new Host({ mtu: 577, slots: { packetSize: 1500 } });
  host.net.output.next.tos = 8;
  t.is(send(host, pattern(1400)), Failure.NONE);
  const pieces = [host.wire.take(), host.wire.take(), host.wire.take()];
  t.is(host.wire.sent.length, 0);
  t.deepEqual(
    pieces.map((p) => p.offset),
    [0, 552, 1104],
  );
  t.deepEqual(
    pieces.map((p) => p.more),
    [true, true, false],
  );
  t.is(new Set(pieces.map((p) => p.id)).size, 1);
  t.true(pieces.every((p) => p.headerGood && p.tos === 8 && p.totalLen <= 577));
  t.deepEqual(Uint8Array.from(pieces.flatMap((p) => [...p.body])), pattern(1400));
  t.is(host.stat('IpFragCreates'), 3);
  t.is(host.stat('IpFragOKs'), 1);
  t.true(host.balanced);
});

test('output: what is too long and may not be fragmented fails', (t) => {
  const host = new Host({ mtu: 576, slots: { packetSize: 1500 } });
  host.net.output.next.dontFragment = true;
  t.is(send(host, pattern(557)), Failure.MESSAGE_SIZE);
  t.is(host.wire.sent.length, 0);
  t.is(host.stat('IpFragFails'), 1);
  t.true(host.balanced);
  t.is(send(host, pattern(556)), Failure.NONE);
});

test('output: sendLarge takes bytes from anywhere, and the slots’ own', (t) => {
  for (const inSlots of [false, true]) {
    const host = new Host();
    const route = routeTo(host, '10.0.0.1');
    const text = pattern(5000);
    if (inSlots) host.slots.bytes.set(text, 100);
    const at = host.net.output.reserve(route);
    host.slots.bytes.set([1, 2, 3, 4], at);
    const [bytes, from] = inSlots ? [host.slots.bytes, 100] : [text, 0];
    t.is(host.net.output.sendLarge(route, US, EXPERIMENT, at, 4, bytes, from, 5000), Failure.NONE);
    const pieces = host.wire.sent.length;
    t.is(pieces, 4);
    const all: number[] = [];
    for (let i = 0; i < pieces; i++) all.push(...host.wire.take().body);
    t.deepEqual(all.slice(0, 4), [1, 2, 3, 4]);
    t.deepEqual(Uint8Array.from(all.slice(4)), text);
    t.true(host.balanced);
  }
});

test('output: sendLarge sends what fits as one packet, and refuses what no packet holds', (t) => {
  const host = new Host();
  const route = routeTo(host, '10.0.0.1');
  const at = host.net.output.reserve(route);
  t.is(
    host.net.output.sendLarge(route, US, EXPERIMENT, at, 0, pattern(1480), 0, 1480),
    Failure.NONE,
  );
  t.is(host.wire.take().bytes.length, 1500);
  const again = host.net.output.reserve(route);
  const long = new Uint8Array(65_516);
  t.is(
    host.net.output.sendLarge(route, US, EXPERIMENT, again, 0, long, 0, 65_516),
    Failure.MESSAGE_SIZE,
  );
  t.true(host.balanced);
});

test('output: packets wait in order for a device that is full', (t) => {
  const host = new Host();
  host.wire.open = false;
  for (let i = 0; i < 100; i++) t.is(send(host, pattern(1, i)), Failure.NONE);
  t.is(host.slots.free, 156);
  host.wire.open = true;
  send(host, pattern(1, 100)); // not past those that wait
  t.is(host.wire.sent.length, 0);
  host.net.writable(host.iface);
  t.deepEqual(
    host.wire.sent.map((b) => b[20]),
    Array.from({ length: 101 }, (_x, i) => i),
  );
  t.true(host.balanced);
});

test('output: the queue has a limit, and says when it is half full', (t) => {
  const host = new Host({ queueLimit: 10 });
  host.wire.open = false;
  for (let i = 0; i < 5; i++) send(host, pattern(1));
  t.true(host.net.output.ready(host.iface));
  send(host, pattern(1));
  t.false(host.net.output.ready(host.iface));
  for (let i = 0; i < 4; i++) send(host, pattern(1));
  t.is(send(host, pattern(1)), Failure.NO_BUFFERS);
  t.is(host.net.drops[Drop.OUT_QUEUE_FULL], 1);
  t.is(host.iface.queue.length, 10);
  t.is(host.slots.free, 246);
  host.wire.open = true;
  host.net.writable(host.iface);
  t.is(host.wire.sent.length, 10);
  t.true(host.balanced);
});

test('output: fragments that would not all find room are not begun', (t) => {
  const host = new Host({ queueLimit: 4, mtu: 576, slots: { packetSize: 1500 } });
  host.wire.open = false;
  send(host, pattern(1));
  send(host, pattern(1));
  t.is(send(host, pattern(1400)), Failure.NO_BUFFERS);
  t.is(host.iface.queue.length, 2);
  t.is(host.slots.free, 254);
});

test('output: a device that fills up in the middle keeps what it did not take', (t) => {
  const host = new Host();
  let room = 3;
  const { wire } = host;
  const write = wire.write.bind(wire);
  wire.write = (at, length) => (room-- > 0 ? write(at, length) : false);
  for (let i = 0; i < 10; i++) send(host, pattern(1, i));
  t.is(wire.sent.length, 3);
  room = 4;
  host.net.writable(host.iface);
  t.is(wire.sent.length, 7);
  room = 99;
  host.net.writable(host.iface);
  t.deepEqual(
    wire.sent.map((b) => b[20]),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  t.true(host.balanced);
});

test('output: a removed interface takes nothing and lets go of what waited', (t) => {
  const host = new Host();
  const route = routeTo(host, '10.0.0.1');
  host.wire.open = false;
  send(host, pattern(1));
  host.net.removeInterface(host.iface);
  t.false(route.valid);
  t.is(send(host, pattern(1), route), Failure.NET_DOWN);
  t.is(host.net.drops[Drop.OUT_DEVICE_GONE], 2);
  t.is(host.net.route(PEER, ANY), undefined);
  t.true(host.balanced);
});

// RFC 4293: ipSystemStatsOutDiscards is of one version of IP.
test('output: what waited for a device that is gone is discarded by its own version', (t) => {
  for (const stats of [IPV4_STATS, IPV6_STATS]) {
    const host = new Host();
    const [us, peer] = [1, 2].map((n) => keepForever(fromWords(0xfd83_0000, 0, 0, n)));
    host.net.routes.addAddress(host.iface, us as Address, 64);
    const route = host.net.route(stats === IPV6_STATS ? (peer as Address) : PEER, ANY);
    host.wire.open = false;
    send(host, pattern(1), route);
    host.net.removeInterface(host.iface);
    t.is(host.net.drops[Drop.OUT_DEVICE_GONE], 1);
    const counts = [IPV4_STATS, IPV6_STATS].map((one) => host.net.stats[one.OutDiscards]);
    t.deepEqual(counts, stats === IPV6_STATS ? [0, 1] : [1, 0]);
    t.true(host.balanced);
  }
});

test('output: without slots nothing is sent, and nothing is left over for the next', (t) => {
  const host = new Host({ slots: { count: 4 } });
  const held = [1, 2, 3, 4].map(() => host.slots.acquire());
  host.net.output.next.ttl = 1;
  t.is(send(host, pattern(1)), Failure.NO_BUFFERS);
  t.is(host.net.drops[Drop.OUT_NO_SLOT], 1);
  for (const slot of held) host.slots.release(slot);
  send(host, pattern(1));
  t.is(host.wire.take().ttl, 64);
});

test('output: the device is flushed once a batch, if it was written to', (t) => {
  const host = new Host();
  let woken = 0;
  host.net.wake = () => void woken++;
  host.net.flush();
  t.is(host.wire.flushes, 0);
  send(host, pattern(1));
  send(host, pattern(1));
  t.is(woken, 1);
  host.net.flush();
  host.net.flush();
  t.is(host.wire.flushes, 1);
  send(host, pattern(1));
  t.is(woken, 2);
});

test('output: a virtio header stands before each packet, with what the device is to do', (t) => {
  const offload = { checksum: true, tso4: true, uso4: false };
  const host = new Host({ headerLength: 12, offload, slots: { packetSize: 65_535, count: 4 } });
  const route = routeTo(host, '10.0.0.1');
  send(host, pattern(10));
  t.deepEqual([...(host.wire.sent.shift() ?? []).slice(0, 12)], new Array(12).fill(0));
  const at = host.net.output.reserve(route);
  host.slots.bytes.fill(0, at, at + 5000);
  host.slots.bytes[at + 12] = 8 << 4; // a TCP header of 32 bytes
  host.net.output.next.gsoSize = 1448;
  host.net.output.next.checksumAt = 16;
  t.is(host.net.output.send(route, US, 6, at, 5000), Failure.NONE);
  const sent = host.wire.sent.shift() ?? new Uint8Array(0);
  t.is(sent.length, 5032);
  // NEEDS_CSUM, TCPV4, headers 52, size 1448, start 20, offset 16.
  t.deepEqual([...sent.subarray(0, 12)], [1, 1, 52, 0, 0xa8, 5, 20, 0, 16, 0, 0, 0]);
});

test('output: a checksum that was begun is completed where the device will not see it whole', (t) => {
  const offload = { checksum: true, tso4: false, uso4: false };
  const host = new Host({ headerLength: 10, offload, mtu: 576, slots: { packetSize: 1500 } });
  const route = routeTo(host, '10.0.0.1');
  const at = host.net.output.reserve(route);
  const message = icmp(8, 0, 7, pattern(992));
  host.slots.bytes.set(message, at);
  host.slots.bytes.fill(0, at + 2, at + 4);
  host.net.output.next.checksumAt = 2;
  host.net.output.send(route, US, 1, at, 1000);
  const first = host.wire.take(10);
  t.deepEqual(first.body, message.subarray(0, 552));
});

test('loopback: a packet to ourselves is taken in by the next flush, not before', (t) => {
  const host = new Host();
  const seen: string[] = [];
  host.net.setProtocol(EXPERIMENT, {
    input(p) {
      seen.push(`${p.source === p.destination} ${p.check === Check.NEEDED} ${p.iface.name}`);
      if (seen.length < 3) send(host, pattern(4), routeTo(host, '10.0.0.2'));
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  send(host, pattern(4), routeTo(host, '10.0.0.2'));
  t.is(seen.length, 0);
  t.true(host.net.flush()); // others may have something to send now
  t.deepEqual(seen, new Array(3).fill('true true lo'));
  t.false(host.net.flush());
  t.is(host.wire.sent.length, 0);
  t.true(host.balanced);
});

test('loopback: a flush has a budget, and says that there is more', (t) => {
  const host = new Host();
  let seen = 0;
  host.net.setProtocol(EXPERIMENT, {
    input() {
      seen++;
      send(host, pattern(4), routeTo(host, '127.0.0.1')); // for ever
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  send(host, pattern(4), routeTo(host, '127.0.0.1'));
  t.true(host.net.flush());
  t.is(seen, 256);
});

test('loopback: its queue has a limit', (t) => {
  const host = new Host({ slots: { count: 2048 } });
  for (let i = 0; i < 1024; i++) send(host, pattern(1), routeTo(host, '127.0.0.1'));
  t.is(send(host, pattern(1), routeTo(host, '127.0.0.1')), Failure.NO_BUFFERS);
  t.is(host.net.drops[Drop.LOOPBACK_FULL], 1);
});

test('loopback: a checksum that was begun arrives as begun, and so do large segments', (t) => {
  const host = new Host({ slots: { packetSize: 65_535, count: 4 } });
  t.true(host.net.loopback.offload.tso4);
  let seen = [0, 0];
  host.net.setProtocol(6, {
    input(p) {
      seen = [p.check, p.gsoSize];
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  const route = routeTo(host, '127.0.0.1');
  const at = host.net.output.reserve(route);
  host.slots.bytes[at + 12] = 5 << 4;
  host.net.output.next.checksumAt = 16;
  host.net.output.next.gsoSize = 1000;
  host.net.output.send(route, LOOPBACK, 6, at, 4020);
  host.net.flush();
  t.deepEqual(seen, [Check.BEGUN, 1000]);
});

test('loopback: ping to ourselves is answered', (t) => {
  const host = new Host();
  const replies: number[] = [];
  const id = host.net.echoes.open({
    onReply: (_p, seq, _at, length) => void replies.push(seq, length),
    onError: () => {},
  });
  host.net.icmp.sendEcho(routeTo(host, '127.0.0.1'), id, 1, pattern(56), 0, 56);
  host.net.icmp.sendEcho(routeTo(host, '10.0.0.2'), id, 2, pattern(65_507), 0, 65_507);
  while (host.net.flush());
  t.deepEqual(replies, [1, 56, 2, 65_507]);
  t.true(host.balanced);
});

test('interface: an MTU that the slots do not hold is refused at the door', (t) => {
  const host = new Host();
  const out = new Wire(host.slots);
  const error = t.throws(() => host.addDevice('t1', out, undefined, 0, { mtu: 9000 }));
  t.is((error as NodeJS.ErrnoException).code, 'ERR_OUT_OF_RANGE');
});

test('hooks: output sees what leaves, and may keep it', (t) => {
  const host = new Host();
  const seen: number[] = [];
  host.net.hooks.output = (p) => {
    seen.push(p.destination, p.protocol, p.bodyLength);
    return seen.length > 3 ? 1 : 0;
  };
  t.is(send(host, pattern(10)), Failure.NONE);
  t.is(send(host, pattern(10)), Failure.PROHIBITED);
  t.deepEqual(seen.slice(0, 3), [PEER, EXPERIMENT, 10]);
  t.is(host.net.drops[Drop.OUT_FILTERED], 1);
  t.is(host.wire.sent.length, 1);
  t.true(host.balanced);
});

test('hooks: input drops, or rewrites, before it is decided where a packet goes', (t) => {
  const host = new Host();
  host.net.hooks.input = () => 1;
  t.is(host.input(packet({ protocol: 1, body: icmp(8, 0, 1) })), Drop.IP_FILTERED);
  const other = ip('10.7.7.7');
  host.net.hooks.input = (p) => {
    host.slots.view.setInt32(p.at + 16, US);
    return 2;
  };
  t.is(host.input(packet({ destination: other, protocol: 1, body: icmp(8, 0, 1) })), Drop.NONE);
  t.is(host.wire.take().source, US);
});

test('hooks: input sees whole packets, put together first', (t) => {
  const host = new Host();
  const sizes: number[] = [];
  host.net.hooks.input = (p) => {
    sizes.push(p.bodyLength);
    return 0;
  };
  const message = icmp(8, 0, 1, pattern(1992));
  const fields = { protocol: 1, id: 5 };
  host.input(packet({ ...fields, more: true, body: message.subarray(0, 1000) }));
  host.input(packet({ ...fields, offset: 1000, body: message.subarray(1000) }));
  t.deepEqual(sizes, [2000]);
  t.is(host.wire.sent.length, 2);
  t.true(host.balanced);
});
