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

  /** One of them, or a new one, which is the caller's. */
  take(): Buffer {
    return this.#shelf.take() ?? Buffer.allocUnsafeSlow(LONGEST);
  }

  /** Nobody uses `spare`, all of which `take` gave. */
  give(spare: Buffer): void {
    if (this.#shelf.count < MOST) this.#shelf.put(spare);
  }
}
