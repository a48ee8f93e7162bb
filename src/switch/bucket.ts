/**
 * A token bucket: so many a second, and a burst. What a bound on storms is made of. Times are in
 * microseconds.
 * @module
 */

const SECOND = 1_000_000;

export class Bucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filled = 0;

  /** Full at first. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Take one; false if there is none. */
  take(now: number): boolean {
    const grown = ((now - this.#filled) * this.#perSecond) / SECOND;
    this.#tokens = Math.min(this.#burst, this.#tokens + grown);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
