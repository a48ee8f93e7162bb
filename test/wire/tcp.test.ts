/** TCP header: fields and the gate. RFC 9293 §3.1. @module */
import test from 'ava';
import { seq } from '../../src/stack/base/seq.ts';
import * as tcp from '../../src/stack/wire/tcp.ts';

const AT = 2;
const FLAGS = tcp.Flag.ACK | tcp.Flag.CWR | tcp.Flag.FIN;

function header(headerLen = 32): DataView {
  const v = new DataView(new ArrayBuffer(80));
  new Uint8Array(v.buffer).fill(0xff);
  tcp.write(v, AT, 80, 50_000, seq(0xdeadbeef), seq(1), headerLen, FLAGS, 0xfff0);
  return v;
}

test('tcp: every field that is written is read again', (t) => {
  const v = header();
  t.is(tcp.srcPort(v, AT), 80);
  t.is(tcp.dstPort(v, AT), 50_000);
  t.is(tcp.seq(v, AT), seq(0xdeadbeef));
  t.is(tcp.ack(v, AT), seq(1));
  t.is(tcp.headerLen(v, AT), 32);
  t.is(tcp.flags(v, AT), FLAGS);
  t.is(tcp.window(v, AT), 0xfff0);
  t.is(tcp.checksum(v, AT), 0);
  t.is(tcp.urgent(v, AT), 0);
});

test('tcp: the bytes are those of a header from the wire', (t) => {
  const v = new DataView(new ArrayBuffer(20));
  tcp.write(v, 0, 0x1f90, 0xc350, seq(0x01020304), seq(0x05060708), 20, 0x12, 0xfaf0);
  tcp.setChecksum(v, 0, 0xaabb);
  t.is(Buffer.from(v.buffer).toString('hex'), '1f90c35001020304050607085012faf0aabb0000');
});

test('tcp: the reserved bits are written 0', (t) => {
  t.is(header().getUint8(AT + 12) & 15, 0);
});

test('tcp: a header may be 60 bytes long', (t) => {
  t.is(tcp.headerLen(header(60), AT), 60);
});

test('tcp: each setter writes its own field and no other', (t) => {
  const setters: [(v: DataView) => void, (v: DataView) => number, number][] = [
    [(v) => tcp.setSeq(v, AT, seq(7)), (v) => tcp.seq(v, AT), 7],
    [(v) => tcp.setAck(v, AT, seq(-7)), (v) => tcp.ack(v, AT), -7],
    [(v) => tcp.setHeaderLen(v, AT, 60), (v) => tcp.headerLen(v, AT), 60],
    [(v) => tcp.setFlags(v, AT, 0xff), (v) => tcp.flags(v, AT), 0xff],
    [(v) => tcp.setWindow(v, AT, 9), (v) => tcp.window(v, AT), 9],
    [(v) => tcp.setChecksum(v, AT, 0xbeef), (v) => tcp.checksum(v, AT), 0xbeef],
    [(v) => tcp.setUrgent(v, AT, 11), (v) => tcp.urgent(v, AT), 11],
  ];
  for (const [set, get, value] of setters) {
    const v = header();
    set(v);
    t.is(get(v), value);
    const others = setters.filter(([, other]) => other !== get).map(([, other]) => other);
    for (const other of others) t.is(other(v), other(header()));
  }
});

test('tcp: the checksum stands where a virtio header is told', (t) => {
  const v = header();
  tcp.setChecksum(v, AT, 0xbeef);
  t.is(v.getUint16(AT + tcp.CHECKSUM_AT), 0xbeef);
});

test('tcp: a header that fills the segment is valid, and one byte less is not', (t) => {
  t.true(tcp.valid(header(), AT, 32));
  t.false(tcp.valid(header(), AT, 31));
});

test('tcp: a header length below 20 is not valid', (t) => {
  t.false(tcp.valid(header(16), AT, 60));
  t.false(tcp.valid(header(0), AT, 60));
});

test('tcp: fewer bytes than a header are not valid, and are not read', (t) => {
  t.false(tcp.valid(new DataView(new ArrayBuffer(0)), 0, 19));
});
