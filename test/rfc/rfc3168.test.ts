/**
 * RFC 3168, explicit congestion notification.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Flag, has } from '../../src/stack/tcp/tcb/flags.ts';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import { MS } from '../support/lab.ts';
import type { Peer, PeerOptions } from '../support/peer.ts';
import { established, listening, synReceived, synSent } from '../support/states.ts';

const ECT0 = 2;
const CE = 3;
const ECN = { tcp: { ecn: true, congestion: 'newreno' } } as const;

const marked = (t: ExecutionContext, options: PeerOptions = {}): Peer =>
  established(t, { ecn: true, rtt: 100 * MS, tcp: ECN.tcp, ...options });

test('RFC 3168 §6.1.1: our SYN asks with ECE and CWR, and only where that was wanted', (t) => {
  const asking = synSent(t, ECN);
  t.true(has(asking.tcb, Flag.ECN));
  const again = listening(t, ECN);
  again.connect();
  again.expect({ flags: 'SEW', ecn: 0 });
  const plain = listening(t);
  plain.connect();
  plain.expect({ flags: 'S' });
});

test('RFC 3168 §6.1.1: a SYN that asks is answered with ECE where ECN is wanted', (t) => {
  const peer = listening(t, ECN);
  peer.send('SEW');
  peer.expect({ flags: 'SE.', ecn: 0 });
  const plain = listening(t);
  plain.send('SEW');
  plain.expect({ flags: 'S.' });
});

test('RFC 3168 §6.1.1: a SYN that does not ask is answered without', (t) => {
  for (const flags of ['S', 'SE', 'SW']) {
    const peer = listening(t, ECN);
    peer.send(flags);
    peer.expect({ flags: 'S.' });
    peer.send('.');
    t.false(has(peer.tcb, Flag.ECN));
  }
});

test('RFC 3168 §6.1.1: an answer that does not agree leaves ECN off', (t) => {
  for (const flags of ['S.', 'SEW.', 'SW.']) {
    const peer = synSent(t, ECN);
    peer.send(flags);
    peer.write(1000);
    t.is(peer.skip().at(-1)?.ecn, 0);
  }
});

test('RFC 3168 §6.1.1.1: a SYN that is sent again does not ask', (t) => {
  const peer = synSent(t, ECN);
  peer.lab.advanceToNext();
  peer.expect({ flags: 'S' });
  const passive = synReceived(t, { ...ECN, ecn: true });
  passive.lab.advanceToNext();
  passive.expect({ flags: 'S.' });
});

test('RFC 3168 §6.1.2: text goes out as capable, ACKs do not', (t) => {
  const peer = marked(t);
  peer.write(1000);
  peer.expect({ len: 1000, ecn: ECT0 });
  peer.send('.', { len: 1000 });
  peer.expect({ len: 0, ecn: 0 });
});

test('RFC 3168 §6.1.5: what is sent again does not', (t) => {
  const peer = marked(t);
  peer.write(3000);
  peer.skip();
  peer.lab.advanceToNext();
  peer.expect({ seq: 1, len: 1000, ecn: 0 });
});

test('RFC 3168 §6.1.4: nor SYNs, probes of a window and resets', (t) => {
  const peer = marked(t, { window: 0 });
  peer.write(1000);
  peer.lab.advanceToNext();
  peer.expect({ len: 0, ecn: 0 });
  peer.abort();
  peer.expect({ flags: 'R.', ecn: 0 });
});

test('RFC 3168 §6.1.2: an ECE halves the window, and is answered by a CWR on new text', (t) => {
  const peer = marked(t);
  peer.write(50_000);
  peer.skip();
  peer.send('E.', { ack: 1001 });
  t.is(peer.tcb.recovery, Recovery.CWR);
  t.is(peer.tcb.ssthresh, 4500);
  for (let ack = 2001; ack <= 10_001; ack += 1000) peer.send('E.', { ack });
  const cwr = peer.skip().filter((seen) => seen.flags & 0x80);
  t.is(cwr.length, 1);
  t.true((cwr[0]?.len ?? 0) > 0);
});

test('RFC 3168 §6.1.2: once in a window', (t) => {
  const peer = marked(t);
  peer.write(50_000);
  for (let ack = 1001; ack <= 10_001; ack += 1000) peer.send('E.', { ack });
  t.is(peer.tcb.ssthresh, 4500);
});

test('RFC 3168 §6.1.2: an echo from before the CWR arrived is not a second mark', (t) => {
  const peer = marked(t);
  peer.write(50_000);
  for (let ack = 1001; ack <= 10_001; ack += 1000) peer.send('E.', { ack });
  t.is(peer.tcb.ssthresh, 4500);
  peer.send('E.', { ack: 10_001 }); // nothing above it has been heard of yet
  t.is(peer.tcb.ssthresh, 4500);
  peer.send('.');
  t.is(peer.tcb.recovery, Recovery.OPEN);
  const { ssthresh } = peer.tcb;
  const { cwnd } = peer.tcb;
  peer.send('E.');
  t.true(peer.tcb.ssthresh < Math.max(ssthresh, cwnd), 'the next mark counts');
});

test('RFC 3168 §6.1.2: an ECE after the window was halved for a loss changes nothing', (t) => {
  const peer = marked(t, { sack: true });
  peer.write(50_000);
  peer.lab.advance(100 * MS);
  peer.send('E.', { ack: 1, sack: [[1001, 5001]] });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  const { ssthresh } = peer.tcb;
  peer.lab.advance(MS);
  peer.send('E.', { ack: 1, sack: [[1001, 8001]] });
  t.is(peer.tcb.ssthresh, ssthresh);
});

test('RFC 3168 §6.1.2: a window of one segment stays two as ssthresh', (t) => {
  const peer = marked(t, { tcp: { ...ECN.tcp, initialWindow: 1 } });
  peer.write(5000);
  peer.send('E.', { ack: 1001 });
  t.is(peer.tcb.ssthresh, 2000);
});

test('RFC 3168 §6.1.3: a mark is echoed on every ACK until a CWR comes', (t) => {
  const peer = marked(t);
  peer.send('.', { len: 1000, ecn: ECT0 });
  peer.expect({ flags: '.' });
  peer.send('.', { len: 1000, ecn: CE });
  peer.expect({ flags: 'E.', ack: 2001 });
  peer.send('.', { len: 1000, ecn: ECT0 });
  peer.expect({ flags: 'E.', ack: 3001 });
  peer.write(100);
  peer.expect({ flags: 'E.', len: 100 });
  peer.send('W.', { len: 1000, ecn: ECT0 });
  peer.expect({ flags: '.', ack: 4001 });
});

test('RFC 3168 §6.1.3: a marked segment with CWR begins the echo anew', (t) => {
  const peer = marked(t);
  peer.send('.', { len: 1000, ecn: CE });
  peer.skip();
  peer.send('W.', { len: 1000, ecn: CE });
  peer.expect({ flags: 'E.', ack: 2001 });
});

test('RFC 3168 §6.1.3: a mark is echoed at once', (t) => {
  const peer = marked(t, { tcp: { ...ECN.tcp, quickAcks: 0 } });
  peer.send('.', { len: 10, ecn: CE });
  peer.expect({ flags: 'E.', ack: 11 });
});

test('RFC 3168 §6.1.3: without ECN a mark means nothing', (t) => {
  const peer = established(t);
  peer.send('.', { len: 1000, ecn: CE });
  peer.expect({ flags: '.', ack: 1001 });
});

test('RFC 3168 §6.1.5: a segment that is not acceptable leaves its mark behind', (t) => {
  const peer = marked(t);
  peer.send('.', { seq: 1_000_000, len: 10, ecn: CE });
  peer.skip();
  peer.send('.', { len: 1000, ecn: ECT0 });
  peer.expect({ flags: '.', ack: 1001 });
});

test('RFC 3168 §6.1.2: a loss is answered by CWR, too', (t) => {
  const peer = marked(t, { sack: true });
  peer.write(50_000);
  peer.skip();
  peer.lab.advance(100 * MS);
  peer.send('.', { ack: 1, sack: [[1001, 9001]] });
  peer.lab.advance(MS);
  peer.send('.', { ack: 9001 });
  const sent = peer.skip().filter((seen) => seen.seq >= 10_001);
  t.is(sent.filter((seen) => seen.flags & 0x80).length, 1);
});
