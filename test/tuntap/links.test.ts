/**
 * What the kernel says of a TUN or TAP interface over its routing socket. RFC 3549 §2.3, rtnetlink(7).
 * @module
 */
import { endianness } from 'node:os';
import test from 'ava';
import { attributes, readMessages } from '../../src/device/linux/netlink.ts';
import { readLink } from '../../src/tuntap/links.ts';

const LITTLE = endianness() === 'LE';
const HEADER = 16;
const IFINFOMSG = 16;

const u8 = (value: number): Uint8Array => Uint8Array.of(value);
const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, LITTLE);
  return bytes;
};
const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);

/** An attribute: length, type, value, up to the next multiple of four. */
function attribute(type: number, ...values: readonly Uint8Array[]): Uint8Array {
  const length = 4 + values.reduce((sum, value) => sum + value.length, 0);
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, LITTLE);
  view.setUint16(2, type, LITTLE);
  let at = 4;
  for (const value of values) {
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

/** A message of `type` with an index and attributes. */
function message(type: number, index: number, ...parts: readonly Uint8Array[]): DataView {
  const length = HEADER + IFINFOMSG + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, LITTLE);
  view.setUint16(4, type, LITTLE);
  view.setInt32(HEADER + 4, index, LITTLE);
  let at = HEADER + IFINFOMSG;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return view;
}

const NEWLINK = 16;
const tap = message(
  NEWLINK,
  7,
  attribute(3, text('vm0')),
  attribute(
    18,
    attribute(1, text('tun')),
    attribute(
      2,
      ...[attribute(1, u32(1000)), attribute(3, u8(2)), attribute(4, u8(1))],
      ...[attribute(5, u8(1)), attribute(6, u8(1)), attribute(7, u8(1))],
    ),
  ),
);

test('tuntap: flags and owner of an interface are read from its attributes', (t) => {
  t.deepEqual(readLink(tap, HEADER, tap.byteLength), {
    name: 'vm0',
    index: 7,
    flags: 0x4902, // TAP, multi_queue, persist, vnet_hdr, and no IFF_NO_PI
    user: 1000,
    group: undefined,
  });
});

test('tuntap: an interface of another kind is none', (t) => {
  const veth = message(
    ...([NEWLINK, 2] as const),
    attribute(3, text('v0')),
    attribute(18, attribute(1, text('veth')), attribute(2)),
  );
  t.is(readLink(veth, HEADER, veth.byteLength), undefined);
  const bare = message(NEWLINK, 1, attribute(3, text('lo')));
  t.is(readLink(bare, HEADER, bare.byteLength), undefined);
});

test('netlink: an error message becomes an error with its code', (t) => {
  const error = message(2, 0);
  error.setInt32(HEADER, -1, LITTLE);
  t.throws(() => readMessages(error, error.byteLength, () => {}), { code: 'EPERM' });
});

test('netlink: the message that ends a dump ends it', (t) => {
  let read = 0;
  t.true(readMessages(tap, tap.byteLength, () => read++));
  t.is(read, 1);
  const done = message(3, 0);
  t.false(readMessages(done, done.byteLength, () => read++));
  t.is(read, 1);
});

test('netlink: lengths that lie are refused', (t) => {
  const lie = message(NEWLINK, 1, attribute(3, text('x0')));
  lie.setUint32(0, lie.byteLength + 4, LITTLE);
  t.throws(() => readMessages(lie, lie.byteLength, () => {}), { code: 'EBADMSG' });
  const long = new DataView(attribute(3, text('x0')).buffer);
  long.setUint16(0, 400, LITTLE);
  t.throws(() => [...attributes(long, 0, long.byteLength)], { code: 'EBADMSG' });
  long.setUint16(0, 0, LITTLE);
  t.throws(() => [...attributes(long, 0, long.byteLength)], { code: 'EBADMSG' });
});
