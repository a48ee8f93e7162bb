/** ICMP header: fields of echoes and errors. RFC 792, RFC 1191 §4. @module */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import * as icmp from '../../src/stack/wire/icmp.ts';

const AT = 3;
const view = (): DataView => new DataView(new ArrayBuffer(32));

test('icmp: an echo that is written is read again', (t) => {
  const v = view();
  icmp.write(v, AT, icmp.Type.ECHO, 0, icmp.echoRest(0xfedc, 0x8001));
  icmp.setChecksum(v, AT, 0x1234);
  t.is(icmp.type(v, AT), 8);
  t.is(icmp.code(v, AT), 0);
  t.is(icmp.checksum(v, AT), 0x1234);
  t.is(icmp.id(v, AT), 0xfedc);
  t.is(icmp.seq(v, AT), 0x8001);
});

test('icmp: writing clears the checksum', (t) => {
  const v = view();
  icmp.setChecksum(v, AT, 0xffff);
  icmp.write(v, AT, icmp.Type.ECHO_REPLY, 0, 0);
  t.is(icmp.checksum(v, AT), 0);
});

test('icmp: the type alone can be changed', (t) => {
  const v = view();
  icmp.write(v, AT, icmp.Type.ECHO, 0, icmp.echoRest(1, 2));
  icmp.setType(v, AT, icmp.Type.ECHO_REPLY);
  t.is(icmp.type(v, AT), 0);
  t.is(icmp.seq(v, AT), 2);
});

test('icmp: the next hop’s MTU stands in the low half of the rest', (t) => {
  const v = view();
  icmp.write(v, AT, icmp.Type.UNREACHABLE, icmp.Code.FRAGMENTATION_NEEDED, 1400);
  t.is(icmp.mtu(v, AT), 1400);
});

test('icmp: the pointer of a parameter problem stands in the first byte of the rest', (t) => {
  const v = view();
  icmp.write(v, AT, icmp.Type.PARAMETER_PROBLEM, 0, 20 << 24);
  t.is(icmp.pointer(v, AT), 20);
});

test('icmp: the gateway of a redirect is an address', (t) => {
  const v = view();
  icmp.write(v, AT, icmp.Type.REDIRECT, 1, fromOctets(192, 0, 2, 1));
  t.is(icmp.gateway(v, AT), fromOctets(192, 0, 2, 1));
});

test('icmp: what an error is about begins behind the header', (t) => {
  t.is(icmp.quotedAt(100), 108);
});

test('icmp: eight bytes are valid, and seven are not', (t) => {
  t.true(icmp.valid(view(), 0, 8));
  t.false(icmp.valid(view(), 0, 7));
});

test('icmp: the five error types are errors, and queries are not', (t) => {
  const errors = Object.values(icmp.Type).filter(icmp.isError);
  t.deepEqual(
    errors.toSorted((a, b) => a - b),
    [3, 4, 5, 11, 12],
  );
});
