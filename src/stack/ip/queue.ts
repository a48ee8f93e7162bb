/**
 * Packets that wait for an interface, oldest first, up to a limit: offsets and lengths in a ring.
 *
 * It holds one reference on the slot of each packet; whoever takes one out releases it.
 * @module
 */

export class PacketQueue {
  /** The most packets it holds. */
  readonly limit: number;
  length = 0;
  /**
   * (at, length) pairs; a WebAssembly memory has at most 2^32 bytes. Integers, because what comes out of a
   * Float64Array is an object until its reader is compiled, and V8 then takes offsets for floating-point
   * numbers wherever they go, `slotOf`'s remainder included: 4 to 9 % of a packet (`npm run bench:compare`, ten runs
   * of 512 MiB by turns: medians, least).
   */
  #ring: Uint32Array = new Uint32Array(0);
  #head = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Offset of the oldest packet. Only if `length` is above 0, as the next two. */
  get at(): number {
    return this.#ring[this.#head * 2] as number; // `#head` is below the ring's capacity
  }

  /** Bytes of the oldest packet. */
  get size(): number {
    return this.#ring[this.#head * 2 + 1] as number;
  }

  /** Forget the oldest packet. */
  shift(): void {
    this.#head = (this.#head + 1) % (this.#ring.length / 2);
    this.length--;
  }

  /** False if there is no room. */
  push(at: number, size: number): boolean {
    if (this.length === this.limit) return false;
    if (this.length * 2 === this.#ring.length) this.#grow();
    const capacity = this.#ring.length / 2;
    const tail = (this.#head + this.length++) % capacity;
    this.#ring[tail * 2] = at;
    this.#ring[tail * 2 + 1] = size;
    return true;
  }

  #grow(): void {
    const capacity = Math.min(Math.max(16, this.length * 2), this.limit);
    const ring = new Uint32Array(capacity * 2);
    ring.set(this.#ring.subarray(this.#head * 2));
    ring.set(this.#ring.subarray(0, this.#head * 2), this.#ring.length - this.#head * 2);
    this.#ring = ring;
    this.#head = 0;
  }
}
