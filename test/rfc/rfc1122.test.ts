/**
 * RFC 1122 §4.2, where RFC 9293 has not taken it over word for word.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { Flag, has } from '../../src/stack/tcp/tcb/flags.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { S } from '../support/lab.ts';
import { ip } from '../support/packets.ts';
import { Peer } from '../support/peer.ts';
import { closeWait, established, finWait1, listening, timeWait } from '../support/states.ts';

test('RFC 1122 §4.2.2.6: a peer without MSS option gets 536 octets', (t) => {
  const peer = established(t, { mss: 0 });
  peer.write(1000);
  peer.expect({ len: 536 });
});

test('RFC 1122 §4.2.2.12: a reset may carry text', (t) => {
  const peer = established(t);
  t.is(peer.send('R', { len: 20 }), Drop.NONE);
  t.is(peer.app.closed, Failure.RESET);
});

test('RFC 1122 §4.2.2.13: one side may close and still receive', (t) => {
  const peer = finWait1(t);
  peer.send('.', { len: 1000 });
  peer.send('F.', { len: 1000 });
  t.is(peer.app.length, 2000);
  t.deepEqual(peer.app.events, ['open', 'finished', 'data', 'end', 'close']);
});

test('RFC 1122 §4.2.2.13: who heard a FIN may still send', (t) => {
  const peer = closeWait(t);
  peer.write(3000);
  peer.expectFlight(3, 1);
  peer.send('.');
  peer.shutdown();
  peer.expect({ flags: 'F.', seq: 3001 });
  peer.send('.');
  t.is(peer.app.closed, Failure.NONE);
});

test('RFC 1122 §4.2.2.13: a SYN that reopens begins above all numbers used before', (t) => {
  const peer = timeWait(t);
  const last = peer.tcb.sndNxt;
  peer.send('S', { seq: 5000 });
  const answer = peer.expect({ flags: 'S.' });
  t.true(((answer.absoluteSeq - last) | 0) > 0);
});

test('RFC 1122 §4.2.2.20: a segment out of order is held, and acknowledged at once', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { seq: 501, len: 500 });
  peer.expect({ flags: '.', ack: 1 });
  peer.send('.', { seq: 1, len: 500 });
  peer.expect({ flags: '.', ack: 1001 });
});

test('RFC 1122 §4.2.2.20: text with a SYN is not lost', (t) => {
  const peer = listening(t);
  peer.send('S', { len: 10 });
  peer.expect({ flags: 'S.', ack: 1 });
  peer.send('.', { seq: 1, len: 10 });
  t.is(peer.app.length, 10);
});

test('RFC 1122 §4.2.3.1: after a retransmission the back-off stays until a sample (Karn)', (t) => {
  const peer = established(t);
  peer.write(1000);
  peer.lab.advanceToNext();
  peer.lab.advanceToNext();
  peer.send('.', { ack: 1001 });
  t.is(peer.tcb.backoff, 2);
  peer.write(1000);
  peer.send('.', { ack: 2001 });
  t.is(peer.tcb.backoff, 0);
});

test('RFC 1122 §4.2.3.2: an ACK waits for less than half a second', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { len: 10 });
  peer.lab.advance(S / 2 - 1);
  peer.expect({ flags: '.', ack: 11 });
});

test('RFC 1122 §4.2.3.4: a sender waits for a full segment, or its timer', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(50_000);
  peer.send('.', { ack: 10_001, window: 200 });
  peer.skip();
  peer.lab.advance(S);
  peer.expect({ seq: 10_001, len: 200 });
});

test('RFC 1122 §4.2.3.6: keep-alives are off, and wait two hours', (t) => {
  const peer = established(t);
  t.false(has(peer.tcb, Flag.KEEP_ALIVE));
  t.true(peer.tcb.keepAlive.keepAliveIdle >= 2 * 3600 * S);
});

test('RFC 1122 §4.2.3.10: a SYN from an address that nobody has is dropped', (t) => {
  const peer = listening(t);
  t.is(peer.send('S', { source: ip('224.1.1.1') }), Drop.IP_SOURCE);
  t.is(peer.lab.wire.sent.length, 0);
});

test('RFC 1122 §4.2.4.4: connections of one port are told apart by the peer', (t) => {
  const one = established(t);
  const { lab, app } = one;
  const other = new Peer(t, { lab, port: 41_000, app });
  other.shake();
  const third = new Peer(t, { lab, address: ip('10.0.0.9'), app });
  third.shake();
  t.is(lab.core.tcp.table.length, 3);
  t.is(lab.core.tcp.table.filter((tcb) => tcb.state === State.ESTABLISHED).length, 3);
});
