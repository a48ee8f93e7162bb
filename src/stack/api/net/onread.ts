/**
 * The `onread` option of a socket: received text is put into one buffer of the user's, again and
 * again, and told by a callback instead of `data` events. Between two calls the program's ticks and promises
 * run, as between two reads of the kernel's.
 *
 * Node documentation: "new net.Socket([options])", `onread`.
 * @module
 */
import type { OnReadOpts } from 'node:net';
import { copyBytes } from '../../base/copy.ts';
import { catchUp } from './order.ts';

/** Calls in a row before others have their turn: libuv's number of reads. */
const CALLS = 32;

/** What the socket does for its buffer. */
export interface Works {
  /** False while the user wants nothing, or there is no socket any more. */
  wants(): boolean;
  /** `length` bytes are about to be told by `call`, in the socket's context. */
  told(length: number, call: () => void): void;
  /** The callback has said enough. */
  stop(): void;
  /** Call `fill` as an event of its own; nothing more needs to come until `emptied`. */
  later(): void;
  /** All of `chunk` was told. */
  spent(chunk: Buffer): void;
  /** All that came was told. */
  emptied(): void;
}

export class UserBuffer {
  readonly #works: Works;
  readonly #socket: object;
  readonly #callback: OnReadOpts['callback'];
  readonly #generate: (() => Uint8Array) | undefined;
  #buffer: Uint8Array;
  /** What has come and was not told, and how much of the first of it was. */
  readonly #chunks: Buffer[] = [];
  #at = 0;
  /** What happened after that. */
  readonly #after: (() => void)[] = [];
  /** `fill` is to be called as an event. */
  #due = false;
  /** It was, since all was told. */
  #held = false;

  constructor({ buffer, callback }: OnReadOpts, socket: object, works: Works) {
    this.#works = works;
    this.#socket = socket;
    this.#callback = callback;
    this.#generate = typeof buffer === 'function' ? buffer : undefined;
    this.#buffer = typeof buffer === 'function' ? buffer() : buffer;
  }

  /** True while something that came, or happened after it, was not told. */
  get waiting(): boolean {
    return this.#chunks.length + this.#after.length > 0;
  }

  /** Text, to be told after what waits. */
  take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (!this.#due) this.fill();
  }

  /** True if something waits that comes before `then`, which is called after it. */
  waits(then: () => void): boolean {
    if (this.waiting) this.#after.push(then);
    return this.waiting;
  }

  /** The user wants more: tell what waits. False if nothing does. */
  goOn(): boolean {
    if (this.waiting && !this.#due) this.#later();
    return this.waiting;
  }

  /** Tell what waits; to be called as an event. */
  fill(): void {
    this.#due = false;
    try {
      for (let left = CALLS; this.#canTell() && left > 0; left--) {
        if (left < CALLS) catchUp();
        if (this.#canTell()) this.#tell();
      }
    } finally {
      // Whether or not the callback threw.
      if (this.#canTell()) this.#later();
      else if (this.#works.wants()) this.#emptied();
    }
  }

  #canTell(): boolean {
    return this.#chunks.length > 0 && this.#works.wants();
  }

  #later(): void {
    this.#due = this.#held = true;
    this.#works.later();
  }

  #emptied(): void {
    for (const then of this.#after.splice(0)) then();
    if (this.#held && this.#works.wants()) this.#works.emptied();
    this.#held = false;
  }

  #tell(): void {
    const chunk = this.#chunks[0] as Buffer; // there is one: `canTell`
    const buffer = this.#buffer;
    const length = Math.min(chunk.length - this.#at, buffer.length);
    if (length === 0) {
      this.#works.stop(); // no room at all: nothing can ever be told
      return;
    }
    copyBytes(chunk, this.#at, buffer, 0, length);
    this.#at += length;
    if (this.#at === chunk.length) {
      this.#chunks.shift();
      this.#at = 0;
      this.#works.spent(chunk);
    }
    this.#works.told(length, () => this.#call(length, buffer));
  }

  #call(length: number, buffer: Uint8Array): void {
    const more = Reflect.apply(this.#callback, this.#socket, [length, buffer]);
    if (more === false) this.#works.stop();
    if (!this.#generate) return;
    const next = this.#generate();
    if (next instanceof Uint8Array) this.#buffer = next;
  }
}

/** The option, if it is one; Node ignores what is not. `works` is made where it is. */
export function readOnRead(
  option: unknown,
  socket: object,
  works: () => Works,
): UserBuffer | undefined {
  if (typeof option !== 'object' || option === null) return undefined;
  const { buffer, callback } = option as Partial<OnReadOpts>;
  const usable = buffer instanceof Uint8Array || typeof buffer === 'function';
  return usable && typeof callback === 'function'
    ? new UserBuffer(option as OnReadOpts, socket, works())
    : undefined;
}
