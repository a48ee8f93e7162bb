/**
 * The status line of the commands that run until they are stopped: what passes, once a second, where a
 * person looks.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { StackStats } from '../index.ts';
import { counted, statusLine } from './forward/carried.ts';
import type { Screen } from './screen.ts';

const EVERY = 1000; // milliseconds

/** Show it from now on: of `read`'s counters, with the number that `open` gives. Gives what ends it. */
export function showStatus(screen: Screen, read: () => StackStats, open: () => number): () => void {
  if (!screen.live) return () => {};
  let before = counted(read());
  let time = performance.now();
  const timer = setInterval(() => {
    const now = counted(read());
    const later = performance.now();
    screen.status(statusLine(now, before, (later - time) / 1000, open()));
    before = now;
    time = later;
  }, EVERY);
  return () => {
    clearInterval(timer);
    screen.status('');
  };
}
