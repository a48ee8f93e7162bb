/**
 * The clock and the timers of a real machine, for what lies above the core.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { Clock, Micros } from '../base/clock.ts';

/**
 * Microseconds since the process began, monotonic. `performance.now()` is the cheapest monotonic
 * clock that Node has: 41 ns, where `process.hrtime()` takes 45 and `hrtime.bigint()` 50.
 */
export const systemClock: Clock = { now: (): Micros => performance.now() * 1000 };

/** Call `then` after `milliseconds`; the timer keeps no process alive. */
export const after = (milliseconds: number, then: () => void): NodeJS.Timeout =>
  setTimeout(then, milliseconds).unref();

/** The same, and the process waits for it. */
export const surelyAfter = (milliseconds: number, then: () => void): NodeJS.Timeout =>
  setTimeout(then, milliseconds);

/** Stop a timer of `after`. */
export const stop = (timer: NodeJS.Timeout | undefined): void => clearTimeout(timer);

/** Call `then` when the event loop has gone round: where Node calls its own `close` handlers. */
export const nextRound = (then: () => void): void => {
  setImmediate(then);
};
