/**
 * RFC 1337, the ways in which old segments can end TIME-WAIT too soon.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { S } from '../support/lab.ts';
import { timeWait } from '../support/states.ts';

test('RFC 1337 §3: a reset does not end TIME-WAIT', (t) => {
  const peer = timeWait(t);
  for (const seq of [1, 2, 3]) t.is(peer.send('R', { seq }), Drop.TCP_TIME_WAIT);
  t.is(peer.send('R.', { seq: 2, ack: 2 }), Drop.TCP_TIME_WAIT);
  peer.expectNothing();
  peer.expectState(State.TIME_WAIT);
});

test('RFC 1337 §1: old text is answered by an ACK, and what that provokes ends nothing', (t) => {
  const peer = timeWait(t);
  peer.send('.', { seq: -500, len: 100, ack: 2 });
  const ack = peer.expect({ flags: '.', seq: 2, ack: 2 });
  peer.send('R', { seq: ack.ack });
  peer.expectState(State.TIME_WAIT);
  peer.lab.advance(60 * S - 1);
  peer.expectState(State.TIME_WAIT);
});

test('RFC 1337 §1: an old ACK is not answered', (t) => {
  const peer = timeWait(t);
  t.is(peer.send('.', { seq: 2, ack: 1 }), Drop.TCP_TIME_WAIT);
  peer.expectNothing();
});

test('RFC 1337 §1: an old SYN is answered by an ACK', (t) => {
  const peer = timeWait(t);
  peer.send('S', { seq: -1000 });
  peer.expect({ flags: '.', seq: 2, ack: 2 });
  peer.expectState(State.TIME_WAIT);
});
