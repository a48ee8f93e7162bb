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
  /** Were lent at some time. Others may be as long: the pool of `Buffer.allocUnsafe` is, from Node 24.21 on. */
  readonly #known: WeakSet<ArrayBufferLike> = new WeakSet();

  /** One of them, or a new one, which is the caller's. */
  take(): Buffer {
    return this.#shelf.take() ?? Buffer.allocUnsafeSlow(LONGEST);
  }

  /** Nobody holds what `take` gave, which this is. */
  back(spare: Buffer): void {
    if (this.#shelf.count < MOST) this.#shelf.put(spare);
  }

  /**
   * What `take` gave goes to somebody who will `give` it. Not what goes to who keeps it: that was to be found in a weak set
   * too, which took 1.02 to 1.06 times as long for a `data` listener's text.
   */
  lend(spare: Buffer): void {
    this.#known.add(spare.buffer);
  }

  /** Who was lent this, or the beginning of it, has read it, and nobody else has seen it. Memory of others is left to them. */
  give({ buffer, byteOffset }: Buffer): void {
    if (this.#shelf.count === MOST || byteOffset !== 0 || !this.#known.has(buffer)) return;
    this.back(Buffer.from(buffer as ArrayBuffer));
  }
}
