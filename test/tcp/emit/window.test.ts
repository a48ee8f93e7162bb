/**
 * The window that we offer. RFC 9293 §3.8.6.2.2, RFC 7323 §2.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { scaleFor } from '../../../src/stack/tcp/emit/window.ts';
import { MS } from '../../support/lab.ts';
import { established, synReceived } from '../../support/states.ts';

test('window: no update follows the handshake, the window of the SYN is whole', (t) => {
  const peer = synReceived(t, { ws: 7 });
  peer.send('.');
  peer.expectNothing();
});

test('window: without scaling a buffer of more than 65535 octets is no reason for updates', (t) => {
  const peer = established(t);
  peer.send('P.', { len: 1000 });
  peer.expect({ flags: '.', ack: 1001, window: 65_535 });
  for (let i = 0; i < 5; i++) {
    peer.write(10);
    peer.expect({ flags: '.', len: 10 });
    peer.send('.');
    peer.expectNothing();
  }
});

test('window: the shift lets the field say the whole buffer', (t) => {
  t.is(scaleFor(65_535), 0);
  t.is(scaleFor(65_536), 1);
  t.is(scaleFor(16 * 1024 * 1024), 9);
  t.is(scaleFor(2 ** 30), 14);
  t.is(scaleFor(2 ** 40), 14);
});

test('window: its news go with the acknowledgment that is due, while there is room for more', (t) => {
  const peer = established(t, { ws: 7, tcp: { quickAcks: 0, receiveBuffer: 1 << 20 } });
  peer.send('.', { len: 100 });
  peer.expectNothing();
  peer.lab.advance(40 * MS);
  peer.expect({ flags: '.', ack: 101, window: (octets) => octets > 65_535 });
});

/** What the field counts in: it is rounded up, lest it take back what was offered. RFC 7323 §2.4. */
const UNIT = 1 << 9;

/** By how much more the right edge moved each time while a thousand receive, of a sender that fills what is offered. */
function steps(t: ExecutionContext, rtt: number, tso4: boolean): number[] {
  const peer = established(t, { ws: 7, offload: { checksum: tso4, tso4, uso4: tso4 } });
  const { tcb } = peer;
  tcb.minRtt = rtt * MS;
  tcb.receiveBuffer = 1 << 20;
  for (let i = 0; i < 999; i++) tcb.tcp.receivers.note(0, peer.lab.now);
  const moved: number[] = [];
  for (let i = 0, edge = tcb.rcvAdv; i < 1000; i++) {
    t.true(tcb.rcvAdv - tcb.rcvNxt >= 1000, 'the sender never waits for ever');
    peer.send('.', { len: 1000 });
    if (tcb.rcvAdv !== edge) moved.push(tcb.rcvAdv - edge);
    edge = tcb.rcvAdv;
  }
  return moved.filter((step) => step > UNIT);
}

test('window: with offload on a short path it opens by what a long packet holds, as MUST-39 means it', (t) => {
  const long = 65_000; // as many segments as there is room for in 65 535 octets with their headers
  const moved = steps(t, 1, true);
  t.true(moved.length > 5);
  for (const step of moved) t.true(Math.abs(step - long) <= UNIT, `${moved.slice(0, 9)}`);
});

test('window: elsewhere a segment is enough', (t) => {
  for (const [rtt, offload] of [
    [1, false],
    [50, true],
  ] as const) {
    const moved = steps(t, rtt, offload);
    t.true(moved.length > 50, `${moved.slice(0, 9)}`);
    t.true(Math.max(...moved.slice(1)) < 20_000, `${moved.slice(0, 9)}`);
  }
});

test('window: without scaling half of what the field can say is a useful step', (t) => {
  const offload = { checksum: true, tso4: true, uso4: true };
  const peer = established(t, { offload, tcp: { receiveBuffer: 1 << 18 } });
  const { tcb } = peer;
  tcb.minRtt = MS;
  peer.send('.', { len: 1300 });
  for (let i = 0; i < 500; i++) {
    t.true(tcb.rcvAdv - tcb.rcvNxt >= 1460, `the sender waits after ${i}`);
    peer.send('.', { len: 1460 });
  }
});

test('window: no more is offered than the buffer may ever be', (t) => {
  const peer = established(t, { ws: 7, tcp: { receiveBufferMax: 1 << 16 } });
  peer.send('P.', { len: 1000 });
  peer.expect({ flags: '.', ack: 1001, window: (octets) => octets <= 1 << 16 });
});
