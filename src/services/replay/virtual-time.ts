/**
 * Time that passes only when nothing is left to do at one moment: the timers of the process, taken over while it
 * lasts. For a process of its own, since everything else in it would wait for ever.
 * @module
 */

interface Timer {
  due: number;
  readonly order: number;
  readonly call: () => void;
  readonly every: number | undefined;
}

/** What `setTimeout` gives. */
class Handle {
  readonly timer: Timer;
  readonly #time: VirtualTime;
  readonly #after: number;

  constructor(time: VirtualTime, timer: Timer, after: number) {
    this.#time = time;
    this.timer = timer;
    this.#after = after;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.#time.set(this.timer, this.#after);
    return this;
  }

  close(): this {
    this.#time.clear(this);
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.timer.order;
  }
}

const THOUSAND = 1000;

export class VirtualTime {
  /** Microseconds. */
  now = 0;
  readonly #timers: Set<Timer> = new Set();
  readonly #real = {
    ...{ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate },
  };
  #order = 0;
  /** Calls of `setImmediate` that have not been made, and were not taken back. */
  readonly #soon: Set<NodeJS.Immediate> = new Set();

  /** Take the process's timers, until what this gives is called. */
  take(): () => void {
    const begin =
      (every: boolean) =>
      (then: () => void, milliseconds = 0, ...args: unknown[]) => {
        const after = Math.max(1, Number(milliseconds) || 0) * THOUSAND;
        const timer: Timer = {
          ...{ due: this.now + after, order: ++this.#order },
          call: () => (then as (...all: unknown[]) => void)(...args),
          every: every ? after : undefined,
        };
        this.#timers.add(timer);
        return new Handle(this, timer, after);
      };
    const clear = (handle: unknown): void => this.clear(handle);
    const soon = (then: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate => {
      const immediate = this.#real.setImmediate(() => {
        this.#soon.delete(immediate);
        then(...args);
      });
      this.#soon.add(immediate);
      return immediate;
    };
    const never = (immediate: NodeJS.Immediate | undefined): void => {
      if (immediate !== undefined) this.#soon.delete(immediate);
      this.#real.clearImmediate(immediate);
    };
    Object.assign(globalThis, {
      ...{ setTimeout: begin(false), setInterval: begin(true), setImmediate: soon },
      ...{ clearTimeout: clear, clearInterval: clear, clearImmediate: never },
    });
    return () => {
      Object.assign(globalThis, this.#real);
    };
  }

  clear(handle: unknown): void {
    if (handle instanceof Handle) this.#timers.delete(handle.timer);
  }

  set(timer: Timer, after: number): void {
    timer.due = this.now + after;
    this.#timers.add(timer);
  }

  /** When the next timer is due; Infinity if there is none. */
  get next(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const timer of this.#timers) due = Math.min(due, timer.due);
    return due;
  }

  /** Let it be `until`: every timer that is due by then is called, in its order. */
  async pass(until: number): Promise<void> {
    for (let due = this.next; due <= until; due = this.next) {
      this.now = Math.max(this.now, due);
      const found = [...this.#timers]
        .filter((timer) => timer.due <= this.now)
        .sort((a, b) => a.due - b.due || a.order - b.order);
      for (const timer of found) {
        if (!this.#timers.delete(timer)) continue; // an earlier one has cleared it
        if (timer.every !== undefined) this.set(timer, timer.every);
        timer.call();
        await this.settle();
      }
    }
    this.now = Math.max(this.now, until);
  }

  /** Wait until nothing is left to do now. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 2; ) {
      await new Promise<void>((done) => this.#real.setImmediate(done));
      idle = this.#soon.size === 0 ? idle + 1 : 0;
    }
  }
}
