/**
 * Frames in a stream of bytes: each with its length before it, as QEMU's `-netdev stream`, passt and libkrun
 * send them (four bytes, big endian; QEMU `net/stream_data.c`), or gvproxy and VPNKit (two bytes, little
 * endian). There is nothing by which a place could be found again: a length that cannot be meant ends it.
 * @module
 */
import { copy } from '../queue.ts';

/** How a frame's length stands before it. */
export interface Prefix {
  /** Bytes of it. */
  readonly size: number;
  readonly read: (v: DataView, at: number) => number;
  readonly write: (v: DataView, at: number, length: number) => void;
}

export const QEMU: Prefix = {
  size: 4,
  read: (v, at) => v.getUint32(at),
  write: (v, at, length) => v.setUint32(at, length),
};

export const VPNKIT: Prefix = {
  size: 2,
  read: (v, at) => v.getUint16(at, true),
  write: (v, at, length) => v.setUint16(at, length, true),
};

/** The longest frame that QEMU sends or takes: NET_BUFSIZE of its `include/net/net.h`. */
export const LONGEST_FRAME: number = 4096 + 65_536;
/** No frame is as long as this. */
export const LYING = -1;

/**
 * What came of a stream, in the chunks in which it came: nothing is moved before a frame is taken out.
 * Chunks belong to it from `push` on.
 */
export class Deframer {
  /** Bytes that are here, lengths included. */
  pending = 0;
  readonly #prefix: Prefix;
  readonly #chunks: Uint8Array[] = [];
  /** The chunk that is read, and where in it. */
  #first = 0;
  #at = 0;
  /** The length that was read of a frame that is not taken yet; -1: none. */
  #length = -1;
  readonly #scratch = new DataView(new ArrayBuffer(4));

  constructor(prefix: Prefix) {
    this.#prefix = prefix;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.pending += chunk.length;
  }

  /** Length of the frame that is here whole; 0: none is; `LYING`: there can be none. */
  next(): number {
    for (;;) {
      if (this.#length < 0 && !this.#readLength()) return 0;
      if (this.#length > LONGEST_FRAME) return LYING;
      if (this.#length > this.pending) return 0;
      if (this.#length > 0) return this.#length;
      this.#length = -1; // of nothing: the next one follows
    }
  }

  /** Move the frame that `next` told of to `at`, cut to `room`. */
  take(into: Uint8Array, at: number, room: number): number {
    const length = this.#length;
    this.#move(into, at, Math.min(room, length));
    if (room < length) this.#skip(length - room);
    this.#length = -1;
    return length;
  }

  /** Leave out the frame that `next` told of. */
  skip(): void {
    this.#skip(this.#length);
    this.#length = -1;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#first = 0;
    this.#at = 0;
    this.#length = -1;
    this.pending = 0;
  }

  #readLength(): boolean {
    const { size, read } = this.#prefix;
    if (this.pending < size) return false;
    for (let i = 0; i < size; i++) {
      this.#scratch.setUint8(i, (this.#chunks[this.#first] as Uint8Array)[this.#at] as number); // it is pending
      this.#skip(1);
    }
    this.#length = read(this.#scratch, 0);
    return true;
  }

  #move(into: Uint8Array, to: number, length: number): void {
    for (let done = 0; done < length; ) {
      const chunk = this.#chunks[this.#first] as Uint8Array; // so much is pending
      const part = Math.min(length - done, chunk.length - this.#at);
      copy(chunk, this.#at, into, to + done, part);
      done += part;
      this.#skip(part);
    }
  }

  #skip(bytes: number): void {
    this.pending -= bytes;
    for (let left = bytes; left > 0; ) {
      const { length } = this.#chunks[this.#first] as Uint8Array; // so much is pending
      const part = Math.min(left, length - this.#at);
      this.#at += part;
      left -= part;
      if (this.#at < length) continue;
      this.#at = 0;
      this.#first++;
    }
    if (this.#first === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#first = 0;
    } else if (this.#first > 64) {
      this.#chunks.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
