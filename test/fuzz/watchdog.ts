/**
 * Who watches the fuzzer: a loop that never ends throws nothing, and would only be silence. What plays is a
 * worker; it counts its steps where this thread can read them, and a step that lasts too long is told and ended.
 *
 * Node documentation: "Worker threads".
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

/** Places in what worker and watchdog share. */
export const Pulse = { EPISODE: 0, STEPS: 1 } as const;

/** A worker that stood still, and in which episode. */
export interface Stall {
  readonly episode: number;
}

/** Memory of `Pulse`. */
export const newPulse = (): Int32Array =>
  new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));

/** By the worker: a step of `episode` is done. */
export function beat(pulse: Int32Array, episode: number): void {
  Atomics.store(pulse, Pulse.EPISODE, episode);
  Atomics.add(pulse, Pulse.STEPS, 1);
}

/**
 * Wait until `worker` ends by itself: undefined. If it takes no step for `patience` milliseconds it is ended,
 * and the answer says where it stood. Rejects with what it throws.
 */
export async function watch(
  worker: Worker,
  pulse: Int32Array,
  patience: number,
): Promise<Stall | undefined> {
  let over = false;
  const ended = new Promise<void>((done, fail) => {
    worker.once('error', fail);
    worker.once('exit', () => done());
  }).finally(() => {
    over = true;
  });
  ended.catch(() => {}); // it is awaited below, perhaps later than it fails
  let steps = -1;
  let since = Date.now();
  while (!over) {
    const now = Atomics.load(pulse, Pulse.STEPS);
    if (now !== steps) {
      steps = now;
      since = Date.now();
    } else if (Date.now() - since >= patience) {
      const episode = Atomics.load(pulse, Pulse.EPISODE);
      await worker.terminate();
      return { episode };
    }
    await Promise.race([ended, pause(Math.min(patience, 500))]);
  }
  await ended;
  return undefined;
}
