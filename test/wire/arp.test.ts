/**
 * ARP packets of IPv4 over Ethernet. RFC 826.
 * @module
 */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import * as arp from '../../src/stack/wire/arp.ts';

/** Who has 10.0.0.2? Tell 10.0.0.1, as tcpdump shows it in hexadecimal. */
const REQUEST = '0001080006040001 02005e005301 0a000001 000000000000 0a000002';

function bytes(hex: string): DataView {
  const octets = hex.replaceAll(' ', '').match(/../g) ?? [];
  return new DataView(Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16)).buffer);
}

test('arp: a request is read as RFC 826 lays it out', (t) => {
  const v = bytes(REQUEST);
  t.true(arp.valid(v, 0, v.byteLength));
  t.is(arp.operation(v, 0), arp.Operation.REQUEST);
  t.deepEqual([arp.senderHi(v, 0), arp.senderLo(v, 0)], [0x0200, 0x5e005301]);
  t.is(arp.sender(v, 0), fromOctets(10, 0, 0, 1));
  t.deepEqual([arp.targetHi(v, 0), arp.targetLo(v, 0)], [0, 0]);
  t.is(arp.target(v, 0), fromOctets(10, 0, 0, 2));
});

test('arp: what is written is the same to the byte', (t) => {
  const v = new DataView(new ArrayBuffer(arp.LEN));
  const [from, to] = [fromOctets(10, 0, 0, 1), fromOctets(10, 0, 0, 2)];
  arp.write(v, 0, arp.Operation.REQUEST, 0x0200, 0x5e005301, from, 0, 0, to);
  t.deepEqual(new Uint8Array(v.buffer), new Uint8Array(bytes(REQUEST).buffer));
});

test('arp: other hardware, other protocols and what is cut short are not valid', (t) => {
  const v = bytes(REQUEST);
  t.false(arp.valid(v, 0, arp.LEN - 1));
  for (const [at, value] of [
    [0, 6],
    [2, 0x86dd],
    [4, 0x0610],
  ] as const) {
    const other = bytes(REQUEST);
    other.setUint16(at, value);
    t.false(arp.valid(other, 0, arp.LEN));
  }
});
