/**
 * Timers: what is sent when nothing is heard, and when that ends. RFC 6298, RFC 9293 §3.8.
 * @module
 */
import test from 'ava';
import { Failure } from '../../../src/stack/base/failure.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import { MS, S } from '../../support/lab.ts';
import { US } from '../../support/packets.ts';
import {
  established,
  finWait1,
  finWait2,
  lastAck,
  synSent,
  timeWait,
} from '../../support/states.ts';

const MINUTE = 60 * S;

test('timers: a SYN is sent again for three minutes at least before that is the end', (t) => {
  const peer = synSent(t);
  const { lab } = peer;
  lab.advance(3 * MINUTE);
  peer.expectState(State.SYN_SENT);
  const times = peer.skip().map((seen) => Math.round((seen.time - S) / S));
  t.deepEqual(times, [1, 3, 7, 15, 31, 63, 127]);
  lab.advance(5 * MINUTE);
  t.is(peer.app.closed, Failure.TIMED_OUT);
  t.false(lab.armed);
});

test('timers: duplicate ACKs alone do not keep a connection alive whose text never arrives', (t) => {
  const peer = established(t, { tcp: { retries: 5 } });
  peer.write(500);
  for (let i = 0; i < 60 && peer.app.closed === undefined; i++) {
    peer.lab.advance(S);
    peer.send('.', { ack: 1 });
  }
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('timers: a window that stays shut while the peer answers is no reason to give up', (t) => {
  const peer = established(t, { tcp: { retries: 3 } });
  peer.write(500);
  peer.send('.', { window: 0 });
  peer.write(500);
  peer.skip();
  for (let i = 0; i < 50; i++) {
    peer.lab.advanceToNext();
    peer.expect({ flags: '.', seq: 500, len: 0 });
    peer.send('.', { window: 0, ack: 501 });
  }
  t.true(peer.lab.now > 80 * MINUTE);
  t.is(peer.app.closed, undefined);
  peer.send('.', { ack: 501 });
  peer.expect({ seq: 501, len: 500 });
});

test('timers: a window that shuts over what is in flight is no reason to give up either', (t) => {
  const peer = established(t, { tcp: { retries: 3 } });
  peer.write(2000);
  for (let i = 0; i < 50; i++) {
    peer.send('.', { window: 0, ack: 1 });
    peer.lab.advanceToNext();
  }
  t.true(peer.lab.now > 80 * MINUTE);
  t.is(peer.app.closed, undefined);
  const cwnd = peer.tcb.cwnd;
  t.true(cwnd >= 2000, `the window fell to ${cwnd} without a loss`);
});

test('timers: with a user timeout a shut window is asked after once before it counts', (t) => {
  const peer = established(t);
  const { lab } = peer;
  verbs.setUserTimeout(peer.tcb, 10 * S);
  lab.advance(60 * MINUTE);
  peer.send('.', { window: 0 });
  peer.write(500);
  lab.advance(S);
  peer.expect({ flags: '.', seq: 0, len: 0 });
  t.is(peer.app.closed, undefined);
  lab.advance(60 * S);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('timers: the user timeout ends a connection on time, not with the next retransmission', (t) => {
  const peer = established(t);
  verbs.setUserTimeout(peer.tcb, 5 * S);
  peer.write(500);
  peer.lab.advance(5 * S - MS);
  t.is(peer.app.closed, undefined);
  peer.lab.advance(MS);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('timers: the retransmission timer backs off until something measures the path again', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(1000);
  peer.skip();
  peer.lab.advance(500 * MS);
  t.is(peer.tcb.backoff, 1);
  peer.send('.', { ack: 1001 });
  t.is(peer.tcb.backoff, 1, 'the ACK of what was sent twice measures nothing (Karn)');
  peer.skip();
  peer.write(1000);
  peer.lab.advance(100 * MS);
  peer.send('.', { ack: 2001 });
  t.is(peer.tcb.backoff, 0);
});

test('timers: keep-alive works in FIN-WAIT-2 too', (t) => {
  const peer = finWait2(t);
  verbs.setKeepAlive(peer.tcb, true, 10 * S, S, 3);
  peer.lab.advance(11 * S);
  peer.expect({ flags: '.', seq: 1, len: 0 });
  peer.lab.advance(10 * S);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('timers: an orphan waits in FIN-WAIT-2 only so long', (t) => {
  for (const detachFirst of [true, false]) {
    const peer = detachFirst ? established(t) : finWait2(t);
    if (detachFirst) {
      peer.detach();
      peer.send('.', { ack: 2 });
    } else {
      peer.detach();
    }
    peer.expectState(State.FIN_WAIT_2);
    peer.lab.advance(59 * S);
    peer.expectState(State.FIN_WAIT_2);
    peer.lab.advance(2 * S);
    t.is(peer.app.closed, Failure.NONE);
    t.false(peer.lab.armed);
  }
});

test('timers: one that is not an orphan waits in FIN-WAIT-2 for ever', (t) => {
  const peer = finWait2(t);
  peer.lab.advance(1000 * MINUTE);
  peer.expectState(State.FIN_WAIT_2);
});

test('timers: a FIN is sent again until it is acknowledged or that is hopeless', (t) => {
  for (const make of [finWait1, lastAck]) {
    const peer = make(t, { tcp: { retries: 4 } });
    peer.lab.advance(10 * S);
    const sent = peer.skip();
    t.deepEqual(
      sent.map((seen) => seen.flags & 5),
      [1, 1, 1, 1, 4],
    );
    t.is(peer.app.closed, Failure.TIMED_OUT);
    t.false(peer.lab.armed);
  }
});

test('timers: TIME-WAIT ends after 2 MSL, and leaves nothing behind', (t) => {
  const peer = timeWait(t);
  t.is(peer.app.closed, Failure.NONE);
  peer.lab.advance(60 * S - 1);
  peer.expectState(State.TIME_WAIT);
  peer.lab.advance(1);
  t.is(peer.state, 'CLOSED');
  t.is(peer.lab.core.tcp.demux.count, 0);
  t.false(peer.lab.armed);
});

test('timers: text that waits for a route is sent when there is one again', (t) => {
  const peer = established(t);
  const { lab } = peer;
  lab.core.ip.routes.removeAddress(lab.iface, US);
  peer.write(500);
  peer.expectNothing();
  lab.core.ip.routes.addAddress(lab.iface, US, 24);
  lab.advance(S);
  peer.expect({ seq: 1, len: 500 });
});

test('timers: what waits for a free slot is sent when there is one again', (t) => {
  const peer = established(t, { slots: 8 });
  const { lab } = peer;
  const taken = Array.from({ length: 8 }, () => lab.slots.acquire());
  peer.write(500);
  peer.expectNothing();
  for (const slot of taken) lab.slots.release(slot);
  lab.advance(10 * MS);
  peer.expect({ seq: 1, len: 500 });
});

test('timers: an answer that is owed goes out within the delay', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { len: 100 });
  peer.expectNothing();
  peer.lab.advance(40 * MS - 1);
  peer.expectNothing();
  peer.lab.advance(1);
  peer.expect({ flags: '.', ack: 101 });
});

test('timers: a keep-alive goes off once, whatever fractions times have', (t) => {
  // RFC 9293 §3.8.4. Of a sum that is rounded down the difference is less than what was added: a timer that compares
  // one and was set by the other would be due at the same time for ever.
  const idle = 1000.1 * MS;
  let now = 10 * S;
  while (now + idle - now >= idle) now += 0.37;
  const peer = established(t, { now });
  verbs.setKeepAlive(peer.tcb, true, idle, S, 3);
  peer.lab.advance(idle + 1);
  peer.expect({ flags: '.', seq: 0, len: 0 });
  peer.expectNothing();
});

test('timers: one that is set to now when it goes off comes later', (t) => {
  // Text is on its way, so a keep-alive puts itself off, here by nothing.
  const peer = established(t, { tcp: { keepAlive: true, keepAliveIdle: 0, keepAliveInterval: S } });
  peer.write(1000);
  peer.lab.core.expire(peer.lab.now);
  t.true(peer.lab.core.deadline() > peer.lab.now);
});
