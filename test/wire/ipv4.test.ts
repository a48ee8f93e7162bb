/** IPv4 header: fields, the gate, options. RFC 791 §3.1. @module */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import * as checksum from '../../src/stack/wire/checksum.ts';
import * as ipv4 from '../../src/stack/wire/ipv4.ts';

const AT = 6; // headers need not be aligned
const source = fromOctets(10, 83, 0, 2);
const destination = fromOctets(192, 168, 255, 1);

function header(): DataView {
  const v = new DataView(new ArrayBuffer(128));
  ipv4.write(
    v,
    AT,
    0x2e,
    100,
    0xabcd,
    ipv4.Flag.DF | 5,
    64,
    ipv4.Protocol.TCP,
    source,
    destination,
  );
  return v;
}

/** A header with these bytes of options, padded with END. */
function withOptions(...bytes: number[]): DataView {
  const v = header();
  ipv4.setHeaderLen(v, AT, 20 + ((bytes.length + 3) & ~3));
  bytes.forEach((byte, i) => {
    v.setUint8(AT + 20 + i, byte);
  });
  return v;
}

function kinds(v: DataView): number[] {
  const found: number[] = [];
  let o = ipv4.firstOption(v, AT);
  for (; o >= 0; o = ipv4.nextOption(v, AT, o)) found.push(ipv4.optionKind(v, o));
  return [...found, o];
}

test('ipv4: every field that is written is read again', (t) => {
  const v = header();
  t.is(ipv4.version(v, AT), 4);
  t.is(ipv4.headerLen(v, AT), 20);
  t.is(ipv4.tos(v, AT), 0x2e);
  t.is(ipv4.totalLen(v, AT), 100);
  t.is(ipv4.id(v, AT), 0xabcd);
  t.is(ipv4.flagsAndOffset(v, AT), 0x4005);
  t.is(ipv4.fragmentOffset(v, AT), 40);
  t.is(ipv4.ttl(v, AT), 64);
  t.is(ipv4.protocol(v, AT), 6);
  t.is(ipv4.headerChecksum(v, AT), 0);
  t.is(ipv4.source(v, AT), source);
  t.is(ipv4.destination(v, AT), destination);
});

test('ipv4: the bytes are those of a header from the wire', (t) => {
  // An echo request that Linux sent, with the checksum it made.
  const hex = '4500005400004000400126a70a0000010a000002';
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  const v = new DataView(new ArrayBuffer(20));
  const from = fromOctets(10, 0, 0, 1);
  const to = fromOctets(10, 0, 0, 2);
  ipv4.write(v, 0, 0, 84, 0, ipv4.Flag.DF, 64, ipv4.Protocol.ICMP, from, to);
  const written = new Uint8Array(v.buffer);
  ipv4.setChecksum(v, 0, checksum.finish(checksum.sumBytes(written, 0, 20)));
  t.deepEqual(written, bytes);
});

test('ipv4: each setter writes its own field and no other', (t) => {
  const setters: [(v: DataView) => void, (v: DataView) => number, number][] = [
    [(v) => ipv4.setTos(v, AT, 1), (v) => ipv4.tos(v, AT), 1],
    [(v) => ipv4.setTotalLen(v, AT, 999), (v) => ipv4.totalLen(v, AT), 999],
    [(v) => ipv4.setId(v, AT, 77), (v) => ipv4.id(v, AT), 77],
    [(v) => ipv4.setFlagsAndOffset(v, AT, 0x2001), (v) => ipv4.flagsAndOffset(v, AT), 0x2001],
    [(v) => ipv4.setTtl(v, AT, 3), (v) => ipv4.ttl(v, AT), 3],
    [(v) => ipv4.setProtocol(v, AT, 17), (v) => ipv4.protocol(v, AT), 17],
    [(v) => ipv4.setChecksum(v, AT, 0xfffe), (v) => ipv4.headerChecksum(v, AT), 0xfffe],
    [(v) => ipv4.setSource(v, AT, destination), (v) => ipv4.source(v, AT), destination],
    [(v) => ipv4.setDestination(v, AT, source), (v) => ipv4.destination(v, AT), source],
    [(v) => ipv4.setHeaderLen(v, AT, 60), (v) => ipv4.headerLen(v, AT), 60],
  ];
  for (const [set, get, value] of setters) {
    const v = header();
    set(v);
    t.is(get(v), value);
    const others = setters.filter(([, other]) => other !== get).map(([, other]) => other);
    for (const other of others) t.is(other(v), other(header()));
  }
});

test('ipv4: the flags and the offset tell a fragment', (t) => {
  const v = header();
  const fragment = (bits: number): [boolean, boolean, boolean] => {
    ipv4.setFlagsAndOffset(v, AT, bits);
    return [ipv4.dontFragment(v, AT), ipv4.moreFragments(v, AT), ipv4.isFragment(v, AT)];
  };
  t.deepEqual(fragment(0), [false, false, false]);
  t.deepEqual(fragment(ipv4.Flag.DF), [true, false, false]);
  t.deepEqual(fragment(ipv4.Flag.MF), [false, true, true]);
  t.deepEqual(fragment(1), [false, false, true]);
  t.deepEqual(fragment(ipv4.RESERVED_FLAG), [false, false, false]);
  ipv4.setFlagsAndOffset(v, AT, 0xffff);
  t.is(ipv4.fragmentOffset(v, AT), 65_528);
});

test('ipv4: a packet that fills its bytes is valid, and one byte less is not', (t) => {
  const v = header();
  t.true(ipv4.valid(v, AT, 100));
  t.true(ipv4.valid(v, AT, 120));
  t.false(ipv4.valid(v, AT, 99));
});

test('ipv4: fewer bytes than a header are not valid, and are not read', (t) => {
  const v = new DataView(new ArrayBuffer(0));
  t.false(ipv4.valid(v, 0, 0));
  t.false(ipv4.valid(v, 0, 19));
});

test('ipv4: another version is not valid', (t) => {
  const v = header();
  v.setUint8(AT, 0x65);
  t.false(ipv4.valid(v, AT, 100));
});

test('ipv4: a header length below 20, or beyond the total length, is not valid', (t) => {
  const v = header();
  ipv4.setHeaderLen(v, AT, 16);
  t.false(ipv4.valid(v, AT, 100));
  ipv4.setHeaderLen(v, AT, 24);
  ipv4.setTotalLen(v, AT, 23);
  t.false(ipv4.valid(v, AT, 100));
  ipv4.setTotalLen(v, AT, 24);
  t.true(ipv4.valid(v, AT, 100));
});

test('ipv4: a header without options has none', (t) => {
  t.deepEqual(kinds(header()), [ipv4.NO_OPTION]);
});

test('ipv4: options are walked past padding, up to the end of the list', (t) => {
  const { NOP, END, ROUTER_ALERT, RECORD_ROUTE } = ipv4.Option;
  const v = withOptions(NOP, ROUTER_ALERT, 4, 0, 0, NOP, NOP, RECORD_ROUTE, 3, 4, END, 9);
  t.deepEqual(kinds(v), [ROUTER_ALERT, RECORD_ROUTE, ipv4.NO_OPTION]);
});

test('ipv4: options that fill the header to its last byte are walked', (t) => {
  const v = withOptions(ipv4.Option.RECORD_ROUTE, 4, 4, 0, ipv4.Option.NOP, 68, 2, 1);
  t.deepEqual(kinds(v), [ipv4.Option.RECORD_ROUTE, ipv4.Option.TIMESTAMP, ipv4.NO_OPTION]);
});

test('ipv4: an option of length 0 or 1 ends the walk as bad', (t) => {
  t.deepEqual(kinds(withOptions(7, 0, 0, 0)), [ipv4.BAD_OPTION]);
  t.deepEqual(kinds(withOptions(7, 1, 0, 0)), [ipv4.BAD_OPTION]);
});

test('ipv4: an option that reaches past the header ends the walk as bad', (t) => {
  t.deepEqual(kinds(withOptions(7, 5, 0, 0)), [ipv4.BAD_OPTION]);
  t.deepEqual(kinds(withOptions(1, 1, 1, 7)), [ipv4.BAD_OPTION]);
  t.deepEqual(kinds(withOptions(7, 2, 131, 9)), [7, ipv4.BAD_OPTION]);
});
