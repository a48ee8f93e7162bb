/**
 * What `serve` says it carried.
 * @module
 */
import test from 'ava';
import * as carried from '../../../src/cli/forward/carried.ts';
import { type Counted, carriedLine, statusLine } from '../../../src/cli/forward/carried.ts';
import type { Carried, Service } from '../../../src/cli/serve/services.ts';
import { size } from '../../../src/cli/words.ts';
import type { StackStats } from '../../../src/index.ts';

const counted = (n: number, drops: Record<string, number> = {}): Counted => ({
  ...{ packetsIn: n, packetsOut: n, bytesIn: n * 1000, bytesOut: n * 100, drops, ignored: {} },
});

const none: Carried = {
  ...{ connections: 0, open: 0, bytesIn: 0, bytesOut: 0, datagramsIn: 0, datagramsOut: 0 },
};
const services: Record<Service, Carried> = {
  echo: { ...none, connections: 1, datagramsIn: 2 },
  page: { ...none, connections: 2 },
  ...{ discard: none, daytime: none, chargen: none },
};

test('carried: sizes are told as people tell them', (t) => {
  t.deepEqual([0, 999, 1000, 1500, 9949, 9951, 999_499, 999_500, 12e6, 4.2e9, 7e15].map(size), [
    ...['0 B', '999 B', '1.0 kB', '1.5 kB', '9.9 kB', '10 kB', '999 kB', '1.0 MB'],
    ...['12 MB', '4.2 GB', '7000 TB'],
  ]);
});

test('carried: the last line has packets, bytes, connections, datagrams and drops', (t) => {
  t.is(
    carriedLine(counted(1234, { ipChecksum: 1, tcpBadAck: 5, ipTtl: 0 }), services),
    'carried 1234 packets in (1.2 MB), 1234 packets out (123 kB), 3 connections, 2 datagrams, ' +
      'dropped 6 (tcpBadAck 5, ipChecksum 1)',
  );
});

test('carried: one is one', (t) => {
  const one = { ...services, page: none, echo: { ...none, connections: 1, datagramsIn: 1 } };
  t.is(
    carriedLine(counted(1), one),
    'carried 1 packet in (1.0 kB), 1 packet out (100 B), 1 connection, 1 datagram, dropped none',
  );
});

test('carried: the status line has what passes in a second', (t) => {
  t.is(
    statusLine(counted(300), counted(100), 2, 1),
    'in 100 kB/s  out 10 kB/s  200 packets/s  1 open connection',
  );
});

test('carried: one a second is one', (t) => {
  t.regex(statusLine(counted(2), counted(1), 2, 0), / {2}1 packet\/s {2}0 open connections$/);
});

// RFC 1112 §7.2: what is for groups that nobody joined is discarded without a word. The kernel asks for routers on every
// TUN (RFC 4861 §6.3.7), and reports its groups (RFC 3810).
test('carried: what was for others is no loss', (t) => {
  const line = (ignored: Record<string, number>, drops = {}) =>
    carriedLine({ ...counted(1, drops), ignored }, services);
  t.regex(line({ ipNotMember: 3 }), /, dropped none, 3 for others$/);
  t.regex(
    line({ ipNotMember: 1, ipNoFamily: 2 }, { ipTtl: 2 }),
    /, dropped 2 \(ipTtl 2\), 3 for others$/,
  );
});

test('carried: octets are those of both families', (t) => {
  const octets = { IpExtInOctets: 1, Ip6InOctets: 20, IpExtOutOctets: 300, Ip6OutOctets: 4000 };
  const { bytesIn, bytesOut } = carried.counted(octets as unknown as StackStats);
  t.deepEqual([bytesIn, bytesOut], [21, 4300]);
});
