/**
 * Memory for fragments that wait: pages of equal size, up to a limit, so that a fragment of one byte
 * holds a page and not the 64 KiB of the datagram it may belong to.
 *
 * Pages come in slabs that are made when they are needed and, but for one, given up when no fragment
 * waits any more.
 * @module
 */

/** Bytes of a page: two hold what arrives over Ethernet, 32 the longest datagram. */
export const PAGE_SIZE = 2048;
/** Pages that the longest datagram needs. */
export const PAGES_PER_DATAGRAM = 32;
/** There is no page. */
export const NO_PAGE = -1;

const PAGES_PER_SLAB = 64;

export class FragmentPages {
  readonly limit: number;
  /** How many are in use. */
  used = 0;
  readonly #slabs: Uint8Array[] = [];
  readonly #free: number[] = [];

  /** `limit`: the most bytes. */
  constructor(limit: number) {
    this.limit = Math.max(PAGES_PER_DATAGRAM, Math.floor(limit / PAGE_SIZE));
  }

  /** A page, or `NO_PAGE` if the limit is reached. */
  take(): number {
    if (this.used === this.limit) return NO_PAGE;
    if (this.#free.length === 0) this.#addSlab();
    const page = this.#free.pop();
    if (page === undefined) return NO_PAGE;
    this.used++;
    return page;
  }

  give(page: number): void {
    this.#free.push(page);
    this.used--;
    if (this.used === 0 && this.#slabs.length > 1) {
      this.#slabs.length = 1;
      this.#free.length = 0;
      this.#offer(0);
    }
  }

  /** The array in which `page` lies, from `offset(page)` on. */
  bytes(page: number): Uint8Array {
    return this.#slabs[Math.floor(page / PAGES_PER_SLAB)] as Uint8Array; // pages come from slabs
  }

  offset(page: number): number {
    return (page % PAGES_PER_SLAB) * PAGE_SIZE;
  }

  #addSlab(): void {
    this.#slabs.push(new Uint8Array(PAGES_PER_SLAB * PAGE_SIZE));
    this.#offer(this.#slabs.length - 1);
  }

  #offer(slab: number): void {
    const first = slab * PAGES_PER_SLAB;
    for (let i = PAGES_PER_SLAB - 1; i >= 0; i--) this.#free.push(first + i);
  }
}
