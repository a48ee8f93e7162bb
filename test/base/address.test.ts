/** Addresses: text, prefixes and the classes of RFC 1122 §3.2.1.3. @module */
import test from 'ava';
import * as address from '../../src/stack/base/address.ts';

const a = address.fromOctets;

test('address: it is written in dotted decimal', (t) => {
  t.is(address.format(a(10, 83, 0, 2)), '10.83.0.2');
  t.is(address.format(a(255, 0, 128, 1)), '255.0.128.1');
  t.is(address.format(address.ANY), '0.0.0.0');
});

test('address: signed and unsigned bits give the same number', (t) => {
  t.is(address.fromBits(0xc0a80101), a(192, 168, 1, 1));
  t.is(address.fromBits(0xc0a80101 | 0), a(192, 168, 1, 1));
});

test('address: two with the same octets are the same number', (t) => {
  t.is(a(200, 1, 2, 3), a(200, 1, 2, 3));
  t.not(a(200, 1, 2, 3), a(200, 1, 2, 4));
});

test('address: masks of 0 and 32 bits are none and all', (t) => {
  t.is(address.mask(0), 0);
  t.is(address.mask(32), -1);
  t.is(address.mask(24), a(255, 255, 255, 0));
  t.is(address.mask(1), a(128, 0, 0, 0));
});

test('address: a prefix holds what shares its bits', (t) => {
  const net = a(10, 83, 0, 0);
  t.true(address.inPrefix(a(10, 83, 0, 200), net, 24));
  t.false(address.inPrefix(a(10, 83, 1, 0), net, 24));
  t.true(address.inPrefix(a(10, 83, 1, 0), net, 23));
  t.true(address.inPrefix(a(203, 0, 113, 1), net, 0));
  t.false(address.inPrefix(a(10, 83, 0, 1), net, 32));
});

test('address: the directed broadcast has all host bits set', (t) => {
  t.is(address.directedBroadcast(a(10, 83, 0, 1), 24), a(10, 83, 0, 255));
  t.is(address.directedBroadcast(a(192, 168, 5, 1), 30), a(192, 168, 5, 3));
});

test('address: the classes end where the RFC ends them', (t) => {
  t.true(address.isLoopback(a(127, 255, 255, 255)));
  t.false(address.isLoopback(a(128, 0, 0, 0)));
  t.true(address.isMulticast(a(224, 0, 0, 1)));
  t.true(address.isMulticast(a(239, 255, 255, 255)));
  t.false(address.isMulticast(a(223, 255, 255, 255)));
  t.true(address.isReserved(a(240, 0, 0, 1)));
  t.true(address.isReserved(address.BROADCAST));
  t.true(address.isThisNetwork(a(0, 1, 2, 3)));
  t.false(address.isThisNetwork(a(1, 0, 0, 0)));
});

test('address: no host sends from multicast, broadcast or this network', (t) => {
  t.true(address.isNoHost(a(224, 0, 0, 1)));
  t.true(address.isNoHost(address.BROADCAST));
  t.true(address.isNoHost(address.ANY));
  t.false(address.isNoHost(a(10, 0, 0, 1)));
  t.false(address.isNoHost(address.LOOPBACK));
});
