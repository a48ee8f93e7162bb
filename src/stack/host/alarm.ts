/**
 * When the next turn must come at the latest: the one timer of a stack.
 *
 * Node's timers count in whole milliseconds: a deadline nearer than one (RACK's reordering window, a tail probe or paced
 * segment on a link of microseconds) is met after one. What is due already is met in the next `setImmediate`.
 * @module
 */
import { type Micros, NEVER } from '../base/clock.ts';

/** The longest that Node's timers take, in ms. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

export class Alarm {
  readonly #ring: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due: Micros = NEVER;

  /** `ring` is called when it is time, by the event loop. */
  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** See that it rings at `due`, if that is set so early: one that is set too early is left to ring. */
  set({ due }: { readonly due: Micros }, clock: { now(): Micros }): void {
    if (due >= this.#due) return;
    const wait = due - clock.now();
    if (wait <= 0) {
      this.#immediate ??= setImmediate(this.#onImmediate);
      return;
    }
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(this.#onTimer, Math.min(Math.ceil(wait / 1000), LONGEST_TIMER));
    this.#timer.unref();
  }

  /** It rings no more, and is set no more: a stack may be closed within a turn, which then comes to its end. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#immediate) clearImmediate(this.#immediate);
    this.#due = -NEVER;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#due = NEVER;
    this.#ring();
  };

  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    this.#ring();
  };
}
