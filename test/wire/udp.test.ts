/** UDP header: fields and the gate. RFC 768. @module */
import test from 'ava';
import * as udp from '../../src/stack/wire/udp.ts';

const AT = 5;

function header(length: number): DataView {
  const v = new DataView(new ArrayBuffer(64));
  udp.setChecksum(v, AT, 0xffff);
  udp.write(v, AT, 53, 65_535, length);
  return v;
}

test('udp: every field that is written is read again, and the checksum is cleared', (t) => {
  const v = header(20);
  t.is(udp.srcPort(v, AT), 53);
  t.is(udp.dstPort(v, AT), 65_535);
  t.is(udp.length(v, AT), 20);
  t.is(udp.checksum(v, AT), 0);
});

test('udp: length and checksum can be set alone', (t) => {
  const v = header(20);
  udp.setLength(v, AT, 9);
  udp.setChecksum(v, AT, 0xbeef);
  t.is(udp.length(v, AT), 9);
  t.is(udp.checksum(v, AT), 0xbeef);
  t.is(v.getUint16(AT + udp.CHECKSUM_AT), 0xbeef);
  t.is(udp.dstPort(v, AT), 65_535);
});

test('udp: a datagram may be shorter than what carries it, and not longer', (t) => {
  t.true(udp.valid(header(20), AT, 20));
  t.true(udp.valid(header(20), AT, 21));
  t.false(udp.valid(header(20), AT, 19));
});

test('udp: a length below that of the header is not valid', (t) => {
  t.true(udp.valid(header(8), AT, 8));
  t.false(udp.valid(header(7), AT, 20));
  t.false(udp.valid(header(0), AT, 20));
});

test('udp: fewer bytes than a header are not valid, and are not read', (t) => {
  t.false(udp.valid(new DataView(new ArrayBuffer(0)), 0, 7));
});
