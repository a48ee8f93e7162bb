/**
 * What the comparison with Linux over the same link found (`npm run bench:loss`): each test fails
 * without its mending.
 * @module
 */
import test from 'ava';
import { pipe, unsent } from '../../src/stack/tcp/tcb/flight.ts';
import { World, type WorldOptions } from '../support/world.ts';
import { Flow } from './flow.ts';

const MS = 1000;
const MBIT = 1e6;
const PACKET = 1500;

/** As in bench/loss: 100 Mbit/s, a queue of one bandwidth-delay product, both ways alike. */
function link(rtt: number, more: object = {}): WorldOptions {
  const queuePackets = Math.ceil((100 * MBIT * rtt) / 8e6 / PACKET);
  const way = { delay: rtt / 2, rate: 100 * MBIT, queuePackets, ...more };
  // Timers as coarse as Node's.
  return { seed: 1, link: way, back: way, a: { grain: MS }, b: { grain: MS } };
}

test('hystart: slow start ends before it fills a queue of one bandwidth-delay product', (t) => {
  for (const rtt of [50 * MS, 200 * MS]) {
    const { world, tcb } = new Flow(new World(link(rtt)), 1e9);
    world.until(() => tcb.ssthresh < Number.POSITIVE_INFINITY, 20 * rtt);
    world.run(2 * rtt);
    t.is(world.link.counters.out.dropped, 0, `${rtt / MS} ms`);
    t.true(tcb.cwnd * 8e6 > 100 * MBIT * rtt, `${rtt / MS} ms`);
  }
});

test('ack: a hole that stays for some round trips does not use up the send buffer', (t) => {
  const { world, tcb } = new Flow(new World(link(50 * MS)), 1e9);
  world.until(() => tcb.ssthresh < Number.POSITIVE_INFINITY, 5e6);
  world.run(100 * MS);
  // One segment is lost, and its retransmissions three times more.
  const hole = tcb.sndNxt;
  let left = 4;
  world.a.tap = (bytes, at) => {
    const seq = new DataView(bytes.buffer, bytes.byteOffset + at).getInt32(20 + 4);
    return seq !== hole || left-- <= 0;
  };
  let starved = 0;
  world.until(() => {
    if (unsent(tcb) === 0 && pipe(tcb) + tcb.mss < tcb.cwnd) starved++;
    return false;
  }, 1e6);
  t.true(left < 0);
  t.is(starved, 0);
});
