/**
 * One write of a stream on its way into the send buffer: begun, perhaps cut short, gone on with when there
 * is room, and called back when all of it was taken.
 * @module
 */
import type { Connection } from '../tcp/connection.ts';

type Callback = (error?: Error | null) => void;
type Chunks = readonly { readonly chunk: Uint8Array }[];

const EMPTY: Chunks = [];

export class Outflow {
  /** Bytes of all writes that were called back. */
  written = 0;
  #chunks: Chunks = EMPTY;
  #index = 0;
  #at = 0;
  #done: Callback | undefined;

  /** True while a write waits for room. */
  get waiting(): boolean {
    return this.#done !== undefined;
  }

  /** Write `chunks`; `done` is called at once if all is taken. One at a time. */
  begin(connection: Connection, chunks: Chunks, done: Callback): void {
    this.#chunks = chunks;
    this.#index = 0;
    this.#at = 0;
    this.#done = done;
    this.go(connection);
  }

  /** There is room. */
  go(connection: Connection): void {
    if (!this.#done) return;
    while (this.#index < this.#chunks.length) {
      const { chunk } = this.#chunks[this.#index] as { chunk: Uint8Array }; // below the length
      this.#at += connection.writeCopy(chunk, this.#at);
      if (this.#at < chunk.length) return;
      this.#index++;
      this.#at = 0;
    }
    this.#finish();
  }

  /** The connection is gone: whoever waits is called back, with what `errorOf` gives. */
  cancel(errorOf: () => Error): void {
    if (this.#done) this.#finish(errorOf());
  }

  #finish(error?: Error): void {
    const done = this.#done as Callback; // both callers looked
    for (const { chunk } of this.#chunks) this.written += chunk.length;
    this.#chunks = EMPTY;
    this.#done = undefined;
    done(error);
  }
}
