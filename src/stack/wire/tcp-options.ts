/**
 * TCP options, read into one reused instance and written in place. RFC 9293 §3.2 (the list and
 * MSS), RFC 7323 §2.2 and §3.2 (window scale, timestamps), RFC 2018 §2 and §3 (SACK).
 *
 * The writers pad with NOPs in front, to multiples of 4, in the layout that every stack uses and
 * that `read` has a short way for.
 * @module
 */
import type { Seq } from '../base/seq.ts';

/** Kinds of options. RFC 9293 §3.2, RFC 7323, RFC 2018. */
export const Kind = {
  END: 0,
  NOP: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
} as const;

/** Bytes that all options together may take: 15 words of header less the fixed 5. */
export const MAX_LEN = 40;
/** RFC 7323 §2.3: a larger shift is to be used as 14. */
export const MAX_WINDOW_SCALE = 14;
/** The most SACK blocks that fit. */
export const MAX_SACK_BLOCKS = 4;

/** What `writeMss` and its like put before the 4 bytes, or the 12, that are theirs. */
const NOP_NOP = (Kind.NOP << 24) | (Kind.NOP << 16);
/** The first four bytes of the usual layout of timestamps alone. RFC 7323, appendix A. */
const TIMESTAMPS_ALONE = NOP_NOP | (Kind.TIMESTAMPS << 8) | 10;

/** The options of one segment. */
export class Options {
  /** Bytes of text that the peer takes in a segment; 0 if it does not say. */
  mss = 0;
  /** 0..14; -1 if absent, which is not the same as 0. */
  windowScale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  /** 32 bits as a signed integer; count only with `hasTimestamps`. */
  tsVal = 0;
  tsEcr = 0;
  /** How many of the blocks count. */
  sackCount = 0;
  /** Sequence numbers: where each block begins, and where the octet after it stands. */
  readonly sackLeft: Int32Array = new Int32Array(MAX_SACK_BLOCKS);
  readonly sackRight: Int32Array = new Int32Array(MAX_SACK_BLOCKS);
}

/**
 * Read the `len` bytes of options at `at` into `into`, which is reset first. False if a length is
 * below 2 or reaches past the end; what stood before that is in `into` all the same.
 */
export function read(v: DataView, at: number, len: number, into: Options): boolean {
  into.mss = 0;
  into.windowScale = -1;
  into.sackPermitted = false;
  into.sackCount = 0;
  // Nearly every segment of a connection has these 12 bytes and no others.
  if (len === 12 && v.getInt32(at) === TIMESTAMPS_ALONE) {
    into.hasTimestamps = true;
    into.tsVal = v.getInt32(at + 4);
    into.tsEcr = v.getInt32(at + 8);
    return true;
  }
  into.hasTimestamps = false;
  into.tsVal = 0;
  into.tsEcr = 0;
  const end = at + len;
  let next = at;
  while (next < end) {
    const kind = v.getUint8(next);
    if (kind === Kind.END) return true;
    if (kind === Kind.NOP) {
      next++;
      continue;
    }
    if (next + 1 >= end) return false;
    const length = v.getUint8(next + 1);
    // RFC 9293 §3.2, MUST-7: be ready for an illegal length, such as 0.
    if (length < 2 || next + length > end) return false;
    take(v, next, kind, length, into);
    next += length;
  }
  return true;
}

/** One option of a legal length. MUST-6: one that is unknown, or of a length not its own, is skipped. */
function take(v: DataView, at: number, kind: number, length: number, into: Options): void {
  switch (kind) {
    case Kind.MSS:
      if (length === 4) into.mss = v.getUint16(at + 2);
      break;
    case Kind.WINDOW_SCALE:
      if (length === 3) into.windowScale = Math.min(v.getUint8(at + 2), MAX_WINDOW_SCALE);
      break;
    case Kind.SACK_PERMITTED:
      if (length === 2) into.sackPermitted = true;
      break;
    case Kind.SACK:
      if (length >= 10 && length <= 34 && (length & 7) === 2) takeSack(v, at + 2, length, into);
      break;
    case Kind.TIMESTAMPS:
      if (length === 10) {
        into.hasTimestamps = true;
        into.tsVal = v.getInt32(at + 2);
        into.tsEcr = v.getInt32(at + 6);
      }
      break;
  }
}

function takeSack(v: DataView, at: number, length: number, into: Options): void {
  const blocks = length >> 3; // 2 bytes of kind and length, 8 a block
  for (let i = 0; i < blocks; i++) {
    into.sackLeft[i] = v.getInt32(at + 8 * i);
    into.sackRight[i] = v.getInt32(at + 8 * i + 4);
  }
  into.sackCount = blocks;
}

/** Each writer gives the number of bytes it wrote. `mss`: 16 bits. */
export function writeMss(v: DataView, at: number, mss: number): number {
  v.setInt32(at, (Kind.MSS << 24) | (4 << 16) | mss);
  return 4;
}

/** `shift`: 0..14. */
export function writeWindowScale(v: DataView, at: number, shift: number): number {
  v.setInt32(at, (Kind.NOP << 24) | (Kind.WINDOW_SCALE << 16) | (3 << 8) | shift);
  return 4;
}

/** Write SACK-permitted; gives the place behind it. RFC 2018 §2. */
export function writeSackPermitted(v: DataView, at: number): number {
  v.setInt32(at, NOP_NOP | (Kind.SACK_PERMITTED << 8) | 2);
  return 4;
}

/** The clock value of ours and the one that is echoed, 32 bits each. */
export function writeTimestamps(v: DataView, at: number, val: number, ecr: number): number {
  v.setInt32(at, TIMESTAMPS_ALONE);
  v.setInt32(at + 4, val);
  v.setInt32(at + 8, ecr);
  return 12;
}

/** What stands before `blocks` blocks, 1..4, that `writeSackBlock` writes one after the other. */
export function writeSackHeader(v: DataView, at: number, blocks: number): number {
  v.setInt32(at, NOP_NOP | (Kind.SACK << 8) | (2 + 8 * blocks));
  return 4;
}

/** From `left` up to, not including, `right`. */
export function writeSackBlock(v: DataView, at: number, left: Seq, right: Seq): number {
  v.setInt32(at, left);
  v.setInt32(at + 4, right);
  return 8;
}
