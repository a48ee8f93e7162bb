/**
 * Runs side by side, as many as the machine has room for.
 * @module
 */

export interface Job {
  /** How much of the budget it takes while it runs. */
  readonly load: number;
  readonly seconds: number;
  run(): Promise<void>;
}

/** More than this at a time is more links and threads than it is worth. */
const MOST = 16;
/** What a run takes besides its seconds. */
const OVERHEAD = 0.5;

/** The next that fits beside what runs, in order; one that never fits runs alone. */
function choose(waiting: Job[], running: number, load: number, budget: number): Job | undefined {
  if (running >= MOST) return undefined;
  const index = waiting.findIndex((job) => running === 0 || load + job.load <= budget);
  return index < 0 ? undefined : waiting.splice(index, 1)[0];
}

/** Run all; rejects with the first failure, when what ran beside it is done. */
export async function runAll(jobs: readonly Job[], budget: number): Promise<void> {
  const waiting = [...jobs];
  const running = new Set<Promise<void>>();
  let load = 0;
  for (;;) {
    const job = choose(waiting, running.size, load, budget);
    if (job === undefined) {
      if (running.size === 0) return;
      await Promise.race(running);
      continue;
    }
    load += job.load;
    const done: Promise<void> = job.run().finally(() => {
      load -= job.load;
      running.delete(done);
    });
    done.catch(() => {}); // the race above rejects
    running.add(done);
  }
}

/** How many seconds `runAll` will take. */
export function estimate(jobs: readonly Job[], budget: number): number {
  const waiting = [...jobs];
  const running: { readonly end: number; readonly load: number }[] = [];
  let now = 0;
  let load = 0;
  for (;;) {
    const job = choose(waiting, running.length, load, budget);
    if (job !== undefined) {
      running.push({ end: now + job.seconds + OVERHEAD, load: job.load });
      load += job.load;
      continue;
    }
    running.sort((a, b) => b.end - a.end);
    const first = running.pop();
    if (first === undefined) return now;
    now = first.end;
    load -= first.load;
  }
}
