/**
 * The window that we offer. RFC 9293 §3.8.6.2.2, RFC 7323 §2.
 * @module
 */
import test from 'ava';
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
