/**
 * Things laid by to be used again: the last one first.
 *
 * V8's own `pop` gives an array's memory back with its last thing, and the next push takes it again: 153 bytes to the
 * collector each time a lone thing is taken and laid back by code that is not optimized, on Node 20 and 22
 * (`test/memory/shelf.test.ts`); optimized code leaves it. This one keeps what it has had.
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
