/**
 * The `onread` option of a socket: received text is put into one buffer of the user's, again and
 * again, and told by a callback instead of `data` events.
 *
 * Node documentation: "new net.Socket([options])", `onread`.
 * @module
 */
import type { OnReadOpts } from 'node:net';
import { copyBytes } from '../../base/copy.ts';

export class UserBuffer {
  readonly #options: OnReadOpts;
  #buffer: Uint8Array;
  /** What came after the callback said enough. */
  #rest: Buffer | undefined;

  constructor(options: OnReadOpts) {
    this.#options = options;
    this.#buffer = typeof options.buffer === 'function' ? options.buffer() : options.buffer;
  }

  /** Hand over `length` bytes. False if the user wants no more for now: the rest is kept. */
  take(bytes: Uint8Array, at: number, length: number): boolean {
    let done = 0;
    while (done < length) {
      const buffer = this.#buffer;
      const n = Math.min(length - done, buffer.length);
      if (n === 0) return false; // no room at all: nothing can ever be told
      copyBytes(bytes, at + done, buffer, 0, n);
      done += n;
      const more = this.#options.callback(n, buffer) !== false;
      if (typeof this.#options.buffer === 'function') {
        const next = this.#options.buffer();
        if (next instanceof Uint8Array) this.#buffer = next;
      }
      if (more) continue;
      if (done < length) this.#rest = Buffer.from(bytes.subarray(at + done, at + length));
      return false;
    }
    return true;
  }

  /** The user wants more: first what was kept. False if that was already too much. */
  flush(): boolean {
    const rest = this.#rest;
    if (!rest) return true;
    this.#rest = undefined;
    return this.take(rest, 0, rest.length);
  }
}

/** The option, if it is one; Node ignores what is not. */
export function readOnRead(option: unknown): UserBuffer | undefined {
  if (typeof option !== 'object' || option === null) return undefined;
  const { buffer, callback } = option as Partial<OnReadOpts>;
  const usable = buffer instanceof Uint8Array || typeof buffer === 'function';
  return usable && typeof callback === 'function'
    ? new UserBuffer(option as OnReadOpts)
    : undefined;
}
