/** One line a packet: what people see. @module */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import { seq } from '../../src/stack/base/seq.ts';
import { describe } from '../../src/stack/wire/describe.ts';
import * as icmp from '../../src/stack/wire/icmp.ts';
import * as ipv4 from '../../src/stack/wire/ipv4.ts';
import * as tcp from '../../src/stack/wire/tcp.ts';
import * as options from '../../src/stack/wire/tcp-options.ts';
import * as udp from '../../src/stack/wire/udp.ts';

const IP = 4;
const BODY = IP + 20;
const one = fromOctets(10, 0, 0, 1);
const two = fromOctets(10, 0, 0, 2);

function packet(protocol: number, length: number, flagsAndOffset = 0): DataView {
  const v = new DataView(new ArrayBuffer(256));
  ipv4.write(v, IP, 0, 20 + length, 7, flagsAndOffset, 64, protocol, one, two);
  return v;
}

const line = (v: DataView): string => describe(v, IP, ipv4.totalLen(v, IP));

function segment(flags: number, optionBytes: number, text: number): DataView {
  const header = 20 + optionBytes;
  const v = packet(ipv4.Protocol.TCP, header + text);
  tcp.write(v, BODY, 80, 1234, seq(1), seq(0xffffffff), header, flags, 65_535);
  return v;
}

test('describe: a segment without options', (t) => {
  const v = segment(tcp.Flag.PSH | tcp.Flag.ACK, 0, 5);
  t.is(line(v), '10.0.0.1.80 > 10.0.0.2.1234: TCP P. seq 1 ack 4294967295 win 65535 len 5');
});

test('describe: a segment with every option', (t) => {
  const v = segment(tcp.Flag.SYN | tcp.Flag.ACK, 36, 0);
  let at = BODY + 20;
  at += options.writeMss(v, at, 1460);
  at += options.writeWindowScale(v, at, 7);
  at += options.writeSackPermitted(v, at);
  at += options.writeTimestamps(v, at, 1, 2);
  at += options.writeSackHeader(v, at, 1);
  options.writeSackBlock(v, at, seq(3), seq(4));
  const expected = 'seq 1 ack 4294967295 win 65535 len 0 [mss 1460 ws 7 sackOK ts 1/2 sack 3-4]';
  t.is(line(v), `10.0.0.1.80 > 10.0.0.2.1234: TCP S. ${expected}`);
});

test('describe: a SYN says nothing of the acknowledgment that it does not carry', (t) => {
  const v = segment(tcp.Flag.SYN, 0, 0);
  t.is(line(v), '10.0.0.1.80 > 10.0.0.2.1234: TCP S seq 1 win 65535 len 0');
});

test('describe: a segment without flags, and one with all of them', (t) => {
  t.regex(line(segment(0, 0, 0)), /: TCP none seq/);
  const all = segment(0xff, 0, 0);
  tcp.setUrgent(all, BODY, 3);
  t.regex(line(all), /: TCP FSRP\.UEW seq 1 ack 4294967295 win 65535 urg 3 len 0$/);
});

test('describe: malformed options are said to be', (t) => {
  const v = segment(tcp.Flag.ACK, 4, 0);
  v.setUint8(BODY + 20, 99);
  t.regex(line(v), / len 0 \[malformed\]$/);
});

test('describe: a malformed TCP header', (t) => {
  const v = segment(tcp.Flag.ACK, 0, 0);
  tcp.setHeaderLen(v, BODY, 24);
  t.is(line(v), '10.0.0.1 > 10.0.0.2: TCP malformed, 20 bytes');
});

test('describe: a datagram, and a malformed one', (t) => {
  const v = packet(ipv4.Protocol.UDP, 20);
  udp.write(v, BODY, 5353, 53, 20);
  t.is(line(v), '10.0.0.1.5353 > 10.0.0.2.53: UDP len 12');
  udp.setLength(v, BODY, 21);
  t.is(line(v), '10.0.0.1 > 10.0.0.2: UDP malformed, 20 bytes');
});

test('describe: an echo and its reply', (t) => {
  const v = packet(ipv4.Protocol.ICMP, 64);
  icmp.write(v, BODY, icmp.Type.ECHO, 0, icmp.echoRest(3, 9));
  t.is(line(v), '10.0.0.1 > 10.0.0.2: ICMP echo id 3 seq 9 len 56');
  icmp.setType(v, BODY, icmp.Type.ECHO_REPLY);
  t.is(line(v), '10.0.0.1 > 10.0.0.2: ICMP echo reply id 3 seq 9 len 56');
});

test('describe: an error with what it is about', (t) => {
  const v = packet(ipv4.Protocol.ICMP, 36);
  icmp.write(v, BODY, icmp.Type.UNREACHABLE, icmp.Code.FRAGMENTATION_NEEDED, 1400);
  const quoted = icmp.quotedAt(BODY);
  ipv4.write(v, quoted, 0, 1500, 1, 0, 64, ipv4.Protocol.UDP, two, one);
  udp.write(v, quoted + 20, 1000, 2000, 1480);
  const about = '(about 10.0.0.2.1000 > 10.0.0.1.2000 UDP)';
  const error = 'unreachable fragmentation needed mtu 1400';
  t.is(line(v), `10.0.0.1 > 10.0.0.2: ICMP ${error} ${about}`);
});

test('describe: an error that quotes too little', (t) => {
  const v = packet(ipv4.Protocol.ICMP, 12);
  icmp.write(v, BODY, icmp.Type.TIME_EXCEEDED, icmp.TimeExceeded.TTL, 0);
  t.is(line(v), '10.0.0.1 > 10.0.0.2: ICMP time exceeded ttl (about nothing readable)');
});

test('describe: a fragment in the middle, and the last', (t) => {
  const middle = packet(ipv4.Protocol.UDP, 80, ipv4.Flag.MF | 10);
  t.is(line(middle), '10.0.0.1 > 10.0.0.2: UDP fragment id 7 offset 80 len 80 more');
  const last = packet(200, 80, 20);
  t.is(line(last), '10.0.0.1 > 10.0.0.2: protocol 200 fragment id 7 offset 160 len 80 last');
});

test('describe: a protocol that the stack does not speak', (t) => {
  t.is(line(packet(89, 40)), '10.0.0.1 > 10.0.0.2: protocol 89 len 40');
});

test('describe: what is no IPv4', (t) => {
  const v = packet(6, 40);
  t.is(describe(v, IP, 0), 'no packet');
  t.is(describe(v, IP, 59), 'malformed IPv4, 59 bytes');
  v.setUint8(IP, 0x70);
  t.is(describe(v, IP, 60), 'IP version 7, 60 bytes');
});

test('describe: a length beyond the memory is cut to it', (t) => {
  const v = packet(6, 40);
  t.is(describe(v, 250, 100), 'IP version 0, 6 bytes');
  t.is(describe(v, 300, 100), 'no packet');
});
