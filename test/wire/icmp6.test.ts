/**
 * ICMPv6's bytes. RFC 4443.
 * @module
 */
import test from 'ava';
import * as icmp6 from '../../src/stack/wire/icmp6.ts';

const v = new DataView(new ArrayBuffer(16));

test('icmp6: an echo is laid out as RFC 4443 §4.1 has it, and read back', (t) => {
  icmp6.write(v, 1, icmp6.Type.ECHO, 0, icmp6.echoRest(0xbeef, 0x10007));
  icmp6.setChecksum(v, 1, 0x1234);
  t.deepEqual([...new Uint8Array(v.buffer, 1, 8)], [128, 0, 0x12, 0x34, 0xbe, 0xef, 0, 7]);
  t.deepEqual(
    [icmp6.type(v, 1), icmp6.code(v, 1), icmp6.checksum(v, 1), icmp6.id(v, 1), icmp6.seq(v, 1)],
    [128, 0, 0x1234, 0xbeef, 7],
  );
});

test('icmp6: an MTU and a pointer have 32 bits without a sign (§3.2, §3.4)', (t) => {
  icmp6.write(v, 0, icmp6.Type.PACKET_TOO_BIG, 0, -1);
  t.is(icmp6.mtu(v, 0), 0xffff_ffff);
  t.is(icmp6.pointer(v, 0), 0xffff_ffff);
});

test('icmp6: what is below 128 is an error, known or not (§2.1)', (t) => {
  t.deepEqual([0, 1, 4, 100, 127].map(icmp6.isError), [true, true, true, true, true]);
  t.deepEqual([128, 129, 135, 255].map(icmp6.isError), [false, false, false, false]);
});

test('icmp6: seven bytes are no message', (t) => {
  t.deepEqual([icmp6.valid(v, 0, 7), icmp6.valid(v, 0, 8)], [false, true]);
});
