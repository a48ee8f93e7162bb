/**
 * `npm run fuzz`: hostile packets into stacks, until something is wrong or the time is over.
 *
 *     npm run fuzz -- [--minutes N] [--seed N]       stacks in every state (test/fuzz/states), default half a minute
 *     npm run fuzz -- --seed N --episode N           one episode again, packet by packet the same
 *     npm run fuzz -- --siege PACKETS [--seed N]     live connections between two stacks (test/fuzz/siege.ts)
 *
 * What fails prints the command that repeats it.
 */
import { setUp } from './setup.mjs';
import { readWords } from './words.mjs';

const number = { type: 'string' };
const options = { minutes: number, seed: number, episode: number, siege: number };
const values = readWords('fuzz', options);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const EVERY = 10_000; // milliseconds between two lines of progress

setUp();
if (values.siege !== undefined) {
  const { besiege } = await import('../dist/test/fuzz/siege.js');
  const packets = Number(values.siege);
  console.log(`${packets} packets; to repeat: npm run fuzz -- --siege ${packets} --seed ${seed}`);
  console.log(besiege(seed, packets));
} else {
  const { newReport, play } = await import('../dist/test/fuzz/states/episode.js');
  const report = newReport();
  const first = Number(values.episode ?? 0);
  const span = values.episode === undefined ? Number(values.minutes ?? 0.5) * 60_000 : 0;
  const started = Date.now();
  let told = started;
  const line = () =>
    `seed ${seed}: ${report.episodes} episodes, ${report.packets} packets, ${report.opened} connections, ` +
    `${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(0)} MiB`;
  let episode = first;
  try {
    do {
      play(seed, episode++, report);
      if (Date.now() - told < EVERY) continue;
      told = Date.now();
      console.log(line());
    } while (Date.now() - started < span);
    console.log(line());
    console.log(report);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
