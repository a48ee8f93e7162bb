/**
 * Which octets of a stream were seen: ranges that do not touch, in their order.
 * @module
 */

/** So many holes are kept apart; past it the first two ranges count as one. */
const MOST = 4096;

export class Ranges {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #total = 0;

  /** Octets in all ranges. */
  get total(): number {
    return this.#total;
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Add the octets from `start` up to, not including, `end`; gives how many of them are new. */
  add(start: number, end: number): number {
    if (end <= start) return 0;
    const starts = this.#starts;
    const ends = this.#ends;
    // Text comes in order nearly always: the last range is looked at first.
    let first = starts.length;
    while (first > 0 && (ends[first - 1] as number) >= start) first--;
    let last = first;
    let from = start;
    let to = end;
    let known = 0;
    while (last < starts.length && (starts[last] as number) <= end) {
      const [a, b] = [starts[last] as number, ends[last] as number]; // `last` is below the length
      known += b - a;
      from = Math.min(from, a);
      to = Math.max(to, b);
      last++;
    }
    starts.splice(first, last - first, from);
    ends.splice(first, last - first, to);
    const added = to - from - known;
    this.#total += added;
    if (starts.length > MOST) this.#close();
    return added;
  }

  /** Forget what is below `place`. */
  dropBelow(place: number): void {
    const starts = this.#starts;
    const ends = this.#ends;
    let gone = 0;
    while (gone < starts.length && (ends[gone] as number) <= place) {
      this.#total -= (ends[gone] as number) - (starts[gone] as number);
      gone++;
    }
    starts.splice(0, gone);
    ends.splice(0, gone);
    const start = starts[0];
    if (start === undefined || start >= place) return;
    this.#total -= place - start;
    starts[0] = place;
  }

  #close(): void {
    const [start = 0] = this.#starts;
    this.add(start, this.#starts[1] ?? start);
  }
}
