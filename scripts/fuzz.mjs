/**
 * `npm run fuzz`: hostile packets into stacks, until something is wrong or the time is over.
 *
 *     npm run fuzz -- [--minutes N] [--seed N]       stacks in every state (test/fuzz/states), default half a minute
 *     npm run fuzz -- --seed N --episode N           one episode again, packet by packet the same
 *     npm run fuzz -- --siege PACKETS [--seed N]     live connections between two stacks (test/fuzz/siege.ts)
 *                     --patience SECONDS             how long one episode may take before it counts as endless: 60
 *
 * What fails, or never ends, prints the command that repeats it.
 */
import { Worker } from 'node:worker_threads';
import { setUp } from './setup.mjs';
import { readWords } from './words.mjs';

const number = { type: 'string' };
const options = { minutes: number, seed: number, episode: number, siege: number, patience: number };
const values = readWords('fuzz', options);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const patience = Number(values.patience ?? 60);

setUp();
const { newPulse, watch } = await import('../dist/test/fuzz/watchdog.js');
const { replay } = await import('../dist/test/fuzz/player.js');
const { Progress } = await import('../dist/src/cli/progress.js');
const job = {
  seed,
  first: Number(values.episode ?? 0),
  span: values.episode === undefined ? Number(values.minutes ?? 0.5) * 60_000 : 0,
  pulse: newPulse(),
  ...(values.siege !== undefined && { siege: Number(values.siege) }),
};
if (job.siege !== undefined) console.log(`${job.siege} packets; to repeat: ${replay(job, 0)}`);
const worker = new Worker(new URL('../dist/test/fuzz/player.js', import.meta.url), {
  workerData: job,
});
const timed = job.siege === undefined && job.span > 0;
const progress = new Progress(
  timed ? { what: 'fuzz', total: job.span / 1000, unit: 's' } : { what: 'fuzz', unit: 's' },
);
try {
  const stall = await watch(worker, job.pulse, patience * 1000);
  if (stall !== undefined) {
    console.error(`no end after ${patience} s; to repeat: ${replay(job, stall.episode)}`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  progress.end();
}
