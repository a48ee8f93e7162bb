/**
 * How the event loop learns that a descriptor can be read, with public interfaces alone.
 *
 * Node refuses to wait for a TUN (`ERR_INVALID_FD_TYPE`), a read by `fs` would hold a thread of the
 * pool, and asking again and again burns a core. So a `net.Socket` is made on one end of a
 * socketpair, and the TUN is then put in that end's place with `dup3`, before the event loop has
 * looked at it. From then on libuv's epoll watches the TUN, and when a packet is there it reads the
 * first one into `first`; its owner takes that one from there, and the rest by non-blocking reads
 * of its own until there are none.
 *
 * libuv reads again in the same turn only when a read filled the buffer, which is longer than any
 * packet. While the first packet is not taken reading is paused, so that it is never overwritten.
 *
 * With `adaptive` and `busy` the loop is kept turning by `setImmediate` and asks epoll at every
 * turn instead of sleeping in it: the answer to a packet comes sooner, at the price of a core.
 * @module
 */
import { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { checkNumber, DeviceError, invalid } from '../errors.ts';
import { AF, Errno, errnoName, type Libc, O, Pinned, SOCK } from './libc.ts';

/**
 * `event`: sleep until the kernel wakes us. `adaptive`: after traffic keep turning for a while,
 * then sleep. `busy`: never sleep; a whole core, even when idle.
 */
export type Waiting = 'event' | 'adaptive' | 'busy';

/** How the event loop waits for packets. */
export interface WaitOptions {
  /** Default `event`: see `Waiting`. */
  waiting?: Waiting;
  /** With `adaptive`: how long to keep turning after traffic, in µs. Default 50. */
  spinMicros?: number;
}

/** Longer than any packet with its headers, so that no read fills it. */
const FIRST_SIZE = 2 * 65_536;

export class Watch {
  /** Where the first packet of a batch lies while `held` is above 0. */
  readonly first: Pinned;
  /** Length of the packet in `first`; 0: none. */
  held = 0;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #waiting: Waiting;
  readonly #spinMillis: number;
  #socket: Socket | undefined;
  #paused = false;
  #referenced = true;
  #spinning = false;
  /** Something came or went since the last turn. */
  #active = false;
  #spinUntil = 0;

  constructor(libc: Libc, fd: number, waiting: Waiting, spinMicros: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#waiting = waiting;
    this.#spinMillis = spinMicros / 1000;
    this.first = new Pinned(libc, new Uint8Array(FIRST_SIZE));
  }

  /** Begin. `onReadable` comes with a packet in `first`; `onGone` at most once. */
  start(onReadable: () => void, onGone: (errno: number) => void): void {
    const libc = this.#libc;
    const ours = this.#placeholder();
    const callback = (length: number): boolean => {
      this.held = length;
      this.touch();
      onReadable();
      this.#paused = this.held > 0;
      return !this.#paused;
    };
    const socket = new Socket({
      fd: ours,
      readable: true,
      writable: false,
      onread: { buffer: this.first.bytes, callback },
    });
    this.#socket = socket;
    // Nothing has been handed to epoll yet: that happens when the loop turns.
    if (libc.dup3(this.#fd, ours, O.CLOEXEC) < 0) {
      const code = errnoName(libc.errno());
      socket.destroy();
      throw new DeviceError(code, `cannot watch descriptor ${this.#fd}`, 'dup3');
    }
    const gone = (errno: number): void => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      socket.destroy();
      onGone(errno);
    };
    socket.on('error', (error: NodeJS.ErrnoException) => gone(Math.abs(error.errno ?? 0)));
    socket.on('close', () => gone(Errno.EPIPE));
    socket.resume();
    if (!this.#referenced) socket.unref();
    if (this.#waiting === 'busy') this.touch();
  }

  /** The packet in `first` was taken. */
  take(): void {
    this.held = 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** There was traffic: an answer may be near. */
  touch(): void {
    if (this.#waiting === 'event') return;
    this.#active = true;
    if (this.#spinning || !this.#referenced) return;
    this.#spinning = true;
    setImmediate(this.#turn);
  }

  /** Whether this keeps the process alive, as a listening server does. */
  reference(on: boolean): void {
    this.#referenced = on;
    if (on) this.#socket?.ref();
    else this.#socket?.unref();
    if (on && this.#waiting === 'busy' && this.#socket !== undefined) this.touch();
  }

  /** Stop watching. The descriptor itself is left to its owner. */
  stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    this.held = 0;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }

  /** One end of a socketpair, the other one closed, of which libuv believes that it is a pipe. */
  #placeholder(): number {
    const libc = this.#libc;
    const { address, view } = this.first;
    if (libc.socketpair(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0, address) < 0) {
      throw new DeviceError(errnoName(libc.errno()), 'cannot make a socketpair', 'socketpair');
    }
    const ends = new Int32Array(view.buffer, view.byteOffset, 2);
    libc.close(ends[1] as number); // written by the call above, as is ends[0]
    return ends[0] as number;
  }

  readonly #turn = (): void => {
    this.#spinning = false;
    if (this.#socket === undefined || !this.#referenced) return;
    if (this.#waiting === 'adaptive') {
      const now = performance.now();
      if (this.#active) this.#spinUntil = now + this.#spinMillis;
      this.#active = false;
      if (now >= this.#spinUntil) return;
    }
    this.#spinning = true;
    setImmediate(this.#turn);
  };
}

/** Throws unless these can be meant. */
export function checkWaiting({ waiting = 'event', spinMicros = 50 }: WaitOptions): void {
  if (waiting !== 'event' && waiting !== 'adaptive' && waiting !== 'busy') {
    throw invalid('waiting', waiting, "it must be 'event', 'adaptive' or 'busy'");
  }
  checkNumber('spinMicros', spinMicros, 0, 1_000_000);
}
