/**
 * Chance for impaired links: from a seed, so that a run can be repeated.
 *
 * Never for what an attacker must not guess.
 * @module
 */

/** Gives 32 random bits, as a signed integer; the stack's own generators are of this shape. */
export interface RandomBits {
  /** A whole number from -2^31 to 2^31 - 1, each as likely. */
  int32(): number;
}

/** splitmix32: a counter whose bits are mixed; a good start for as many streams as are wanted. */
export class SeededBits implements RandomBits {
  #state: number;

  /** `seed`: any number, of which the low 32 bits count; another `stream` gives other numbers. */
  constructor(seed: number, stream: number = 0) {
    this.#state = mix(mix(seed | 0) + Math.imul(stream + 1, 0x85ebca6b));
  }

  int32(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return mix(this.#state);
  }
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}

/** From 0 up to, not including, 1. */
export const unit = (random: RandomBits): number => (random.int32() >>> 0) / 0x1_0000_0000;
