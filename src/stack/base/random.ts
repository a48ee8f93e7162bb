/**
 * Randomness as the core knows it: handed in from outside, so that a run can be repeated.
 *
 * The real source (the operating system's) is in `api/host.ts`; `SeededRandom` is for simulations,
 * impaired links and tests, and must never choose a sequence number on a real network.
 * @module
 */

/** A source of uniform random numbers. */
export interface Random {
  /** 32 random bits, as a signed integer. */
  int32(): number;
}

/** A whole number from 0 to `n` - 1, for `n` up to 2^32 (bias below `n` / 2^32). */
export const below = (random: Random, n: number): number =>
  Math.floor(((random.int32() >>> 0) / 4294967296) * n);

/** A number from 0 up to, not including, 1. */
export const unit = (random: Random): number => (random.int32() >>> 0) / 4294967296;

/** sfc32, a small fast counting generator: the same seed gives the same numbers for ever. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed`: any number; its low 32 bits count. */
  constructor(seed: number) {
    this.#a = 0;
    this.#b = seed | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 12; i++) this.int32(); // mixes the seed into all of the state
  }

  int32(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t;
  }
}
