/**
 * What a hostile packet costs, in blocks of code that are run: no more with many connections than with few.
 * docs/security.md: work for a packet is bounded by its length and what it newly acknowledges.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Enemy } from './states/enemy.ts';
import { Rig } from './states/rig.ts';
import { WorkMeter } from './states/work.ts';

const FEW = 16;
const MANY = 2048;
const MOVES = 250;

interface Cost {
  readonly mean: number;
  readonly most: number;
}

/** An enemy and so many connections. */
function crowd(connections: number): Enemy {
  const rig = new Rig(new SeededRandom(7), { connections });
  const enemy = new Enemy(rig, new SeededRandom(8));
  enemy.crowd(connections);
  return enemy;
}

/** What the enemy's moves cost. */
function measure(meter: WorkMeter, enemy: Enemy): Cost {
  let total = 0;
  let most = 0;
  meter.take();
  for (let i = 0; i < MOVES; i++) {
    enemy.hostile();
    const work = meter.take();
    total += work;
    most = Math.max(most, work);
  }
  return { mean: total / MOVES, most };
}

test(`fuzz: a hostile packet costs no more among ${MANY} connections than among ${FEW}`, (t) => {
  const [small, large] = [crowd(FEW), crowd(MANY)];
  const meter = new WorkMeter();
  const few = measure(meter, small);
  const many = measure(meter, large);
  meter.end();
  t.log(
    `${few.mean.toFixed(0)} and ${many.mean.toFixed(0)} blocks, ${few.most} and ${many.most} at most`,
  );
  t.true(few.mean > 10, 'it counts');
  t.true(many.mean < 2 * few.mean, `${few.mean} blocks, then ${many.mean}`);
  // Of few moves the dearest is a matter of chance; if it grew with the table it would be 128 times as dear.
  t.true(many.most < 16 * few.most, `${few.most} blocks at most, then ${many.most}`);
});
