/**
 * The packets of one batch, written by one system call: io_uring(7).
 *
 * A call costs more than what the kernel does with a short packet. Measured in C, 150 bytes to a TUN that has no use
 * for them: 2.4 µs by write(2), 0.9 µs each where 16 go by one `io_uring_enter`. So short packets are put into places
 * of ours, which are told to the ring beforehand, and written when the batch ends. Without a ring each packet is a call.
 * Of a packet in pieces the head is put there, and a vector of where the pieces lie.
 *
 * Without `NOWAIT` the kernel would keep a packet for later where a bound is set on what an interface may have on its way
 * (TUNSETSNDBUF), and the call, which is to wait for all, would hold the process until there is room: seconds were seen.
 * @module
 */
import { type Gathered, PIECES } from './gathered.ts';
import { addressIn, type Libc, lengthIn, VECTOR_SIZE } from './libc.ts';
import { NOWAIT, Op, Ring } from './ring.ts';

/** A power of two. With 64 in place of 32 a packet costs a tenth less, and takes twice the memory. */
const PLACES = 32;
/** Longer packets are written where they lie: to copy one would cost what the call does. */
const LONGEST = 2048;
/** Where the vector of a packet in pieces stands in its place: the head comes before it. */
const VECTOR_AT = 1024;

const copy = Buffer.prototype.copy;
const NO_BYTES = new Uint8Array(0);

/** Packets that wait for the end of their batch. */
export class WriteRing {
  /** How many wait. */
  count = 0;
  readonly #libc: Libc;
  readonly #ring: Ring;
  /** Of the whole packet. */
  readonly #length = new Int32Array(PLACES);
  /** Of its vector; 0: it is in one piece. */
  readonly #entries = new Int32Array(PLACES);
  /** The pieces, held so that their addresses stay true. */
  readonly #held: Uint8Array[] = new Array(PLACES * PIECES).fill(NO_BYTES);

  /** For writes to `fd`; undefined where there can be none. */
  static open(libc: Libc, fd: number): WriteRing | undefined {
    const ring = Ring.open(libc, PLACES, PLACES * LONGEST);
    return ring && new WriteRing(libc, ring, fd);
  }

  private constructor(libc: Libc, ring: Ring, fd: number) {
    this.#libc = libc;
    this.#ring = ring;
    ring.prepare(fd, NOWAIT);
  }

  /**
   * True if the `length` bytes of `bytes` at `at` wait now, and after them what was gathered, which stays where it is.
   * False: they are too long, or there is no place.
   */
  put(bytes: Uint8Array, at: number, length: number, gathered: Gathered): boolean {
    const pieces = gathered.count;
    if (length > (pieces === 0 ? LONGEST : VECTOR_AT) || this.count === PLACES) return false;
    const { memory } = this.#ring;
    const i = this.count++;
    copy.call(bytes, memory.bytes, this.#at(i), at, at + length);
    this.#length[i] = length + gathered.bytes;
    this.#entries[i] = 0;
    if (pieces === 0) return true;
    this.#entries[i] = pieces + 1;
    gathered.head(memory.address + this.#at(i), length);
    const { vector } = gathered;
    copy.call(vector.bytes, memory.bytes, this.#at(i) + VECTOR_AT, 0, (pieces + 1) * VECTOR_SIZE);
    for (let j = 0; j < pieces; j++) this.#held[i * PIECES + j] = gathered.piece(j);
    return true;
  }

  /** Write all that wait: then each has a result. False: the ring is broken, and some have none. */
  submit(): boolean {
    const { address } = this.#ring.memory;
    for (let i = 0; i < this.count; i++) {
      const entries = this.#entries[i] as number; // below the count
      const at = this.#at(i);
      if (entries === 0) this.#ring.ask(i, Op.WRITE, address, at, this.lengthOf(i));
      else this.#ring.ask(i, Op.WRITEV, address, at + VECTOR_AT, entries);
    }
    return this.#ring.submit(this.count);
  }

  /** Write the first one by a call of its own. What the call gives. */
  writeFirst(fd: number): number {
    const entries = this.#entries[0] as number;
    const address = this.#ring.memory.address + this.#at(0);
    return entries === 0
      ? this.#libc.write(fd, address, this.lengthOf(0))
      : this.#libc.writev(fd, address + VECTOR_AT, entries);
  }

  /** The `i`th of those that wait: the bytes that were written, an error's number below 0; 0: it was not tried. */
  result(i: number): number {
    return this.#ring.result(i);
  }

  lengthOf(i: number): number {
    return this.#length[i] as number; // below the count
  }

  /** A copy of the `i`th, in memory that has an address. */
  packet(i: number): Uint8Array {
    const length = this.lengthOf(i);
    const bytes = new Uint8Array(Math.max(length, LONGEST));
    const { memory } = this.#ring;
    const at = this.#at(i);
    const entries = this.#entries[i] as number;
    if (entries === 0) bytes.set(memory.bytes.subarray(at, at + length));
    const to = this.#libc.addressOf(bytes);
    for (let j = 0, done = 0; j < entries; j++) {
      const entry = at + VECTOR_AT + j * VECTOR_SIZE;
      const size = lengthIn(memory, entry);
      this.#libc.memmove(to + done, addressIn(memory, entry), size);
      done += size;
    }
    return bytes.subarray(0, length);
  }

  /** Those that wait are done with; `asked`: the ring has had them. */
  clear(asked: boolean): void {
    for (let i = 0; i < this.count; i++) {
      const pieces = (this.#entries[i] as number) - 1;
      for (let j = 0; j < pieces; j++) this.#held[i * PIECES + j] = NO_BYTES;
    }
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
