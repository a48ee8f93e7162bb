/**
 * The emulator's clock: a timer of the kernel in the event loop, late by some ten microseconds where
 * `setTimeout` is late by a millisecond, and without keeping a core busy. It notes how late it was.
 * @module
 */
import type { LinkClock } from '../../src/device/impair/clock.ts';
import type { Libc } from '../../src/device/linux/libc.ts';
import { Watch } from '../../src/device/linux/readiness.ts';
import { KernelTimer } from './system.ts';

interface Entry {
  readonly time: number;
  readonly fn: () => void;
}

/** Lateness is counted in steps of so many microseconds. */
const STEP = 10;
const STEPS = 10_000;

/** How late the emulator did what was due, in microseconds. */
export interface Lateness {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
}

export class TimerClock implements LinkClock {
  /** Sorted, the next one last. */
  readonly #entries: Entry[] = [];
  readonly #timer: KernelTimer;
  readonly #watch: Watch;
  readonly #late: Float64Array = new Float64Array(STEPS);
  #most = 0;
  #due = Number.POSITIVE_INFINITY;
  #soon = false;

  constructor(libc: Libc) {
    this.#timer = new KernelTimer(libc);
    this.#watch = new Watch(libc, this.#timer.fd, {});
    const failed = (errno: number): void => {
      throw new Error(`the timer failed: ${errno}`);
    };
    this.#watch.start(() => {
      this.#watch.take();
      this.#run();
    }, failed);
  }

  now(): number {
    return performance.now() * 1000;
  }

  at(time: number, fn: () => void): void {
    const entries = this.#entries;
    let place = entries.length;
    while (place > 0 && (entries[place - 1] as Entry).time <= time) place--; // `place` is above 0
    entries.splice(place, 0, { time, fn });
    if (place === entries.length - 1) this.#arm();
  }

  /** Since the last call. */
  takeLateness(): Lateness {
    const count = this.#late.reduce((sum, n) => sum + n, 0);
    const quantile = (part: number): number => {
      let seen = 0;
      const step = this.#late.findIndex((n) => {
        seen += n;
        return seen >= part * count;
      });
      return (step + 0.5) * STEP;
    };
    const result = {
      count,
      median: quantile(0.5),
      p99: quantile(0.99),
      p999: quantile(0.999),
      most: this.#most,
    };
    this.#late.fill(0);
    this.#most = 0;
    return result;
  }

  #arm(): void {
    const next = this.#entries.at(-1);
    if (next === undefined || next.time >= this.#due || this.#soon) return;
    const ahead = next.time - this.now();
    if (ahead <= 0) {
      this.#soon = true;
      setImmediate(this.#run);
      return;
    }
    this.#due = next.time;
    this.#timer.set(ahead);
  }

  readonly #run = (): void => {
    this.#soon = false;
    this.#due = Number.POSITIVE_INFINITY;
    const now = this.now();
    for (;;) {
      const next = this.#entries.at(-1);
      if (next === undefined || next.time > now) break;
      this.#entries.pop();
      this.#note(now - next.time);
      next.fn();
    }
    this.#arm();
  };

  #note(late: number): void {
    const step = Math.min(STEPS - 1, Math.floor(late / STEP));
    this.#late[step] = (this.#late[step] as number) + 1; // `step` is below STEPS
    this.#most = Math.max(this.#most, late);
  }
}
