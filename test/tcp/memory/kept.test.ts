/**
 * How far a writer may be ahead of what is sent: `notSentLowWater`, Linux's TCP_NOTSENT_LOWAT. RFC 9293 §3.9.1.3 leaves
 * the buffer of SEND to us.
 * @module
 */
import test from 'ava';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import { MS } from '../../support/lab.ts';
import { pattern } from '../../support/packets.ts';
import { established, synSent } from '../../support/states.ts';

const LOW = 8000;
const LONG = pattern(100_000);

test('kept: what is written and not sent stays below the low water, whatever the buffer holds', (t) => {
  const peer = established(t, { window: 5000, tcp: { notSentLowWater: LOW } });
  t.is(peer.write(LONG), LOW);
  t.is(
    peer.skip().reduce((sum, { len }) => sum + len, 0),
    5000,
  ); // the window
  t.is(verbs.writableBytes(peer.tcb), 5000);
  t.is(peer.write(LONG), 5000);
  t.is(verbs.writableBytes(peer.tcb), 0);
  t.is(peer.write(LONG), 0);
});

test('kept: a writer is told of room when half of the low water waits, in the flush that sent', (t) => {
  const peer = established(t, { window: 2000, tcp: { notSentLowWater: LOW } });
  peer.write(LONG); // 2000 leave, 6000 wait
  const told = (): number => peer.app.events.filter((event) => event === 'writable').length;
  t.is(told(), 0);
  peer.send('.', { ack: 1001, window: 2000 }); // 5000 wait
  t.is(told(), 0);
  peer.send('.', { ack: 3001, window: 2000 }); // 3000 wait
  t.is(told(), 1);
});

test('kept: a writer who writes whenever there is room is held up by the windows alone', (t) => {
  const tcp = { notSentLowWater: LOW };
  const peer = established(t, { window: 60_000, tcp });
  const { tcb, app, lab } = peer;
  tcb.cwnd = 60_000;
  let most = 0;
  app.onWritable = () => {
    verbs.writeCopy(tcb, LONG, 0, LONG.length);
    most = Math.max(most, tcb.chunks.length - (tcb.sndNxt - tcb.sndUna));
  };
  peer.write(LONG);
  t.is(
    peer.skip().reduce((sum, { len }) => sum + len, 0),
    60_000,
  );
  t.true(most <= LOW, `${most}`);
  lab.advance(MS);
  peer.send('.', { ack: 60_001, window: 60_000 });
  const next = peer.skip().reduce((sum, { len }) => sum + len, 0);
  t.true(next >= 59_000, `${next} leave with the next ACK`);
});

test('kept: a low water of less than a segment is a segment, so that none is silly', (t) => {
  const peer = established(t, { window: 60_000, tcp: { notSentLowWater: 1 } });
  t.is(peer.write(LONG), 1000);
  peer.expect({ seq: 1, len: 1000 });
  peer.expectNothing();
});

test('kept: before the handshake as much may be written as afterwards, and no SYN counts', (t) => {
  const peer = synSent(t, { tcp: { notSentLowWater: LOW } });
  t.is(peer.write(LONG), LOW);
});

test('kept: the low water may change while text waits', (t) => {
  const peer = established(t, { window: 1000, tcp: { notSentLowWater: LOW } });
  peer.write(LONG);
  verbs.setLowWater(peer.tcb, 50_000);
  peer.lab.flush();
  t.deepEqual(peer.app.events.slice(-1), ['writable']);
  t.is(verbs.writableBytes(peer.tcb), 50_000 - (LOW - 1000));
  verbs.setLowWater(peer.tcb, 0);
  t.true(verbs.writableBytes(peer.tcb) > 200_000, 'the buffer is the only limit');
});
