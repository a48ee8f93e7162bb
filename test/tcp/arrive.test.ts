/**
 * The checks that a segment passes, in their order. RFC 9293 §3.10.7.4.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { S } from '../support/lab.ts';
import type { Peer } from '../support/peer.ts';
import { closing, established, lastAck, synReceived, timeWait } from '../support/states.ts';

/** A connection whose owner reads nothing, and whose window is shut. */
function shut(t: Parameters<typeof established>[0], options = {}): Peer {
  const peer = established(t, { ...options, tcp: { receiveBuffer: 2000, receiveBufferMax: 2000 } });
  peer.reading(false);
  peer.send('.', { len: 1000 });
  peer.send('.', { len: 1000 });
  peer.skip();
  return peer;
}

test('arrive: while half-open a segment outside the window is answered by an ACK', (t) => {
  const peer = synReceived(t);
  t.is(peer.send('.', { seq: 100_000 }), Drop.TCP_OUT_OF_WINDOW);
  peer.expect({ flags: '.', seq: 1, ack: 1 });
  peer.send('.', { seq: 1, ack: 1 });
  peer.expectState(State.ESTABLISHED);
  peer.expectNothing();
});

test('arrive: ACKs outside the window are answered only so often', (t) => {
  const peer = established(t);
  for (let i = 0; i < 50; i++) {
    t.is(peer.send('.', { seq: 100_000 }), Drop.TCP_OUT_OF_WINDOW);
  }
  t.is(peer.skip().length, 10);
  peer.lab.advance(S);
  peer.send('.', { seq: 100_000 });
  peer.expect({ flags: '.', seq: 1, ack: 1 });
});

test('arrive: with a shut window a FIN is taken all the same', (t) => {
  const peer = shut(t);
  t.is(peer.tcb.rcvAdv, peer.tcb.rcvNxt);
  peer.send('F.');
  peer.expect({ flags: '.', ack: 2002, window: 0 });
  peer.expectState(State.CLOSE_WAIT);
  t.deepEqual(peer.app.events, ['open']);
  peer.reading(true);
  t.deepEqual(peer.app.events, ['open', 'data', 'end']);
  t.is(peer.app.length, 2000);
});

test('arrive: a FIN behind text that fills the window to its edge is taken', (t) => {
  const peer = established(t, { tcp: { receiveBuffer: 2000, receiveBufferMax: 2000 } });
  peer.reading(false);
  peer.send('.', { len: 1000 });
  peer.skip();
  peer.send('F.', { len: 1000 });
  peer.expect({ flags: '.', ack: 2002 });
  peer.expectState(State.CLOSE_WAIT);
});

test('arrive: with a shut window text is refused, its ACK counts', (t) => {
  const peer = shut(t);
  peer.write(500);
  peer.expect({ len: 500 });
  t.is(peer.send('.', { len: 1, ack: 501, seq: 2001 }), Drop.TCP_OUT_OF_WINDOW);
  peer.expect({ flags: '.', ack: 2001, window: 0 });
  t.is(peer.tcb.bytesAcked, 500);
});

test('arrive: with a shut window a reset counts, even one with text', (t) => {
  const peer = shut(t);
  t.is(peer.send('R', { len: 20 }), Drop.NONE);
  t.is(peer.app.closed, Failure.RESET);
});

test('arrive: a sign of life is only what is acceptable', (t) => {
  const peer = established(t);
  const { lab } = peer;
  const heard = lab.now;
  lab.advance(5 * S);
  peer.send('.', { seq: 1_000_000 });
  peer.send('R', { seq: 77 });
  peer.send('.', { ack: 9_000_000 });
  t.is(peer.tcb.lastHeard, heard);
  peer.send('.');
  t.is(peer.tcb.lastHeard, lab.now);
});

test('arrive: a reset while text is not acknowledged is told, though both sides have closed', (t) => {
  const peer = established(t);
  peer.send('F.');
  peer.write(500);
  peer.shutdown();
  peer.expectState(State.LAST_ACK);
  peer.send('R', { ack: 1 });
  t.is(peer.app.closed, Failure.RESET);
});

test('arrive: a reset that only takes our FIN with it is an orderly end', (t) => {
  for (const make of [lastAck, closing]) {
    const peer = make(t);
    peer.send('R');
    t.is(peer.app.closed, Failure.NONE);
  }
});

test('arrive: in TIME-WAIT only the FIN that ended it begins the wait anew', (t) => {
  const peer = timeWait(t);
  const { lab } = peer;
  lab.advance(30 * S);
  peer.send('F.', { seq: 30_000 });
  peer.skip();
  lab.advance(30 * S);
  t.is(lab.core.tcp.table.length, 0);
  const other = timeWait(t);
  other.lab.advance(30 * S);
  other.send('F.', { seq: 1 });
  other.expect({ flags: '.', seq: 2, ack: 2 });
  other.lab.advance(30 * S);
  other.expectState(State.TIME_WAIT);
  other.lab.advance(30 * S);
  t.is(other.lab.core.tcp.table.length, 0);
});

test('arrive: an ACK for what was never sent is answered, and its text is not taken', (t) => {
  const peer = established(t);
  t.is(peer.send('P.', { len: 10, ack: 500 }), Drop.TCP_BAD_ACK);
  peer.expect({ flags: '.', seq: 1, ack: 1 });
  t.is(peer.app.length, 0);
});

test('arrive: text of a segment with an old ACK is taken', (t) => {
  const peer = established(t);
  peer.write(100);
  peer.send('.');
  peer.skip();
  t.is(peer.send('P.', { len: 10, ack: 51 }), Drop.NONE);
  t.is(peer.app.length, 10);
});

test('arrive: a segment without ACK is dropped', (t) => {
  const peer = established(t);
  t.is(peer.send('P', { len: 10 }), Drop.TCP_BAD_FLAGS);
  t.is(peer.send('F', { len: 10 }), Drop.TCP_NO_ACK);
  peer.expectNothing();
  peer.expectState(State.ESTABLISHED);
});

test('arrive: text behind the FIN of the peer is dropped', (t) => {
  const peer = established(t);
  peer.send('F.', { len: 10 });
  peer.expect({ ack: 12 });
  t.is(peer.send('.', { seq: 12, len: 10 }), Drop.TCP_AFTER_CLOSE);
  t.is(peer.app.length, 10);
});
