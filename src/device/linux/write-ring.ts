/**
 * The packets of one batch, written by one system call: io_uring(7).
 *
 * A call costs more than what the kernel does with a short packet. Measured in C, 150 bytes to a TUN that has no use
 * for them: 2.4 µs by write(2), 0.9 µs each where 16 go by one `io_uring_enter`. So short packets are put into places
 * of ours, which are told to the ring beforehand, and written when the batch ends. Without a ring each packet is a call.
 *
 * Without `NOWAIT` the kernel would keep a packet for later where a bound is set on what an interface may have on its way
 * (TUNSETSNDBUF), and the call, which is to wait for all, would hold the process until there is room: seconds were seen.
 * @module
 */
import type { Libc } from './libc.ts';
import { NOWAIT, Op, Ring } from './ring.ts';

/** A power of two. With 64 in place of 32 a packet costs a tenth less, and takes twice the memory. */
const PLACES = 32;
/** Longer packets are written where they lie: to copy one would cost what the call does. */
const LONGEST = 2048;

const copy = Buffer.prototype.copy;

/** Packets that wait for the end of their batch. */
export class WriteRing {
  /** How many wait. */
  count = 0;
  readonly #ring: Ring;
  readonly #length = new Int32Array(PLACES);

  /** For writes to `fd`; undefined where there can be none. */
  static open(libc: Libc, fd: number): WriteRing | undefined {
    const ring = Ring.open(libc, PLACES, PLACES * LONGEST);
    return ring && new WriteRing(ring, fd);
  }

  private constructor(ring: Ring, fd: number) {
    this.#ring = ring;
    ring.prepare(Op.WRITE, fd, NOWAIT);
  }

  /** True if `length` bytes of `bytes` at `at` wait now. False: they are too long, or there is no place. */
  put(bytes: Uint8Array, at: number, length: number): boolean {
    if (length > LONGEST || this.count === PLACES) return false;
    const { memory } = this.#ring;
    const i = this.count++;
    copy.call(bytes, memory.bytes, this.#at(i), at, at + length);
    this.#length[i] = length;
    return true;
  }

  /** Write all that wait: then each has a result. False: the ring is broken, and some have none. */
  submit(): boolean {
    const { address } = this.#ring.memory;
    for (let i = 0; i < this.count; i++) this.#ring.ask(i, address, this.#at(i), this.lengthOf(i));
    return this.#ring.submit(this.count);
  }

  /** The `i`th of those that wait: the bytes that were written, an error's number below 0; 0: it was not tried. */
  result(i: number): number {
    return this.#ring.result(i);
  }

  lengthOf(i: number): number {
    return this.#length[i] as number; // below the count
  }

  addressOf(i: number): number {
    return this.#ring.memory.address + this.#at(i);
  }

  /** A copy of the `i`th, in memory that has an address. */
  packet(i: number): Uint8Array {
    const bytes = new Uint8Array(LONGEST);
    const at = this.#at(i);
    const length = this.lengthOf(i);
    bytes.set(this.#ring.memory.bytes.subarray(at, at + length));
    return bytes.subarray(0, length);
  }

  /** Those that wait are done with; `asked`: the ring has had them. */
  clear(asked: boolean): void {
    if (asked) this.#ring.pass(this.count);
    this.count = 0;
  }

  close(): void {
    this.#ring.close();
  }

  /** Where the `i`th lies in the ring's memory. */
  #at(i: number): number {
    return this.#ring.spare + this.#ring.place(i) * LONGEST;
  }
}
