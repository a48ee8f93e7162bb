/**
 * The inactivity timer of a socket. Activity stores a time and nothing else; the timer runs late, looks,
 * and goes on if there was any, so that a busy socket never restarts it.
 *
 * Node documentation: "socket.setTimeout()".
 * @module
 */
import type { Clock } from '../../base/clock.ts';
import { after, stop } from '../../host/clock.ts';

export class IdleTimer {
  readonly #clock: Clock;
  readonly #onIdle: () => void;
  #length = 0;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onIdle` is called once for each time of silence, by the stack's clock. */
  constructor(clock: Clock, onIdle: () => void) {
    this.#clock = clock;
    this.#onIdle = onIdle;
  }

  /** From now on, `milliseconds` of silence count; 0: none do. */
  set(milliseconds: number): void {
    this.stop();
    this.#length = milliseconds;
    this.touch();
  }

  /** Something happened. */
  touch(): void {
    if (this.#length === 0) return;
    this.#last = this.#clock.now();
    if (!this.#timer) this.#wait(this.#length);
  }

  stop(): void {
    stop(this.#timer);
    this.#timer = undefined;
    this.#length = 0;
  }

  #wait(milliseconds: number): void {
    this.#timer = after(milliseconds, () => {
      this.#timer = undefined;
      const left = this.#length - (this.#clock.now() - this.#last) / 1000;
      if (left >= 1) this.#wait(left);
      else this.#onIdle();
    });
  }
}
