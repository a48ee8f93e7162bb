/**
 * RFC 5682, F-RTO: was a timeout needless?
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS } from '../support/lab.ts';
import type { Peer } from '../support/peer.ts';
import { established } from '../support/states.ts';

/** Ten segments out and `more` written, and the timer has gone off; no timestamps. */
function timedOut(t: ExecutionContext, sack: boolean, count = 10, more = 90): Peer {
  const tcp = { congestion: 'newreno' } as const;
  const peer = established(t, { rtt: 100 * MS, sack, tcp });
  peer.write((count + more) * 1000);
  peer.expectFlight(count, 1);
  while (peer.tcb.recovery !== Recovery.LOSS) {
    peer.seen.length = 0;
    peer.lab.advanceToNext();
  }
  peer.expect({ seq: 1, len: 1000 });
  peer.expectNothing();
  return peer;
}

test('RFC 5682 §2.1: two ACKs that go on show that the timeout was needless', (t) => {
  const peer = timedOut(t, false);
  peer.send('.', { ack: 1001 });
  const [asked] = peer.skip();
  t.is(asked?.seq, 10_001, 'new text asks');
  peer.send('.', { ack: 2001 });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.true(peer.tcb.cwnd >= 10_000);
  t.is(peer.tcb.ssthresh, Number.POSITIVE_INFINITY);
  t.is(peer.lab.stat('TcpExtTCPSpuriousRTOs'), 1);
  t.true(
    peer.skip().every((seen) => seen.seq > 10_000),
    'nothing old was sent again',
  );
});

test('RFC 5682 §2.1: a duplicate ACK first shows that text is lost', (t) => {
  const peer = timedOut(t, false);
  peer.send('.', { ack: 1 });
  t.is(peer.skip().length, 0, 'the one that is out is not sent a third time');
  peer.send('.', { ack: 1001 });
  peer.expect({ seq: 1001, len: 1000 });
  t.is(peer.tcb.ssthresh, 5000);
});

test('RFC 5682 §2.1: a duplicate ACK second shows that text is lost', (t) => {
  const peer = timedOut(t, false);
  peer.send('.', { ack: 1001 });
  peer.skip();
  peer.send('.', { ack: 1001 });
  const again = peer.skip();
  t.is(again[0]?.seq, 1001);
  t.true(
    again.every((seen) => seen.seq < 10_001),
    'what asked is not sent again',
  );
  t.is(peer.tcb.ssthresh, 5000);
});

test('RFC 5682 §2.1: an ACK of all that was out says nothing, and the window stays small', (t) => {
  const peer = timedOut(t, false, 3, 0);
  peer.send('.', { ack: 3001 });
  t.is(peer.lab.stat('TcpExtTCPSpuriousRTOs'), 0);
  t.is(peer.tcb.ssthresh, 2000);
  t.true(peer.tcb.cwnd <= 4000, `${peer.tcb.cwnd}`);
});

test('RFC 5682 §2.1: without SACK an ACK across what had arrived before says nothing', (t) => {
  const peer = timedOut(t, false);
  peer.send('.', { ack: 5001 }); // 2 to 5 had arrived; 1 and 6 were lost
  t.is(peer.tcb.recovery, Recovery.LOSS);
  t.is(peer.lab.stat('TcpExtTCPSpuriousRTOs'), 0);
});

test('RFC 5682 §3.1: with SACK, text that was sent once and now arrives shows it', (t) => {
  const peer = timedOut(t, true);
  peer.send('.', { ack: 1001 });
  peer.skip();
  peer.send('.', { ack: 2001 });
  t.is(peer.tcb.recovery, Recovery.OPEN);
  t.true(peer.tcb.cwnd >= 10_000);
  t.is(peer.lab.stat('TcpExtTCPSpuriousRTOs'), 1);
});

test('RFC 5682 §3.1: with SACK, the arrival of what asked shows that text is lost', (t) => {
  const peer = timedOut(t, true);
  peer.send('.', { ack: 1001 });
  const asked = peer.skip().find((seen) => seen.seq > 10_000);
  t.truthy(asked);
  peer.send('.', { ack: 1001, sack: [[asked?.seq ?? 0, asked?.end ?? 0]] });
  t.is(peer.lab.stat('TcpExtTCPSpuriousRTOs'), 0);
  t.is(peer.skip()[0]?.seq, 1001);
  t.is(peer.tcb.ssthresh, 5000);
});
