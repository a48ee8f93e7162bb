/**
 * Pieces that follow the bytes of the next write: entries of an array of struct iovec, from the second on.
 * @module
 */
import { outOfRange } from '../errors.ts';
import { type Libc, type Pinned, putVector } from './libc.ts';

/** Pieces that may follow the bytes of one write. */
export const PIECES = 15;
const NO_BYTES = new Uint8Array(0);

export class Gathered {
  count = 0;
  /** Of all pieces. */
  bytes = 0;
  readonly #libc: Libc;
  /** Its first entry is for the bytes before the pieces. */
  readonly vector: Pinned;
  /** Held so that their addresses stay true. */
  readonly #pieces: Uint8Array[] = new Array(PIECES).fill(NO_BYTES);
  /** Pieces of one buffer follow each other, and to ask for an address makes an object. */
  #last: Uint8Array | undefined;
  #lastAddress = 0;

  constructor(libc: Libc, vector: Pinned) {
    this.#libc = libc;
    this.vector = vector;
  }

  /** One more; false, and all are forgotten, if it cannot be taken so. Throws for what is not within `bytes`. */
  add(bytes: Uint8Array, from: number, length: number): boolean {
    const { count } = this;
    // A short array may lie on V8's own heap, where its address is true only until the next
    // collection. One whose memory was transferred away has none.
    if (count === PIECES || bytes.buffer.byteLength <= 64) {
      this.forget();
      return false;
    }
    if (!(from >= 0 && length >= 0 && from + length <= bytes.length)) {
      this.forget();
      throw outOfRange('from + length', from + length, `within the ${bytes.length} bytes given`);
    }
    if (bytes !== this.#last) {
      this.#lastAddress = this.#libc.addressOf(bytes);
      this.#last = bytes;
    }
    putVector(this.vector, count + 1, this.#lastAddress + from, length);
    this.#pieces[count] = bytes;
    this.count = count + 1;
    this.bytes += length;
    return true;
  }

  /** Where the bytes before them lie. */
  head(address: number, length: number): void {
    putVector(this.vector, 0, address, length);
  }

  /** The `i`th. */
  piece(i: number): Uint8Array {
    return this.#pieces[i] as Uint8Array; // below the count
  }

  /** All of them, for good: nobody's memory is held. */
  end(): void {
    this.forget();
    this.#last = undefined;
  }

  /** After the write, whatever became of it. */
  forget(): void {
    // One by one: `length = 0` would give the array's storage away, for the next packet to ask anew.
    for (let i = 0; i < this.count; i++) this.#pieces[i] = NO_BYTES;
    this.count = 0;
    this.bytes = 0;
  }
}
