/**
 * The clock and the timers of a real machine, for what lies above the core.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { Clock, Micros } from '../base/clock.ts';

/**
 * What the clock shows when the process begins. A time is no small integer to V8 (those have 32 bits) then or ever, and code
 * that was compiled for times stays right. From 0 on some of it is given up in the process's 36th minute (seven
 * functions, by `--trace-deopt`, of an echo at that moment).
 */
const BEGIN: Micros = 2 ** 32;

/**
 * Whole microseconds, monotonic. `performance.now()` is the cheapest monotonic clock that Node has: 41 ns, where
 * `process.hrtime()` takes 45 and `hrtime.bigint()` 50. Whole, because then a span is a small integer (up to
 * 36 minutes), and V8 makes an object of each number with a fraction that is handed on.
 */
export const systemClock: Clock = {
  now: (): Micros => BEGIN + Math.floor(performance.now() * 1000),
};

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
