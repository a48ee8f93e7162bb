/**
 * What is due when: an indexed binary heap of whatever has a deadline. RFC 6298 §5 moves a
 * connection's retransmission timer with every acknowledgment, nearly always to a later time, so that
 * is made to cost a store: the heap keeps the earlier time it knows, and looks again only when that
 * item comes to the top.
 * @module
 */
import { type Micros, NEVER } from '../base/clock.ts';

export interface Due {
  /** When; `NEVER` while it is out. Set by `Deadlines` only, as is the other. */
  due: Micros;
  /** Its place in the heap; -1 while it is out. */
  dueAt: number;
}

export class Deadlines<T extends Due> {
  /** How many items have a deadline. */
  count = 0;
  /** The heap, up to `count`. Beyond there is nothing, in memory that stays: see `Shelf`. */
  readonly #items: (T | undefined)[] = [];
  /** What each item is sorted by: never later than its `due`. */
  #keys: Float64Array = new Float64Array(16);
  /**
   * The soonest deadline, as of the last `look`; `NEVER`: there is none. A field, as a number that is no small integer
   * costs an object whenever a function gives it.
   */
  soonest: Micros = NEVER;

  /** `item` is due at `due`, and no more when it was before. `NEVER` cancels. */
  set(item: T, due: Micros): void {
    if (due === NEVER) {
      this.cancel(item);
      return;
    }
    item.due = due;
    const at = item.dueAt;
    if (at < 0) {
      this.#push(item);
    } else if (due < (this.#keys[at] as number)) {
      this.#up(item, at);
    }
  }

  /** `item` is due no more, if it was. */
  cancel(item: T): void {
    if (item.dueAt >= 0) this.#removeAt(item.dueAt);
  }

  /** The soonest deadline, `NEVER` if there is none. */
  next(): Micros {
    this.look();
    return this.soonest;
  }

  /** See what the soonest is, to be read as `soonest`. */
  look(): void {
    if (this.#settle() === undefined) this.soonest = NEVER;
    else this.soonest = this.#keys[0] as number; // two stores: of one, V8 would make an object first
  }

  /** Remove and give an item that is due by `now`: the soonest. Undefined if none is. */
  take(now: Micros): T | undefined {
    const item = this.#settle();
    if (item === undefined || item.due > now) return undefined;
    this.#removeAt(0);
    return item;
  }

  /** Bring the soonest item to the top. */
  #settle(): T | undefined {
    let top = this.#items[0];
    while (top !== undefined && (this.#keys[0] as number) < top.due) {
      this.#down(top, 0);
      top = this.#items[0];
    }
    return top;
  }

  #push(item: T): void {
    const at = this.count++;
    if (at === this.#keys.length) {
      const keys = new Float64Array(2 * at);
      keys.set(this.#keys);
      this.#keys = keys;
    }
    this.#up(item, at);
  }

  #removeAt(at: number): void {
    const gone = this.#items[at] as T; // `at` is the place of an item in the heap
    gone.due = NEVER;
    gone.dueAt = -1;
    const last = this.#items[--this.count] as T; // it holds `gone` at least
    this.#items[this.count] = undefined;
    if (last === gone) return;
    if (at > 0 && last.due < (this.#keys[(at - 1) >> 1] as number)) this.#up(last, at);
    else this.#down(last, at);
  }

  // What follows takes the key from the item and not as a parameter: a number that is no small
  // integer costs an object whenever it is passed on.

  /** Put `item` at `at` or above, where its key belongs. */
  #up(item: T, from: number): void {
    const key = item.due;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#keys[parent] as number) <= key) break;
      this.#keys[at] = this.#keys[parent] as number;
      this.#place(this.#items[parent] as T, at);
      at = parent;
    }
    this.#keys[at] = key;
    this.#place(item, at);
  }

  /** Put `item` at `at` or below. */
  #down(item: T, from: number): void {
    const key = item.due;
    const { count } = this;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && (this.#keys[child + 1] as number) < (this.#keys[child] as number)) {
        child++;
      }
      if ((this.#keys[child] as number) >= key) break;
      this.#keys[at] = this.#keys[child] as number;
      this.#place(this.#items[child] as T, at);
      at = child;
    }
    this.#keys[at] = key;
    this.#place(item, at);
  }

  #place(item: T, at: number): void {
    this.#items[at] = item;
    item.dueAt = at;
  }
}
