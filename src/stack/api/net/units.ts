/**
 * Where what an engine reads falls apart: TLS records (RFC 8446 §5.1) and frames of HTTP/2 (RFC 9113 §4.1),
 * each of which may be an event to the program. Text that is not what it should be is cut anywhere, which
 * does no harm: the engine gets all of it, and is who finds fault.
 * @module
 */

/** How long a unit's header is, and how its length is written there. */
interface Kind {
  readonly header: number;
  /** Where its length begins, and how many bytes it has. */
  readonly at: number;
  readonly size: number;
}

export const RECORDS: Kind = { header: 5, at: 3, size: 2 };
export const FRAMES: Kind = { header: 9, at: 0, size: 3 };

/** A client of HTTP/2 begins with 24 bytes that are no frame (RFC 9113 §3.4); this is its first. */
const PREFACE = 0x50;
const PREFACE_LENGTH = 24;

/** The place in a stream of units of one kind. */
export class Units {
  readonly #kind: Kind;
  #begun = false;
  /** Bytes of the header that were seen. */
  #header = 0;
  /** Bytes of the unit after its header; -1: the header is not complete. */
  #left = -1;
  #length = 0;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  /** Where the unit ends that goes on at `bytes[at]`: the end of `bytes` if that comes first. */
  end(bytes: Uint8Array, at: number): number {
    const { header, at: first, size } = this.#kind;
    if (!this.#begun) {
      this.#begun = true;
      if (bytes[at] === PREFACE && this.#kind === FRAMES) this.#left = PREFACE_LENGTH;
    }
    let i = at;
    for (; this.#left < 0 && i < bytes.length; i++) {
      const place = this.#header++;
      if (place >= first && place < first + size)
        this.#length = (this.#length << 8) | (bytes[i] ?? 0);
      if (this.#header === header) this.#left = this.#length;
    }
    const end = Math.min(bytes.length, i + Math.max(0, this.#left));
    if (this.#left >= 0) this.#left -= end - i;
    if (this.#left === 0) {
      this.#header = this.#length = 0;
      this.#left = -1;
    }
    return end;
  }
}
