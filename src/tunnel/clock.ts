/**
 * This machine's clock and chance, for tunnels that are not simulated.
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { RandomBytes, TunnelClock } from './tunnel.ts';

const LONGEST_TIMER = 2 ** 31 - 1;

/** Timers count in milliseconds and keep no process alive: the transport does. */
export const systemClock: TunnelClock = {
  now: () => performance.now() * 1000,
  at(time, fn) {
    const wait = Math.ceil((time - performance.now() * 1000) / 1000);
    setTimeout(fn, Math.min(Math.max(wait, 0), LONGEST_TIMER)).unref();
  },
};

/** Randomness of the system's, for keys. */
export const systemRandom: RandomBytes = (into) => {
  randomFillSync(into);
};
