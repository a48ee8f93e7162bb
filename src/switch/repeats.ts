/**
 * Frames to everyone that were handed on a moment ago, by which one that goes round is known where its sender does not
 * show it: a sender that there was no room to learn, or one whose frames go into the ring in one direction only, so that
 * each comes back where the last one came from (a TAP of a bridge that both ends of a cable are in).
 *
 * Nothing is kept of a frame but its hash and its sender's address. What was forgotten for another one goes round once more.
 * @module
 */
import * as ethernet from '../stack/wire/ethernet.ts';
import type { Frame } from './frame.ts';

/** Frames that are remembered: those of a tenth of a second at 10 000 a second and port are a thousand. */
const PLACES = 4096;
/** As often one frame may come from one port within the time: a program may well repeat itself. */
const OFTEN = 10;
/** Bytes that are looked at: whatever is longer differs in these. To hash 60 takes 0.05 µs, 1500 takes 1. */
const LOOKED_AT = 2048;
/** Both addresses, which stand before a tag. */
const BEFORE_TAG = 12;

export class Repeats {
  readonly #within: number;
  readonly #secret: number;
  readonly #hash: Int32Array = new Int32Array(PLACES);
  readonly #hi: Int32Array = new Int32Array(PLACES);
  readonly #lo: Int32Array = new Int32Array(PLACES);
  readonly #port: Int32Array = new Int32Array(PLACES);
  readonly #count: Int32Array = new Int32Array(PLACES);
  readonly #since: Float64Array = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);

  /** `within`: microseconds; `secret`: 32 bits that strangers cannot guess. */
  constructor(within: number, secret: number) {
    this.#within = within;
    this.#secret = secret;
  }

  /** Whether the frame, which is whole, came by another port or too often by this one just now. It is remembered. */
  has(frame: Frame, port: number, now: number): boolean {
    const { view, start } = frame;
    const hash = hashOf(frame, this.#secret);
    const hi = ethernet.sourceHi(view, start);
    const lo = ethernet.sourceLo(view, start) | 0;
    const place = hash & (PLACES - 1);
    if (
      this.#hash[place] === hash &&
      this.#lo[place] === lo &&
      this.#hi[place] === hi &&
      now - (this.#since[place] as number) < this.#within
    ) {
      if (this.#port[place] !== port) return true;
      const count = (this.#count[place] as number) + 1;
      this.#count[place] = count;
      return count > OFTEN;
    }
    this.#hash[place] = hash;
    this.#hi[place] = hi;
    this.#lo[place] = lo;
    this.#port[place] = port;
    this.#count[place] = 1;
    this.#since[place] = now;
    return false;
  }
}

/** Of a frame in its VLAN, with the tag of it or without; after MurmurHash3. */
function hashOf(frame: Frame, secret: number): number {
  const { view, bytes, start, vlan } = frame;
  const end = Math.min(frame.at + frame.length, start + LOOKED_AT);
  let h = secret ^ vlan;
  for (let at = start; at < start + BEFORE_TAG; at += 4) h = mixed(h, view.getInt32(at));
  let at = start + BEFORE_TAG + (frame.tagged ? ethernet.TAG_LEN : 0);
  for (; at + 4 <= end; at += 4) h = mixed(h, view.getInt32(at));
  for (; at < end; at++) h = mixed(h, bytes[at] as number);
  h = mixed(h, frame.length - frame.headerLength - (frame.tagged ? ethernet.TAG_LEN : 0));
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

function mixed(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}
