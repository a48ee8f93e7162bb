/**
 * The simulated world itself: the same seed gives the same packets at the same times.
 * @module
 */
import test from 'ava';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

function hashOf(seed: number): { hash: number; packets: number } {
  const link = { delay: 5000, jitter: 500, rate: 50e6, loss: 0.02, duplicate: 0.01 };
  const world = new World({ seed, link: { ...link, reorder: 0.02, corrupt: 0.01, mark: 0.1 } });
  const hash = world.hash();
  new Flow(world, 1e6, { settings: { ecn: true }, listen: { ecn: true } }).finish(60);
  return { hash: hash(), packets: world.link.counters.out.offered };
}

test('sim: the same seed gives the same packets at the same times, another seed others', (t) => {
  const first = hashOf(7);
  t.true(first.packets > 700);
  t.deepEqual(hashOf(7), first);
  t.not(hashOf(8).hash, first.hash);
});
