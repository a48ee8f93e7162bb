/**
 * The ranges of early text that SACK blocks reported last, the newest first. RFC 2018 §4.
 *
 * Only a segment changes a range, and each that does is noted here, so the edges are those of the ranges as
 * they are: no search is needed to repeat a block.
 * @module
 */
import { ge, le, type Seq } from '../../base/seq.ts';
import type { Spans } from '../../memory/spans.ts';

/** Blocks that an option holds at most. */
export const MAX_BLOCKS = 4;

export class Reported {
  count = 0;
  /** Start and end of each, in turn; the elements below 2 * `count` count. */
  readonly #edges: Int32Array = new Int32Array(2 * MAX_BLOCKS);

  /** Where block `i` begins; 0 <= i < count. */
  start(i: number): Seq {
    return this.#edges[2 * i] as Seq; // an int32 that came in as a Seq
  }

  /** The sequence number after the last one of block `i`. */
  end(i: number): Seq {
    return this.#edges[2 * i + 1] as Seq;
  }

  /** A segment fell into the range of `spans` that holds `point`: it is the next to be reported. */
  note(point: Seq, spans: Spans): void {
    const range = spans.find(point);
    if (range < 0) return;
    const left = spans.start(range);
    const right = spans.end(range);
    // What it has swallowed goes; what is before that moves one place on, and the last one out.
    let gap = 0;
    while (gap < this.count && !(ge(this.start(gap), left) && le(this.end(gap), right))) gap++;
    let kept = Math.min(gap, MAX_BLOCKS - 1);
    this.#edges.copyWithin(2, 0, 2 * kept);
    for (let i = gap + 1; i < this.count; i++) {
      if (ge(this.start(i), left) && le(this.end(i), right)) continue;
      kept++;
      this.#edges.copyWithin(2 * kept, 2 * i, 2 * i + 2);
    }
    this.#edges[0] = left;
    this.#edges[1] = right;
    this.count = kept + 1;
  }

  /** All up to `next` is in order now: those that lie below are reported no more. */
  advance(next: Seq): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (le(this.end(i), next)) continue;
      this.#edges.copyWithin(2 * kept, 2 * i, 2 * i + 2);
      kept++;
    }
    this.count = kept;
  }
}
