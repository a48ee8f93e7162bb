/**
 * What the simulations found in connections as a whole: each test fails without its mending.
 * @module
 */
import test from 'ava';
import { Stat } from '../../src/stack/base/stats.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

const MS = 1000;

test('window: a peer without window scaling is not told of room that no field can say', (t) => {
  const world = new World({ link: { delay: 5 * MS, rate: 100e6 } });
  const flow = new Flow(world, 1e6, { settings: { windowScaling: false } }).finish(60);
  const answer = flow.world.b.core.stats[Stat.TcpOutSegs] as number; // a counter
  t.true(answer < flow.world.a.stat('TcpOutSegs') * 0.75, `${answer} ACKs`);
});
