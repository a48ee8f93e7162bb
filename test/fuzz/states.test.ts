/**
 * The fuzzer of states, for a while: connections in every state under fire, and all that must be true of them.
 * `npm run fuzz -- --minutes 10` plays on.
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { newReport, play } from './states/episode.ts';

/** How long, in milliseconds; and set the seed to repeat a run that failed. */
const SPAN = 20_000;
const SEED = Number(process.env['TUNSTACK_SEED'] ?? Date.now() % 1_000_000);
const MIB = 2 ** 20;
/** Episodes after which the heap has what it needs. */
const WARM = 25;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** What is left in use. Memory outside the heap is given up in tasks that a collection only begins. */
async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect();
    await new Promise((done) => setImmediate(done));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('fuzz: stacks under fire in every state throw nothing, leave nothing and serve strangers', async (t) => {
  t.timeout(180_000);
  const report = newReport();
  const end = Date.now() + SPAN;
  let early = 0;
  // So many at least, however slow the machine, and then for a while.
  for (let episode = 0; episode < 2 * WARM || Date.now() < end; episode++) {
    play(SEED, episode, report);
    if (episode === WARM) early = await heap();
  }
  t.log(
    `seed ${SEED}: ${report.episodes} episodes, ${report.packets} packets, ${report.opened} opened`,
  );
  const late = await heap();
  t.true(late - early < 16 * MIB, `memory grew from ${early} to ${late}`);
  for (const [name, state] of Object.entries(State)) {
    if (state > State.LISTEN) t.true((report.states[state] ?? 0) > 0, `segments met ${name}`);
  }
  t.true((report.fates['none'] ?? 0) > report.packets / 4, 'most of them are nearly right');
  t.true(Object.keys(report.fates).length > 20, 'and they fail in many ways');
  t.true(report.received > 1e5 && report.written > 1e5, 'text goes both ways all the same');
});

test('fuzz: an episode is the same whenever it is played', (t) => {
  t.deepEqual(play(SEED, 3), play(SEED, 3));
});
