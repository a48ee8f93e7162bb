/**
 * Reordering by a few milliseconds: it costs nearly nothing, with loss or without.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { established } from '../support/states.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

/** 20 MB over 100 Mbit/s. */
function over(rtt: number, loss: number, reorder: number): Flow {
  const queuePackets = Math.round(Math.max(100, rtt / 120));
  const link = { delay: rtt / 2, rate: 100e6, queuePackets, loss, reorder, reorderDelay: 3000 };
  return new Flow(new World({ seed: 3, link, back: { delay: rtt / 2 } }), 20e6).finish(300);
}

test('undo: what was late and not lost is reordering, and RACK waits for it from then on', (t) => {
  const { world } = over(50_000, 0, 0.05);
  t.true(world.a.stat('TcpExtTCPSACKReorder') > 0);
  t.true(world.a.stat('TcpExtTCPSackRecovery') < 30);
});

test('timestamps: what a retransmission overtook is late by some ticks, and taken', (t) => {
  const peer = established(t, { ts: true });
  const clock = peer.tcb.tsRecent + 100;
  const send = (value: number): Drop =>
    peer.send('P.', { len: 10, options: { ts: [value, peer.stamp] } });
  t.is(send(clock), Drop.NONE);
  t.is(send(clock - 16), Drop.NONE);
  t.is(peer.tcb.tsRecent, clock);
  t.is(send(clock - 17), Drop.TCP_PAWS);
});

test('timestamps: what is not newer than the clock was 2^30 octets ago is never merely late', (t) => {
  const peer = established(t, { ts: true });
  const clock = peer.tcb.tsRecent + 5;
  peer.tcb.tsFloor = clock - 3; // as if so much had come meanwhile
  const send = (value: number): Drop =>
    peer.send('P.', { len: 10, options: { ts: [value, peer.stamp] } });
  t.is(send(clock), Drop.NONE);
  t.is(send(clock - 4), Drop.TCP_PAWS);
  t.is(send(clock - 3), Drop.NONE);
});

test('sim: reordering costs less than a tenth, with 0.1 % loss and without', (t) => {
  for (const loss of [0, 0.001]) {
    const plain = over(10_000, loss, 0).goodput;
    const reordered = over(10_000, loss, 0.05).goodput;
    t.true(reordered > 0.9 * plain, `${plain} became ${reordered} at ${loss}`);
  }
});
