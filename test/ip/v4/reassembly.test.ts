/**
 * Fragments in, whole datagrams out, and the attacks on it. RFC 791 §3.2, RFC 5722, RFC 3128.
 * @module
 */
import test from 'ava';
import { NEVER, SECOND } from '../../../src/stack/base/clock.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { below, SeededRandom } from '../../../src/stack/base/random.ts';
import { PAGE_SIZE } from '../../../src/stack/ip/fragment-pages.ts';
import {
  type Fields,
  Host,
  type HostOptions,
  ip,
  PEER,
  packet,
  pattern,
} from '../../support/packets.ts';

class Receiver extends Host {
  readonly got: Uint8Array[] = [];
  tos = -1;

  constructor(options: HostOptions = {}) {
    super(options);
    this.net.setProtocol(253, {
      input: (p) => {
        this.got.push(this.bytes(p.body, p.bodyLength));
        this.tos = p.tos;
        return Drop.NONE;
      },
      error: () => Drop.ICMP_NO_MATCH,
    });
  }

  /** One fragment of `text`, from `offset` to `end`. */
  piece(text: Uint8Array, offset: number, end: number, fields: Fields = {}): Drop {
    const more = end < text.length;
    return this.input(packet({ offset, more, body: text.subarray(offset, end), ...fields }));
  }
}

/** Where the pieces of `length` bytes begin and end, cut at multiples of `size`. */
function cuts(length: number, size: number): [number, number][] {
  const pieces: [number, number][] = [];
  for (let at = 0; at < length; at += size) pieces.push([at, Math.min(at + size, length)]);
  return pieces;
}

test('reassembly: fragments in order are one packet', (t) => {
  const host = new Receiver();
  const text = pattern(4000);
  for (const [from, to] of cuts(4000, 1480)) t.is(host.piece(text, from, to), Drop.NONE);
  t.deepEqual(host.got, [text]);
  t.is(host.net.fragments.length, 0);
  t.is(host.net.fragments.pages.used, 0);
  t.is(host.stat('IpReasmReqds'), 3);
  t.is(host.stat('IpReasmOKs'), 1);
  t.true(host.balanced);
});

test('reassembly: fragments in any order, of any size, are one packet', (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const host = new Receiver();
    const text = pattern(1 + below(random, 65_515), seed);
    const pieces = cuts(text.length, 8 * (120 + below(random, 60)));
    for (let i = pieces.length - 1; i > 0; i--) {
      const j = below(random, i + 1);
      const [a, b] = [pieces[i], pieces[j]];
      if (a !== undefined && b !== undefined) [pieces[i], pieces[j]] = [b, a];
    }
    if (pieces.length === 1) continue;
    for (const [from, to] of pieces) host.piece(text, from, to);
    if (host.got.length !== 1) return t.fail(`nothing came out: seed ${seed}`);
    t.deepEqual(host.got[0], text, `seed ${seed}`);
    t.true(host.balanced, `seed ${seed}`);
  }
  return t.pass();
});

test('reassembly: the longest packet is 65 535 bytes', (t) => {
  const host = new Receiver();
  const text = pattern(65_515);
  for (const [from, to] of cuts(text.length, 1480)) t.is(host.piece(text, from, to), Drop.NONE);
  t.deepEqual(host.got[0], text);
});

test('reassembly: packets that differ in id, protocol or address are kept apart', (t) => {
  const host = new Receiver();
  const text = pattern(16);
  host.piece(text, 0, 8);
  host.piece(text, 8, 16, { id: 2 });
  host.piece(text, 8, 16, { protocol: 252 });
  host.piece(text, 8, 16, { source: ip('10.0.0.9') });
  t.is(host.got.length, 0);
  t.is(host.net.fragments.length, 4);
  host.piece(text, 8, 16);
  t.is(host.got.length, 1);
});

test('reassembly: the header of the first fragment counts, options included', (t) => {
  const host = new Receiver();
  const text = pattern(24);
  const options = [148, 4, 0, 0];
  host.piece(text, 16, 24);
  host.piece(text, 8, 16);
  host.piece(text, 0, 8, { options, tos: 0x20 });
  t.deepEqual(host.got[0], text);
  t.is(host.tos, 0x20);
});

test('reassembly: a fragment that came twice is ignored', (t) => {
  const host = new Receiver();
  const text = pattern(3000);
  t.is(host.piece(text, 0, 1480), Drop.NONE);
  t.is(host.piece(text, 0, 1480), Drop.IP_FRAGMENT);
  t.is(host.piece(text, 1480, 2960), Drop.NONE);
  t.is(host.piece(text, 2960, 3000), Drop.NONE);
  t.deepEqual(host.got, [text]);
  t.true(host.balanced);
});

const overlaps: [string, number, number, number][] = [
  ['the end of another', 8, 24, 1],
  ['the beginning of another', 0, 24, 1],
  ['another with other bytes', 16, 32, 9],
  ['all of another', 8, 40, 1],
];
for (const [what, from, to, seed] of overlaps) {
  test(`reassembly: a fragment over ${what} ends the whole datagram`, (t) => {
    const host = new Receiver();
    t.is(host.piece(pattern(64, 1), 16, 32), Drop.NONE);
    t.is(host.piece(pattern(64, seed), from, to), Drop.IP_FRAGMENT_OVERLAP);
    t.is(host.net.drops[Drop.IP_FRAGMENT_OVERLAP], 2);
    t.is(host.net.fragments.pages.used, 0);
    // RFC 5722: and so does all that still comes of it.
    for (const [a, b] of cuts(64, 16)) {
      t.is(host.piece(pattern(64, 1), a, b), Drop.IP_FRAGMENT_OVERLAP);
    }
    t.is(host.got.length, 0);
    t.true(host.balanced);
  });
}

test('reassembly: two different ends are an overlap', (t) => {
  const host = new Receiver();
  host.piece(pattern(32), 24, 32);
  t.is(host.piece(pattern(48), 40, 48), Drop.IP_FRAGMENT_OVERLAP);
  const other = new Receiver();
  other.piece(pattern(64), 40, 48);
  t.is(other.piece(pattern(32), 24, 32), Drop.IP_FRAGMENT_OVERLAP);
});

const bad: [string, Fields][] = [
  ['without data', { more: true, offset: 8 }],
  ['of no multiple of 8 bytes, unless the last', { more: true, body: pattern(9) }],
  ['that ends past 65 535 bytes (ping of death)', { offset: 65_512, body: pattern(100) }],
  ['that ends one byte too far', { offset: 65_512, body: pattern(4) }],
  ['that splits a TCP header', { protocol: 6, more: true, body: pattern(8) }],
  ['that begins inside a TCP header', { protocol: 6, offset: 8, body: pattern(8) }],
];
for (const [what, fields] of bad) {
  test(`reassembly: a fragment ${what} is refused`, (t) => {
    const host = new Receiver();
    t.is(host.input(packet(fields)), Drop.IP_FRAGMENT);
    t.is(host.net.fragments.length, 0);
    t.is(host.stat('IpReasmFails'), 1);
    t.true(host.balanced);
  });
}

test('reassembly: a packet that its header’s options make too long is refused', (t) => {
  const host = new Receiver();
  const text = pattern(65_515);
  const pieces = cuts(text.length, 1480);
  for (const [from, to] of pieces.slice(1)) host.piece(text, from, to);
  t.is(host.piece(text, 0, 1480, { options: [148, 4, 0, 0] }), Drop.IP_FRAGMENT);
  t.is(host.net.fragments.length, 0);
  t.is(host.got.length, 0);
  t.true(host.balanced);
});

test('reassembly: what is not whole after 30 seconds is reported, if its beginning came', (t) => {
  const host = new Receiver();
  host.piece(pattern(3000), 0, 1480);
  host.net.begin(SECOND);
  host.piece(pattern(3000), 1480, 2960, { id: 2 });
  t.is(host.net.deadline(), 30 * SECOND);
  host.net.expire(30 * SECOND - 1);
  t.is(host.net.fragments.length, 2);
  host.net.expire(30 * SECOND);
  const report = host.wire.take();
  t.deepEqual([report.u8(0), report.u8(1)], [11, 1]);
  t.is(report.destination, PEER);
  t.true(report.icmpGood);
  const first = packet({ more: true, body: pattern(3000).subarray(0, 1480) });
  t.deepEqual(report.body.subarray(8), first.subarray(0, 548));
  t.is(host.net.deadline(), 31 * SECOND);
  host.net.expire(31 * SECOND);
  t.is(host.wire.sent.length, 0); // offset 0 never came
  t.is(host.net.deadline(), NEVER);
  t.is(host.net.drops[Drop.IP_FRAGMENT_TIMEOUT], 2);
  t.is(host.stat('IpReasmTimeout'), 2);
  t.true(host.balanced);
});

test('reassembly: what is quoted of a long beginning stays inside the scratch area', (t) => {
  // RFC 791: a header of 60 bytes and 65 512 bytes without an end are 36 more than the area holds.
  const host = new Receiver();
  const text = pattern(65_515);
  const options = new Array(40).fill(1);
  host.piece(text, 0, 1440, { options });
  for (let at = 1440; at < 65_512; at += 1480) host.piece(text, at, Math.min(at + 1480, 65_512));
  const { bytes, scratchSize } = host.slots;
  t.is(host.slots.acquire(), scratchSize, 'the first slot is nobody else’s');
  bytes.fill(0xee, scratchSize, scratchSize + 64);
  host.net.expire(31 * SECOND);
  t.is(host.stat('IcmpOutTimeExcds'), 1);
  t.true(bytes.subarray(scratchSize, scratchSize + 40).every((byte) => byte === 0xee));
  const report = host.wire.take();
  t.deepEqual(report.body.subarray(8 + 60), text.subarray(0, 548 - 60));
  t.true(report.icmpGood);
});

test('reassembly: a datagram that never ends is given up 30 s after it began, whatever comes', (t) => {
  const host = new Receiver();
  const text = pattern(60_000);
  for (let second = 0; second < 30; second++) {
    host.net.begin(second * SECOND);
    host.net.expire(second * SECOND);
    const at = second * 1480;
    t.is(host.piece(text, at, at + 1480), Drop.NONE);
    t.is(host.net.deadline(), 30 * SECOND);
  }
  host.net.expire(30 * SECOND);
  t.is(host.net.drops[Drop.IP_FRAGMENT_TIMEOUT], 30);
  t.is(host.net.fragments.length, 0);
  t.is(host.net.fragments.pages.used, 0);
  t.true(host.balanced);
});

test('reassembly: a broadcast that is not whole is not reported', (t) => {
  const host = new Receiver();
  host.piece(pattern(3000), 0, 1480, { destination: ip('10.0.0.255') });
  host.net.expire(30 * SECOND);
  t.is(host.wire.sent.length, 0);
});

test('reassembly: one source cannot hold more than its share of datagrams', (t) => {
  const host = new Receiver({ reassembly: { datagramsPerSource: 4 } });
  host.piece(pattern(16), 0, 8, { source: ip('10.0.0.9'), id: 100 });
  for (let id = 0; id < 10; id++) t.is(host.piece(pattern(16), 0, 8, { id }), Drop.NONE);
  t.is(host.net.fragments.length, 5);
  t.is(host.net.drops[Drop.IP_FRAGMENT_LIMIT], 6);
  host.piece(pattern(16), 8, 16, { id: 9 }); // the newest is still there
  host.piece(pattern(16), 8, 16, { source: ip('10.0.0.9'), id: 100 });
  t.is(host.got.length, 2);
  t.true(host.balanced);
});

test('reassembly: in total the oldest datagram gives way', (t) => {
  const host = new Receiver({ reassembly: { datagrams: 8 } });
  for (let i = 0; i < 20; i++) host.piece(pattern(16), 0, 8, { source: ip(`10.0.0.${i + 10}`) });
  t.is(host.net.fragments.length, 8);
  t.is(host.net.drops[Drop.IP_FRAGMENT_LIMIT], 12);
  t.true(host.balanced);
});

test('reassembly: memory stays within its limit, and a new datagram still gets through', (t) => {
  const memory = 256 * 1024;
  const host = new Receiver({ reassembly: { memory } });
  const text = pattern(65_515);
  const pieces = cuts(text.length, 1480);
  for (let id = 1; id <= 100; id++) {
    for (const [from, to] of pieces.slice(1)) host.piece(text, from, to, { id });
    t.true(host.net.fragments.pages.used * PAGE_SIZE <= memory);
  }
  for (const [from, to] of pieces) host.piece(text, from, to, { id: 101 });
  t.deepEqual(host.got, [text]);
  host.net.expire(31 * SECOND);
  t.is(host.net.fragments.length, 0);
  t.is(host.net.fragments.pages.used, 0);
  t.true(host.balanced);
});

test('reassembly: with one fragment in a hundred lost, the others arrive and memory is bounded', (t) => {
  const random = new SeededRandom(7);
  const host = new Receiver();
  const text = pattern(65_507);
  const pieces = cuts(text.length, 1480);
  let whole = 0;
  for (let id = 0; id < 400; id++) {
    host.net.begin(id * 1000);
    let lost = false;
    for (const [from, to] of pieces) {
      if (below(random, 100) === 0) lost = true;
      else host.piece(text, from, to, { id });
    }
    if (!lost) whole++;
  }
  t.is(host.got.length, whole);
  t.true(host.net.fragments.pages.used <= host.net.fragments.pages.limit);
  host.net.expire(60 * SECOND);
  t.true(host.balanced);
});

test('reassembly: a swarm of tiny fragments with holes ends its own datagram only', (t) => {
  const host = new Receiver();
  const text = pattern(65_504);
  let last: Drop = Drop.NONE;
  for (let at = 0; at < 64 * 16; at += 16) last = host.piece(text, at, at + 8);
  t.is(last, Drop.NONE);
  t.is(host.piece(text, 64 * 16, 64 * 16 + 8), Drop.IP_FRAGMENT_LIMIT);
  t.is(host.net.fragments.pages.used, 0);
  t.true(host.balanced);
});

test('reassembly: congestion marks survive, and mix with unmarkable fragments in no datagram', (t) => {
  const host = new Receiver();
  host.piece(pattern(16), 0, 8, { tos: 2 });
  host.piece(pattern(16), 8, 16, { tos: 3 });
  t.is(host.tos, 3);
  host.piece(pattern(16), 0, 8, { tos: 0, id: 2 });
  t.is(host.piece(pattern(16), 8, 16, { tos: 3, id: 2 }), Drop.IP_FRAGMENT);
  t.is(host.got.length, 1);
  t.true(host.balanced);
});

test('reassembly: random fragments throw nothing, leak nothing, and the counters add up', (t) => {
  const seed = 20_240_607;
  const random = new SeededRandom(seed);
  const host = new Receiver({ reassembly: { memory: 128 * 1024, datagrams: 32 } });
  for (let i = 0; i < 50_000; i++) {
    host.net.begin(i * 2000);
    if (i % 100 === 0) host.net.expire(i * 2000);
    const body = pattern(below(random, 40) * (below(random, 4) === 0 ? 1 : 8), below(random, 2));
    const fields: Fields = {
      id: below(random, 6),
      source: ip(`10.0.0.${10 + below(random, 40)}`),
      protocol: [6, 17, 253][below(random, 3)] ?? 253,
      offset: below(random, 20) === 0 ? 8 * below(random, 8192) : 8 * below(random, 24),
      more: below(random, 3) !== 0,
      body,
    };
    host.input(packet(fields));
    host.wire.sent.length = 0;
  }
  host.net.expire(1e12);
  t.is(host.net.fragments.length, 0);
  t.is(host.net.fragments.pages.used, 0);
  t.true(host.got.length > 0, `seed ${seed}`);
  t.true(host.balanced, `seed ${seed}`);
});
