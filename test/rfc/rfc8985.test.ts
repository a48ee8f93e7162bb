/**
 * RFC 8985, RACK-TLP: losses found by time, and the probe of the tail.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Probe, Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { isSet, Timer } from '../../src/stack/tcp/timing/timers.ts';
import { MS, S } from '../support/lab.ts';
import type { Peer, PeerOptions } from '../support/peer.ts';
import { established } from '../support/states.ts';

const RTT = 100 * MS;

/** `count` segments are out since one round trip. */
function sending(t: ExecutionContext, count: number, options: PeerOptions = {}): Peer {
  const peer = established(t, { rtt: RTT, sack: true, ...options });
  peer.write(count * 1000);
  peer.skip();
  peer.lab.advance(RTT);
  return peer;
}

/** Something never sent again came after what was sent behind it. */
function reordering(t: ExecutionContext): Peer {
  const peer = sending(t, 4);
  peer.send('.', { ack: 1, sack: [[1001, 2001]] });
  peer.lab.advance(5 * MS);
  peer.send('.', { ack: 2001 });
  peer.send('.', { ack: 4001 });
  t.true(peer.tcb.reorderingSeen);
  peer.skip();
  return peer;
}

test('RFC 8985 §6.2: with fewer than three reports a loss waits for a quarter of the RTT', (t) => {
  const peer = sending(t, 3);
  peer.send('.', { ack: 1, sack: [[1001, 2001]] });
  peer.expectNothing();
  const before = peer.lab.now;
  peer.lab.advance(60 * MS);
  peer.expect({ seq: 1, len: 1000, at: 25 * MS }, before);
});

test('RFC 8985 §6.2: with three it does not wait, until reordering was seen', (t) => {
  const peer = sending(t, 6);
  peer.send('.', { ack: 1, sack: [[1001, 4001]] });
  peer.expect({ seq: 1, len: 1000 });
});

test('RFC 8985 §6.2: once reordering was seen it waits always', (t) => {
  const peer = reordering(t);
  peer.write(6000);
  peer.skip();
  peer.lab.advance(RTT);
  peer.send('.', { ack: 4001, sack: [[5001, 8001]] });
  peer.expectNothing();
  peer.lab.advance(40 * MS);
  peer.expect({ seq: 4001, len: 1000 });
});

test('RFC 8985 §6.2: what comes late within that time is not sent again', (t) => {
  const peer = reordering(t);
  peer.write(6000);
  peer.skip();
  peer.lab.advance(RTT);
  peer.send('.', { ack: 4001, sack: [[5001, 8001]] });
  peer.lab.advance(20 * MS);
  peer.send('.', { ack: 10_001 });
  peer.lab.advance(RTT);
  peer.expectNothing();
  t.is(peer.tcb.recovery, Recovery.OPEN);
});

test('RFC 8985 §6.2: a D-SACK widens the time by a quarter of the RTT, once a round trip', (t) => {
  const peer = reordering(t);
  t.is(peer.tcb.reoMultiplier, 1);
  for (let round = 2; round <= 4; round++) {
    peer.write(1000);
    peer.lab.advance(RTT);
    const at = peer.got;
    peer.send('.', { ack: at, sack: [[1, 1001]] });
    t.is(peer.tcb.reoMultiplier, round);
    peer.write(1000);
    peer.send('.', { ack: at, sack: [[1, 1001]] });
    peer.lab.advance(RTT);
    peer.send('.');
    t.is(peer.tcb.reoMultiplier, round);
  }
});

test('RFC 8985 §6.2: the time is never longer than SRTT', (t) => {
  const peer = reordering(t);
  peer.tcb.reoMultiplier = 200;
  const from = peer.got;
  peer.write(6000);
  peer.skip();
  peer.lab.advance(RTT);
  peer.send('.', { ack: from, sack: [[from + 1000, from + 4000]] });
  peer.lab.advance(peer.tcb.srtt8 / 8 + 10 * MS);
  peer.expect({ seq: from, len: 1000 });
});

test('RFC 8985 §6.2: a retransmission that is lost is found, too', (t) => {
  const peer = sending(t, 6, {});
  peer.write(20_000);
  peer.skip();
  peer.send('.', { ack: 1, sack: [[1001, 5001]] });
  peer.expect({ seq: 1 });
  const after = peer.skip().find((seen) => seen.seq > 6000);
  t.truthy(after);
  peer.lab.advance(RTT);
  peer.send('.', { ack: 1, sack: [[1001, after?.end ?? 0]] });
  peer.lab.advance(30 * MS);
  t.true(peer.skip().some((seen) => seen.seq === 1));
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
});

test("RFC 8985 §6.2: an ACK that comes too soon for the retransmission is the original's", (t) => {
  const peer = sending(t, 6);
  peer.send('.', { ack: 1, sack: [[1001, 4001]] });
  peer.expect({ seq: 1 });
  const { rackTime } = peer.tcb.sent;
  peer.lab.advance(2 * MS);
  peer.send('.', { ack: 4001 });
  t.is(peer.tcb.sent.rackTime, rackTime);
});

test('RFC 8985 §6.2: what was sent once and came with it still counts', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(5000);
  peer.lab.advance(210 * MS); // the last one was sent again, as a probe
  peer.skip();
  peer.send('.', { ack: 1, sack: [[1001, 5001]] });
  peer.expect({ seq: 1, len: 1000 });
});

test('RFC 8985 §6.3: a timeout takes for lost what was sent long enough before', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(2000);
  peer.lab.advance(280 * MS);
  peer.write(1000);
  peer.skip();
  peer.tcb.probe = Probe.NEW_TEXT; // no probe now
  while (peer.tcb.recovery !== Recovery.LOSS) peer.lab.advanceToNext();
  t.true((peer.tcb.scoreboard?.lostBytes ?? 0) >= 1000);
});

test('RFC 8985 §7.2: a probe of the tail leaves after two round trips', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(3000);
  peer.skip();
  const before = peer.lab.now;
  peer.lab.advance(250 * MS);
  peer.expect({ seq: 2001, len: 1000, at: 200 * MS }, before);
});

test('RFC 8985 §7.2: for a lone segment it waits for a delayed ACK, too', (t) => {
  const peer = established(t, { rtt: RTT, sack: true, tcp: { minRto: S } });
  peer.write(1000);
  peer.skip();
  const before = peer.lab.now;
  peer.lab.advance(S);
  peer.expect({ seq: 1, len: 1000, at: 400 * MS }, before);
});

test('RFC 8985 §7.2: a probe that would come after the timeout takes its time, and keeps the window', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  const { tcb } = peer;
  const { cwnd } = tcb;
  t.is(tcb.rto, 300 * MS); // and 2 SRTT + 200 ms would be 400
  peer.write(1000);
  peer.skip();
  const before = peer.lab.now;
  peer.lab.advance(299 * MS);
  peer.expectNothing();
  peer.lab.advance(2 * MS);
  peer.expect({ seq: 1, len: 1000, at: 300 * MS }, before);
  t.is(tcb.cwnd, cwnd);
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
  peer.lab.advance(S / 2);
  peer.expect({ seq: 1, len: 1000, at: 600 * MS }, before); // §7.3: the RTO, set anew by the probe
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 1);
});

test('RFC 8985 §7.2: so does a lone FIN', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.shutdown();
  peer.skip();
  const before = peer.lab.now;
  peer.lab.advance(310 * MS);
  peer.expect({ flags: 'F.', seq: 1, at: 300 * MS }, before);
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 1);
});

test('RFC 8985 §7.2: two segments of which one is short wait for a delayed ACK, too', (t) => {
  const peer = established(t, { rtt: MS, sack: true });
  peer.write(1500); // less than two full ones: RFC 5681 §4.2 has them wait
  peer.expectFlight(1, 1);
  peer.expect({ seq: 1001, len: 500 });
  peer.lab.advance(42 * MS);
  peer.send('.');
  peer.lab.advance(S);
  peer.expectNothing();
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 0);
});

test('RFC 8985 §7.2: on a short path a probe waits for ten ticks of the timer', (t) => {
  const peer = established(t, { rtt: MS, sack: true });
  peer.write(3000);
  peer.skip();
  const before = peer.lab.now;
  peer.lab.advance(S / 10);
  peer.expect({ seq: 2001, len: 1000, at: 10 * MS }, before);
});

test('RFC 8985 §7.2: nothing beyond a window that shrank is sent as a probe', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(5000);
  peer.skip();
  peer.lab.advance(RTT);
  peer.send('.', { ack: 1001, window: 2000 });
  const { rto } = peer.tcb;
  const before = peer.lab.now;
  peer.lab.advance(rto);
  peer.expect({ seq: 1001, at: rto }, before); // the timeout
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 0);
});

test('RFC 8985 §7.2: no probe once SACKs tell of a loss, and none while it is repaired', (t) => {
  const peer = sending(t, 3);
  t.true(isSet(peer.tcb, Timer.PROBE));
  peer.send('.', { ack: 1, sack: [[1001, 2001]] });
  t.false(isSet(peer.tcb, Timer.PROBE));
  peer.lab.advance(60 * MS);
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  t.false(isSet(peer.tcb, Timer.PROBE));
});

test('RFC 8985 §7.2: never later than the timeout, and none without SACK', (t) => {
  const peer = established(t, { rtt: RTT });
  peer.write(3000);
  peer.skip();
  const before = peer.lab.now;
  const { rto } = peer.tcb;
  peer.lab.advance(rto);
  peer.expect({ seq: 1, len: 1000, at: rto }, before);
});

test('RFC 8985 §7.3: the probe is new text where there is some, whatever the window', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(30_000);
  peer.expectFlight(10, 1);
  peer.lab.advance(210 * MS);
  peer.expect({ seq: 10_001, len: 1000 });
});

test('RFC 8985 §7.3: else it is the last segment', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(2500);
  peer.skip();
  peer.lab.advance(210 * MS);
  peer.expect({ seq: 2001, len: 500 });
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 1);
});

test('RFC 8985 §7.3: one probe at a time, then the timeout', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(2000);
  peer.lab.advance(250 * MS);
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 1);
  peer.lab.advance(S);
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 1);
  t.true(peer.lab.stat('TcpExtTCPTimeouts') > 0);
});

test('RFC 8985 §7.3: what the probe brings back repairs a lost tail without a timeout', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(5000);
  peer.skip();
  peer.lab.advance(RTT);
  peer.send('.', { ack: 2001 }); // 3 to 5 are lost
  peer.lab.advance(210 * MS);
  peer.expect({ seq: 4001 });
  peer.lab.advance(RTT);
  peer.send('.', { ack: 2001, sack: [[4001, 5001]] });
  peer.lab.advance(30 * MS);
  peer.expect({ seq: 2001, len: 1000 });
  peer.lab.advance(RTT);
  peer.send('.', { ack: 3001, sack: [[4001, 5001]] });
  peer.expect({ seq: 3001, len: 1000 });
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
});

test('RFC 8985 §7.4: a probe that repaired the loss itself costs the window all the same', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(3000);
  peer.lab.advance(210 * MS);
  peer.lab.advance(RTT);
  const { cwnd } = peer.tcb;
  peer.send('.', { ack: 3001 });
  peer.write(3000);
  peer.lab.advance(RTT);
  peer.send('.', { ack: 6001 });
  t.true(peer.tcb.ssthresh < cwnd);
  t.is(peer.lab.stat('TcpExtTCPLossProbeRecovery'), 1);
});

test('RFC 8985 §7.4: a probe that was needless costs nothing', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.write(3000);
  peer.lab.advance(210 * MS);
  peer.send('.', { ack: 3001 });
  peer.lab.advance(RTT);
  peer.send('.', { ack: 3001, sack: [[2001, 3001]] });
  t.is(peer.tcb.ssthresh, Number.POSITIVE_INFINITY);
  t.is(peer.tcb.probe, Probe.NONE);
});
