/**
 * How much had arrived at what time.
 * @module
 */
import { sharedMicros } from './protocol.ts';

/** Pairs of a time in microseconds and the bytes that had come by then. */
export type Points = readonly (readonly [time: number, bytes: number])[];

const STEP = 5_000;

/** Counts what arrives, and remembers a point every few milliseconds. */
export class Series {
  bytes = 0;
  readonly #points: [number, number][] = [];
  #last = Number.NEGATIVE_INFINITY;

  add(bytes: number): void {
    this.bytes += bytes;
    const now = sharedMicros();
    const point: [number, number] = [now, this.bytes];
    if (now - this.#last >= STEP) {
      this.#last = now;
      this.#points.push(point);
    } else {
      this.#points[this.#points.length - 1] = point;
    }
  }

  get points(): Points {
    return this.#points;
  }
}

/** What ends a turn. */
export const ANSWER: Uint8Array = new Uint8Array(1);

/** Counts what arrives in turns of so many bytes; undefined: there are none. */
export class Turns {
  readonly #turn: number;
  #bytes = 0;

  constructor(turn: number | undefined) {
    this.#turn = turn ?? Number.POSITIVE_INFINITY;
  }

  /** How many turns `bytes` more have made whole. */
  add(bytes: number): number {
    this.#bytes += bytes;
    let over = 0;
    for (; this.#bytes >= this.#turn; over++) this.#bytes -= this.#turn;
    return over;
  }
}

/** What had come by `time`. */
export function bytesBy(points: Points, time: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((points[mid]?.[0] ?? 0) <= time) low = mid + 1;
    else high = mid;
  }
  return points[low - 1]?.[1] ?? 0;
}
