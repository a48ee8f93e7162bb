/**
 * Addresses of IPv6 as numbers: one for each, never one of IPv4, gone with the batch unless they are held.
 * @module
 */
import test from 'ava';
import * as address from '../../src/stack/base/address.ts';
import {
  addressCount,
  addressRoom,
  enterBatch,
  isThere,
  leaveBatch,
} from '../../src/stack/base/address-table.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { makeKey, siphashAddresses } from '../../src/stack/base/siphash.ts';

const make = (n: number): address.Address => address.fromWords(0xfd83_0000, 0, n >>> 16, n);
const endBatch = (): void => {
  enterBatch();
  leaveBatch();
};

test.serial('address: one of IPv6 is one number, and none of IPv4 (RFC 4291 §2)', (t) => {
  const one = make(1);
  t.is(make(1), one);
  t.not(make(2), one);
  t.true(address.isIPv6(one));
  t.is(address.format(one), 'fd83::1');
  t.is(address.family(one), 'IPv6');
  // Every number that stands for one of IPv6 is read as an address that no host of IPv4 has.
  t.is(address.fromBits(one), address.NOWHERE);
  t.true(address.isNoHost(address.NOWHERE));
  t.false(address.isIPv6(address.NOWHERE));
  t.false(address.isIPv6(address.ANY));
  t.false(address.isIPv6(address.BROADCAST));
  for (const octet of [1, 10, 127, 192, 224, 240, 255]) {
    t.false(address.isIPv6(address.fromOctets(octet, 0, 0, 1)), `${octet}.0.0.1`);
  }
});

test.serial('address: a million sources that nobody holds leave nothing', (t) => {
  endBatch();
  const before = addressCount();
  for (let batch = 0; batch < 4000; batch++) {
    enterBatch();
    for (let i = 0; i < 250; i++) make(1_000_000 + batch * 250 + i);
    leaveBatch();
  }
  t.is(addressCount(), before);
  t.true(addressRoom() <= 8192, `room for ${addressRoom()}`);
});

test.serial('address: one that is held stays, and goes with its last holder', (t) => {
  const one = address.hold(address.hold(make(77)));
  endBatch();
  t.is(address.format(one), 'fd83::4d');
  address.drop(one);
  endBatch();
  t.is(make(77), one);
  address.drop(one);
  t.is(address.format(one), 'fd83::4d', 'until the batch ends');
  endBatch();
  t.false(isThere(one));
  t.is(address.format(one), '::', 'what is gone reads as no address');
});

test.serial('address: no number is given to another soon after', (t) => {
  const old = make(123_456);
  endBatch();
  const given = new Set<number>();
  for (let batch = 0; batch < 60; batch++) {
    for (let i = 0; i < 250; i++) given.add(make(2_000_000 + batch * 250 + i));
    endBatch();
  }
  t.false(given.has(old));
  t.is(address.format(old), '::');
});

test.serial('address: nothing is forgotten within a batch that lies in another', (t) => {
  enterBatch();
  const one = make(99);
  endBatch();
  t.true(isThere(one));
  leaveBatch();
  t.false(isThere(one));
});

test.serial('address: ten thousand that are held are told apart while the table grows', (t) => {
  endBatch();
  const before = addressCount();
  const all = Array.from({ length: 10_000 }, (_x, i) => address.hold(make(5_000_000 + i)));
  endBatch();
  t.is(new Set(all).size, all.length);
  t.true(all.every((one, i) => one === make(5_000_000 + i)));
  for (const one of all) address.drop(one);
  endBatch();
  t.is(addressCount(), before);
});

test.serial('address: prefixes of IPv6 hold what shares their bits, and none of IPv4', (t) => {
  const a = address.fromWords(0x2001_0db8, 0x0001_0002, 0, 1);
  const b = address.fromWords(0x2001_0db8, 0x0001_0003, 0, 1);
  t.true(address.inPrefix(a, b, 63));
  t.false(address.inPrefix(a, b, 64));
  t.true(address.inPrefix(a, address.ANY6, 0));
  t.false(address.inPrefix(a, address.ANY, 0));
  t.false(address.inPrefix(address.LOOPBACK, address.ANY6, 0));
  t.is(address.prefixOf(b, 48), address.fromWords(0x2001_0db8, 0x0001_0000, 0, 0));
  t.is(address.commonBits(a, b), 63);
  endBatch();
});

test.serial('address: classes of IPv6 (RFC 4291 §2.4)', (t) => {
  const group = address.fromWords(0xff05_0000, 0, 0, 2);
  const local = address.fromWords(0xfe80_0000, 0, 1, 2);
  const mapped = address.fromWords(0, 0, 0xffff, 0x0a00_0001);
  t.true(address.isMulticast(group));
  t.is(address.groupScope(group), 5);
  t.true(address.isLinkLocal(local));
  t.true(address.isLoopback(address.LOOPBACK6));
  t.true(address.isMapped(mapped));
  t.is(address.unmapped(mapped), address.fromOctets(10, 0, 0, 1));
  for (const nobody of [group, address.ANY6, mapped]) t.true(address.isNoHost(nobody));
  t.false(address.isNoHost(local));
  endBatch();
});

test.serial(
  'address: a group is one whatever its flags, and of the scope that it names (RFC 7371 §3)',
  (t) => {
    for (let flags = 0; flags < 256; flags++) {
      const group = address.fromWords(
        0xff05_0000 | ((flags >> 4) << 20) | ((flags & 15) << 12),
        0,
        0,
        9,
      );
      t.true(address.isMulticast(group));
      t.is(address.groupScope(group), 5);
    }
    endBatch();
  },
);

test.serial(
  'address: fe80::1 on two links is two addresses, and one on the wire (RFC 4007 §6)',
  (t) => {
    const here = address.inZone(address.fromWords(0xfe80_0000, 0, 0, 1), 1);
    const there = address.inZone(here, 2);
    t.not(here, there);
    t.is(address.zoneOf(here), 1);
    t.deepEqual(address.toBytes(here), address.toBytes(there));
    t.is(address.sumOfOctets(here), address.sumOfOctets(there));
    t.is(address.format(here), 'fe80::1');
    t.is(address.readIPv6(new DataView(address.toBytes(there).buffer), 0, 1), here);
    endBatch();
  },
);

test.serial('siphash: every octet of both addresses counts, and their order', (t) => {
  const key = makeKey(new SeededRandom(5));
  const seen = new Set<number>();
  const us = address.hold(make(1));
  for (let bit = 0; bit < 128; bit++) {
    const words = [0x2001_0db8, 0, 0, 1].map((w, i) =>
      i === bit >> 5 ? w ^ (1 << (bit & 31)) : w,
    );
    const [a = 0, b = 0, c = 0, d = 0] = words;
    const them = address.fromWords(a, b, c, d);
    seen.add(siphashAddresses(key, us, them, 1));
    seen.add(siphashAddresses(key, them, us, 1));
  }
  t.is(seen.size, 256);
  address.drop(us);
  endBatch();
});
