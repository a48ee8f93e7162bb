/**
 * How much a turn of some code leaves to the collector, in bytes, once it is compiled.
 *
 * No threshold in it is one of time. Compiling goes on beside the program, for long on a busy machine, and
 * leaves traces of its own, so runs are repeated until they leave nothing. What is allocated every turn
 * is in every run, so the least of them cannot miss it. Runs in which a collection came do not count;
 * none is forced, because the allocation buffer of some 100 KiB that a space takes at its first object
 * after one is counted as used, whole.
 *
 * It imports nothing of ours: child processes use it too.
 * @module
 */
import { GCProfiler, getHeapStatistics } from 'node:v8';

/** Less than the smallest object, with room for what the engine does itself. */
export const LEFT_BY_ENGINE = 4;

const TURNS = 20_000;
const MOST_RUNS = 300;

/** What a run leaves a turn; undefined if there was a collection in it. */
function leftByRun(turn: (i: number) => void, turns: number): number | undefined {
  const profiler = new GCProfiler();
  profiler.start();
  const before = getHeapStatistics().used_heap_size;
  for (let i = 0; i < turns; i++) turn(i);
  const left = (getHeapStatistics().used_heap_size - before) / turns;
  const { statistics } = profiler.stop();
  return statistics.length > 0 || left < 0 ? undefined : left; // below 0: a sweep came to its end
}

/**
 * Repeat runs until two in a row leave at most `allowed` bytes a turn, or until it has become clear that
 * `turn` leaves more. Gives the bytes.
 */
export function garbage(
  turn: (i: number) => void,
  {
    allowed = LEFT_BY_ENGINE,
    turns = TURNS,
    runs = MOST_RUNS,
  }: { allowed?: number; turns?: number; runs?: number } = {},
): number {
  let least = Number.POSITIVE_INFINITY;
  let before = Number.POSITIVE_INFINITY;
  for (let n = 0; n < runs && least > allowed; n++) {
    const left = leftByRun(turn, turns);
    if (left === undefined) continue;
    least = Math.min(least, Math.max(left, before));
    before = left;
  }
  return least;
}
