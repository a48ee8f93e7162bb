/**
 * How far a long transfer is, a line for each eighth of it: `npm run tunnels` sends gibibytes, and a test says nothing
 * before its end.
 * @module
 */
import { performance } from 'node:perf_hooks';

/** Bytes below which nobody would wait for a word. */
const LONG = 64 << 20;
const PARTS = 8;

/** To be called with what has arrived so far, of `total` bytes; `what` begins the line. */
export function milestones(what: string, total: number): (bytes: number) => void {
  const began = performance.now();
  let next = 1;
  return (bytes) => {
    if (total < LONG || bytes < (total * next) / PARTS) return;
    next = Math.floor((bytes * PARTS) / total) + 1;
    const seconds = (performance.now() - began) / 1000;
    console.log(
      `${what}: ${bytes >> 20} of ${total >> 20} MiB, ${(bytes / 2 ** 20 / seconds).toFixed(1)} MiB/s`,
    );
  };
}
