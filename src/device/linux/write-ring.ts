/**
 * The packets of one batch, written by one system call: io_uring(7).
 *
 * A call costs more than what the kernel does with a short packet. Measured in C, 150 bytes to a TUN that has no use
 * for them: 2.4 µs by write(2), 0.9 µs each where 16 go by one `io_uring_enter`. So short packets are put into places
 * of ours, which are told to the ring beforehand, and written when the batch ends.
 *
 * A TUN takes a packet within the call, so the ring is empty again when it returns: there is nothing to wait for,
 * and what became of each packet is known. The ring's memory is ours (`IORING_SETUP_NO_MMAP`), one page for each of
 * its parts. A kernel that is older than 6.6, or that lets nobody have a ring, gives none: then each packet is a call.
 * @module
 */
import { endianness } from 'node:os';
import { type Libc, Pinned } from './libc.ts';
import { adoptOwned, closeOwned } from './owned.ts';

/** Numbers of the calls, the same wherever Node runs on Linux. */
const SETUP = 425;
const ENTER = 426;
const GETEVENTS = 1;
/** IORING_SETUP_SUBMIT_ALL, NO_MMAP and NO_SQARRAY. */
const FLAGS = (1 << 7) | (1 << 14) | (1 << 16);
const OP_WRITE = 23;
/** struct io_uring_params: where what it says begins. */
const PARAMS = { flags: 8, sqTail: 44, sqUser: 72, cqHead: 80, cqTail: 84, cqes: 100, cqUser: 112 };
/** struct io_uring_sqe, io_uring_cqe. */
const SQE = { size: 64, fd: 4, offset: 8, address: 16, length: 24, user: 32 } as const;
const CQE = { size: 16, user: 0, result: 8 } as const;

/** A power of two. With 64 in place of 32 a packet costs a tenth less, and takes twice the memory. */
const PLACES = 32;
/** Longer packets are written where they lie: to copy one would cost what the call does. */
const LONGEST = 2048;
const PAGE = 4096;
const LITTLE = endianness() === 'LE';

const copy = Buffer.prototype.copy;

/** Packets that wait for the end of their batch. */
export class WriteRing {
  /** How many wait, and the place of the first. */
  count = 0;
  first = 0;
  readonly #libc: Libc;
  readonly #memory: Pinned;
  readonly #fd: number;
  readonly #length = new Int32Array(PLACES);
  /** What became of each: as write(2) gives it, or an error's number below 0. */
  readonly #result = new Int32Array(PLACES);
  /** Offsets into the memory: of what the two share, and of the packets. */
  readonly #requests: number;
  readonly #sqTail: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqes: number;
  readonly #places: number;

  /** For writes to `fd`; undefined where there can be none. */
  static open(libc: Libc, fd: number): WriteRing | undefined {
    if (!LITTLE) return undefined;
    const memory = new Pinned(libc, new Uint8Array(4 * PAGE + PLACES * LONGEST));
    const begin = (PAGE - (memory.address % PAGE)) % PAGE;
    const [requests, shared, params] = [begin, begin + PAGE, begin + 2 * PAGE];
    const { view, address } = memory;
    view.setUint32(params + PARAMS.flags, FLAGS, LITTLE);
    view.setBigUint64(params + PARAMS.sqUser, BigInt(address + requests), LITTLE);
    view.setBigUint64(params + PARAMS.cqUser, BigInt(address + shared), LITTLE);
    const ring = libc.ringSetup(SETUP, PLACES, address + params);
    if (ring < 0) return undefined;
    return new WriteRing(libc, memory, adoptOwned(libc, ring), fd, begin);
  }

  private constructor(libc: Libc, memory: Pinned, ring: number, fd: number, begin: number) {
    this.#libc = libc;
    this.#memory = memory;
    this.#fd = ring;
    const [shared, params] = [begin + PAGE, begin + 2 * PAGE];
    const { view } = memory;
    const inShared = (field: number): number => shared + view.getUint32(params + field, LITTLE);
    this.#requests = begin;
    this.#sqTail = inShared(PARAMS.sqTail);
    this.#cqHead = inShared(PARAMS.cqHead);
    this.#cqTail = inShared(PARAMS.cqTail);
    this.#cqes = inShared(PARAMS.cqes);
    this.#places = begin + 3 * PAGE;
    for (let i = 0; i < PLACES; i++) {
      const at = begin + i * SQE.size;
      view.setUint8(at, OP_WRITE);
      view.setInt32(at + SQE.fd, fd, LITTLE);
      view.setBigInt64(at + SQE.offset, -1n, LITTLE);
      view.setBigUint64(at + SQE.address, BigInt(this.addressOf(i)), LITTLE);
      view.setUint32(at + SQE.user, i, LITTLE);
    }
  }

  /** True if `length` bytes of `bytes` at `at` wait now. False: they are too long, or there is no place. */
  put(bytes: Uint8Array, at: number, length: number): boolean {
    if (length > LONGEST || this.count === PLACES) return false;
    const place = (this.first + this.count++) & (PLACES - 1);
    copy.call(bytes, this.#memory.bytes, this.#places + place * LONGEST, at, at + length);
    this.#length[place] = length;
    return true;
  }

  /** Write all that wait: then `first` to `first + count` have results. False: the ring is broken, and some have none. */
  submit(): boolean {
    const { view } = this.#memory;
    const { count } = this;
    for (let i = 0; i < count; i++) {
      const place = (this.first + i) & (PLACES - 1);
      const at = this.#requests + place * SQE.size;
      view.setUint32(at + SQE.length, this.#length[place] as number, LITTLE); // the mask keeps it inside
      this.#result[place] = 0;
    }
    const tail = view.getUint32(this.#sqTail, LITTLE) + count;
    view.setUint32(this.#sqTail, tail, LITTLE);
    const done = this.#libc.ringEnter(ENTER, this.#fd, count, count, GETEVENTS, 0, 0);
    let head = view.getUint32(this.#cqHead, LITTLE);
    const end = view.getUint32(this.#cqTail, LITTLE);
    for (; head !== end; head = (head + 1) >>> 0) {
      const at = this.#cqes + (head & (2 * PLACES - 1)) * CQE.size; // there are twice as many
      const place = view.getUint32(at + CQE.user, LITTLE) & (PLACES - 1);
      this.#result[place] = view.getInt32(at + CQE.result, LITTLE);
    }
    view.setUint32(this.#cqHead, head, LITTLE);
    return done === count;
  }

  /** The `i`th of those that wait: the bytes that were written, an error's number below 0; 0: it was not tried. */
  result(i: number): number {
    return this.#result[(this.first + i) & (PLACES - 1)] as number; // likewise
  }

  lengthOf(i: number): number {
    return this.#length[(this.first + i) & (PLACES - 1)] as number; // likewise
  }

  addressOf(i: number): number {
    const place = (this.first + i) & (PLACES - 1);
    return this.#memory.address + this.#places + place * LONGEST;
  }

  /** A copy of the `i`th, in memory that has an address. */
  packet(i: number): Uint8Array {
    const bytes = new Uint8Array(LONGEST);
    const place = this.#places + ((this.first + i) & (PLACES - 1)) * LONGEST;
    const length = this.lengthOf(i);
    bytes.set(this.#memory.bytes.subarray(place, place + length));
    return bytes.subarray(0, length);
  }

  /** Those that wait are done with; `asked`: the ring has had them. */
  clear(asked: boolean): void {
    if (asked) this.first = (this.first + this.count) & (PLACES - 1);
    this.count = 0;
  }

  close(): void {
    closeOwned(this.#fd);
  }
}
