/**
 * Time for impaired links: the system's, to some ten microseconds, or a test's own.
 * @module
 */
import { performance } from 'node:perf_hooks';

/** What an impaired link asks of a clock. A fake one needs no more than this. */
export interface LinkClock {
  /** In microseconds; it never goes back. The zero is of no meaning. */
  now(): number;
  /** Call `fn` once, at `time` or soon after, but never from within this call. */
  at(time: number, fn: () => void): void;
}

interface Entry {
  readonly time: number;
  readonly fn: () => void;
}

/** The span before something is due that is spent turning the event loop instead of sleeping. */
const TURNING = 2500;
/** Sleep this much too short: timers count in milliseconds and are late by up to one or two. */
const EARLY = 1500;

/**
 * The system's clock. `setTimeout` alone would be late by a millisecond or more, so the last two or
 * three milliseconds are spent turning the event loop. Things happen as soon as the loop comes by,
 * within some ten microseconds where nothing else keeps it; on a link where something is always due
 * within that span this takes what a core has left.
 */
export class SystemClock implements LinkClock {
  /** Sorted, the next one last. */
  readonly #entries: Entry[] = [];
  #awake = false;
  #timer: NodeJS.Timeout | undefined;

  now(): number {
    return performance.now() * 1000;
  }

  at(time: number, fn: () => void): void {
    const entries = this.#entries;
    let place = entries.length;
    while (place > 0 && (entries[place - 1] as Entry).time <= time) place--;
    entries.splice(place, 0, { time, fn });
    if (place === entries.length - 1) this.#arm();
  }

  #arm(): void {
    if (this.#awake) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const next = this.#entries.at(-1);
    if (next === undefined) return;
    const ahead = next.time - this.now();
    if (ahead > TURNING) {
      this.#timer = setTimeout(() => this.#arm(), Math.min(1e9, (ahead - EARLY) / 1000));
      return;
    }
    this.#awake = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    const now = this.now();
    for (;;) {
      const next = this.#entries.at(-1);
      if (next === undefined || next.time > now) break;
      this.#entries.pop();
      next.fn();
    }
    this.#awake = false;
    this.#arm();
  };
}
