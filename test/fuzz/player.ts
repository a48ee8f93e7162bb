/**
 * What `npm run fuzz` plays, in a worker under a watchdog: episodes until the time is over, or one siege.
 * @module
 */
import { workerData } from 'node:worker_threads';
import { besiege } from './siege.ts';
import { newReport, play } from './states/episode.ts';
import { beat } from './watchdog.ts';

/** What a player is given. */
export interface Job {
  readonly seed: number;
  /** The first episode, and for how many milliseconds more are played. */
  readonly first: number;
  readonly span: number;
  /** Packets of a siege, instead of episodes. */
  readonly siege?: number;
  readonly pulse: Int32Array;
}

/** Milliseconds between two lines of progress. */
const EVERY = 10_000;

/** Repeats a run. */
export const replay = ({ seed, siege }: Pick<Job, 'seed' | 'siege'>, episode: number): string =>
  siege === undefined
    ? `npm run fuzz -- --seed ${seed} --episode ${episode}`
    : `npm run fuzz -- --siege ${siege} --seed ${seed}`;

function playEpisodes({ seed, first, span, pulse }: Job): void {
  const report = newReport();
  const started = Date.now();
  let told = started;
  const line = (): string =>
    `seed ${seed}: ${report.episodes} episodes, ${report.packets} packets, ${report.opened} connections, ` +
    `${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(0)} MiB`;
  let episode = first;
  do {
    beat(pulse, episode);
    play(seed, episode++, report);
    if (Date.now() - told < EVERY) continue;
    told = Date.now();
    console.log(line());
  } while (Date.now() - started < span);
  console.log(line());
  console.log(report);
}

const job = workerData as Job | undefined;
if (job?.pulse !== undefined) {
  if (job.siege === undefined) playEpisodes(job);
  else console.log(besiege(job.seed, job.siege, undefined, () => beat(job.pulse, 0)));
}
