/**
 * RFC 7323, window scale and timestamps, with the segment size of RFC 6691.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Flag, has } from '../../src/stack/tcp/tcb/flags.ts';
import { MS, S } from '../support/lab.ts';
import { established, listening, synSent } from '../support/states.ts';

test('RFC 7323 §1.3: options are offered in a SYN, and answered only where they were', (t) => {
  const active = synSent(t);
  active.lab.advance(S);
  active.expect({ flags: 'S', ws: 9, ts: true });
  const peer = listening(t, { ws: 2 });
  peer.send('S');
  peer.expect({ flags: 'S.', ws: 9, ts: false });
  const other = listening(t, { ts: true });
  other.send('S');
  other.expect({ flags: 'S.', ws: undefined, ts: true });
});

test('RFC 7323 §1.3: they can be switched off', (t) => {
  const tcp = { timestamps: false, windowScaling: false };
  const active = synSent(t, { tcp });
  active.lab.advance(S);
  active.expect({ flags: 'S', ws: undefined, ts: false });
  const peer = listening(t, { ws: 2, ts: true, tcp });
  peer.send('S');
  peer.expect({ flags: 'S.', ws: undefined, ts: false });
});

test('RFC 7323 §2.2: the window of a SYN is never scaled', (t) => {
  const peer = established(t, { active: true, ws: 7, window: 60_000 });
  t.is(peer.tcb.sndWnd, 60_000);
  const passive = listening(t, { ws: 7 });
  passive.send('S');
  passive.expect({ flags: 'S.', window: 65_535 });
});

test('RFC 7323 §2.3: after it every window is', (t) => {
  const peer = established(t, { ws: 7, window: 1_000_000 });
  peer.send('.');
  t.is(peer.tcb.sndWnd, Math.floor(1_000_000 / 128) * 128);
  peer.send('.', { len: 1000 });
  const [ack] = peer.skip();
  t.true((ack?.window ?? 0) * 512 > 200_000);
});

test('RFC 7323 §2.3: a shift above 14 counts as 14', (t) => {
  const peer = listening(t, { ws: 15 });
  peer.send('S');
  peer.send('.', { options: {} });
  t.is(peer.tcb.sndScale, 14);
});

test('RFC 7323 §2.4: what was offered once is taken', (t) => {
  const peer = established(t, { ws: 7, tcp: { receiveBuffer: 8192, receiveBufferMax: 100_000 } });
  peer.reading(false);
  let edge = 8193;
  for (let i = 0; i < 30; i++) {
    peer.send('.', { len: 100 });
    for (const seen of peer.skip()) edge = Math.max(edge, seen.ack + seen.window * 2);
  }
  const left = edge - peer.next;
  for (let i = 0; i < Math.floor(left / 100); i++) {
    t.is(peer.send('.', { len: 100 }), Drop.NONE);
  }
});

test('RFC 7323 §3.2: every segment of the connection carries a timestamp, resets too', (t) => {
  const peer = established(t, { ts: true, sack: true });
  peer.write(3000);
  peer.send('.', { seq: 500, len: 10 });
  peer.lab.advance(S);
  peer.abort();
  for (const seen of peer.skip()) t.truthy(seen.ts);
});

test('RFC 7323 §3.2: a segment without one is dropped, a reset is not', (t) => {
  const peer = established(t, { ts: true });
  t.is(peer.send('P.', { seq: 1, len: 10, options: { ts: false } }), Drop.TCP_PAWS);
  t.is(peer.send('R', { seq: 1, options: { ts: false } }), Drop.NONE);
});

test('RFC 7323 §3.2: one that was not agreed on is passed over', (t) => {
  const peer = established(t);
  t.is(peer.send('P.', { len: 10, options: { ts: [0xffff_0000, 7] } }), Drop.NONE);
  peer.expect({ ack: 11, ts: false });
});

test('RFC 7323 §4.1: an echo gives the round trip, of what was sent twice, too', (t) => {
  const peer = established(t, { ts: true, rtt: 50 * MS });
  peer.write(1000);
  peer.lab.advanceToNext();
  const { stamp } = peer;
  peer.lab.advance(70 * MS);
  peer.send('.', { options: { ts: [peer.clock, stamp] } });
  t.true(Math.abs(peer.tcb.lastRtt - 70 * MS) <= MS);
});

test('RFC 7323 §4.3: with delayed ACKs the oldest of the segments is echoed', (t) => {
  const peer = established(t, { ts: true, tcp: { quickAcks: 0 } });
  const first = peer.clock;
  peer.send('.', { len: 100 });
  peer.lab.advance(15 * MS);
  peer.send('.', { len: 100 });
  peer.lab.advance(100 * MS);
  t.is(peer.expect({ ack: 201 }).ts?.[1], first);
});

test('RFC 7323 §4.3: after a hole the last segment in order is echoed', (t) => {
  const peer = established(t, { ts: true, sack: true });
  const first = peer.clock;
  peer.send('.', { len: 100 });
  peer.skip();
  peer.lab.advance(50 * MS);
  peer.send('.', { seq: 201, len: 100 });
  t.is(peer.expect({ ack: 101 }).ts?.[1], first);
});

test('RFC 7323 §4.3: what fills a hole is echoed', (t) => {
  const peer = established(t, { ts: true, sack: true });
  peer.send('.', { seq: 101, len: 100 });
  peer.skip();
  peer.lab.advance(50 * MS);
  const filling = peer.clock;
  peer.send('.', { seq: 1, len: 100 });
  t.is(peer.expect({ ack: 201 }).ts?.[1], filling);
});

test('RFC 7323 §5.3: R1: a segment with an older timestamp is answered and dropped', (t) => {
  const peer = established(t, { ts: true });
  const old = peer.clock - 1;
  t.is(peer.send('P.', { seq: 1, len: 10, options: { ts: [old, peer.stamp] } }), Drop.TCP_PAWS);
  peer.expect({ flags: '.', ack: 1 });
  t.is(peer.app.length, 0);
  t.is(peer.lab.stat('TcpExtPAWSEstab'), 1);
});

test('RFC 7323 §5.3: R3: only a segment in the window moves what is echoed', (t) => {
  const peer = established(t, { ts: true });
  const { tsRecent } = peer.tcb;
  peer.send('.', { seq: 1_000_000, options: { ts: [peer.clock + 5000, peer.stamp] } });
  t.is(peer.tcb.tsRecent, tsRecent);
});

test('RFC 7323 §5.2: a wrapped sequence number is told by its timestamp', (t) => {
  const peer = established(t, { ts: true });
  peer.send('P.', { len: 100 });
  peer.lab.advance(60 * S);
  peer.send('P.', { len: 100 });
  const again = { seq: 201, len: 100, options: { ts: [peer.clock - 60_000, peer.stamp] as const } };
  t.is(peer.send('P.', again), Drop.TCP_PAWS);
  t.is(peer.app.length, 200);
});

test('RFC 7323 §5.4: timestamps wrap, and nothing happens', (t) => {
  const peer = established(t, { ts: true, now: (2 ** 32 - 5_000_000 - 2) * MS });
  for (let i = 0; i < 10; i++) {
    peer.lab.advance(MS);
    t.is(peer.send('P.', { len: 10 }), Drop.NONE);
  }
  t.is(peer.app.length, 100);
});

test('RFC 7323 §5.4: the clock ticks once a millisecond', (t) => {
  const peer = established(t, { ts: true });
  const { stamp } = peer;
  peer.lab.advance(10 * S);
  peer.write(1);
  t.is(peer.stamp - stamp, 10_000);
});

test('RFC 7323 §5.5: after 24 days of silence an older timestamp is taken', (t) => {
  const peer = established(t, { ts: true });
  peer.lab.advance(24 * 24 * 3600 * S + S);
  const old = peer.tcb.tsRecent - 5;
  t.is(peer.send('P.', { len: 10, options: { ts: [old, peer.stamp] } }), Drop.NONE);
  t.is(peer.tcb.tsRecent, old);
});

test('RFC 7323 §7.1: where timestamps begin is different for each connection', (t) => {
  const offsets = [40_000, 40_001, 40_002, 40_003].map((port) => {
    return established(t, { ts: true, port }).tcb.tsOffset;
  });
  t.is(new Set(offsets).size, 4);
});

test('RFC 6691 §2: the MSS option does not count the options, segments do', (t) => {
  const peer = listening(t, { mss: 1460, ts: true });
  peer.send('S');
  peer.expect({ mss: 1460 });
  peer.send('.');
  peer.write(3000);
  peer.expect({ len: 1448 });
  peer.expect({ len: 1448 });
});

test('RFC 6691 §2: nor does it count SACK blocks: a full segment goes without them', (t) => {
  const peer = established(t, { mss: 1460, sack: true });
  peer.send('.', { seq: 1001, len: 1000 });
  peer.skip();
  peer.lab.batch(() => {
    peer.send('.', { seq: 3001, len: 1000 });
    peer.write(1460);
  });
  const sent = peer.skip();
  t.true(sent.every((seen) => seen.bytes.length <= 1500));
  t.true(sent.some((seen) => seen.len === 1460 && seen.sack.length === 0));
  t.true(
    sent.some((seen) => seen.sack.length === 2),
    'the blocks follow in an ACK',
  );
  t.true(has(peer.tcb, Flag.SACK));
});

test('RFC 6928 §2: the first window is ten segments, or 14600 octets if that is less', (t) => {
  for (const [mss, mtu, octets] of [
    [536, 1500, 5360],
    [1000, 1500, 10_000],
    [1460, 1500, 14_600],
    [2000, 9000, 14_600],
    [8960, 9000, 17_920],
  ] as const) {
    const peer = established(t, { mss, mtu });
    peer.write(100_000);
    t.is(
      peer.skip().reduce((sum, seen) => sum + seen.len, 0),
      Math.floor(octets / mss) * mss,
    );
  }
});

test('RFC 6928 §2: more than one lost SYN makes it one segment', (t) => {
  for (const lost of [0, 1, 2, 3]) {
    const peer = synSent(t);
    for (let i = 0; i < lost; i++) peer.lab.advanceToNext();
    peer.skip();
    peer.send('S.');
    peer.write(100_000);
    t.is(peer.skip().filter((seen) => seen.len > 0).length, lost > 1 ? 1 : 10);
  }
});

test('RFC 6928 §2: it can be set', (t) => {
  const peer = established(t, { tcp: { initialWindow: 3 } });
  peer.write(100_000);
  t.is(peer.skip().length, 3);
});
