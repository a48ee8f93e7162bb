/**
 * A congestion window that is not used. RFC 5681 §4.1, RFC 6928, RFC 7661.
 * @module
 */
import test from 'ava';
import { MS, S } from '../../support/lab.ts';
import { established, synReceived, synSent } from '../../support/states.ts';

test('cwv: text that only comes in is no use of the window: idle is who sends none', (t) => {
  const peer = established(t, { rtt: 100 * MS, tcp: { initialWindow: 4 } });
  const { tcb } = peer;
  tcb.cwnd = 100_000;
  for (let i = 0; i < 100; i++) {
    peer.lab.advance(100 * MS);
    peer.send('.', { len: 1000 });
  }
  peer.write(1000);
  t.is(tcb.cwnd, 4000);
});

test('cwv: after a while without sending the window halves for each timeout', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  const { tcb } = peer;
  tcb.cwnd = 64_000;
  peer.lab.advance(tcb.rto * 2 + MS);
  peer.write(1000);
  t.is(tcb.cwnd, 16_000);
  t.is(tcb.ssthresh, Number.POSITIVE_INFINITY);
});

test('cwv: an idle time halves the window once, however many ACKs come while the peer takes nothing', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  const { tcb } = peer;
  tcb.cwnd = 80_000;
  peer.send('.', { window: 0 });
  peer.lab.advance(tcb.rto + MS);
  peer.write(1000);
  for (let i = 0; i < 3; i++) {
    peer.lab.advance(MS);
    peer.send('.', { window: 0 });
  }
  t.is(tcb.cwnd, 80_000); // nothing has left: the idle time goes on
  peer.send('.', { window: 60_000 });
  t.is(tcb.cwnd, 40_000);
});

test('cwv: an idle time halves the window once, though the device takes nothing at first', (t) => {
  const peer = established(t, { rtt: 100 * MS, slots: 4 });
  const { tcb, lab } = peer;
  tcb.cwnd = 80_000;
  lab.advance(tcb.rto + MS);
  const taken = Array.from({ length: 4 }, () => lab.slots.acquire());
  peer.write(1000);
  lab.advance(20 * MS);
  peer.expectNothing();
  for (const slot of taken) lab.slots.release(slot);
  lab.advance(2 * MS);
  peer.expect({ len: 1000 });
  t.is(tcb.cwnd, 40_000);
});

test('cwv: the window does not grow while the owner does not use it', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  const before = peer.tcb.cwnd;
  for (let i = 1; i <= 20; i++) {
    peer.write(1000);
    peer.send('.', { ack: 1 + i * 1000 });
  }
  t.is(peer.tcb.cwnd, before);
});

test('cwv: the initial window is ten segments, or 14600 octets if that is less', (t) => {
  t.is(established(t, { mss: 1000 }).tcb.cwnd, 10_000);
  t.is(established(t, { mss: 1460 }).tcb.cwnd, 14_600);
  t.is(established(t, { mss: 4000, mtu: 9000 }).tcb.cwnd, 14_600);
  t.is(established(t, { mss: 8960, mtu: 9000 }).tcb.cwnd, 17_920);
});

test('cwv: one lost SYN leaves the initial window, two make it one segment', (t) => {
  for (const [lost, window] of [[1, 10_000] as const, [2, 1000] as const]) {
    for (const make of [synSent, synReceived]) {
      const peer = make(t);
      for (let i = 0; i < lost; i++) peer.lab.advanceToNext();
      peer.send(make === synSent ? 'S.' : '.', { ack: 1 });
      t.is(peer.tcb.cwnd, window);
    }
  }
});

test('cwv: a window below one segment, as after the path got wider, is made one', (t) => {
  const peer = established(t, { mss: 1460 });
  const { tcb, lab } = peer;
  peer.write(1460);
  const [sent] = peer.skip();
  t.truthy(sent);
  if (sent) peer.icmp(3, 4, sent, 600);
  peer.skip();
  peer.send('.', { ack: 1461 });
  t.is(tcb.mss, 560);
  tcb.cwnd = 560;
  lab.advance(11 * 60 * S);
  peer.write(2000);
  t.is(tcb.mss, 1460);
  peer.expect({ seq: 1461, len: 1460 });
});
