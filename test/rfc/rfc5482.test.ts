/**
 * RFC 5482, the user timeout, and RFC 6429, what it means at a shut window.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { S } from '../support/lab.ts';
import { established, synSent } from '../support/states.ts';

test('RFC 5482 §3: text that stays unacknowledged for so long ends the connection', (t) => {
  const peer = established(t);
  verbs.setUserTimeout(peer.tcb, 30 * S);
  peer.write(100);
  peer.lab.advance(30 * S - 1);
  t.is(peer.app.closed, undefined);
  peer.lab.advance(1);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('RFC 5482 §3: what is acknowledged begins the time anew', (t) => {
  const peer = established(t);
  verbs.setUserTimeout(peer.tcb, 30 * S);
  peer.write(5000);
  for (let i = 1; i <= 4; i++) {
    peer.lab.advance(20 * S);
    peer.send('.', { ack: 1 + i * 1000 });
  }
  t.is(peer.app.closed, undefined);
});

test('RFC 5482 §3: it may be longer than the usual number of retransmissions takes', (t) => {
  const peer = established(t, { tcp: { retries: 3 } });
  verbs.setUserTimeout(peer.tcb, 3600 * S);
  peer.write(100);
  peer.lab.advance(3599 * S);
  t.is(peer.app.closed, undefined);
  peer.lab.advance(S);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('RFC 5482 §3: it ends an attempt to connect, too', (t) => {
  const peer = synSent(t, { tcp: { userTimeout: 5 * S } });
  peer.lab.advance(5 * S - 1);
  t.is(peer.app.closed, undefined);
  peer.lab.advance(1);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('RFC 5482 §3.3: the option of a peer is passed over', (t) => {
  const peer = established(t);
  const raw = [28, 4, 0x80, 5];
  t.is(peer.send('P.', { len: 10, options: { raw } }), Drop.NONE);
  t.is(peer.app.length, 10);
  t.is(peer.tcb.userTimeout, 0);
});

test('RFC 6429 §3: a peer that answers probes keeps the connection, for hours', (t) => {
  const peer = established(t, { window: 0, tcp: { retries: 3 } });
  peer.write(100);
  while (peer.lab.now < 4 * 3600 * S) {
    peer.lab.advanceToNext();
    peer.skip();
    peer.send('.', { window: 0, ack: 1 });
  }
  t.is(peer.app.closed, undefined);
});

test('RFC 6429 §3: the owner may end a connection at a shut window whenever it wants', (t) => {
  const peer = established(t, { window: 0 });
  peer.write(100);
  peer.abort();
  peer.expect({ flags: 'R.', seq: 1 });
  t.is(peer.lab.core.tcp.table.length, 0);
});

test('RFC 6429 §3: so may the stack, when it runs out of memory or is closed', (t) => {
  const peer = established(t, { window: 0 });
  peer.write(100);
  peer.lab.core.failAll(Failure.CLOSED);
  t.is(peer.app.closed, Failure.CLOSED);
  t.false(peer.lab.armed);
});

test('RFC 5482 §1: a user timeout ends the connection whatever fractions times have', (t) => {
  // The sum of these two rounds down: at that time a little of the timeout is left, and less than any tick.
  const now = 6735348.818749996;
  const peer = established(t, { now, rtt: 0, tcp: { userTimeout: 12 * S } });
  peer.write(1000);
  peer.lab.advance(13 * S);
  t.is(peer.state, 'CLOSED');
});
