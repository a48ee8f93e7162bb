/**
 * Things laid by to be used again: the last one first.
 *
 * An array that is popped gives its memory back once it is half empty, and takes it again with the next push: 160
 * bytes to the collector each time a lone thing is taken and laid back, as happens with every request. This one keeps
 * what it has had.
 * @module
 */
export class Shelf<T> {
  /** How many there are. */
  count = 0;
  readonly #things: (T | undefined)[] = [];

  put(thing: T): void {
    this.#things[this.count++] = thing;
  }

  /** Undefined if there is none. */
  take(): T | undefined {
    if (this.count === 0) return undefined;
    const thing = this.#things[--this.count];
    this.#things[this.count] = undefined; // or it would be held from here
    return thing;
  }
}
