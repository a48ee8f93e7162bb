/**
 * A bounded queue of packets, copied in and copied out, in one ring of bytes that grows on demand.
 *
 * A record is its length in four bytes and the packet, both in one piece; where a record does not
 * fit before the end of the ring, it begins at the start and the rest is skipped.
 * @module
 */
import { outOfRange } from './errors.ts';

const LENGTH = 4;
/** In place of a length: the next record is at the start of the ring. */
const SKIP = 0xffff_ffff;
const INITIAL = 16_384;
const MOST_PIECES = 16;
const NO_BYTES = new Uint8Array(0);

/** Bytes from elsewhere that follow those of the next packet: what `gather` of a device keeps until its `write`. */
export class Pieces {
  count = 0;
  /** Bytes of all. */
  length = 0;
  readonly bytes: Uint8Array[] = new Array(MOST_PIECES).fill(NO_BYTES);
  readonly from: Int32Array = new Int32Array(MOST_PIECES);
  readonly lengths: Int32Array = new Int32Array(MOST_PIECES);

  /** One more; false, and all are forgotten, if there are too many. Throws for what is not within `bytes`. */
  add(bytes: Uint8Array, from: number, length: number): boolean {
    const { count } = this;
    const isWithin = from >= 0 && length >= 0 && from + length <= bytes.length;
    if (count === MOST_PIECES || !isWithin) this.clear();
    if (!isWithin) {
      throw outOfRange('from + length', from + length, `within the ${bytes.length} bytes given`);
    }
    if (count === MOST_PIECES) return false;
    this.bytes[count] = bytes;
    this.from[count] = from;
    this.lengths[count] = length;
    this.count = count + 1;
    this.length += length;
    return true;
  }

  /** Put all behind each other into `to` from `at`. */
  copy(to: Uint8Array, at: number): void {
    let place = at;
    for (let i = 0; i < this.count; i++) {
      const length = this.lengths[i] as number; // below the count, as are the others
      copy(this.bytes[i] as Uint8Array, this.from[i] as number, to, place, length);
      place += length;
    }
  }

  /** Forget them, so that nobody's memory is held. */
  clear(): void {
    for (let i = 0; i < this.count; i++) this.bytes[i] = NO_BYTES;
    this.count = 0;
    this.length = 0;
  }
}

const NO_PIECES = new Pieces();

export class PacketQueue {
  /** Packets in the queue. */
  count = 0;
  /** Bytes of these packets. */
  bytes = 0;
  readonly #maxPackets: number;
  readonly #maxSize: number;
  #ring: Uint8Array;
  #view: DataView;
  #head = 0;
  #tail = 0;

  /** Holds up to `maxPackets` of up to `maxPacket` bytes each, all of that length if need be. */
  constructor(maxPackets: number, maxPacket: number) {
    this.#maxPackets = maxPackets;
    // One more record, for what is skipped at the end.
    this.#maxSize = (maxPackets + 1) * (maxPacket + LENGTH + 3) + LENGTH;
    this.#ring = new Uint8Array(Math.min(INITIAL, this.#maxSize));
    this.#view = new DataView(this.#ring.buffer);
  }

  /** Append `length` bytes of `from`, and `pieces` behind them; false if there is no room. */
  push(from: Uint8Array, at: number, length: number, pieces: Pieces = NO_PIECES): boolean {
    if (this.count >= this.#maxPackets) return false;
    const whole = length + pieces.length;
    const size = (LENGTH + whole + 3) & ~3;
    let place = this.#place(size);
    while (place < 0) {
      if (this.#ring.length >= this.#maxSize) return false;
      this.#grow();
      place = this.#place(size);
    }
    this.#view.setUint32(place, whole);
    copy(from, at, this.#ring, place + LENGTH, length);
    pieces.copy(this.#ring, place + LENGTH + length);
    this.#tail = place + size;
    this.count++;
    this.bytes += whole;
    return true;
  }

  /** Length of the first packet; 0 if there is none. */
  peek(): number {
    if (this.count === 0) return 0;
    return this.#view.getUint32(this.#first());
  }

  /** Move the first packet to `into`, cut to `room`; its full length, or 0 if there is none. */
  shift(into: Uint8Array, at: number, room: number): number {
    if (this.count === 0) return 0;
    const place = this.#first();
    const length = this.#view.getUint32(place);
    copy(this.#ring, place + LENGTH, into, at, Math.min(length, room));
    this.#head = place + ((LENGTH + length + 3) & ~3);
    this.count--;
    this.bytes -= length;
    if (this.count === 0) {
      this.#head = 0;
      this.#tail = 0;
    }
    return length;
  }

  /** Where the first record is, past what was skipped. */
  #first(): number {
    const atEnd = this.#head + LENGTH > this.#ring.length;
    if (atEnd || this.#view.getUint32(this.#head) === SKIP) this.#head = 0;
    return this.#head;
  }

  /**
   * Where a record of `size` bytes may be put, or -1. The ring is never filled to the last byte.
   */
  #place(size: number): number {
    const { length } = this.#ring;
    if (this.#tail >= this.#head) {
      if (this.#tail + size <= length) return this.#tail;
      if (size >= this.#head) return -1;
      if (this.#tail + LENGTH <= length) this.#view.setUint32(this.#tail, SKIP);
      return 0;
    }
    return this.#tail + size < this.#head ? this.#tail : -1;
  }

  /** Twice the size, the records in order from its start. */
  #grow(): void {
    const old = this.#ring;
    const view = this.#view;
    const ring = new Uint8Array(Math.min(old.length * 2, this.#maxSize));
    let from = this.#head;
    let to = 0;
    for (let left = this.count; left > 0; left--) {
      if (from + LENGTH > old.length || view.getUint32(from) === SKIP) from = 0;
      const size = (LENGTH + view.getUint32(from) + 3) & ~3;
      ring.set(old.subarray(from, from + size), to);
      from += size;
      to += size;
    }
    this.#ring = ring;
    this.#view = new DataView(ring.buffer);
    this.#head = 0;
    this.#tail = to;
  }
}

/** Short ones byte by byte: a view would have to be allocated for `set`. */
export function copy(
  from: Uint8Array,
  at: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  if (length > 512) {
    to.set(from.subarray(at, at + length), toAt);
    return;
  }
  for (let i = 0; i < length; i++) to[toAt + i] = from[at + i] as number; // both hold `length` more
}
