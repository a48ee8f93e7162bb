/**
 * RFC 6675, loss recovery by SACK, as far as it is not RACK's (RFC 8985) and PRR's (RFC 9937): the
 * scoreboard, the pipe, and when a recovery begins and ends.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { pipe } from '../../src/stack/tcp/tcb/flight.ts';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS, S } from '../support/lab.ts';
import type { Peer } from '../support/peer.ts';
import type { Range } from '../support/segments.ts';
import { established } from '../support/states.ts';

/** `count` segments are out, and no more is written. */
function sending(t: ExecutionContext, count = 10, more = 0): Peer {
  const tcp = { congestion: 'newreno' } as const;
  const peer = established(t, { rtt: 100 * MS, sack: true, tcp });
  peer.write((count + more) * 1000);
  peer.skip();
  peer.lab.advance(100 * MS);
  return peer;
}

/** Segments by number, from 1. */
const block = (from: number, to: number): Range => [1 + (from - 1) * 1000, 1 + to * 1000];

test('RFC 6675 §4: what was reported and what is lost is not in the pipe', (t) => {
  const peer = sending(t);
  t.is(pipe(peer.tcb), 10_000);
  peer.send('.', { ack: 1, sack: [block(5, 5)] });
  t.is(pipe(peer.tcb), 9000);
  peer.send('.', { ack: 1, sack: [block(5, 7)] });
  t.is(peer.tcb.scoreboard?.sackedBytes, 3000);
});

test('RFC 6675 §5: three segments beyond a hole begin a recovery', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1, sack: [block(2, 3)] });
  peer.expectNothing();
  t.is(peer.tcb.recovery, Recovery.DISORDER);
  peer.send('.', { ack: 1, sack: [block(2, 4)] });
  peer.expect({ seq: 1, len: 1000 });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
});

test('RFC 6675 §5: one ACK that reports three is enough', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1, sack: [block(2, 4)] });
  peer.expect({ seq: 1, len: 1000 });
});

test('RFC 6675 §5: the window is halved once, whatever is lost', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1, sack: [block(2, 4)] });
  peer.send('.', { ack: 1, sack: [block(6, 10), block(2, 4)] });
  t.is(peer.tcb.ssthresh, 5000);
  t.is(peer.lab.stat('TcpExtTCPSackRecovery'), 1);
});

test('RFC 6675 §5: holes are filled from the lowest on, then new text follows', (t) => {
  const peer = sending(t, 10, 20);
  peer.send('.', { ack: 1, sack: [block(2, 3), block(5, 6), block(8, 10)] });
  peer.lab.advance(50 * MS);
  const first = peer.skip();
  peer.lab.advance(50 * MS);
  peer.send('.', { ack: 3001, sack: [block(5, 6), block(8, 10)] });
  peer.lab.advance(MS);
  peer.send('.', { ack: 6001, sack: [block(8, 10)] });
  peer.lab.advance(MS);
  peer.send('.', { ack: 10_001 });
  const all = [...first, ...peer.skip()].map((seen) => seen.seq);
  t.deepEqual(all.slice(0, 3), [1, 3001, 6001]);
  t.true(all.slice(3).every((seq) => seq >= 10_001));
});

test('RFC 6675 §5: the recovery ends when all that was out then is acknowledged', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1, sack: [block(2, 4)] });
  peer.send('.', { ack: 4001, sack: [block(6, 9)] });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.is(peer.tcb.cwnd, 5000);
});

test('RFC 6675 §5.1: a timeout keeps what was reported', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1, sack: [block(9, 10)] });
  peer.lab.advance(2 * S);
  t.is(peer.tcb.scoreboard?.sackedBytes, 2000);
  for (let ack = 1; ack < 8001; ack = peer.tcb.sndUna - peer.irs) {
    peer.send('.', { ack: ack + 1000, sack: [block(9, 10)] });
  }
  t.true(peer.skip().every((seen) => seen.seq < 8001 || seen.len === 0));
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.scoreboard, null);
});

test('RFC 6675 §6: the timer begins anew with the retransmission of the oldest segment', (t) => {
  const peer = sending(t);
  peer.lab.advance(90 * MS); // before a probe of the tail
  peer.send('.', { ack: 1, sack: [block(2, 4)] });
  peer.expect({ seq: 1 });
  peer.lab.advance(peer.tcb.rto - 10 * MS);
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
});

test('RFC 6675 §5: a retransmission that is lost is noticed by what was sent after it', (t) => {
  const peer = sending(t, 10, 50);
  peer.send('.', { ack: 1, sack: [block(2, 4)] });
  peer.expect({ seq: 1 });
  for (let i = 5; i <= 10; i++) {
    peer.lab.advance(MS);
    peer.send('.', { ack: 1, sack: [block(2, i)] });
  }
  const after = peer.skip().filter((seen) => seen.seq > 10_000);
  t.true(after.length > 0, 'new text left in the recovery');
  peer.lab.advance(100 * MS);
  for (const seen of after) {
    peer.lab.advance(MS);
    peer.send('.', { ack: 1, sack: [[1001, seen.end]] });
  }
  peer.lab.advance(60 * MS);
  t.true(
    peer.skip().some((seen) => seen.seq === 1),
    'sent a third time',
  );
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
  t.is(peer.lab.stat('TcpExtTCPLostRetransmit'), 1);
});
