/**
 * A bound on how often each of many strangers may do something: so many times a second, and as many at once.
 * Of strangers, too, there is a bound: who was silent the longest is forgotten. Times are microseconds.
 * @module
 */
import { Bucket } from '../../switch/bucket.ts';

const MOST = 4096;

export class Buckets {
  readonly #rate: number;
  /** A map keeps the order in which its keys came. */
  readonly #known: Map<string, Bucket> = new Map();

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Once more; false if it is too often. */
  take(who: string, now: number): boolean {
    const known = this.#known.get(who);
    const bucket = known ?? new Bucket(this.#rate, this.#rate);
    if (known) this.#known.delete(who);
    else if (this.#known.size >= MOST) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest as string); // there are `MOST`
    }
    this.#known.set(who, bucket);
    return bucket.take(now);
  }
}
