/**
 * io_uring(7), as far as a TUN needs it: requests that the kernel serves within the call that brings them.
 *
 * The ring's memory is ours (`IORING_SETUP_NO_MMAP`), one page for each of its parts. When the call returns the ring is
 * empty again: there is nothing to wait for, and what became of each request is known. A kernel that is older than 6.6,
 * or that lets nobody have a ring, gives none.
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
/** struct io_uring_params: where what it says begins. */
const PARAMS = { flags: 8, sqTail: 44, sqUser: 72, cqHead: 80, cqTail: 84, cqes: 100, cqUser: 112 };
/** struct io_uring_sqe, io_uring_cqe. */
const SQE = { size: 64, fd: 4, offset: 8, address: 16, length: 24, flags: 28, user: 32 } as const;
const CQE = { size: 16, user: 0, result: 8 } as const;
const PAGE = 4096;
const LITTLE = endianness() === 'LE';
const WORD = 0x1_0000_0000;

export const Op = { READV: 1, WRITEV: 2, READ: 22, WRITE: 23 } as const;
/** RWF_NOWAIT of preadv2(2): what cannot be had now is EAGAIN, whatever the kernel would rather do with it. */
export const NOWAIT = 8;

/** Requests on one descriptor, by turns in places that never change. */
export class Ring {
  /** The place of the next request. */
  first = 0;
  readonly memory: Pinned;
  /** Where the bytes in `memory` are that the owner has asked for. */
  readonly spare: number;
  readonly #libc: Libc;
  readonly #fd: number;
  /** A power of two, up to 64. */
  readonly #places: number;
  /** What became of each: as the call of that name gives it, or an error's number below 0. */
  readonly #result: Int32Array;
  readonly #requests: number;
  readonly #sqTail: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqes: number;

  /** For up to `places` requests at a time, and `spare` bytes of memory; undefined where there can be none. */
  static open(libc: Libc, places: number, spare: number): Ring | undefined {
    if (!LITTLE) return undefined;
    const memory = new Pinned(libc, new Uint8Array(4 * PAGE + spare));
    const begin = (PAGE - (memory.address % PAGE)) % PAGE;
    const [requests, shared, params] = [begin, begin + PAGE, begin + 2 * PAGE];
    const { view, address } = memory;
    view.setUint32(params + PARAMS.flags, FLAGS, LITTLE);
    view.setBigUint64(params + PARAMS.sqUser, BigInt(address + requests), LITTLE);
    view.setBigUint64(params + PARAMS.cqUser, BigInt(address + shared), LITTLE);
    const fd = libc.ringSetup(SETUP, places, address + params);
    if (fd < 0) return undefined;
    return new Ring(libc, memory, adoptOwned(libc, fd), places, begin);
  }

  private constructor(libc: Libc, memory: Pinned, fd: number, places: number, begin: number) {
    this.memory = memory;
    this.#libc = libc;
    this.#fd = fd;
    this.#places = places;
    this.#result = new Int32Array(places);
    const [shared, params] = [begin + PAGE, begin + 2 * PAGE];
    const inShared = (field: number): number =>
      shared + memory.view.getUint32(params + field, LITTLE);
    this.#requests = begin;
    this.#sqTail = inShared(PARAMS.sqTail);
    this.#cqHead = inShared(PARAMS.cqHead);
    this.#cqTail = inShared(PARAMS.cqTail);
    this.#cqes = inShared(PARAMS.cqes);
    this.spare = begin + 3 * PAGE;
  }

  /** What all requests have in common: `flags` are those of the operations. */
  prepare(fd: number, flags: number): void {
    const { view } = this.memory;
    for (let place = 0; place < this.#places; place++) {
      const at = this.#requests + place * SQE.size;
      view.setInt32(at + SQE.fd, fd, LITTLE);
      view.setBigInt64(at + SQE.offset, -1n, LITTLE);
      view.setUint32(at + SQE.flags, flags, LITTLE);
      view.setUint32(at + SQE.user, place, LITTLE);
    }
  }

  /**
   * The `i`th of the next ones: `length` bytes, or struct iovec, at the address `base + at`. No number of it is made an
   * object.
   */
  ask(i: number, operation: number, base: number, at: number, length: number): void {
    const { view } = this.memory;
    const request = this.#requests + this.place(i) * SQE.size;
    view.setUint8(request, operation);
    view.setUint32(request + SQE.address, base + at, LITTLE); // modulo 2^32
    view.setUint32(request + SQE.address + 4, (base + at) / WORD, LITTLE); // towards 0
    view.setUint32(request + SQE.length, length, LITTLE);
    this.#result[this.place(i)] = 0;
  }

  /** Have the first `count` served. False: the ring is broken, and some are not. */
  submit(count: number): boolean {
    const { view } = this.memory;
    view.setUint32(this.#sqTail, view.getUint32(this.#sqTail, LITTLE) + count, LITTLE);
    const done = this.#libc.ringEnter(ENTER, this.#fd, count, count, GETEVENTS, 0, 0);
    let head = view.getUint32(this.#cqHead, LITTLE);
    const end = view.getUint32(this.#cqTail, LITTLE);
    for (; head !== end; head = (head + 1) >>> 0) {
      const at = this.#cqes + (head & (2 * this.#places - 1)) * CQE.size; // there are twice as many
      const place = view.getUint32(at + CQE.user, LITTLE) & (this.#places - 1);
      this.#result[place] = view.getInt32(at + CQE.result, LITTLE);
    }
    view.setUint32(this.#cqHead, head, LITTLE);
    return done === count;
  }

  /** The `i`th: how many bytes; an error's number below 0; 0: it was not tried. */
  result(i: number): number {
    return this.#result[this.place(i)] as number; // the mask keeps it inside
  }

  place(i: number): number {
    return (this.first + i) & (this.#places - 1);
  }

  /** The ring has had `count`, and the results are known. */
  pass(count: number): void {
    this.first = this.place(count);
  }

  close(): void {
    closeOwned(this.#fd);
  }
}
