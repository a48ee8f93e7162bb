/**
 * The inactivity timer of a socket. Activity stores a time and nothing else; the timer runs late, looks,
 * and goes on if there was any, so that a busy socket never restarts it. Nor does one that is told another
 * length: Node's http does so twice a request.
 *
 * Node documentation: "socket.setTimeout()".
 * @module
 */
import type { Clock } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';
import { after, stop } from '../../host/clock.ts';

export class IdleTimer {
  readonly #clock: Clock;
  readonly #onIdle: () => void;
  #length = 0;
  #last: number = REAL_ZERO;
  #timer: NodeJS.Timeout | undefined;
  /** When it looks, in milliseconds of the clock. */
  #due: number = REAL_ZERO;

  /** `onIdle` is called once for each time of silence, by the stack's clock. */
  constructor(clock: Clock, onIdle: () => void) {
    this.#clock = clock;
    this.#onIdle = onIdle;
  }

  /** From now on, `milliseconds` of silence count; 0: none do. */
  set(milliseconds: number): void {
    this.#length = milliseconds;
    if (milliseconds === 0) return; // the timer looks, and ends
    this.#last = this.#clock.now();
    if (this.#timer && this.#due <= this.#last / 1000 + milliseconds) return;
    stop(this.#timer);
    this.#wait(milliseconds);
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
    this.#due = this.#clock.now() / 1000 + milliseconds;
    this.#timer = after(milliseconds, () => {
      this.#timer = undefined;
      if (this.#length === 0) return;
      const left = this.#length - (this.#clock.now() - this.#last) / 1000;
      if (left >= 1) this.#wait(left);
      else this.#onIdle();
    });
  }
}
