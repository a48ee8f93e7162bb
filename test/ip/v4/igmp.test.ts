/**
 * IGMP: what routers are told, when, and in which version. RFC 3376, RFC 2236.
 * @module
 */
import test from 'ava';
import { type Address, fromBits } from '../../../src/stack/base/address.ts';
import { type Micros, NEVER, SECOND } from '../../../src/stack/base/clock.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import * as checksums from '../../../src/stack/wire/checksum.ts';
import { Host, ip, packet, type Read } from '../../support/packets.ts';

const GROUP = ip('239.1.2.3');
const ALL = ip('224.0.0.1');

function message(type: number, code: number, group: Address, length = 8): Uint8Array {
  const bytes = new Uint8Array(length);
  const v = new DataView(bytes.buffer);
  v.setUint8(0, type);
  v.setUint8(1, code);
  v.setInt32(4, group);
  v.setUint16(2, checksums.finish(checksums.sumBytes(bytes, 0, length)));
  return bytes;
}

/** A router's query: of version 3 if it has 12 bytes. */
function query(host: Host, code: number, group: Address = fromBits(0), length = 12): Drop {
  const body = message(0x11, code, group, length);
  const destination = group === 0 ? ALL : group;
  return host.input(packet({ protocol: 2, ttl: 1, destination, body }));
}

/** [type, destination, record or 0, group] of what was sent. */
function sent(host: Host): unknown[] {
  const read: Read = host.wire.take();
  const v3 = read.u8(0) === 0x22;
  const group = read.view.getInt32(read.headerLen + (v3 ? 12 : 4));
  return [read.u8(0), read.destination, v3 ? read.u8(8) : 0, group];
}

function expireUntil(host: Host, until: Micros): void {
  while (host.net.deadline() <= until) host.net.expire(host.net.deadline());
  host.net.begin(until);
}

test('igmp: joining is reported twice, leaving too', (t) => {
  const host = new Host();
  t.true(host.net.multicast.join(host.iface, GROUP));
  const first = host.wire.take();
  t.deepEqual([first.ttl, first.protocol, first.headerLen, first.tos], [1, 2, 24, 0xc0]);
  t.deepEqual([...first.bytes.subarray(20, 24)], [148, 4, 0, 0]);
  t.true(first.headerGood && first.icmpGood); // the checksum is made as ICMP's
  t.deepEqual(
    [...first.body],
    [0x22, 0, first.u8(2), first.u8(3), 0, 0, 0, 1, 4, 0, 0, 0, 239, 1, 2, 3],
  );
  t.true(host.net.deadline() <= SECOND);
  expireUntil(host, 2 * SECOND);
  t.deepEqual(sent(host), [0x22, ip('224.0.0.22'), 4, GROUP]);
  t.is(host.net.deadline(), NEVER);
  host.net.multicast.leave(host.iface, GROUP);
  t.deepEqual(sent(host), [0x22, ip('224.0.0.22'), 3, GROUP]);
  expireUntil(host, 4 * SECOND);
  t.deepEqual(sent(host), [0x22, ip('224.0.0.22'), 3, GROUP]);
  t.is(host.wire.sent.length, 0);
});

test('igmp: a second listener, and all hosts, are nothing new', (t) => {
  const host = new Host();
  host.net.multicast.join(host.iface, ALL);
  t.is(host.wire.sent.length, 0);
  host.net.multicast.join(host.iface, GROUP);
  host.net.multicast.join(host.iface, GROUP);
  t.is(host.wire.sent.length, 1);
  host.net.multicast.leave(host.iface, GROUP);
  t.is(host.wire.sent.length, 1);
});

test('igmp: a query is answered for every group within its time', (t) => {
  const host = new Host();
  host.net.multicast.join(host.iface, GROUP);
  host.net.multicast.join(host.iface, ip('239.9.9.9'));
  expireUntil(host, 5 * SECOND);
  host.wire.sent.length = 0;
  t.is(query(host, 100), Drop.NONE);
  t.is(host.wire.sent.length, 0);
  t.true(host.net.deadline() > 5 * SECOND && host.net.deadline() <= 15 * SECOND);
  expireUntil(host, 15 * SECOND);
  const groups = [sent(host), sent(host)].map((s) => s[3]);
  t.deepEqual(groups.sort(), [GROUP, ip('239.9.9.9')].sort());
  query(host, 10, GROUP);
  query(host, 10, ip('239.7.7.7'));
  expireUntil(host, 17 * SECOND);
  t.deepEqual(sent(host), [0x22, ip('224.0.0.22'), 2, GROUP]);
  t.is(host.wire.sent.length, 0);
});

test('igmp: to an older router the older versions are spoken, for a while', (t) => {
  const host = new Host();
  query(host, 100, fromBits(0), 8);
  host.net.multicast.join(host.iface, GROUP);
  t.deepEqual(sent(host), [0x16, GROUP, 0, GROUP]);
  expireUntil(host, 11 * SECOND);
  t.deepEqual(sent(host), [0x16, GROUP, 0, GROUP]);
  host.net.multicast.leave(host.iface, GROUP);
  t.deepEqual(sent(host), [0x17, ip('224.0.0.2'), 0, GROUP]);
  t.is(host.net.deadline(), NEVER);
  host.net.begin(260 * SECOND);
  host.net.multicast.join(host.iface, GROUP);
  t.is(sent(host)[0], 0x22);
  query(host, 0, fromBits(0), 8);
  host.net.multicast.leave(host.iface, GROUP);
  t.is(host.wire.sent.length, 0);
  host.net.multicast.join(host.iface, GROUP);
  t.is(sent(host)[0], 0x12);
});

test('igmp: in version 2 what another said need not be said', (t) => {
  const host = new Host();
  query(host, 100, fromBits(0), 8);
  host.net.multicast.join(host.iface, GROUP);
  host.wire.sent.length = 0;
  t.true(host.net.deadline() < NEVER);
  host.input(packet({ protocol: 2, ttl: 1, destination: GROUP, body: message(0x16, 0, GROUP) }));
  t.is(host.net.deadline(), NEVER);
});

test('igmp: what is damaged is dropped', (t) => {
  const host = new Host();
  const body = message(0x11, 100, GROUP);
  body[1] = 7;
  t.is(host.input(packet({ protocol: 2, destination: ALL, body })), Drop.IGMP_MALFORMED);
  const short = message(0x11, 100, GROUP).subarray(0, 7);
  t.is(host.input(packet({ protocol: 2, destination: ALL, body: short })), Drop.IGMP_MALFORMED);
  t.true(host.balanced);
});

test('igmp: a removed interface has nothing more to say', (t) => {
  const host = new Host();
  host.net.multicast.join(host.iface, GROUP);
  host.net.removeInterface(host.iface);
  t.is(host.net.deadline(), NEVER);
  t.true(host.balanced);
});
