/**
 * RFC 9937, proportional rate reduction: how much may leave for what arrives in a recovery.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { beginPrr, onRecoveryAck } from '../../src/stack/tcp/congestion/prr.ts';
import { outstanding, pipe } from '../../src/stack/tcp/tcb/flight.ts';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS } from '../support/lab.ts';
import type { Peer } from '../support/peer.ts';
import type { Range } from '../support/segments.ts';
import { established } from '../support/states.ts';

const RTT = 100 * MS;

/** Twenty segments are out; Reno's halves. */
function sending(t: ExecutionContext): Peer {
  const tcp = { congestion: 'newreno' } as const;
  const peer = established(t, { rtt: RTT, sack: true, tcp });
  peer.tcb.cwnd = 20_000;
  peer.tcb.ssthresh = 20_000;
  peer.write(200_000);
  peer.expectFlight(20, 1);
  peer.lab.advance(RTT);
  return peer;
}

const upTo = (last: number): { ack: number; sack: Range[] } => ({
  ack: 1,
  sack: [[1001, 1 + last * 1000]],
});

test('RFC 9937 §6.1: what the ACK that starts the recovery brings is counted once', (t) => {
  const peer = established(t, { rtt: RTT, sack: true });
  peer.tcb.cwnd = 40_000;
  peer.tcb.ssthresh = 40_000;
  peer.write(200_000);
  peer.expectFlight(40, 1);
  peer.lab.advance(RTT);
  peer.send('.', upTo(11)); // ten of forty, at once
  t.is(peer.tcb.ssthresh, 28_000); // CUBIC's share
  t.is(peer.tcb.recoverFlight, 40_000);
  t.is(peer.skip().length, 7);
});

test('RFC 9937 §6.1: what was reported before is not delivered by the recovery', (t) => {
  const peer = sending(t);
  peer.send('.', upTo(2));
  t.is(peer.tcb.recovery, Recovery.DISORDER);
  t.is(outstanding(peer.tcb), 21_000); // one more by limited transmit
  peer.send('.', { ack: 1, sack: [[1001, 4001]] });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  t.is(peer.tcb.recoverFlight, 20_000);
});

test('RFC 9937 §6.2: the first retransmission leaves at once', (t) => {
  const peer = sending(t);
  peer.send('.', upTo(4));
  t.is(peer.skip()[0]?.seq, 1);
});

test('RFC 9937 §6.2: one segment leaves for two that arrive, all along the recovery', (t) => {
  const peer = sending(t);
  peer.send('.', upTo(4));
  peer.skip();
  let sent = 0;
  for (let last = 5; last <= 20; last++) {
    peer.lab.advance(MS);
    peer.send('.', upTo(last));
    sent += peer.skip().length;
    t.true(Math.abs(sent - (last - 4) / 2) <= 2, `${sent} after ${last - 4}`);
  }
});

test('RFC 9937 §6.2: at its end the flight is ssthresh', (t) => {
  const peer = sending(t);
  for (let last = 4; last <= 20; last++) {
    peer.lab.advance(MS);
    peer.send('.', upTo(last));
  }
  t.true(Math.abs(pipe(peer.tcb) - 10_000) <= 1000, `${pipe(peer.tcb)}`);
  peer.lab.advance(RTT);
  peer.send('.', { ack: 20_001, sack: [] });
  t.is(peer.tcb.cwnd, 10_000);
});

test('RFC 9937 §6.2: where half the flight is lost no more leaves than arrives, and one', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1, sack: [[14_001, 17_001]] });
  peer.skip();
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  for (let last = 18; last <= 20; last++) {
    peer.lab.advance(MS);
    peer.send('.', { ack: 1, sack: [[14_001, 1 + last * 1000]] });
    t.true(peer.skip().length <= 2);
  }
});

test('RFC 9937 §6.2: the arithmetic, step by step', (t) => {
  const { tcb } = sending(t);
  tcb.ssthresh = 10_000;
  beginPrr(tcb, 20_000);
  // In flight is more than ssthresh: a share of one half.
  tcb.prrOut = 1000;
  onRecoveryAck(tcb, 3000, false);
  t.is(tcb.cwnd - pipe(tcb), 500);
  tcb.prrOut = 1500;
  onRecoveryAck(tcb, 2000, false);
  t.is(tcb.cwnd - pipe(tcb), 1000);
});

test('RFC 9937 §6.2: below ssthresh what arrived may leave, and a segment more if all is well', (t) => {
  const { tcb } = sending(t);
  tcb.ssthresh = 30_000; // 20 000 are in flight
  beginPrr(tcb, 40_000);
  tcb.prrOut = 1000;
  onRecoveryAck(tcb, 2000, false);
  t.is(tcb.cwnd - pipe(tcb), 2000);
  tcb.prrOut = 3000;
  onRecoveryAck(tcb, 2000, true);
  t.is(tcb.cwnd - pipe(tcb), 3000);
});

test('RFC 9937 §6.2: never beyond ssthresh', (t) => {
  const { tcb } = sending(t);
  tcb.ssthresh = 20_500;
  beginPrr(tcb, 40_000);
  tcb.prrOut = 1;
  onRecoveryAck(tcb, 30_000, true);
  t.is(tcb.cwnd, 20_500);
});
