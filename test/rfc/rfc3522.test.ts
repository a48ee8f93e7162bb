/**
 * RFC 3522 with RFC 4015, and RFC 3708: a retransmission that was needless, told by the timestamp that
 * is echoed or by a D-SACK, costs the window nothing.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS, S } from '../support/lab.ts';
import type { Peer } from '../support/peer.ts';
import { established } from '../support/states.ts';

/** Ten segments are out; the first is late, was taken for lost and sent again. */
function mistaken(t: ExecutionContext, ts: boolean): Peer {
  const peer = established(t, { rtt: 100 * MS, sack: true, ts, mss: ts ? 1012 : 1000 });
  peer.write(10_000);
  peer.lab.advance(100 * MS);
  const { stamp } = peer;
  peer.send('.', { ack: 1, sack: [[1001, 4001]], options: { ts: ts && [peer.clock, stamp] } });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  t.is(peer.tcb.ssthresh, 7000);
  peer.skip();
  return peer;
}

test('RFC 3522 §3.2: an echo older than the retransmission takes the reduction back', (t) => {
  const peer = mistaken(t, true);
  const first = peer.stamp - 100; // as the first transmission had it
  peer.lab.advance(5 * MS);
  peer.send('.', { ack: 4001, options: { ts: [peer.clock, first] } });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.true(peer.tcb.cwnd >= 10_000);
  t.is(peer.tcb.ssthresh, Number.POSITIVE_INFINITY);
});

test('RFC 3522 §3.2: the echo of the retransmission does not', (t) => {
  const peer = mistaken(t, true);
  peer.lab.advance(100 * MS);
  peer.send('.', { ack: 4001 });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  t.is(peer.tcb.ssthresh, 7000);
});

test('RFC 3522 §3.2: a timeout is taken back likewise, and what waits is not sent again', (t) => {
  const peer = established(t, { rtt: 100 * MS, ts: true, mss: 1012 });
  peer.write(10_000);
  const { stamp } = peer;
  peer.lab.advanceToNext();
  t.is(peer.tcb.recovery, Recovery.LOSS);
  peer.skip();
  peer.lab.advance(10 * MS);
  peer.send('.', { ack: 1001, options: { ts: [peer.clock, stamp] } });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.true(peer.tcb.cwnd >= 10_000);
  peer.expectNothing();
});

test('RFC 3708 §3: a D-SACK for all that was sent again takes it back, in the recovery', (t) => {
  const peer = mistaken(t, false);
  peer.lab.advance(5 * MS);
  peer.send('.', { ack: 4001, sack: [[1, 1001]] });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.true(peer.tcb.cwnd >= 10_000);
});

test('RFC 3708 §3: and after it has ended', (t) => {
  const peer = mistaken(t, false);
  peer.lab.advance(5 * MS);
  peer.write(5000);
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.is(peer.tcb.cwnd, 7000);
  peer.lab.advance(95 * MS);
  peer.send('.', { ack: 10_001, sack: [[1, 1001]] });
  t.true(peer.tcb.cwnd >= 10_000, `${peer.tcb.cwnd}`);
  t.is(peer.tcb.ssthresh, Number.POSITIVE_INFINITY);
});

test('RFC 3708 §3: and when nothing is in flight any more', (t) => {
  const peer = mistaken(t, false);
  peer.lab.advance(5 * MS);
  peer.send('.', { ack: 10_001 });
  peer.lab.advance(95 * MS);
  peer.send('.', { ack: 10_001, sack: [[1, 1001]] });
  t.true(peer.tcb.cwnd >= 10_000, `${peer.tcb.cwnd}`);
});

test('RFC 3708 §3: a D-SACK for part of it does not', (t) => {
  const peer = mistaken(t, false);
  peer.lab.advance(5 * MS);
  peer.send('.', { ack: 4001, sack: [[1, 501]] });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  t.is(peer.tcb.ssthresh, 7000);
});

test('RFC 3708 §3: nor does one for what was sent before it', (t) => {
  const peer = established(t, { rtt: 100 * MS, sack: true });
  peer.write(2000);
  peer.send('.');
  const from = peer.got;
  peer.write(10_000);
  peer.lab.advance(100 * MS);
  peer.send('.', { ack: from, sack: [[from + 1000, from + 4000]] });
  peer.send('.', { ack: from, sack: [[1, 2001]] });
  peer.lab.advance(S / 10);
  peer.send('.', { ack: from + 4000 });
  t.true(peer.tcb.ssthresh < 10_000);
});

test('RFC 3708 §3: nor does one for a probe of the tail that was out when the loss was found', (t) => {
  const peer = established(t, { rtt: 100 * MS, sack: true });
  peer.write(5000);
  peer.lab.advance(210 * MS);
  t.is(peer.lab.stat('TcpExtTCPLossProbes'), 1);
  peer.send('.', { ack: 1, sack: [[1001, 5001]] });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  peer.lab.advance(50 * MS);
  const sack = [
    [4001, 5001],
    [1001, 5001],
  ] as const;
  peer.send('.', { ack: 1, sack });
  peer.lab.advance(50 * MS);
  peer.send('.', { ack: 5001 });
  t.is(peer.lab.stat('TcpExtTCPFullUndo'), 0);
  t.is(peer.tcb.ssthresh, 7000);
});
