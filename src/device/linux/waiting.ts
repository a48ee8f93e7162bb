/**
 * How the event loop waits for packets: asleep, or turning for a while so that an answer comes sooner.
 * @module
 */
import { performance } from 'node:perf_hooks';
import { checkNumber, invalid } from '../errors.ts';

/**
 * `event`: sleep until the kernel wakes us. `adaptive`: after traffic keep turning for a while,
 * then sleep. `busy`: never sleep; a whole core, even when idle.
 */
export type Waiting = 'event' | 'adaptive' | 'busy';

/** How the event loop waits for packets. */
export interface WaitOptions {
  /** Default `event`: see `Waiting`. */
  waiting?: Waiting;
  /** With `adaptive`: how long to keep turning after traffic, in µs. Default 50. */
  spinMicros?: number;
}

/** Throws unless these can be meant. */
export function checkWaiting({ waiting = 'event', spinMicros = 50 }: WaitOptions): void {
  if (waiting !== 'event' && waiting !== 'adaptive' && waiting !== 'busy') {
    throw invalid('waiting', waiting, "it must be 'event', 'adaptive' or 'busy'");
  }
  checkNumber('spinMicros', spinMicros, 0, 1_000_000);
}

/**
 * How often a turn asks before the loop goes round: some 10 µs. A turn of the loop takes 2 µs and leaves an object
 * or two to the collector, whose pauses were what the slowest echoes waited for; to ask takes 0.4 and leaves nothing.
 */
const ASKS = 24;
/**
 * So often a turn asks after traffic, and each that follows twice as often as the one before: what a listener does about the
 * traffic may go on in the next turns of the loop, and waits for as long as this one asks. Measured at 0023ed7: of connections
 * of `net.Socket`, one after the other, there are 1.29 (1.22–1.30) times as many as with `ASKS` at once; with 1 in place of 4 as
 * many, but an echo takes 1.06 (0.99–1.09) times as long.
 */
const ASKS_AFTER = 4;

/** Keeps the event loop turning by `setImmediate`, as `Waiting` says, at the price of a core. */
export class Spinner {
  readonly #waiting: Waiting;
  readonly #spinMillis: number;
  readonly #ask: () => boolean;
  #running = false;
  #referenced = true;
  #spinning = false;
  /** Something came or went since the last turn. */
  #active = false;
  #until = 0;
  #asks = ASKS_AFTER;

  /** `ask` looks for a packet, and is true if there is no use in asking again in this turn. */
  constructor({ waiting = 'event', spinMicros = 50 }: WaitOptions, ask: () => boolean) {
    this.#waiting = waiting;
    this.#spinMillis = spinMicros / 1000;
    this.#ask = ask;
  }

  start(): void {
    this.#running = true;
    if (this.#waiting === 'busy') this.touch();
  }

  /** There was traffic: an answer may be near. */
  touch(): void {
    if (this.#waiting === 'event') return;
    this.#active = true;
    this.#asks = ASKS_AFTER;
    if (this.#spinning || !this.#referenced || !this.#running) return;
    this.#spinning = true;
    setImmediate(this.#turn);
  }

  /** A loop that turns would keep the process alive. */
  reference(on: boolean): void {
    this.#referenced = on;
    if (on && this.#waiting === 'busy') this.touch();
  }

  stop(): void {
    this.#running = false;
  }

  readonly #turn = (): void => {
    this.#spinning = false;
    if (!this.#running || !this.#referenced) return;
    if (this.#waiting === 'adaptive') {
      const now = performance.now();
      if (this.#active) this.#until = now + this.#spinMillis;
      this.#active = false;
      if (now >= this.#until) return;
    }
    this.#spinning = true;
    const asks = this.#asks;
    this.#asks = Math.min(2 * asks, ASKS);
    try {
      for (let i = 0; i < asks && !this.#ask(); i++);
    } finally {
      setImmediate(this.#turn); // after what it has brought: that is told first
    }
  };
}
