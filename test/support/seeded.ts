/**
 * Randomised tests that can be repeated: a fresh seed every run, told when the test fails, and set
 * from outside by `TUNSTACK_SEED`.
 * @module
 */
import type { ExecutionContext } from 'ava';
import { below, type Random, SeededRandom } from '../../src/stack/base/random.ts';

/** Run `body` with a seeded source of chance. */
export function seeded(t: ExecutionContext, body: (random: Random) => void): void {
  const { TUNSTACK_SEED } = process.env;
  const seed = TUNSTACK_SEED === undefined ? Date.now() | 0 : Number(TUNSTACK_SEED);
  try {
    body(new SeededRandom(seed));
  } catch (error) {
    t.log(`to repeat: TUNSTACK_SEED=${seed}`);
    throw error;
  }
}

/** `length` random bytes. */
export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.int32();
  return bytes;
}

/** A whole number from `low` to `high`, both included. */
export const between = (random: Random, low: number, high: number): number =>
  low + below(random, high - low + 1);
