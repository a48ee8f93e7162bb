/**
 * What keeps a process alive while it is open, unless told otherwise: `ref` and `unref` as Node has them
 * on its servers and timers.
 *
 * Node documentation: "server.ref()", "server.unref()".
 * @module
 */

/** Who counts what is open: the process stays alive while there is any. */
interface Holder {
  hold(): void;
  letGo(): void;
}

/** One thing that is open. */
export class Hold {
  readonly #holder: Holder;
  #held = false;
  #over = false;

  /** The process stays alive from now on. */
  constructor(holder: Holder) {
    this.#holder = holder;
    this.ref();
  }

  /** The process stays alive. Nothing happens after `end`. */
  ref(): void {
    if (this.#held || this.#over) return;
    this.#held = true;
    this.#holder.hold();
  }

  /** The process may end. */
  unref(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#holder.letGo();
  }

  /** It is closed, for good. */
  end(): void {
    this.unref();
    this.#over = true;
  }
}
