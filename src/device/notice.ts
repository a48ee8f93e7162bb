/**
 * When to tell a user that there are packets, for devices that are no descriptors.
 *
 * As with a descriptor: once a turn; again if the user took some and left some; not again while it
 * takes none at all, until it has read one.
 * @module
 */

export class Notice {
  readonly #schedule: (fn: () => void) => void;
  readonly #tell: () => boolean;
  #told = false;
  /** The user has read since it was told. */
  #taken = false;
  /** The user was told and read nothing. */
  #stalled = false;

  /** `tell` calls the user and gives whether there are packets left. */
  constructor(schedule: (fn: () => void) => void, tell: () => boolean) {
    this.#schedule = schedule;
    this.#tell = tell;
  }

  /** There are packets. */
  came(): void {
    if (this.#told || this.#stalled) return;
    this.#told = true;
    this.#schedule(this.#call);
  }

  /** There are packets, and this is a callback of the event loop of its own: tell at once. */
  now(): void {
    if (!this.#stalled) this.#call(); // a call that is on its way finds less, or nothing
  }

  /** The user has read one. */
  took(): void {
    this.#taken = true;
    if (!this.#stalled) return;
    this.#stalled = false;
    this.came();
  }

  readonly #call = (): void => {
    this.#told = false;
    this.#taken = false;
    if (!this.#tell()) return;
    this.#stalled = !this.#taken;
    this.came();
  };
}
