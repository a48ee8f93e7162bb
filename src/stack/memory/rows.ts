/**
 * Rows of eight numbers in one array, for whatever has a few times to remember now and then.
 *
 * A `Float64Array` of its own takes 264 bytes a connection, a row here 64, and none while there is
 * nothing in it.
 * @module
 */

import { Shelf } from './shelf.ts';

/** Numbers in a row. */
export const ROW = 8;
/** No row. */
export const NO_ROW = -1;
const FIRST = 16;

export class Rows {
  /** All rows; replaced when they grow, so never to be kept. */
  values: Float64Array;
  readonly #empty: number;
  readonly #free: Shelf<number> = new Shelf();
  #used = 0;

  /** `empty`: what a fresh row is filled with. */
  constructor(empty: number) {
    this.#empty = empty;
    this.values = new Float64Array(FIRST * ROW);
  }

  /** Where a fresh row begins in `values`. */
  acquire(): number {
    const free = this.#free.take();
    const row = free ?? this.#used++ * ROW;
    if (row === this.values.length) {
      const grown = new Float64Array(2 * row);
      grown.set(this.values);
      this.values = grown;
    }
    this.values.fill(this.#empty, row, row + ROW);
    return row;
  }

  /** The row that begins at `row` is no longer needed. */
  release(row: number): void {
    this.#free.put(row);
  }
}
