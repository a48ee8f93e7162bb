/**
 * A send buffer: bytes in order, by reference or copied, until they are acknowledged. RFC 9293
 * §3.7.1 and §3.8.1: what was sent must be at hand for retransmission until then.
 *
 * A position is an absolute offset in the stream: a number below 2^53 that never wraps. Inside only
 * its low 32 bits are kept, since a number beyond 2^31 costs an object whenever it is passed on, and
 * what is held is never that long: `seek` and `drop` do by distance from `start` what `locate` and
 * `release` do by position. What is appended by reference is not touched, and its owner leaves it alone until it is released. What is
 * copied goes into blocks from the shared pool, one behind the other, so that a thousand small
 * appends make one chunk. An empty buffer holds no storage.
 * @module
 */
import { copyBytes } from '../base/copy.ts';
import { give, take } from './pool.ts';
import { Shelf } from './shelf.ts';

/** Blocks for copies: as large as what is under way, within these. */
const MIN_BLOCK = 4_096;
const MAX_BLOCK = 65_536;
/** Beyond this an offset into an array would not stay an int32. */
const MAX_INT = 0x7fff_ffff;
const TWO_32 = 0x1_0000_0000;
/** Turned over, it makes the order of signed numbers of 32 bits that of unsigned ones. */
const SIGN = 0x8000_0000 | 0;

const NO_BYTES = new Uint8Array(0);

/** A piece of storage that copies go into, in order. */
class Block {
  bytes: Uint8Array = NO_BYTES;
  used = 0;
  /** How many chunks lie in it. */
  chunks = 0;
}

/** The columns of a table of chunks, used as rings of a power of two of places. */
class Table {
  readonly mask: number;
  readonly bytes: Uint8Array[] = [];
  readonly at: Int32Array;
  /** The low 32 bits of the chunk's position. */
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly token: unknown[] = [];
  readonly block: (Block | undefined)[] = [];

  constructor(places: number) {
    this.mask = places - 1;
    this.at = new Int32Array(places);
    this.start = new Int32Array(places);
    this.length = new Int32Array(places);
    for (let i = 0; i < places; i++) {
      this.bytes.push(NO_BYTES);
      this.token.push(undefined);
      this.block.push(undefined);
    }
  }
}

const FIRST_PLACES = 8;
/** Tables of up to so many places are lent again. */
const SPARE_PLACES = 64;
/** What one place of a table takes: six columns. */
const PLACE_BYTES = 36;
/** Stands for none, so that the field never changes its shape. */
const NO_TABLE = new Table(1);

// Lent to connections with something under way; the storage of the blocks is the pool's.
const KEEP = 256;
const spareTables: Shelf<Table> = new Shelf();
const spareBlocks: Shelf<Block> = new Shelf();

export class Chunks {
  /** How many bytes are held and not released. */
  length = 0;
  /** What `seek` or `locate` found: the bytes from there on are `available` ones of `bytes` from `at`. */
  bytes: Uint8Array = NO_BYTES;
  at = 0;
  available = 0;

  /** The low 32 bits of `start`, signed, and what stands above them. */
  #low: number;
  #high: number;
  #table: Table = NO_TABLE;
  /** The place of the oldest chunk, and how many there are. */
  #first = 0;
  #count = 0;
  /** The chunk, counted from the oldest, that was found last. */
  #cursor = 0;
  /** Bytes of blocks, and of memory that is held by reference; chunks of the latter kind. */
  #lent = 0;
  #references = 0;
  /** Where the next copy goes; undefined: into a fresh block. */
  #block: Block | undefined = undefined;

  /** `start`: the position of the first byte. */
  constructor(start = 0) {
    this.#low = start | 0;
    this.#high = Math.floor(start / TWO_32);
  }

  /**
   * The memory that it keeps from others: whole blocks, what was lent to it, and its table. A chunk
   * counts until all of it is released.
   */
  get kept(): number {
    return this.#lent + (this.#table === NO_TABLE ? 0 : (this.#table.mask + 1) * PLACE_BYTES);
  }

  /** The position of the first byte that is not released. */
  get start(): number {
    return this.#high * TWO_32 + (this.#low >>> 0);
  }

  /** The position after the last byte. */
  get end(): number {
    return this.start + this.length;
  }

  /** Hold `length` bytes of `bytes` at `at` by reference; `release` gives `token` when it lets go. */
  append(bytes: Uint8Array, at: number, length: number, token: unknown): void {
    this.#lent += length;
    this.#references++;
    if (at + length <= MAX_INT) this.#push(bytes, at, length, token, undefined);
    else this.#push(bytes.subarray(at, at + length), 0, length, token, undefined);
  }

  /** Hold a copy of `length` bytes of `bytes` at `at`. */
  appendCopy(bytes: Uint8Array, at: number, length: number): void {
    let from = at;
    let left = length;
    while (left > 0) {
      const block = this.#room(left);
      const n = Math.min(left, block.bytes.length - block.used);
      copyBytes(bytes, from, block.bytes, block.used, n);
      this.#prolong(block, n);
      from += n;
      left -= n;
    }
  }

  /** Let go of all before the position `upTo`; see `drop`. */
  release(upTo: number, onRelease: ((token: unknown) => void) | null): void {
    this.drop(Math.max(0, Math.min(upTo - this.start, this.length)), onRelease);
  }

  /**
   * Let go of the first `n` bytes, 0 <= n <= length. A chunk goes when all of it has: `onRelease` is
   * then called with its token, oldest first, unless that is undefined. It may append, and must not
   * release.
   */
  drop(n: number, onRelease: ((token: unknown) => void) | null): void {
    const limit = (this.#low + n) | 0;
    while (this.#count > 0) {
      const table = this.#table;
      const place = this.#first;
      const end = ((table.start[place] as number) + (table.length[place] as number)) | 0;
      if (((end - limit) | 0) > 0) break;
      const token = this.#shift(table, place);
      this.#advanceTo(end);
      if (token !== undefined && onRelease !== null) onRelease(token);
    }
    this.#advanceTo(limit);
    if (this.#count === 0) this.#giveBack();
  }

  /** Find the bytes from `position` on, start <= position < end: see `bytes`, `at`, `available`. */
  locate(position: number): void {
    this.seek(position - this.start);
  }

  /** Find the bytes that lie `distance` behind `start`, 0 <= distance < length, likewise. */
  seek(distance: number): void {
    const wanted = (this.#low + distance) | 0;
    const table = this.#table;
    let cursor = this.#cursor;
    let offset = this.#offsetIn(table, cursor, wanted);
    if (offset < 0) {
      // Sequential reading goes on in the next chunk; a retransmission goes anywhere.
      offset = this.#offsetIn(table, ++cursor, wanted);
      if (offset < 0) {
        cursor = this.#search(table, wanted);
        offset = this.#offsetIn(table, cursor, wanted);
      }
      this.#cursor = cursor;
    }
    const place = (this.#first + cursor) & table.mask;
    this.bytes = table.bytes[place] as Uint8Array; // the mask keeps it inside
    this.at = (table.at[place] as number) + offset;
    this.available = (table.length[place] as number) - offset;
  }

  /**
   * False if memory that was lent is gone: its owner has transferred it away, or made it smaller. To be
   * asked of the `length` bytes that lie `distance` behind `start` before they are read; copies are
   * always whole.
   */
  isWhole(distance: number, length: number): boolean {
    if (this.#references === 0) return true;
    for (let done = 0; done < length; done += this.available) {
      this.seek(distance + done);
      if (this.at + this.available > this.bytes.length) return false;
    }
    return true;
  }

  /** Move `start` on to where its low 32 bits are `low`, unless that is behind it. */
  #advanceTo(low: number): void {
    const n = (low - this.#low) | 0;
    if (n <= 0) return;
    if ((low ^ SIGN) < (this.#low ^ SIGN)) this.#high++; // as unsigned numbers, which V8 keeps as objects
    this.#low = low;
    this.length -= n;
  }

  /** How far into a chunk `wanted` lies; -1 if it lies elsewhere or there is no such chunk. */
  #offsetIn(table: Table, index: number, wanted: number): number {
    if (index >= this.#count) return -1;
    const place = (this.#first + index) & table.mask;
    const offset = (wanted - (table.start[place] as number)) | 0;
    return offset < (table.length[place] as number) ? offset : -1; // before it: negative anyway
  }

  /** The last chunk that begins at or before `wanted`. */
  #search(table: Table, wanted: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const place = (this.#first + middle) & table.mask;
      if (((wanted - (table.start[place] as number)) | 0) >= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #push(
    bytes: Uint8Array,
    at: number,
    length: number,
    token: unknown,
    block: Block | undefined,
  ): void {
    if (this.#count === 0 || this.#count > this.#table.mask) this.#grow();
    const table = this.#table;
    const place = (this.#first + this.#count) & table.mask;
    table.bytes[place] = bytes;
    table.at[place] = at;
    table.start[place] = this.#low + this.length; // cut to 32 bits
    table.length[place] = length;
    table.token[place] = token;
    table.block[place] = block;
    this.#count++;
    this.length += length;
  }

  /** The next `n` bytes of `block` are the next of the stream. */
  #prolong(block: Block, n: number): void {
    const table = this.#table;
    const last = (this.#first + this.#count - 1) & table.mask;
    if (this.#count > 0 && table.block[last] === block) {
      table.length[last] = (table.length[last] as number) + n;
      this.length += n;
    } else {
      this.#push(block.bytes, block.used, n, undefined, block);
      block.chunks++;
    }
    block.used += n;
  }

  /** The block that the next copy goes into, the first of `length` bytes. */
  #room(length: number): Block {
    const now = this.#block;
    if (now !== undefined && now.used < now.bytes.length) return now;
    let size = MIN_BLOCK;
    while (size < MAX_BLOCK && size < this.length + length) size *= 2;
    const block = spareBlocks.take() ?? new Block();
    block.bytes = take(size);
    block.used = 0;
    this.#lent += size;
    this.#block = block;
    return block;
  }

  /** Forget the oldest chunk, and give its token. */
  #shift(table: Table, place: number): unknown {
    const token = table.token[place];
    const block = table.block[place];
    table.bytes[place] = NO_BYTES;
    table.token[place] = undefined;
    table.block[place] = undefined;
    this.#first = (place + 1) & table.mask;
    this.#count--;
    if (this.#cursor > 0) this.#cursor--;
    if (block === undefined) {
      this.#lent -= table.length[place] as number;
      this.#references--;
    } else if (--block.chunks === 0) {
      if (block === this.#block) this.#block = undefined;
      this.#lent -= block.bytes.length;
      give(block.bytes);
      block.bytes = NO_BYTES;
      if (spareBlocks.count < KEEP) spareBlocks.put(block);
    }
    return token;
  }

  #grow(): void {
    const old = this.#table;
    if (old === NO_TABLE) {
      this.#table = spareTables.take() ?? new Table(FIRST_PLACES);
      return;
    }
    if (this.#count <= old.mask) return;
    const table = new Table(2 * (old.mask + 1));
    for (let i = 0; i < this.#count; i++) {
      const place = (this.#first + i) & old.mask;
      table.bytes[i] = old.bytes[place] as Uint8Array;
      table.at[i] = old.at[place] as number;
      table.start[i] = old.start[place] as number;
      table.length[i] = old.length[place] as number;
      table.token[i] = old.token[place];
      table.block[i] = old.block[place];
    }
    this.#table = table;
    this.#first = 0;
  }

  /** Nothing is held: neither are the table, and bytes of others. */
  #giveBack(): void {
    const table = this.#table;
    if (table === NO_TABLE) return;
    if (table.mask < SPARE_PLACES && spareTables.count < KEEP) spareTables.put(table);
    this.#table = NO_TABLE;
    this.#first = 0;
    this.#cursor = 0;
    this.bytes = NO_BYTES;
    this.available = 0;
  }
}

/** Stands for a buffer with nothing in it, for those who take one when they need it. Never to be filled. */
export const NO_CHUNKS: Chunks = new Chunks();
