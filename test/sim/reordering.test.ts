/**
 * Reordering by a few milliseconds: it costs nearly nothing, with loss or without.
 * @module
 */
import test from 'ava';
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
