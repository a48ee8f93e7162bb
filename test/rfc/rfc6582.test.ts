/**
 * RFC 6582 and RFC 3042: NewReno and limited transmit, where SACK was not agreed on.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS, S } from '../support/lab.ts';
import type { Peer, PeerOptions } from '../support/peer.ts';
import { established } from '../support/states.ts';

/** Ten segments are out, and more is written. */
function sending(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const tcp = { congestion: 'newreno' } as const;
  const peer = established(t, { rtt: 100 * MS, tcp, ...options });
  peer.write(100_000);
  peer.expectFlight(10, 1);
  return peer;
}

const duplicates = (peer: Peer, ack: number, count: number): void => {
  for (let i = 0; i < count; i++) peer.send('.', { ack });
};

test('RFC 3042 §2: each of the first two duplicate ACKs lets one new segment go', (t) => {
  const peer = sending(t);
  peer.send('.', { ack: 1 });
  peer.expect({ seq: 10_001, len: 1000 });
  peer.expectNothing();
  peer.send('.', { ack: 1 });
  peer.expect({ seq: 11_001, len: 1000 });
  peer.expectNothing();
});

test('RFC 3042 §2: not beyond the window of the peer', (t) => {
  const peer = sending(t, { window: 10_000 });
  duplicates(peer, 1, 2);
  peer.expectNothing();
});

test('RFC 3042 §2: with SACK only where the ACK reports something new', (t) => {
  const peer = sending(t, { sack: true });
  peer.send('.', { ack: 1, sack: [[1001, 2001]] });
  peer.expect({ seq: 10_001, len: 1000 });
  peer.send('.', { ack: 1, sack: [[1001, 2001]] });
  peer.send('.', { ack: 1, sack: [[1001, 2001]] });
  peer.expectNothing();
});

test('RFC 6582 §3.2: the third duplicate ACK begins a recovery, once', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 2);
  peer.skip();
  peer.send('.', { ack: 1 });
  peer.expect({ seq: 1, len: 1000 });
  t.is(peer.tcb.ssthresh, 5000);
  duplicates(peer, 1, 8);
  t.is(peer.skip().filter((seen) => seen.seq === 1).length, 0);
  t.is(peer.lab.stat('TcpExtTCPRenoRecovery'), 1);
});

test('RFC 6582 §3.2: an ACK of part of it sends the next hole again', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 8); // the first and the fifth are lost
  peer.skip();
  peer.send('.', { ack: 4001 });
  t.is(peer.skip()[0]?.seq, 4001);
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  peer.send('.', { ack: peer.got });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
});

test('RFC 6582 §3.2: an ACK of all of it ends it with ssthresh as the window', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 9);
  const { got } = peer;
  peer.send('.', { ack: got });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.is(peer.tcb.cwnd, 5000);
  t.is(peer.tcb.ssthresh, 5000);
});

test('RFC 6582 §3.2: the first part that is acknowledged restarts the timer, no other does', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 7);
  peer.skip();
  const { rto } = peer.tcb;
  for (const [ack, timeouts] of [
    [2001, 0],
    [4001, 0],
    [6001, 1],
  ] as const) {
    peer.lab.advance(rto - 50 * MS);
    t.is(peer.lab.stat('TcpExtTCPTimeouts'), timeouts);
    peer.send('.', { ack });
    peer.skip();
  }
});

test('RFC 6582 §3.2: duplicates of what a recovery has sent begin no second one', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 3);
  const recover = 12_001; // ten, and two by limited transmit
  t.is(peer.got, recover);
  duplicates(peer, 1, 6);
  peer.send('.', { ack: recover });
  const { ssthresh } = peer.tcb;
  duplicates(peer, recover, 5);
  t.is(peer.lab.stat('TcpExtTCPRenoRecovery'), 1);
  t.is(peer.tcb.ssthresh, ssthresh);
});

test('RFC 6582 §4: nor do duplicates of what a timeout sent again', (t) => {
  const peer = sending(t);
  peer.lab.advanceToNext();
  peer.send('.', { ack: 1 });
  duplicates(peer, 1, 6);
  t.is(peer.lab.stat('TcpExtTCPRenoRecovery'), 0);
});

test('RFC 6582 §3.2: three losses in a window are repaired without a timeout', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 7); // 1, 4 and 8 are lost
  for (const ack of [3001, 7001]) {
    peer.lab.advance(100 * MS);
    peer.send('.', { ack });
  }
  peer.lab.advance(100 * MS);
  peer.send('.', { ack: peer.got });
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 0);
  t.is(peer.tcb.recovery, Recovery.OPEN);
});

test('RFC 6582 §3.2: a retransmission that is lost again waits for the timer', (t) => {
  const peer = sending(t);
  duplicates(peer, 1, 9);
  peer.skip();
  peer.lab.advance(S);
  const again = peer.skip();
  t.true(again.some((seen) => seen.seq === 1));
  t.true(peer.lab.stat('TcpExtTCPTimeouts') > 0);
});
