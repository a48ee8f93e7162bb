/**
 * RFC 5681, TCP Congestion Control, with NewReno's window: slow start, congestion avoidance, fast
 * retransmit, and the ACKs that a receiver owes.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS, S } from '../support/lab.ts';
import type { Peer, PeerOptions } from '../support/peer.ts';
import { established } from '../support/states.ts';

/** NewReno over a path of 100 ms, no SACK; segments of 1000 octets, ten in the first window. */
const reno = (t: ExecutionContext, options: PeerOptions = {}): Peer =>
  established(t, { rtt: 100 * MS, ...options, tcp: { congestion: 'newreno', ...options.tcp } });

/** In congestion avoidance with a window of ten segments, all of them out. */
function avoiding(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = reno(t, options);
  peer.tcb.ssthresh = 10_000;
  peer.write(100_000);
  peer.expectFlight(10, 1);
  return peer;
}

test('RFC 5681 §3.1: in slow start each ACK widens the window by what it acknowledges', (t) => {
  const peer = reno(t);
  peer.write(100_000);
  peer.expectFlight(10, 1);
  peer.send('.', { ack: 1001 });
  t.is(peer.tcb.cwnd, 11_000);
  peer.expectFlight(2, 10_001);
  peer.send('.', { ack: 3001 });
  t.is(peer.tcb.cwnd, 13_000);
  peer.expectFlight(4, 12_001);
});

test('RFC 5681 §3.1: slow start ends at ssthresh', (t) => {
  const peer = reno(t);
  peer.tcb.ssthresh = 12_000;
  peer.write(100_000);
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.cwnd, 12_000);
});

test('RFC 5681 §3.1: in congestion avoidance a window acknowledged adds one segment', (t) => {
  const peer = avoiding(t);
  for (let i = 1; i < 10; i++) peer.send('.', { ack: 1 + i * 1000 });
  t.is(peer.tcb.cwnd, 10_000);
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.cwnd, 11_000);
});

test('RFC 5681 §3.1: many small ACKs add no more than one large one', (t) => {
  const peer = avoiding(t);
  for (let i = 1; i <= 1000; i++) peer.send('.', { ack: 1 + i * 10 });
  t.is(peer.tcb.cwnd, 11_000);
});

test('RFC 5681 §3.1: a timeout leaves half the flight as ssthresh and a window of one', (t) => {
  const peer = reno(t);
  peer.write(100_000);
  peer.skip();
  peer.lab.advanceToNext();
  t.is(peer.tcb.ssthresh, 5000);
  t.is(peer.tcb.cwnd, 1000);
  peer.expect({ seq: 1, len: 1000 });
  peer.expectNothing();
});

test('RFC 5681 §3.1: ssthresh is two segments at least', (t) => {
  const peer = reno(t);
  peer.write(1000);
  peer.lab.advanceToNext();
  t.is(peer.tcb.ssthresh, 2000);
});

test('RFC 5681 §3.1: a second timeout of the same segment leaves ssthresh as it is', (t) => {
  const peer = reno(t);
  peer.write(100_000);
  peer.lab.advanceToNext();
  peer.lab.advanceToNext();
  t.is(peer.tcb.ssthresh, 5000);
  t.is(peer.tcb.cwnd, 1000);
});

test('RFC 5681 §3.1: after a timeout the window grows by slow start up to ssthresh', (t) => {
  const peer = reno(t);
  peer.write(20_000);
  peer.lab.advanceToNext();
  peer.skip();
  peer.send('.', { ack: 1 }); // or F-RTO would take the timeout for needless
  for (let i = 1; i <= 10; i++) peer.send('.', { ack: 1 + i * 1000 });
  t.true(peer.tcb.cwnd >= 5000 && peer.tcb.cwnd <= 7000, `${peer.tcb.cwnd}`);
});

test('RFC 5681 §3.2: the third duplicate ACK sends the missing segment again', (t) => {
  const peer = reno(t);
  peer.write(10_000);
  peer.skip();
  peer.send('.', { ack: 1 });
  peer.send('.', { ack: 1 });
  peer.expectNothing();
  peer.send('.', { ack: 1 });
  peer.expect({ seq: 1, len: 1000 });
  peer.expectNothing();
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
});

test('RFC 5681 §3.2: what limited transmit sent does not count for ssthresh', (t) => {
  const peer = reno(t);
  peer.write(100_000);
  peer.skip();
  for (let i = 0; i < 3; i++) peer.send('.', { ack: 1 });
  t.is(peer.tcb.ssthresh, 5000);
});

test('RFC 5681 §3.2: with SACK, what limited transmit sent does not count either', (t) => {
  const peer = reno(t, { sack: true });
  peer.write(100_000);
  peer.skip();
  for (let i = 1; i <= 3; i++) peer.send('.', { ack: 1, sack: [[1001, 1001 + i * 1000]] });
  peer.lab.advance(50 * MS);
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  t.is(peer.tcb.ssthresh, 5000);
});

test('RFC 5681 §3.2: the first two duplicate ACKs do not change the window', (t) => {
  for (const sack of [false, true]) {
    const peer = reno(t, { sack });
    peer.write(100_000);
    for (let i = 1; i <= 2; i++) {
      peer.send('.', { ack: 1, ...(sack && { sack: [[1001, 1001 + i * 1000]] }) });
      t.is(peer.tcb.cwnd, 10_000);
    }
  }
});

test('RFC 5681 §3.2: when the recovery ends the window is ssthresh', (t) => {
  const peer = reno(t);
  peer.write(100_000);
  for (let i = 0; i < 11; i++) peer.send('.', { ack: 1 });
  const { got } = peer;
  peer.send('.', { ack: got });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.is(peer.tcb.cwnd, 5000);
});

test('RFC 5681 §2: an ACK with text, or with another window, is no duplicate', (t) => {
  const peer = reno(t);
  peer.write(10_000);
  peer.skip();
  for (let i = 0; i < 5; i++) peer.send('.', { ack: 1, len: 10 });
  for (let i = 0; i < 5; i++) peer.send('.', { ack: 1, window: 60_000 - i });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.true(peer.skip().every((seen) => seen.len === 0));
});

test('RFC 5681 §2: an ACK with nothing outstanding is no duplicate', (t) => {
  const peer = reno(t);
  peer.write(1000);
  for (let i = 0; i < 5; i++) peer.send('.', { ack: 1001 });
  peer.write(1000);
  peer.skip();
  t.is(peer.tcb.dupAcks, 0);
});

test('RFC 5681 §4.1: after an idle RTO the window is the restart window', (t) => {
  const peer = reno(t);
  peer.tcb.cwnd = 50_000;
  peer.lab.advance(60 * S);
  peer.write(100_000);
  peer.expectFlight(10, 1);
  peer.expectNothing();
});

test('RFC 5681 §4.1: a window that is smaller than the restart window stays', (t) => {
  const peer = reno(t);
  peer.tcb.cwnd = 3000;
  peer.lab.advance(60 * S);
  peer.write(100_000);
  peer.expectFlight(3, 1);
  peer.expectNothing();
});

test('RFC 5681 §4.2: an ACK waits less than half a second', (t) => {
  const peer = reno(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { len: 1000 });
  peer.expectNothing();
  const before = peer.lab.now;
  peer.lab.advance(500 * MS - 1);
  peer.expect({ flags: '.', ack: 1001, at: 40 * MS }, before);
});

test('RFC 5681 §3.1: the ACK that ends the recovery of a timeout widens the window, too', (t) => {
  for (const sack of [false, true]) {
    const peer = reno(t, { sack });
    peer.write(1000);
    while (peer.lab.stat('TcpExtTCPTimeouts') === 0) peer.lab.advanceToNext();
    t.is(peer.tcb.cwnd, 1000);
    peer.skip();
    peer.send('.', { ack: 1001 });
    t.is(peer.tcb.recovery, Recovery.OPEN);
    t.is(peer.tcb.cwnd, 2000);
    peer.write(2000);
    peer.expectFlight(2, 1001); // and no stop for a delayed ACK
  }
});

test('RFC 5681 §4.2: every second full segment is acknowledged at once', (t) => {
  const peer = reno(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { len: 1000 });
  peer.expectNothing();
  peer.send('.', { len: 1000 });
  peer.expect({ flags: '.', ack: 2001 });
});

test('RFC 5681 §4.2: what leaves a hole, and what fills one, is acknowledged at once', (t) => {
  const peer = reno(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { seq: 1001, len: 1000 });
  peer.expect({ flags: '.', ack: 1 });
  peer.send('.', { seq: 3001, len: 1000 });
  peer.expect({ flags: '.', ack: 1 });
  peer.send('.', { seq: 1, len: 1000 });
  peer.expect({ flags: '.', ack: 2001 });
  peer.send('.', { seq: 2001, len: 1000 });
  peer.expect({ flags: '.', ack: 4001 });
});

test('RFC 5681 §4.2: no ACK is more than one answer to one segment', (t) => {
  const peer = reno(t);
  for (let i = 0; i < 20; i++) {
    peer.send('.', { len: 1000 });
    t.true(peer.skip().length <= 1);
  }
});

test('RFC 5681 §4.3: a loss of a retransmission is repaired after a timeout', (t) => {
  const peer = reno(t);
  peer.write(10_000);
  peer.skip();
  for (let i = 0; i < 9; i++) peer.send('.', { ack: 1 });
  peer.expect({ seq: 1, len: 1000 });
  peer.skip();
  peer.lab.advance(S);
  peer.expect({ seq: 1, len: 1000 });
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.bytesAcked, 10_000);
});
