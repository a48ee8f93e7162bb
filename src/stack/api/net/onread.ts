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
  readonly #callback: OnReadOpts['callback'];
  readonly #generate: (() => Uint8Array) | undefined;
  #buffer: Uint8Array;
  /** What came after the callback said enough. */
  #rest: Buffer | undefined;

  constructor(options: OnReadOpts) {
    const { buffer, callback } = options;
    this.#callback = callback;
    this.#generate = typeof buffer === 'function' ? buffer : undefined;
    this.#buffer = typeof buffer === 'function' ? buffer() : buffer;
  }

  /** Hand over `length` bytes to `socket`'s callback. False if the user wants no more for now: the rest is kept. */
  take(socket: object, bytes: Uint8Array, at: number, length: number): boolean {
    let done = 0;
    while (done < length) {
      const buffer = this.#buffer;
      const n = Math.min(length - done, buffer.length);
      if (n === 0) return false; // no room at all: nothing can ever be told
      copyBytes(bytes, at + done, buffer, 0, n);
      done += n;
      const more = Reflect.apply(this.#callback, socket, [n, buffer]) !== false;
      if (this.#generate) {
        const next = this.#generate();
        if (next instanceof Uint8Array) this.#buffer = next;
      }
      if (more) continue;
      if (done < length) this.#rest = Buffer.from(bytes.subarray(at + done, at + length));
      return false;
    }
    return true;
  }

  /** The user wants more: first what was kept. False if that was already too much. */
  flush(socket: object): boolean {
    const rest = this.#rest;
    if (!rest) return true;
    this.#rest = undefined;
    return this.take(socket, rest, 0, rest.length);
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
