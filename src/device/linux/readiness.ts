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
 * With `adaptive` and `busy` the loop is kept turning and asks epoll at every turn instead of
 * sleeping in it; before that the descriptor itself is asked, which costs less.
 * @module
 */
import { Socket } from 'node:net';
import { DeviceError } from '../errors.ts';
import { AF, Errno, errnoName, type Libc, O, Pinned, SOCK } from './libc.ts';
import { Spinner, type WaitOptions } from './waiting.ts';

/** Longer than any packet with its headers, so that no read fills it. */
export const FIRST_SIZE: number = 2 * 65_536;

/** Tells when a descriptor can be read, with its first packet in hand. */
export interface Readiness {
  /** Where the first packet of a batch lies while `held` is above 0. */
  readonly first: Pinned;
  /** Length of the packet in `first`; 0: none. */
  readonly held: number;
  /** Begin. `onReadable` comes with a packet in `first`; `onGone` at most once. */
  start(onReadable: () => void, onGone: (errno: number) => void): void;
  /** The packet in `first` was taken. */
  take(): void;
  /** There was traffic: an answer may be near. */
  touch(): void;
  /** Whether this keeps the process alive, as a listening server does. */
  reference(on: boolean): void;
  /** Stop watching. The descriptor itself is left to its owner. */
  stop(): Promise<void>;
}

export class Watch implements Readiness {
  readonly first: Pinned;
  held = 0;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #spinner: Spinner;
  #socket: Socket | undefined;
  #onReadable: () => void = () => {};
  /** That of `first`. So it stays one object, where a field of numbers makes a new one for each call. */
  #address: number | undefined;
  #paused = false;
  #referenced = true;

  constructor(libc: Libc, fd: number, options: WaitOptions) {
    this.#libc = libc;
    this.#fd = fd;
    this.#spinner = new Spinner(options, () => this.#look());
    this.first = new Pinned(libc, new Uint8Array(FIRST_SIZE));
    this.#address = this.first.address;
  }

  start(onReadable: () => void, onGone: (errno: number) => void): void {
    const libc = this.#libc;
    const ours = this.#placeholder();
    const callback = (length: number): boolean => {
      this.#tell(length);
      return !this.#paused;
    };
    this.#onReadable = onReadable;
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
      this.#spinner.stop();
      socket.destroy();
      onGone(errno);
    };
    socket.on('error', (error: NodeJS.ErrnoException) => gone(Math.abs(error.errno ?? 0)));
    socket.on('close', () => gone(Errno.EPIPE));
    socket.resume();
    if (!this.#referenced) socket.unref();
    this.#spinner.start();
  }

  take(): void {
    this.held = 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  touch(): void {
    this.#spinner.touch();
  }

  reference(on: boolean): void {
    this.#referenced = on;
    if (on) this.#socket?.ref();
    else this.#socket?.unref();
    this.#spinner.reference(on);
  }

  stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    this.held = 0;
    this.#spinner.stop();
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }

  #tell(length: number): void {
    this.held = length;
    this.#onReadable();
    this.#paused = this.held > 0;
    this.touch(); // last: a turn that this queues comes after what the packet has brought is told
  }

  /** Ask the descriptor instead of epoll. True if a packet came, or none is wanted; errors are for epoll to find. */
  #look(): boolean {
    if (this.#socket === undefined || this.#paused) return true;
    const length = this.#libc.read(this.#fd, this.#address as number, FIRST_SIZE);
    if (length <= 0) return false;
    this.#tell(length);
    if (this.#paused) this.#socket?.pause();
    return true;
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
}
