/**
 * What a batch has touched: a list that is filled, gone through and emptied again and again.
 *
 * `array.length = 0` gives the array's storage to the collector, and the next `push` asks for it anew:
 * some 150 bytes a batch. Here it stays, up to a size.
 * @module
 */

/** A batch that was longer than this gives its storage back. */
const KEEP = 1024;

export class Batch<T> {
  /** How many are in it. */
  length = 0;
  readonly #items: (T | undefined)[] = [];

  push(item: T): void {
    if (this.length === this.#items.length) this.#items.push(item);
    else this.#items[this.length] = item;
    this.length++;
  }

  /** The one at `index`, 0 <= index < length. */
  at(index: number): T {
    return this.#items[index] as T; // below the length every place was filled by `push`
  }

  /** Forget all of them. */
  clear(): void {
    if (this.#items.length > KEEP) this.#items.length = 0;
    else for (let i = 0; i < this.length; i++) this.#items[i] = undefined;
    this.length = 0;
  }
}
