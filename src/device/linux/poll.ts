/**
 * Readiness where the event loop cannot be given a descriptor (Bun, Deno): poll(2) on a thread of
 * koffi's, which comes back when there is a packet. As with libuv the first one is read here.
 *
 * A call that waits keeps the process alive. So a device that must not is asked by a timer instead;
 * and one that stops, or ceases to hold the process, ends the call by a byte on a socketpair.
 * @module
 */
import { endianness } from 'node:os';
import { DeviceError } from '../errors.ts';
import { AF, Errno, errnoName, type Libc, Pinned, POLL, SOCK } from './libc.ts';
import { FIRST_SIZE, type Readiness } from './readiness.ts';
import { Spinner, type WaitOptions } from './waiting.ts';

const LITTLE = endianness() === 'LE';
/** Between two questions while the process is not held, in ms. */
const PERIOD = 10;
/** struct pollfd. */
const POLLFD = { fd: 0, events: 4, revents: 6, size: 8 } as const;
/** Where the socketpair's two numbers are written. */
const PAIR_AT = 64;
/** Room for the bytes by which calls were ended. */
const SPARE_AT = 72;
const SPARE = 32;
/** How long a call waits, in ms: the threads are few, and others wait for one too. */
const LONGEST = 100;

export class PollWatch implements Readiness {
  readonly first: Pinned;
  held = 0;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #spinner: Spinner;
  /** What the thread polls: the descriptor, and the end of a socketpair by which it is woken. */
  readonly #polled: Pinned;
  #wakeRead = -1;
  #wakeWrite = -1;
  #onReadable: () => void = () => {};
  #onGone: (errno: number) => void = () => {};
  #running = false;
  #waits = false;
  #paused = false;
  #referenced = true;
  #timer: NodeJS.Timeout | undefined;
  #stopped: (() => void) | undefined;

  constructor(libc: Libc, fd: number, options: WaitOptions) {
    this.#libc = libc;
    this.#fd = fd;
    this.#spinner = new Spinner(options, () => this.#look());
    this.first = new Pinned(libc, new Uint8Array(FIRST_SIZE));
    this.#polled = new Pinned(libc, new Uint8Array(128));
  }

  start(onReadable: () => void, onGone: (errno: number) => void): void {
    const libc = this.#libc;
    const { view, address } = this.#polled;
    const kind = SOCK.STREAM | SOCK.CLOEXEC;
    if (libc.socketpair(AF.UNIX, kind, 0, address + PAIR_AT) < 0) {
      throw new DeviceError(errnoName(libc.errno()), 'cannot make a socketpair', 'socketpair');
    }
    const ends = new Int32Array(view.buffer, view.byteOffset + PAIR_AT, 2);
    this.#wakeRead = ends[0] as number; // written by the call above, as is ends[1]
    this.#wakeWrite = ends[1] as number;
    for (const [index, fd] of [this.#fd, this.#wakeRead].entries()) {
      view.setInt32(index * POLLFD.size + POLLFD.fd, fd, LITTLE);
      view.setInt16(index * POLLFD.size + POLLFD.events, POLL.IN, LITTLE);
    }
    this.#onReadable = onReadable;
    this.#onGone = onGone;
    this.#running = true;
    this.#spinner.start();
    this.#wait();
  }

  take(): void {
    this.held = 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#wait();
  }

  touch(): void {
    this.#spinner.touch();
  }

  reference(on: boolean): void {
    this.#referenced = on;
    this.#spinner.reference(on);
    if (!this.#running) return;
    if (!on) this.#wake();
    this.#wait();
  }

  stop(): Promise<void> {
    this.held = 0;
    this.#end();
    if (!this.#waits) return Promise.resolve();
    return new Promise((resolve) => {
      this.#stopped = resolve;
    });
  }

  /** See that a packet is noticed: by the thread, or by a timer that holds nobody. */
  #wait(): void {
    clearTimeout(this.#timer);
    if (!this.#running || this.#paused || this.#waits) return;
    if (!this.#referenced) {
      this.#timer = setTimeout(this.#onTimer, PERIOD);
      this.#timer.unref();
      return;
    }
    this.#waits = true;
    this.#libc.pollAsync(this.#polled.address, 2, LONGEST, this.#onPolled);
  }

  readonly #onTimer = (): void => {
    this.#look();
    this.#wait();
  };

  readonly #onPolled = (): void => {
    this.#waits = false;
    if (!this.#running) {
      this.#release();
      this.#stopped?.();
      return;
    }
    this.#drainWake();
    this.#look();
    this.#wait();
  };

  /** Read the first packet, if there is one, and tell of it. True if there was, or nobody wants one. */
  #look(): boolean {
    if (!this.#running || this.#paused) return true;
    const libc = this.#libc;
    const length = libc.read(this.#fd, this.first.address, FIRST_SIZE);
    if (length > 0) {
      this.held = length;
      this.#onReadable();
      this.#paused = this.held > 0;
      this.touch(); // last, as in `Watch`
      return true;
    }
    const errno = length === 0 ? Errno.EPIPE : libc.errno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return false;
    this.#end();
    this.#onGone(errno);
    return true;
  }

  #end(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#spinner.stop();
    clearTimeout(this.#timer);
    if (this.#waits) this.#wake();
    else this.#release();
  }

  #release(): void {
    this.#libc.close(this.#wakeRead);
    this.#libc.close(this.#wakeWrite);
  }

  #wake(): void {
    if (this.#waits) this.#libc.write(this.#wakeWrite, this.#polled.address, 1);
  }

  /** Take what ended the call, if it was told to end. */
  #drainWake(): void {
    const { view, address } = this.#polled;
    if (view.getUint16(POLLFD.size + POLLFD.revents) === 0) return;
    this.#libc.read(this.#wakeRead, address + SPARE_AT, SPARE);
  }
}
