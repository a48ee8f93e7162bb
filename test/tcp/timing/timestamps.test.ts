/**
 * Timestamps: agreed or not, echoed, old. RFC 7323 §3 to §5.
 * @module
 */
import test from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { MS, S } from '../../support/lab.ts';
import { established } from '../../support/states.ts';

const DAY = 24 * 3600 * S;

test('timestamps: a stamp that was not agreed on does not count, however old it looks', (t) => {
  const peer = established(t);
  const drop = peer.send('P.', { len: 10, options: { ts: [0x9000_0000, 0] } });
  t.is(drop, Drop.NONE);
  t.is(peer.app.length, 10);
  peer.expect({ flags: '.', ack: 11, ts: false });
});

test('timestamps: after 24 silent days an older stamp is taken, and from then on counts', (t) => {
  const peer = established(t, { ts: true });
  peer.lab.advance(25 * DAY);
  const clock = peer.tcb.tsRecent - 1000;
  t.is(peer.send('P.', { len: 10, options: { ts: [clock, peer.stamp] } }), Drop.NONE);
  peer.expect({ flags: '.', ack: 11, ts: [peer.stamp, clock] });
  const late = { len: 10, options: { ts: [clock - 1, peer.stamp] as const } };
  t.is(peer.send('P.', late), Drop.TCP_PAWS);
});

test('timestamps: an older stamp is refused, and answered', (t) => {
  const peer = established(t, { ts: true, sack: true });
  const old = peer.tcb.tsRecent - 1;
  t.is(peer.send('P.', { len: 10, options: { ts: [old, peer.stamp] } }), Drop.TCP_PAWS);
  peer.expect({ flags: '.', seq: 1, ack: 1, sack: [] });
  t.is(peer.app.length, 0);
});

test('timestamps: a segment without one is dropped without an answer once they are agreed', (t) => {
  const peer = established(t, { ts: true });
  t.is(peer.send('P.', { len: 10, options: { ts: false } }), Drop.TCP_PAWS);
  peer.expectNothing();
});

test('timestamps: a reset needs none', (t) => {
  const peer = established(t, { ts: true });
  t.is(peer.send('R', { options: { ts: false } }), Drop.NONE);
  t.is(peer.state, 'CLOSED');
});

test('timestamps: a segment whose ACK is refused does not move what is echoed', (t) => {
  const peer = established(t, { ts: true });
  const before = peer.tcb.tsRecent;
  const ahead = { ts: [before + 0x2000_0000, peer.stamp] as const };
  t.is(peer.send('.', { len: 10, ack: 5_000_000, options: ahead }), Drop.TCP_BAD_ACK);
  t.is(peer.tcb.tsRecent, before);
});

test('timestamps: a reset does not move what is echoed', (t) => {
  const peer = established(t, { ts: true });
  const before = peer.tcb.tsRecent;
  peer.send('R', { seq: 2, options: { ts: [before + 9, peer.stamp] } });
  t.is(peer.tcb.tsRecent, before);
});

test('timestamps: the clock ticks once a millisecond', (t) => {
  const peer = established(t, { ts: true });
  const before = peer.stamp;
  peer.lab.advance(1234 * MS);
  peer.write(1);
  t.is(peer.stamp - before, 1234);
});

test('timestamps: of several segments the oldest that is not acknowledged is echoed', (t) => {
  const peer = established(t, { ts: true, tcp: { quickAcks: 0 } });
  const first = peer.clock;
  peer.send('.', { len: 100 });
  peer.lab.advance(10 * MS);
  peer.send('.', { len: 100 });
  peer.lab.advance(100 * MS);
  const ack = peer.expect({ flags: '.', ack: 201 });
  t.is(ack.ts?.[1], first);
});

test('timestamps: a segment that fills a hole is echoed, one beyond it is not', (t) => {
  const peer = established(t, { ts: true, sack: true });
  const before = peer.clock;
  peer.send('.', { len: 1 });
  peer.skip();
  peer.lab.advance(10 * MS);
  peer.send('.', { seq: 102, len: 100 });
  t.is(peer.expect({ ack: 2 }).ts?.[1], before);
  peer.lab.advance(10 * MS);
  const filling = peer.clock;
  peer.send('.', { seq: 2, len: 100 });
  t.is(peer.expect({ ack: 202 }).ts?.[1], filling);
});

test('timestamps: an echo from before the connection is no sample of the round trip', (t) => {
  // RFC 7323 §4.1 takes samples from what was sent; nothing was sent 20 days ago.
  const peer = established(t, { ts: true, rtt: 10 * MS });
  const before = peer.tcb.srtt8;
  peer.write(1000);
  peer.skip();
  peer.lab.advance(10 * MS);
  const stale = { ts: [peer.clock, (peer.stamp - 20 * 24 * 3600 * 1000) | 0] as const };
  peer.send('.', { ack: 1001, len: 10, options: stale });
  t.true(peer.tcb.srtt8 < 4 * before, `${peer.tcb.srtt8 / 8} us`);
  t.true(peer.tcb.receiverRtt < 1 * S, `${peer.tcb.receiverRtt} us`);
});
