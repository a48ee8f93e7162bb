/**
 * Groups: who has joined gets what is for them. RFC 4541; IGMP of RFC 3376 and 2236, MLD of RFC 3810 and 2710.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Bench, type Plug, parse } from './bench.ts';

const GROUP = [239, 1, 2, 3];
const MAC_OF_GROUP = '01:00:5e:01:02:03';
const SECOND = 1_000_000;

/** A frame of IPv4 from a station to a group. */
function ip4(
  from: string,
  mac: string,
  protocol: number,
  to: number[],
  body: number[],
  source = 1,
): Uint8Array {
  const v = new DataView(new ArrayBuffer(14 + 20 + Math.max(body.length, 8)));
  const [a, b] = [parse(from), parse(mac)];
  v.setUint16(0, b.hi);
  v.setInt32(2, b.lo);
  v.setUint16(6, a.hi);
  v.setInt32(8, a.lo);
  v.setUint16(12, 0x0800);
  v.setUint8(14, 0x45);
  v.setUint16(16, v.byteLength - 14);
  v.setUint8(22, 1);
  v.setUint8(23, protocol);
  v.setUint32(26, source);
  for (const [i, octet] of to.entries()) v.setUint8(30 + i, octet);
  for (const [i, octet] of body.entries()) v.setUint8(34 + i, octet);
  return new Uint8Array(v.buffer);
}

const query = (source = 0x0a000001): Uint8Array =>
  ip4('f', '01:00:5e:00:00:01', 2, [224, 0, 0, 1], [0x11, 100, 0, 0, 0, 0, 0, 0], source);
const report = (from: string, type = 0x16): Uint8Array =>
  ip4(from, MAC_OF_GROUP, 2, GROUP, [type, 0, 0, 0, ...GROUP]);
const report3 = (from: string, record: number): Uint8Array =>
  ip4(
    from,
    '01:00:5e:00:00:16',
    2,
    [224, 0, 0, 22],
    [0x22, 0, 0, 0, 0, 0, 0, 1, record, 0, 0, 0, ...GROUP],
  );
const data = (from: string): Uint8Array => ip4(from, MAC_OF_GROUP, 17, GROUP, [7]);

function four(options = {}): [Bench, Plug, Plug, Plug, Plug] {
  const bench = new Bench(options);
  return [bench, bench.plug(), bench.plug(), bench.plug(), bench.plug()];
}

/** How many frames each has heard since it was asked last. */
const counts = (...plugs: Plug[]): number[] => plugs.map((plug) => plug.take().length);

test('switch: without a router that asks, what is for a group goes to everyone (RFC 4541 §2.1.2)', (t) => {
  const [bench, a, b, c, d] = four();
  bench.send(b, report('b'));
  counts(a, b, c, d);
  bench.send(a, data('a'));
  t.deepEqual(counts(a, b, c, d), [0, 1, 1, 1]);
});

for (const [name, join, leave] of [
  [
    'version 2',
    report('b'),
    ip4('b', '01:00:5e:00:00:02', 2, [224, 0, 0, 2], [0x17, 0, 0, 0, ...GROUP]),
  ],
  ['version 3', report3('b', 4), report3('b', 3)],
] as const) {
  test(`switch: what is for a group goes to who has joined and to routers, ${name}`, (t) => {
    const [bench, a, b, c, router] = four();
    bench.send(router, query());
    t.deepEqual(counts(a, b, c, router), [1, 1, 1, 0]);
    bench.send(b, join);
    // RFC 4541 §2.1.1 (1): reports are for routers alone, or other members would keep silent.
    t.deepEqual(counts(a, b, c, router).slice(0, 3), name === 'version 2' ? [0, 0, 0] : [0, 0, 0]);
    bench.send(a, data('a'));
    t.deepEqual(counts(a, b, c, router), [0, 1, 0, 1]);
    bench.send(b, leave);
    counts(a, b, c, router);
    bench.now += 2 * SECOND + 1;
    bench.send(a, data('a'));
    t.deepEqual(counts(a, b, c, router), [0, 0, 0, 1]);
  });
}

test('switch: a member that says nothing for 260 s, and a router for 255 s, are forgotten', (t) => {
  const [bench, a, b, c, router] = four();
  bench.send(b, report('b'));
  bench.now += 200 * SECOND;
  bench.send(router, query());
  counts(a, b, c, router);
  bench.send(a, data('a'));
  t.deepEqual(counts(a, b, c, router), [0, 1, 0, 1]);
  bench.now += 61 * SECOND;
  bench.send(a, data('a'));
  t.deepEqual(counts(a, b, c, router), [0, 0, 0, 1]);
  bench.now += 195 * SECOND;
  bench.send(a, data('a'));
  t.deepEqual(counts(a, b, c, router), [0, 1, 1, 1], 'nobody asks any more');
});

test('switch: 224.0.0.x is everyone’s, and who asks for others is no router', (t) => {
  const [bench, a, b, c, proxy] = four();
  bench.send(proxy, query(0));
  counts(a, b, c, proxy);
  bench.send(a, ip4('a', '01:00:5e:00:00:fb', 17, [224, 0, 0, 251], [1]));
  t.deepEqual(counts(a, b, c, proxy), [0, 1, 1, 1]);
  bench.send(b, report('b'));
  counts(a, b, c, proxy);
  bench.send(a, data('a'));
  t.deepEqual(counts(a, b, c, proxy), [0, 1, 0, 0]);
});

test('switch: snooping can be left out', (t) => {
  const [bench, a, b, c, router] = four({ snooping: false });
  bench.send(router, query());
  counts(a, b, c, router);
  bench.send(a, data('a'));
  t.deepEqual(counts(a, b, c, router), [0, 1, 1, 1]);
});

/** A frame of IPv6 to a group, behind a router alert if it is MLD. */
function ip6(from: string, group: number[], next: number, body: number[]): Uint8Array {
  const alert = next === 58 ? [58, 0, 5, 2, 0, 0, 1, 0] : [];
  const v = new DataView(new ArrayBuffer(14 + 40 + alert.length + body.length));
  const a = parse(from);
  v.setUint16(0, 0x3333);
  for (const [i, octet] of group.slice(12).entries()) v.setUint8(2 + i, octet);
  v.setUint16(6, a.hi);
  v.setInt32(8, a.lo);
  v.setUint16(12, 0x86dd);
  v.setUint8(14, 0x60);
  v.setUint16(18, alert.length + body.length);
  v.setUint8(20, alert.length > 0 ? 0 : next);
  v.setUint16(22, 0xfe80);
  for (const [i, octet] of group.entries()) v.setUint8(38 + i, octet);
  for (const [i, octet] of [...alert, ...body].entries()) v.setUint8(54 + i, octet);
  return new Uint8Array(v.buffer);
}

const group6 = (last: number): number[] => [0xff, 0x05, ...new Array(12).fill(0), 0x12, last];

test('switch: MLD is overheard as IGMP is', (t) => {
  const [bench, a, b, c, router] = four();
  const all = [0xff, 0x02, ...new Array(13).fill(0), 1];
  bench.send(router, ip6('f', all, 58, [130, 0, 0, 0, 0, 100, 0, 0, ...new Array(16).fill(0)]));
  t.deepEqual(counts(a, b, c, router), [1, 1, 1, 0]);
  const v2 = [143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, ...group6(1)];
  bench.send(b, ip6('b', [0xff, 0x02, ...new Array(13).fill(0), 0x16], 58, v2));
  t.deepEqual(counts(a, b, c, router), [0, 0, 0, 1]);
  bench.send(c, ip6('c', group6(2), 58, [131, 0, 0, 0, 0, 0, 0, 0, ...group6(2)]));
  counts(a, b, c, router);
  bench.send(a, ip6('a', group6(1), 17, [1]));
  t.deepEqual(counts(a, b, c, router), [0, 1, 0, 1]);
  bench.send(a, ip6('a', group6(2), 17, [1]));
  t.deepEqual(counts(a, b, c, router), [0, 0, 1, 1]);
  bench.send(a, ip6('a', all, 17, [1]));
  t.deepEqual(counts(a, b, c, router), [0, 1, 1, 1]);
});

test('switch: membership messages bent in every octet, and too many, end within bounds', (t) => {
  const [bench, a, b, c, router] = four();
  bench.send(router, query());
  const random = new SeededRandom(5);
  for (let i = 0; i < 3000; i++) {
    const bytes = (
      i % 2 === 0
        ? report3('b', 4)
        : ip6('b', group6(i & 255), 58, [
            143,
            0,
            0,
            0,
            0,
            0,
            255,
            255,
            4,
            9,
            255,
            255,
            ...group6(i & 255),
          ])
    ).slice();
    if (i % 3 !== 0) bytes[14 + ((random.int32() >>> 0) % (bytes.length - 14))] = random.int32();
    else for (let n = 46; n < 50 && n < bytes.length; n++) bytes[n] = random.int32();
    bench.send(b, bytes);
    bench.now += 1000;
  }
  counts(a, b, c, router);
  bench.send(c, report('c'));
  counts(a, b, c, router);
  bench.send(a, data('a'));
  t.true((counts(c)[0] as number) >= 1);
});
