/**
 * RFC 9293, requirements on connections that fail, and on keep-alives (§3.8.3, §3.8.4).
 * @module
 */
import test from 'ava';
import { Failure } from '../../src/stack/base/failure.ts';
import { info } from '../../src/stack/tcp/info.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { S } from '../support/lab.ts';
import { established, synReceived, synSent } from '../support/states.ts';

const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;

test('MUST-20 §3.8.3: after R1 retransmissions the way is asked for again', (t) => {
  const peer = established(t);
  const { lab } = peer;
  peer.write(100);
  const { routes } = lab.core.ip;
  let asked = 0;
  const find = routes.findProven.bind(routes);
  routes.findProven = (destination, source) => {
    asked++;
    return find(destination, source);
  };
  for (let i = 0; i < 2; i++) lab.advanceToNext();
  t.is(asked, 0);
  lab.advanceToNext();
  t.is(asked, 1);
});

test('MUST-20 §3.8.3: after R2 retransmissions the connection ends', (t) => {
  const peer = established(t, { tcp: { retries: 5 } });
  peer.write(100);
  peer.lab.advance(HOUR);
  t.is(peer.app.closed, Failure.TIMED_OUT);
  const sent = peer.skip();
  t.is(sent.filter((seen) => seen.len > 0).length, 6);
  t.is((sent.at(-1)?.flags ?? 0) & 4, 4);
  t.is(peer.lab.core.tcp.table.length, 0);
});

test('MUST-20 §3.8.3: what is acknowledged begins the count anew', (t) => {
  const peer = established(t, { tcp: { retries: 3 } });
  peer.write(100_000);
  for (let i = 1; i <= 20; i++) {
    peer.lab.advanceToNext();
    peer.lab.advanceToNext();
    peer.send('.', { ack: 1 + i * 1000 });
  }
  t.is(peer.app.closed, undefined);
});

test('MUST-21 §3.8.3: R2 can be set for a connection, as a number and as a time', (t) => {
  const counted = established(t, { tcp: { retries: 1 } });
  counted.write(100);
  counted.lab.advance(2 * S);
  t.is(counted.app.closed, Failure.TIMED_OUT);
  const timed = established(t);
  verbs.setUserTimeout(timed.tcb, 3 * S);
  timed.write(100);
  timed.lab.advance(3 * S - 1);
  t.is(timed.app.closed, undefined);
  timed.lab.advance(1);
  t.is(timed.app.closed, Failure.TIMED_OUT);
});

test('SHLD-9 §3.8.3: that R1 is reached can be asked for before R2', (t) => {
  const peer = established(t);
  peer.write(100);
  for (let i = 0; i < 4; i++) peer.lab.advanceToNext();
  t.true(info(peer.tcb).retransmits >= 3);
  peer.expectState(State.ESTABLISHED);
});

test('SHLD-10 §3.8.3: R1 is three retransmissions', (t) => {
  const peer = established(t);
  peer.write(100);
  for (let i = 0; i < 2; i++) peer.lab.advanceToNext();
  const { route } = peer.tcb;
  t.not(route, null);
  peer.lab.advanceToNext();
  t.is(peer.tcb.retries, 3);
});

test('SHLD-11 §3.8.3: R2 is more than 100 seconds', (t) => {
  const peer = established(t);
  peer.write(100);
  peer.lab.advance(100 * S);
  t.is(peer.app.closed, undefined);
  peer.lab.advance(HOUR);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('MUST-22 §3.8.3: SYNs are sent again and given up in the same way', (t) => {
  for (const make of [synSent, synReceived]) {
    const peer = make(t);
    peer.lab.advance(30 * S);
    const times = peer.skip().map((seen) => Math.round((seen.time - S) / S));
    t.deepEqual(times, [1, 3, 7, 15]);
    peer.lab.advance(HOUR);
    t.is(peer.lab.core.tcp.table.length, 0);
  }
});

test('MUST-22 §3.8.3: SYNs that nobody answers end in a timeout, told to who opened', (t) => {
  const peer = synSent(t);
  peer.lab.advance(HOUR);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('MUST-23 §3.8.3: a SYN is sent again for three minutes at least', (t) => {
  const peer = synSent(t);
  peer.lab.advance(3 * MINUTE);
  peer.expectState(State.SYN_SENT);
});

test('MAY-5 §3.8.4: there are keep-alives', (t) => {
  const peer = established(t, { tcp: { keepAlive: true } });
  peer.lab.advance(2 * HOUR);
  peer.expect({ flags: '.', seq: 0, len: 0 });
});

test('MUST-24 §3.8.4: keep-alives are switched on and off for a connection', (t) => {
  const peer = established(t);
  verbs.setKeepAlive(peer.tcb, true, 10 * S, S, 3);
  peer.lab.advance(10 * S);
  peer.expect({ flags: '.', seq: 0, len: 0 });
  peer.send('.');
  verbs.setKeepAlive(peer.tcb, false, 0, 0, 0);
  peer.lab.advance(HOUR);
  peer.expectNothing();
});

test('MUST-25 §3.8.4: keep-alives are off unless they are asked for', (t) => {
  const peer = established(t);
  peer.lab.advance(100 * HOUR);
  peer.expectNothing();
  t.false(peer.lab.armed);
});

test('MUST-26 §3.8.4: none is sent while text is outstanding', (t) => {
  const peer = established(t);
  verbs.setKeepAlive(peer.tcb, true, 2 * S, S, 3);
  peer.write(100);
  peer.skip();
  peer.lab.advance(100 * S);
  for (const seen of peer.skip()) t.true(seen.len > 0);
});

test('MUST-26 §3.8.4: none is sent while anything comes', (t) => {
  const peer = established(t);
  verbs.setKeepAlive(peer.tcb, true, 10 * S, S, 3);
  for (let i = 0; i < 10; i++) {
    peer.lab.advance(9 * S);
    peer.expectNothing();
    peer.send('.');
  }
});

test('MUST-27 §3.8.4: the time before the first, and between them, can be set', (t) => {
  const peer = established(t);
  const before = peer.lab.now;
  verbs.setKeepAlive(peer.tcb, true, 30 * S, 7 * S, 5);
  peer.lab.advance(45 * S);
  const times = peer.skip().map((seen) => (seen.time - before) / S);
  t.deepEqual(times, [30, 37, 44]);
});

test('MUST-28 §3.8.4: the first one waits two hours unless told', (t) => {
  const peer = established(t, { tcp: { keepAlive: true } });
  peer.lab.advance(2 * HOUR - 1);
  peer.expectNothing();
  peer.lab.advance(1);
  peer.expect({ flags: '.' });
});

test('MUST-29 §3.8.4: one without an answer does not end the connection', (t) => {
  const peer = established(t);
  verbs.setKeepAlive(peer.tcb, true, 10 * S, S, 4);
  for (let i = 0; i < 10; i++) {
    peer.lab.advance(12 * S);
    t.is(peer.skip().length, 3);
    peer.send('.');
    t.is(peer.app.closed, undefined);
  }
  peer.lab.advance(20 * S);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('SHLD-12 §3.8.4: a keep-alive carries no text', (t) => {
  const peer = established(t);
  peer.write(100);
  peer.send('.', { ack: 101 });
  peer.skip();
  verbs.setKeepAlive(peer.tcb, true, 10 * S, S, 3);
  peer.lab.advance(10 * S);
  peer.expect({ flags: '.', seq: 100, ack: 1, len: 0 });
});

test('§3.8.4: the keep-alive of a peer is answered, with and without an octet', (t) => {
  const peer = established(t);
  peer.send('.', { len: 10 });
  peer.skip();
  peer.send('.', { seq: 10 });
  peer.expect({ flags: '.', ack: 11 });
  peer.send('.', { seq: 10, len: 1 });
  peer.expect({ flags: '.', ack: 11 });
});
