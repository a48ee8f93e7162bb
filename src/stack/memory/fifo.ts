/**
 * A queue from whose middle one may leave: who is in TIME-WAIT, in the order in which that ends, and who waits
 * for the way out.
 *
 * A `Set` keeps the order of insertion as well, but whoever asks it for its oldest member passes over the
 * places of all that have left since it was last made anew: work that grows with how many there are, and here
 * does not (`npm run bench -- memory`, "memory/fifo").
 * @module
 */

const FIRST = 16;

export class Fifo<T> {
  /** How many are in it. */
  length = 0;
  #items: (T | undefined)[] = new Array<T | undefined>(FIRST).fill(undefined);
  #mask = FIRST - 1;
  /** Where the oldest is, or one that has left before it; and how many places are in use from there on. */
  #head = 0;
  #used = 0;
  readonly #placed: (item: T, place: number) => void;

  /** `placed` is told by which place an item may leave, when it comes and when that changes. */
  constructor(placed: (item: T, place: number) => void = () => {}) {
    this.#placed = placed;
  }

  /** At the end. */
  push(item: T): void {
    this.#skip();
    if (this.#used > this.#mask) this.#makeRoom();
    const place = (this.#head + this.#used) & this.#mask;
    this.#items[place] = item;
    this.#used++;
    this.length++;
    this.#placed(item, place);
  }

  /** The one that has been in it for the longest time. */
  get oldest(): T | undefined {
    this.#skip();
    return this.#items[this.#head];
  }

  /** Take out the oldest one; undefined if there is none. */
  shift(): T | undefined {
    const item = this.oldest;
    if (item !== undefined) this.leave(this.#head);
    return item;
  }

  /** The one at `place` leaves. */
  leave(place: number): void {
    this.#items[place] = undefined;
    this.length--;
  }

  /** Pass over those at the front that have left: each place once. */
  #skip(): void {
    while (this.#used > 0 && this.#items[this.#head] === undefined) {
      this.#head = (this.#head + 1) & this.#mask;
      this.#used--;
    }
  }

  /** Twice as many places, unless half of them are of such as have left: then those close up. */
  #makeRoom(): void {
    const old = this.#items;
    const mask = this.#mask;
    const places = 2 * this.length > mask ? 2 * (mask + 1) : mask + 1;
    const items = new Array<T | undefined>(places).fill(undefined);
    let to = 0;
    for (let i = 0; i < this.#used; i++) {
      const item = old[(this.#head + i) & mask];
      if (item === undefined) continue;
      items[to] = item;
      this.#placed(item, to++);
    }
    this.#items = items;
    this.#mask = places - 1;
    this.#head = 0;
    this.#used = to;
  }
}
