/**
 * The shares of those who receive at the same time.
 * @module
 */
import test from 'ava';
import { Receivers, SMALLEST_SHARE } from '../../../src/stack/tcp/tcb/receivers.ts';
import { MS } from '../../support/lab.ts';
import { established } from '../../support/states.ts';

const WHOLE = 8 * 1024 * 1024;

test('receivers: one that is alone has the whole, two have half each', (t) => {
  const receivers = new Receivers(WHOLE);
  const first = receivers.note(0, 0);
  t.is(receivers.share, WHOLE);
  t.is(receivers.note(first, 10 * MS), first, 'counted once');
  t.is(receivers.share, WHOLE);
  receivers.note(0, 20 * MS);
  t.is(receivers.share, WHOLE / 2);
});

test('receivers: a share is never below 64 KiB', (t) => {
  const receivers = new Receivers(WHOLE);
  for (let i = 0; i < 1000; i++) receivers.note(0, i);
  t.is(receivers.share, SMALLEST_SHARE);
});

test('receivers: those who fell silent are counted for one more round', (t) => {
  const receivers = new Receivers(WHOLE);
  let round = 0;
  for (let i = 0; i < 8; i++) round = receivers.note(0, 0);
  round = receivers.note(round, 100 * MS);
  t.is(receivers.share, WHOLE / 8);
  receivers.note(round, 200 * MS);
  t.is(receivers.share, WHOLE);
});

test('receivers: a pause ends all shares', (t) => {
  const receivers = new Receivers(WHOLE);
  let round = 0;
  for (let i = 0; i < 8; i++) round = receivers.note(0, 0);
  receivers.note(round, 10_000 * MS);
  t.is(receivers.share, WHOLE);
});

test('receivers: the window is the share, and what was offered before stays offered', (t) => {
  const peer = established(t, { ws: 7, limits: { receiveWindows: SMALLEST_SHARE } });
  const { tcb } = peer;
  const edge = tcb.rcvAdv;
  t.true(tcb.receiveBuffer > SMALLEST_SHARE);
  let last = edge;
  for (let i = 0; i < 200; i++) {
    peer.send('.', { len: 1000 });
    t.true(tcb.rcvAdv - last >= 0, 'the edge never moves back');
    last = tcb.rcvAdv;
  }
  t.true(tcb.rcvAdv - tcb.rcvNxt <= SMALLEST_SHARE, `${tcb.rcvAdv - tcb.rcvNxt}`);
  t.true(tcb.rcvAdv - tcb.rcvNxt > SMALLEST_SHARE - 2000);
});

test('receivers: without offload many on short paths offer together what a queue of packets holds', (t) => {
  const receivers = new Receivers(WHOLE);
  for (let i = 0; i < 31; i++) receivers.note(0, 0);
  t.true(receivers.segments * 536 > WHOLE, 'a few are not bound by it');
  for (let i = 31; i < 100; i++) receivers.note(0, 0);
  t.is(receivers.segments, 30);
  for (let i = 100; i < 10_000; i++) receivers.note(0, 0);
  t.is(receivers.segments, 2);
});

for (const [path, rtt, tso4, isBound] of [
  ['a short path without offload', 1, false, true],
  ['a short path with offload', 1, true, false],
  ['a long path', 50, false, false],
] as const) {
  test(`receivers: the window of one of a hundred on ${path}`, (t) => {
    const offload = { checksum: tso4, tso4, uso4: tso4 };
    const peer = established(t, { ws: 7, offload });
    const { tcb } = peer;
    tcb.minRtt = rtt * MS;
    for (let i = 0; i < 99; i++) tcb.tcp.receivers.note(0, peer.lab.now);
    for (let i = 0; i < 400; i++) peer.send('.', { len: 1000 });
    const segments = (tcb.rcvAdv - tcb.rcvNxt) / tcb.rcvMss;
    if (isBound) t.true(segments <= 30 && segments > 25, `${segments}`);
    else t.true(segments > 60, `${segments}`);
  });
}
