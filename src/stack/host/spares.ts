/**
 * Memory of 64 KiB for the text of packets: what a reader gives back, or nobody has kept, takes the next text. So it stays in
 * the cache, and neither the allocator nor the collector has work with it.
 * @module
 */
import { Shelf } from '../memory/shelf.ts';

/** Of each: the longest packet's text, and the longest buffer that a reader is given. */
export const LONGEST: number = 64 * 1024;
/** So many are kept: what a turn takes (`ENOUGH` in `host.ts`) in segments of 45 KiB and more. */
const MOST = 12;

export class Spares {
  readonly #shelf: Shelf<Buffer> = new Shelf();
  /** Lent once. Others may be as long: the pool that `Buffer.allocUnsafe` cuts short buffers from is, from Node 24.21 on. */
  readonly #lent: WeakSet<ArrayBufferLike> = new WeakSet();

  /** One of them, or a new one, which is the caller's. */
  take(): Buffer {
    return this.#shelf.take() ?? Buffer.allocUnsafeSlow(LONGEST);
  }

  /** Nobody has seen what `take` gave, which this is. */
  back(spare: Buffer): void {
    if (this.#shelf.count < MOST) this.#shelf.put(spare);
  }

  /** What `take` gave goes to somebody who will `give` it. Not for all: a weak set costs who keeps his text a fiftieth of the rate. */
  lend(spare: Buffer): void {
    this.#lent.add(spare.buffer);
  }

  /** Nobody uses what was lent, which this is, or the beginning of it. Memory of others is left to them. */
  give({ buffer, byteOffset }: Buffer): void {
    if (this.#shelf.count === MOST || byteOffset !== 0 || !this.#lent.has(buffer)) return;
    this.#shelf.put(Buffer.from(buffer as ArrayBuffer));
  }
}
