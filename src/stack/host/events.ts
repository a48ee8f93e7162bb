/**
 * What has happened to sockets and has yet to be told to the program, one event at a time.
 *
 * Node brings each event of a socket from a callback of the event loop of its own: what the program did
 * in `process.nextTick` and in promises has been done before it hears of the next. A batch of packets
 * brings many events at once. So they wait here, in order, and each is told where Node promises that:
 * in an immediate of its own. One that is alone is told by the turn it came in.
 *
 * The queue needs no bound of its own: a turn takes a bounded batch, and before the immediates have run there is
 * at most one other turn with packets, of a device that asks in an immediate of its own (`waiting.ts`). `weight`
 * tells when a batch has been enough.
 *
 * Node documentation: "The Node.js Event Loop", `setImmediate()`, `process.nextTick()`.
 * @module
 */

/** What is called with the target as its `this`. */
type Tell = (this: never, first: never, second: never) => void;

/** One event: reused, since there are as many as packets. */
class Event {
  target: unknown = undefined;
  tell: Tell = NOTHING;
  first: unknown = undefined;
  second: unknown = undefined;
}

function NOTHING(): void {}

/** Spare places that are kept after a batch. */
const KEEP = 1024;

export class Events {
  /** True within a turn, which calls `tellOne` or `schedule` at its end. */
  gathering = false;
  /** Bytes of text that came since the last batch was told. */
  weight = 0;
  readonly #told: () => void;
  readonly #onImmediate = (): void => this.#next();
  readonly #queue: Event[] = [];
  #head = 0;
  #tail = 0;
  /** Immediates that are to come. */
  #scheduled = 0;
  /** How many more make up the batch; 0: none has begun. */
  #batch = 0;

  /** `told` is called when all that waited at a call of `schedule` have been told. */
  constructor(told: () => void) {
    this.#told = told;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#tail - this.#head;
  }

  /** True while a batch is being told, and to its end. */
  get busy(): boolean {
    return this.#batch > 0;
  }

  /** Let `tell` be called with `target` as its `this`: soon, and after all that wait. */
  add<Target, First, Second>(
    target: Target,
    tell: (this: Target, first: First, second: Second) => void,
    first: First,
    second: Second,
  ): void {
    const event = this.#queue[this.#tail] ?? this.#place();
    this.#tail++;
    event.target = target;
    event.tell = tell as Tell;
    event.first = first;
    event.second = second;
    if (!this.gathering) this.schedule();
  }

  #place(): Event {
    const event = new Event();
    this.#queue.push(event);
    return event;
  }

  /** Tell the only one that waits. Throws what its listener throws. */
  tellOne(): void {
    this.weight = 0;
    this.#tell();
  }

  /** Give each that waits an immediate of its own. */
  schedule(): void {
    const { waiting } = this;
    // What comes meanwhile is no part of the batch: others must not put off its end for ever.
    if (this.#batch === 0) this.#batch = waiting;
    while (this.#scheduled < waiting) {
      this.#scheduled++;
      setImmediate(this.#onImmediate);
    }
  }

  /** Tell all that wait, at once: the stack is closed. */
  tellAll(failed: (error: unknown) => void): void {
    while (this.waiting > 0) {
      try {
        this.#tell();
      } catch (error) {
        failed(error);
      }
    }
  }

  #next(): void {
    this.#scheduled--;
    if (this.waiting === 0) return; // the stack was closed
    try {
      this.#tell();
    } finally {
      if (--this.#batch === 0) {
        this.weight = 0;
        this.#told();
      }
    }
  }

  #tell(): void {
    const event = this.#queue[this.#head++] as Event; // whoever calls has looked
    const { target, tell, first, second } = event;
    event.target = event.first = event.second = undefined;
    if (this.#head === this.#tail) {
      this.#head = this.#tail = 0;
      if (this.#queue.length > KEEP) this.#queue.length = KEEP;
    }
    tell.call(target as never, first as never, second as never);
  }
}
