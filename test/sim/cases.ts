/**
 * The cases that `npm run sim` knows by name, each a function of a seed.
 * @module
 */
import type { Watch } from '../support/world.ts';
import { bulk, wraps } from './bulk.ts';
import { chaos } from './chaos.ts';
import { fairness } from './fairness.ts';

export interface Case {
  readonly name: string;
  readonly about: string;
  /** How many seeds a short and a long run take. */
  readonly seeds: readonly [number, number];
  /** Throws if something is wrong; what is worth telling otherwise. */
  readonly run: (seed: number, long: boolean, watch?: Watch) => string;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const bulkCase = (percent: number): Case => ({
  name: `bulk-${percent}`,
  about: `16 MiB (1 GiB) at ${percent} % loss each way, with reordering, doubles and damage`,
  seeds: [1, 1],
  run: (seed, long, watch) => {
    const { world, tcb, ...flow } = bulk(seed, long ? GIB : 16 * MIB, percent / 100, watch);
    const resent = `${world.a.stat('TcpRetransSegs')} of ${world.a.stat('TcpOutSegs')} resent`;
    const took = `${Math.round((world.now - flow.began) / 1e6)} s of its own time`;
    return `${took}, ${resent}, ${world.a.stat('TcpExtTCPTimeouts')} time-outs`;
  },
});

const fairCase = (congestion: 'cubic' | 'newreno', later: number): Case => ({
  name: `fair-${congestion}-${later}`,
  about: `two flows of ${congestion} share a bottleneck, the second begins ${later} s later`,
  seeds: [1, 20],
  run: (seed, _long, watch) => {
    const index = fairness(seed, congestion, later, watch);
    if (index < 0.95) throw new Error(`Jain's index is ${index.toFixed(3)}`);
    return `Jain's index ${index.toFixed(3)}`;
  },
});

export const CASES: readonly Case[] = [
  {
    name: 'chaos',
    about: 'short lives of connections that do anything, over any link',
    seeds: [500, 10_000],
    run: (seed, _long, watch) => {
      chaos(seed, watch);
      return 'nothing left';
    },
  },
  ...[0, 1, 5, 20, 30].map(bulkCase),
  {
    name: 'wraps',
    about: '64 MiB (9 GiB) across the watch of sequence numbers and timestamps',
    seeds: [1, 1],
    run: (seed, long, watch) => {
      const times = wraps(seed, long ? 9 * GIB : 64 * MIB, watch);
      if (times < (long ? 3 : 1)) throw new Error(`sequence numbers wrapped ${times} times`);
      return `sequence numbers wrapped ${times} times`;
    },
  },
  fairCase('cubic', 0),
  fairCase('cubic', 5),
  fairCase('newreno', 5),
];

/** The command that runs one seed again. */
export const replay = (name: string, seed: number, long = false): string =>
  `npm run sim -- --case ${name} --seed ${seed}${long ? ' --long' : ''}`;

/** Run one seed of a case; what it throws says how to run it again. */
export function runCase(name: string, seed: number, long = false, watch?: Watch): string {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`no case ${name}: ${CASES.map((c) => c.name).join(' ')}`);
  try {
    return found.run(seed, long, watch);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n  to repeat: ${replay(name, seed, long)}`, { cause: error });
  }
}
