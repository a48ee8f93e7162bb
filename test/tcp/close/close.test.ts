/**
 * The ends of a connection: closed by either side, by both at once, or given up. RFC 9293 §3.6.
 * @module
 */
import test from 'ava';
import { Failure } from '../../../src/stack/base/failure.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import { S } from '../../support/lab.ts';
import * as states from '../../support/states.ts';

const { closeWait, closing, established, finWait1, finWait2, lastAck, synSent, timeWait } = states;

const resets = { established, closeWait, finWait1, finWait2 };
for (const [name, make] of Object.entries(resets)) {
  test(`close: to give up in ${name} resets the peer with the next sequence number`, (t) => {
    const peer = make(t);
    const next = name.startsWith('finWait') ? 2 : 1;
    peer.abort();
    peer.expect({ flags: 'R.', seq: next });
    peer.expectNothing();
    t.is(peer.app.closed, Failure.ABORTED);
    t.is(peer.lab.core.tcp.table.length, 0);
    t.false(peer.lab.armed);
  });
}

for (const [name, make] of Object.entries({ synSent, closing, lastAck, timeWait })) {
  test(`close: to give up in ${name} is nothing to tell the peer`, (t) => {
    const peer = make(t);
    peer.abort();
    peer.expectNothing();
    t.is(peer.app.closed, name === 'timeWait' ? Failure.NONE : Failure.ABORTED);
    t.is(peer.lab.core.tcp.table.length, 0);
    t.false(peer.lab.armed);
  });
}

test('close: to give up in LAST-ACK with text that was never sent resets the peer', (t) => {
  const peer = closeWait(t, { window: 0 });
  peer.write(100);
  peer.shutdown();
  peer.expectState(State.LAST_ACK);
  peer.abort();
  peer.expect({ flags: 'R.', seq: 1 });
});

test('close: to give up while half-open, in a simultaneous open, resets the peer', (t) => {
  const peer = synSent(t);
  peer.send('S');
  peer.skip();
  peer.abort();
  peer.expect({ flags: 'R.', seq: 1, ack: 1 });
  t.is(peer.app.closed, Failure.ABORTED);
});

test('close: an owner that reads nothing is told of the end before the last word', (t) => {
  const peer = established(t);
  peer.reading(false);
  peer.send('F.');
  peer.shutdown();
  peer.expectState(State.LAST_ACK);
  peer.send('.');
  t.deepEqual(peer.app.events, ['open', 'finished', 'end', 'close']);
});

test('close: text that is kept outlives LAST-ACK, and the end comes after it', (t) => {
  const peer = established(t);
  peer.reading(false);
  peer.send('F.', { len: 100 });
  peer.shutdown();
  peer.send('.');
  t.is(peer.state, 'CLOSED');
  t.deepEqual(peer.app.events, ['open', 'finished']);
  peer.reading(true);
  t.deepEqual(peer.app.events, ['open', 'finished', 'data', 'end', 'close']);
  t.is(peer.app.length, 100);
});

test('close: text that is kept outlives TIME-WAIT, and the end comes after it', (t) => {
  const peer = finWait2(t);
  peer.reading(false);
  peer.send('F.', { len: 100 });
  peer.expectState(State.TIME_WAIT);
  peer.lab.advance(100 * S);
  t.deepEqual(peer.app.events, ['open', 'finished']);
  peer.reading(true);
  t.deepEqual(peer.app.events, ['open', 'finished', 'data', 'end', 'close']);
  t.is(peer.app.length, 100);
});

test('close: a reset takes text that is kept with it', (t) => {
  const peer = established(t);
  peer.reading(false);
  peer.send('.', { len: 100 });
  peer.send('R');
  t.deepEqual(peer.app.events, ['open', 'close']);
  t.is(peer.app.closed, Failure.RESET);
});

test('close: both sides at once, each FIN crossing the other', (t) => {
  const peer = finWait1(t);
  peer.send('F.', { ack: 1 });
  peer.expect({ flags: '.', seq: 2, ack: 2 });
  peer.expectState(State.CLOSING);
  peer.send('.', { ack: 2 });
  peer.expectState(State.TIME_WAIT);
  t.deepEqual(peer.app.events, ['open', 'end', 'finished', 'close']);
});

test('close: a FIN that acknowledges ours leads from FIN-WAIT-1 into TIME-WAIT at once', (t) => {
  const peer = finWait1(t);
  peer.send('F.');
  peer.expect({ flags: '.', seq: 2, ack: 2 });
  peer.expectState(State.TIME_WAIT);
});

test('close: text is still taken in FIN-WAIT-1 and FIN-WAIT-2', (t) => {
  const peer = finWait1(t);
  peer.send('P.', { len: 10, ack: 1 });
  peer.expect({ flags: '.', ack: 11 });
  peer.send('P.', { len: 10, ack: 2 });
  peer.expectState(State.FIN_WAIT_2);
  peer.expect({ flags: '.', ack: 21 });
  t.is(peer.app.length, 20);
});

test('close: text for an orphan is answered by a reset', (t) => {
  const peer = established(t);
  peer.detach();
  peer.expect({ flags: 'F.', seq: 1 });
  peer.send('P.', { len: 10, ack: 2 });
  peer.expect({ flags: 'R.', seq: 2 });
  t.is(peer.app.closed, Failure.RESET);
});

test('close: an owner that leaves text unread resets the peer', (t) => {
  const peer = established(t);
  peer.reading(false);
  peer.send('P.', { len: 10 });
  peer.skip();
  peer.detach();
  peer.expect({ flags: 'R.', seq: 1 });
});

test('close: before the handshake is complete the FIN waits for it', (t) => {
  const peer = synSent(t);
  peer.write(100);
  peer.shutdown();
  peer.expectNothing();
  peer.send('S.');
  peer.expect({ flags: 'FP.', seq: 1, len: 100 });
  peer.expectState(State.FIN_WAIT_1);
});

test('close: before anything was said it just ends', (t) => {
  const peer = synSent(t);
  peer.shutdown();
  peer.expectNothing();
  t.is(peer.app.closed, Failure.ABORTED);
});

test('close: a FIN that arrives before the text it follows waits for it', (t) => {
  const peer = established(t);
  peer.send('F.', { seq: 101, len: 100 });
  peer.expect({ flags: '.', ack: 1 });
  peer.expectState(State.ESTABLISHED);
  peer.send('.', { seq: 1, len: 100 });
  peer.expect({ flags: '.', ack: 202 });
  peer.expectState(State.CLOSE_WAIT);
  t.deepEqual(peer.app.events, ['open', 'data', 'end']);
});
