/**
 * Whether packets are read with their text apart, so that who reads it may keep it (`ip/internet/split.ts`), and where it
 * is taken to begin.
 *
 * That pays where text comes in long segments, for readers who keep it, and always behind headers of one length. It is
 * learned from what comes, and forgotten when it is not so any more: text that nobody kept was not copied once less, and
 * what did not begin where it should was copied once more.
 * @module
 */

/** Long segments in a row after which the next is taken to be one too. */
const LEARNED = 4;
/** Packets in a row that were read apart for nothing. */
const FORGOTTEN = 8;

export class Split {
  /** Where in its slot the next packet's text will begin; 0: nothing is known. */
  at = 0;
  #seenAt = 0;
  #seen = 0;
  #missed = 0;

  /** A long text that began at `at` of its slot was copied for somebody who keeps it. */
  saw(at: number): void {
    if (at !== this.#seenAt) this.#seen = 0;
    this.#seenAt = at;
    if (++this.#seen >= LEARNED) this.at = at;
  }

  /** One that was read apart is kept. */
  hit(): void {
    this.#missed = 0;
  }

  /** One was read apart for nothing. */
  missed(): void {
    if (++this.#missed < FORGOTTEN) return;
    this.#missed = this.#seen = this.at = 0;
  }
}
