/**
 * A listener that wants a connection with its first text: `deferAccept`, Linux's TCP_DEFER_ACCEPT (tcp(7)). Its owner is
 * asked when text or a FIN has come, or after the stated time (RFC 9293 §3.10.7.4, fifth, would ask with the ACK).
 * @module
 */
import test from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import { MS, S } from '../../support/lab.ts';
import { Peer } from '../../support/peer.ts';
import { listening } from '../../support/states.ts';

const tcp = { deferAccept: 5 * S };

/** The peer has acknowledged our SYN-ACK after `rtt`, and said nothing. */
function acknowledged(
  t: Parameters<typeof listening>[0],
  options: object = {},
  rtt = 30 * MS,
): Peer {
  const peer = listening(t, { tcp, ...options });
  peer.send('S');
  peer.lab.advance(rtt);
  peer.expect({ flags: 'S.' }, peer.lab.now - rtt);
  t.is(peer.send('.'), Drop.NONE);
  return peer;
}

test('deferral: the owner is asked with the first text, which it is given', (t) => {
  const peer = acknowledged(t);
  t.is(peer.app.tcb, undefined);
  t.is(peer.listener?.halfOpen, 1);
  t.is(peer.lab.stat('TcpExtTCPDeferAcceptDrop'), 1);
  peer.lab.advance(3 * S);
  peer.expectNothing(); // no SYN-ACK again: it has arrived
  peer.send('P.', { len: 100 });
  t.deepEqual(peer.app.events, ['open', 'data']);
  t.is(peer.app.length, 100);
  t.is(peer.listener?.halfOpen, 0);
  peer.expectState(State.ESTABLISHED);
});

test('deferral: the round trip is that of the handshake, however long the peer is silent', (t) => {
  for (const ts of [true, false]) {
    const peer = acknowledged(t, { ts });
    peer.lab.advance(4 * S);
    peer.send('P.', { len: 100 });
    t.is(peer.tcb.srtt8 / 8, 30 * MS);
  }
});

test('deferral: a FIN without text is as good', (t) => {
  const peer = acknowledged(t);
  peer.send('F.');
  t.deepEqual(peer.app.events, ['open', 'end']);
  peer.expectState(State.CLOSE_WAIT);
});

test('deferral: text with the ACK itself is not put off', (t) => {
  const peer = listening(t, { tcp });
  peer.send('S');
  peer.skip();
  peer.send('P.', { len: 10 });
  t.deepEqual(peer.app.events, ['open', 'data']);
  t.is(peer.lab.stat('TcpExtTCPDeferAcceptDrop'), 0);
});

test('deferral: after the stated time the owner is asked all the same, and may write', (t) => {
  const peer = acknowledged(t, { window: 30_000, ws: 4 });
  peer.lab.advance(5 * S - 30 * MS - 1);
  t.deepEqual(peer.app.events, []);
  peer.lab.advance(1);
  t.deepEqual(peer.app.events, ['open']);
  peer.expectState(State.ESTABLISHED);
  t.is(peer.tcb.sndWnd, 30_000); // that of the ACK, scaled
  peer.write(10);
  peer.expect({ flags: 'P.', seq: 1, len: 10 });
});

test('deferral: a SYN-ACK that is lost is sent again, and an ACK after the time opens at once', (t) => {
  const peer = listening(t, { tcp });
  peer.send('S');
  peer.lab.advance(6 * S);
  t.true(peer.skip().length > 1);
  peer.send('.');
  t.deepEqual(peer.app.events, ['open']);
});

test('deferral: the SYN again is answered, and puts off nothing', (t) => {
  const peer = acknowledged(t);
  peer.lab.advance(S);
  peer.send('S', { seq: 0 });
  peer.expect({ flags: 'S.' });
  peer.lab.advance(4 * S);
  t.deepEqual(peer.app.events, ['open']);
});

test('deferral: a reset, or the end of the listener, ends it', (t) => {
  const reset = acknowledged(t);
  reset.send('R');
  t.is(reset.listener?.halfOpen, 0);
  t.is(reset.lab.core.tcp.table.length, 0);
  const closed = acknowledged(t);
  closed.listener?.close();
  t.is(closed.lab.core.tcp.table.length, 0);
  closed.lab.advance(10 * S);
  t.deepEqual([...reset.app.events, ...closed.app.events], []);
});

test('deferral: those that say nothing are bounded by the backlog, beyond which cookies open at once', (t) => {
  const silent = acknowledged(t, { backlog: 1 });
  const peer = new Peer(t, { ...silent.options, lab: silent.lab, port: 41_000, app: silent.app });
  peer.send('S');
  peer.expect({ flags: 'S.' });
  peer.send('.');
  t.is(silent.lab.stat('TcpExtSyncookiesRecv'), 1);
  t.deepEqual(silent.app.events, ['open']);
  t.is(silent.listener?.halfOpen, 1);
});

test('deferral: a listener that refuses does so with the text', (t) => {
  const peer = acknowledged(t);
  Object.assign(peer.listener ?? {}, { accept: () => undefined });
  peer.send('P.', { len: 5 });
  peer.expect({ flags: 'R.' });
  t.is(peer.lab.core.tcp.table.length, 0);
});
