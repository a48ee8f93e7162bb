/**
 * Which counters were seen: a window behind the greatest, as a ring of words. RFC 6479 §2.
 *
 * A counter has 64 bits and comes as two unsigned halves. Only the low one finds a word, and differences that are no
 * longer exact as numbers are far outside of any window, so it holds up to the last counter.
 * @module
 */

const HALF = 0x1_0000_0000;

export class ReplayWindow {
  /** Counters this far behind the greatest are still told apart. */
  readonly size: number;
  readonly #words: Int32Array;
  readonly #mask: number;
  #high = 0;
  #low = 0;
  /** Any counter was accepted. */
  #begun = false;

  /** `words`: a power of two of 32 counters each; one of them is given up for the ring, RFC 6479 §2. */
  constructor(words: number) {
    this.#words = new Int32Array(words);
    this.#mask = words - 1;
    this.size = (words - 1) * 32;
  }

  /** Whether `accept` would take it. */
  allows(high: number, low: number): boolean {
    const ahead = this.#ahead(high, low);
    if (!this.#begun || ahead > 0) return true;
    if (-ahead >= this.size) return false;
    const word = this.#words[(low >>> 5) & this.#mask] as number; // within the ring
    return ((word >>> (low & 31)) & 1) === 0;
  }

  /** Mark it as seen; false if it was, or is too old to tell. Only for what has been authenticated. */
  accept(high: number, low: number): boolean {
    if (!this.allows(high, low)) return false;
    const words = this.#words;
    const at = (low >>> 5) & this.#mask;
    if (!this.#begun || this.#ahead(high, low) > 0) {
      // The words between that of the greatest so far and this one are of counters to come.
      const steps = this.#begun
        ? (high - this.#high) * (HALF / 32) + (low >>> 5) - (this.#low >>> 5)
        : words.length;
      for (let i = Math.min(steps, words.length) - 1; i >= 0; i--) words[(at - i) & this.#mask] = 0;
      this.#high = high;
      this.#low = low;
      this.#begun = true;
    }
    words[at] = (words[at] as number) | (1 << (low & 31));
    return true;
  }

  #ahead(high: number, low: number): number {
    return (high - this.#high) * HALF + (low - this.#low);
  }
}
