/**
 * So many of something a second: to one destination, and to all. What a budget that strangers share tells
 * them, and how not to: CVE-2016-5696 (challenge ACKs of TCP), CVE-2020-25705 (ICMP errors).
 *
 * Who counts how many answers come back learns how many others were sent. So each destination has its
 * own count, by a hash whose key changes with every second; and how many there are for all is drawn anew
 * each second, between half of the limit and the whole: what one destination may take, if it is a small
 * part of the whole, drowns in that.
 * @module
 */
import { type Address, digest } from './address.ts';
import { type Micros, SECOND } from './clock.ts';
import { below, type Random } from './random.ts';

const PLACES = 4096;

export class Ration {
  readonly #random: Random;
  readonly #most: number;
  readonly #mostEach: number;
  /** What went to each group of destinations in this second. */
  readonly #counts: Uint32Array = new Uint32Array(PLACES);
  #left = 0;
  #key = 0;
  #since: Micros = Number.NEGATIVE_INFINITY;

  /** `most` a second, and `mostEach` to one destination. */
  constructor(random: Random, most: number, mostEach: number) {
    this.#random = random;
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** May one more go to `destination` at `now`? If so, it is counted. */
  takes(destination: Address, now: Micros): boolean {
    if (now - this.#since >= SECOND) this.#renew(now);
    if (this.#left <= 0) return false;
    const place = this.#placeOf(destination);
    const count = this.#counts[place] as number; // the mask keeps it inside
    if (count >= this.#mostEach) return false;
    this.#counts[place] = count + 1;
    this.#left--;
    return true;
  }

  /** True if what there is for all is used up: the last one was refused for that. */
  get spent(): boolean {
    return this.#left <= 0;
  }

  #renew(now: Micros): void {
    this.#since = now;
    this.#key = this.#random.int32();
    const half = Math.floor(this.#most / 2);
    this.#left = this.#most - below(this.#random, half + 1);
    this.#counts.fill(0);
  }

  #placeOf(destination: Address): number {
    let h = Math.imul(digest(destination) ^ this.#key, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15), this.#key | 1);
    return (h ^ (h >>> 13)) & (PLACES - 1);
  }
}
