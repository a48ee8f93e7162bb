/**
 * Virtual time: a clock that only moves when nothing is left to do, and what is to happen when.
 *
 * Events of one time happen in the order in which they were asked for, so a run is a function of its
 * seed. It is the clock of impaired links (`LinkClock`) as well.
 * @module
 */
import { NEVER } from '../stack/base/clock.ts';

interface Event {
  time: number;
  order: number;
  run: () => void;
}

/** Where time begins: not 0, which fields of a connection take for "never". */
const START = 1_000_000;

export class Timeline {
  #now: number;
  #order = 0;
  /** A binary heap by `time`, then `order`. */
  readonly #heap: Event[] = [];
  readonly #spare: Event[] = [];

  constructor(start: number = START) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** `run` is called at `time`, or now if that has passed, but never from within this call. */
  at(time: number, run: () => void): void {
    const event = this.#spare.pop() ?? { time: 0, order: 0, run };
    event.time = time;
    event.order = this.#order++;
    event.run = run;
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const up = (place - 1) >> 1;
      const parent = heap[up] as Event; // `up` is below `place`
      if (!before(event, parent)) break;
      heap[place] = parent;
      place = up;
    }
    heap[place] = event;
  }

  /** When the next event is due; `NEVER` if there is none. */
  get next(): number {
    return this.#heap[0]?.time ?? NEVER;
  }

  /** Run the soonest event; false if there is none. */
  step(): boolean {
    const first = this.#heap[0];
    if (first === undefined) return false;
    const last = this.#heap.pop() as Event; // there is one at least
    if (this.#heap.length > 0) this.#sink(last);
    this.#now = Math.max(this.#now, first.time);
    const { run } = first;
    this.#spare.push(first);
    run();
    return true;
  }

  /** Let `micros` pass. */
  run(micros: number): void {
    const end = this.#now + micros;
    while (this.next <= end) this.step();
    this.#now = end;
  }

  /** Go on until `done`, at most for `micros`; true if it came to that. */
  until(done: () => boolean, micros: number): boolean {
    const end = this.#now + micros;
    while (!done()) {
      if (this.next > end) {
        this.#now = end;
        return false;
      }
      this.step();
    }
    return true;
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    const { length } = heap;
    let place = 0;
    for (;;) {
      let down = 2 * place + 1;
      if (down >= length) break;
      const right = heap[down + 1];
      if (right !== undefined && before(right, heap[down] as Event)) down++;
      const child = heap[down] as Event; // `down` is below `length`
      if (!before(child, event)) break;
      heap[place] = child;
      place = down;
    }
    heap[place] = event;
  }
}

const before = (a: Event, b: Event): boolean =>
  a.time < b.time || (a.time === b.time && a.order < b.order);
