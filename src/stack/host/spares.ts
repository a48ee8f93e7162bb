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
  /** Made here. Others may be as long: the pool that `Buffer.allocUnsafe` cuts short buffers from is, from Node 24.21 on. */
  readonly #own: WeakSet<ArrayBufferLike> = new WeakSet();

  /** One of them, or a new one, which is the caller's. */
  take(): Buffer {
    return this.#shelf.take() ?? this.#make();
  }

  #make(): Buffer {
    const spare = Buffer.allocUnsafeSlow(LONGEST);
    this.#own.add(spare.buffer);
    return spare;
  }

  /** Nobody uses what `take` gave, which this is, or the beginning of it. Memory of others is left to them. */
  give({ buffer, byteOffset }: Buffer): void {
    if (this.#shelf.count === MOST || byteOffset !== 0 || !this.#own.has(buffer)) return;
    this.#shelf.put(Buffer.from(buffer as ArrayBuffer));
  }
}
