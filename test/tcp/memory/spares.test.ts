/**
 * The shares of those who have something to send.
 * @module
 */
import test from 'ava';
import { Spares } from '../../../src/stack/tcp/memory/spares.ts';
import { SMALLEST_SHARE } from '../../../src/stack/tcp/tcb/receivers.ts';
import { established } from '../../support/states.ts';

const WHOLE = 8 * SMALLEST_SHARE;

test('send buffers: one that is alone has the whole, two have half each, and who is done has no share', (t) => {
  const { tcb: first } = established(t);
  const { tcb: second } = established(t);
  const spares = new Spares(WHOLE);
  spares.takeChunks(first);
  spares.takeChunks(first);
  t.is(spares.share, WHOLE, 'counted once');
  spares.takeChunks(second);
  t.is(spares.share, WHOLE / 2);
  spares.putChunks(first);
  spares.putChunks(first);
  t.is(spares.share, WHOLE);
  spares.putChunks(second);
  t.is(spares.share, WHOLE);
});

test('send buffers: a share is never below 64 KiB', (t) => {
  const spares = new Spares(WHOLE);
  for (let i = 0; i < 20; i++) spares.takeChunks(established(t).tcb);
  t.is(spares.share, SMALLEST_SHARE);
});

test('send buffers: a write takes no more than the share', (t) => {
  const peer = established(t, { limits: { sendBuffers: SMALLEST_SHARE } });
  t.true(peer.tcb.sendBuffer > SMALLEST_SHARE);
  t.is(peer.write(2 * SMALLEST_SHARE), SMALLEST_SHARE);
});

test('send buffers: a connection that ends with text in its buffer has no share any more', (t) => {
  const peer = established(t, { limits: { sendBuffers: 2 * SMALLEST_SHARE } });
  const { spares } = peer.tcb.tcp;
  peer.write(10);
  spares.takeChunks(established(t).tcb);
  t.is(spares.share, SMALLEST_SHARE);
  peer.abort();
  peer.lab.advance(0);
  t.is(spares.share, 2 * SMALLEST_SHARE);
});
