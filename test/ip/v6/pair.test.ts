/** What is remembered of the last packet's addresses is theirs alone, and true no longer than it is. */
import test from 'ava';
import { fromBytes, toBytes } from '../../../src/stack/base/address.ts';
import { enterBatch, isThere, leaveBatch } from '../../../src/stack/base/address-table.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import * as icmp6 from '../../../src/stack/wire/icmp6.ts';
import { Host6, ip6, icmp6 as message, PEER6, packet6, US6 } from '../../support/packets6.ts';

const { ECHO } = icmp6.Type;
const OCTETS = 16;

/** An echo request as `source` would send it. */
const ping = (source = PEER6, destination = US6): Uint8Array =>
  packet6({
    source,
    destination,
    protocol: 58,
    body: message(ECHO, 0, 1, new Uint8Array(0), source, destination),
  });

/** `address` with the lowest bit of one octet the other way round. */
function changed(address = PEER6, octet = 0): ReturnType<typeof fromBytes> {
  const bytes = toBytes(address);
  bytes[octet] = (bytes[octet] as number) ^ 1; // there are 16
  return fromBytes(bytes);
}

test('the next packet of the same host is answered like the first', (t) => {
  const host = new Host6();
  for (let i = 0; i < 3; i++) {
    t.is(host.input(ping()), Drop.NONE);
    t.is(host.out.destination, PEER6);
  }
});

for (let octet = 0; octet < OCTETS; octet++) {
  test(`a source that differs in octet ${octet} is another`, (t) => {
    const host = new Host6();
    host.net.routes.add(ip6('::'), 0, { iface: host.iface });
    host.input(ping());
    t.is(host.out.destination, PEER6);
    const other = changed(PEER6, octet);
    t.is(host.input(ping(other)), Drop.NONE);
    t.is(host.out.destination, other);
  });

  test(`a destination that differs in octet ${octet} is not ours`, (t) => {
    const host = new Host6();
    host.input(ping());
    t.is(host.input(ping(PEER6, changed(US6, octet))), Drop.IP_NOT_OURS);
  });
}

test('a source that was good is refused once it is our own address', (t) => {
  const host = new Host6();
  t.is(host.input(ping()), Drop.NONE);
  host.net.routes.addAddress(host.iface, PEER6, 64);
  t.is(host.input(ping()), Drop.IP_SOURCE);
});

test('a destination that was ours is not any more once it was taken away', (t) => {
  const host = new Host6();
  t.is(host.input(ping()), Drop.NONE);
  host.net.routes.removeAddress(host.iface, US6);
  t.is(host.input(ping()), Drop.IP_NOT_OURS);
});

test('a false source is refused after a good one, and again after that', (t) => {
  const host = new Host6();
  const group = ip6('ff02::1');
  for (const [source, drop] of [
    [PEER6, Drop.NONE],
    [group, Drop.IP_SOURCE],
    [group, Drop.IP_SOURCE],
    [PEER6, Drop.NONE],
  ] as const) {
    t.is(host.input(ping(source)), drop);
  }
});

test('of two interfaces each remembers its own', (t) => {
  const host = new Host6();
  const other = host.addDevice('t1', host.wire, ip6('fd84::2'), 64);
  t.is(host.input(ping()), Drop.NONE);
  t.is(host.input(ping(PEER6, ip6('fd84::2')), other), Drop.NONE);
  t.is(host.input(ping()), Drop.NONE);
});

test('of strangers only the last is held beyond the batch, and it is let go with the interface', (t) => {
  enterBatch();
  const host = new Host6();
  const handles = [];
  for (let i = 0; i < 5; i++) {
    const bytes = toBytes(PEER6);
    bytes[0] = 0x20;
    bytes[15] = 0x80 + i;
    const stranger = fromBytes(bytes);
    handles.push(stranger);
    host.input(packet6({ source: stranger, protocol: 253 }));
    host.wire.sent.length = 0;
  }
  host.net.routes.changed(); // routes for errors to them
  leaveBatch();
  t.deepEqual(handles.map(isThere), [false, false, false, false, true]);
  enterBatch();
  host.net.removeInterface(host.iface);
  leaveBatch();
  t.false(isThere(handles[4] as number));
});
