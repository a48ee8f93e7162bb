/**
 * RFC 9293, requirements on closing connections (§3.5.3, §3.6).
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { S } from '../support/lab.ts';
import { Peer } from '../support/peer.ts';
import { closeWait, established, finWait2, synSent, timeWait } from '../support/states.ts';

test('SHLD-2 §3.5.3: a reset may carry text, which is not delivered', (t) => {
  const peer = established(t);
  t.is(peer.send('R', { len: 40 }), Drop.NONE);
  t.is(peer.app.closed, Failure.RESET);
  t.is(peer.app.length, 0);
  peer.expectNothing();
});

test('MUST-12 §3.6: the owner learns whether the connection was closed or aborted', (t) => {
  const closed = closeWait(t);
  t.deepEqual(closed.app.events, ['open', 'end']);
  closed.shutdown();
  closed.send('.');
  t.is(closed.app.closed, Failure.NONE);
  const aborted = established(t);
  aborted.send('R');
  t.is(aborted.app.closed, Failure.RESET);
  const refused = synSent(t);
  refused.send('R.', { ack: 1 });
  t.is(refused.app.closed, Failure.REFUSED);
});

test('MAY-1 §3.6.1: an owner that has closed its sending side may read on', (t) => {
  const peer = finWait2(t);
  for (let i = 0; i < 20; i++) peer.send('.', { len: 1000 });
  peer.lab.advance(500 * S);
  peer.send('P.', { len: 1000 });
  t.is(peer.app.length, 21_000);
});

test('SHLD-3 §3.6.1: to close both ways with text unread resets the connection', (t) => {
  const peer = established(t);
  peer.reading(false);
  peer.send('P.', { len: 100 });
  peer.skip();
  peer.detach();
  peer.expect({ flags: 'R.', seq: 1 });
  t.is(peer.app.closed, Failure.ABORTED);
});

test('SHLD-3 §3.6.1: text that comes after both ways were closed is answered by a reset', (t) => {
  const peer = established(t);
  peer.detach();
  peer.skip();
  peer.send('P.', { len: 100, ack: 2 });
  peer.expect({ flags: 'R.', seq: 2 });
});

test('SHLD-3 §3.6.1: that reset is one that the peer takes, though our FIN was lost (RFC 5961 §3.2)', (t) => {
  const peer = established(t);
  peer.detach();
  peer.expect({ flags: 'F.', seq: 1 });
  peer.send('P.', { len: 100, ack: 1 });
  peer.expect({ flags: 'R.', seq: 1 }); // what it waits for, and not what follows the FIN
});

test('MUST-13 §3.6.1: who closed first waits in TIME-WAIT for 2 MSL', (t) => {
  const peer = timeWait(t);
  peer.lab.advance(60 * S - 1);
  peer.expectState(State.TIME_WAIT);
  const { lab } = peer;
  const again = { destination: peer.address, port: peer.port, owner: peer.app };
  t.is(lab.core.tcp.connect({ ...again, sourcePort: peer.localPort }), Failure.ADDRESS_IN_USE);
  lab.advance(1);
  t.is(lab.core.tcp.table.length, 0);
});

test('MUST-13 §3.6.1: with timestamps the same four numbers may be used again after a second', (t) => {
  const peer = timeWait(t, { ts: true });
  const { lab } = peer;
  const again = { destination: peer.address, port: peer.port, owner: peer.app };
  const connect = (): unknown => lab.core.tcp.connect({ ...again, sourcePort: peer.localPort });
  t.is(connect(), Failure.ADDRESS_IN_USE);
  lab.advance(S);
  const last = peer.tcb.sndNxt;
  t.is(typeof connect(), 'object');
  lab.flush();
  const syn = peer.expect({ flags: 'S' });
  t.true(((syn.absoluteSeq - last) | 0) > 0);
});

test('MUST-13 §3.6.1: who closed second does not wait', (t) => {
  const peer = closeWait(t);
  peer.shutdown();
  peer.send('.');
  t.is(peer.lab.core.tcp.table.length, 0);
});

test('MAY-2 §3.6.1: a SYN with a higher sequence number reopens from TIME-WAIT', (t) => {
  const peer = timeWait(t);
  const last = peer.irs;
  peer.send('S', { seq: 1000 });
  const answer = peer.expect({ flags: 'S.' });
  t.is(answer.ack, 1001);
  t.true(((answer.absoluteSeq - last) | 0) > 2, 'it begins above all that was used before');
  peer.send('.', { seq: 1001, ack: 1 });
  peer.expectState(State.ESTABLISHED);
});

test('SHLD-4 §3.6.1: with timestamps a later one reopens from TIME-WAIT', (t) => {
  const peer = timeWait(t, { ts: true });
  peer.lab.advance(S);
  peer.send('S', { seq: -100_000 });
  peer.expect({ flags: 'S.' });
  t.is(peer.lab.stat('TcpExtTWRecycled'), 1);
});

test('§3.5.2: a segment for no connection is answered by a reset', (t) => {
  const peer = new Peer(t);
  peer.send('S', { len: 5 });
  peer.expect({ flags: 'R.', ack: 6 });
  peer.send('.', { seq: 9, ack: 1234 });
  peer.expect({ flags: 'R', seq: 1234 });
  peer.send('F.', { seq: 9, ack: 77 });
  peer.expect({ flags: 'R', seq: 77 });
  t.is(peer.lab.stat('TcpOutRsts'), 3);
});

test('§3.5.2: a reset is never answered', (t) => {
  const nobody = new Peer(t);
  nobody.send('R');
  nobody.send('R.', { ack: 7 });
  nobody.expectNothing();
  for (const make of [synSent, established, finWait2, timeWait]) {
    const peer = make(t);
    peer.send('R', { seq: 1_000_000 });
    peer.send('R.', { seq: 2_000_000, ack: 77 });
    peer.expectNothing();
  }
});

test('§3.5.2: an ACK for what was not sent refuses a connection that is not open yet', (t) => {
  const peer = synSent(t);
  peer.send('.', { ack: 77 });
  peer.expect({ flags: 'R', seq: 77 });
  peer.send('S.', { ack: 2, seq: 0 });
  peer.expect({ flags: 'R', seq: 2 });
  peer.expectState(State.SYN_SENT);
});
