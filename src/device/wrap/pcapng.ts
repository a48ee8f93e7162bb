/**
 * The pcapng file format: blocks written in place. draft-ietf-opsawg-pcapng §3 and §4.
 *
 * Each function writes one block of 32-bit words at `at` and gives its length. All numbers are
 * little-endian, which the section header says.
 * @module
 */

/** What a packet begins with. */
export const LinkType = { ETHERNET: 1, RAW: 101 } as const;
/** Of the packet block's flags (§4.3.1). */
export const Direction = { IN: 1, OUT: 2 } as const;

const Block = { SECTION: 0x0a0d0d0a, INTERFACE: 1, STATISTICS: 5, PACKET: 6 } as const;
const BYTE_ORDER = 0x1a2b3c4d;
const Option = {
  END: 0,
  COMMENT: 1,
  USER_APPLICATION: 4,
  NAME: 2,
  RESOLUTION: 9,
  FLAGS: 2,
} as const;
const Statistics = { RECEIVED: 4, DROPPED: 5 } as const;

/** Where a packet's bytes stand within its block. */
export const PACKET_AT = 28;
/** What a packet's block needs besides the packet. */
export const PACKET_OVERHEAD: number = PACKET_AT + 3 + 12 + 4;

/** Length of the block that `writeStatistics` writes. */
export const STATISTICS_SIZE: number = 20 + 12 + 12 + 4 + 4;

const LONGEST_COMMENT = 48;
/** What a comment adds to a packet's block. */
export const COMMENT_OVERHEAD: number = 4 + LONGEST_COMMENT;

const padded = (length: number): number => (length + 3) & ~3;

/** Section header (§4.1) and interface description (§4.2): how a file begins. */
export function writeHeader(v: DataView, at: number, linkType: number, name: string): number {
  let end = at + 24;
  v.setUint32(at + 8, BYTE_ORDER, true);
  v.setUint16(at + 12, 1, true); // version 1.0
  v.setUint16(at + 14, 0, true);
  v.setBigInt64(at + 16, -1n, true); // length of the section: not known
  end = writeText(v, end, Option.USER_APPLICATION, 'tunstack');
  end = finish(v, at, writeEnd(v, end), Block.SECTION);

  const face = end;
  v.setUint16(face + 8, linkType, true);
  v.setUint16(face + 10, 0, true);
  v.setUint32(face + 12, 0, true); // no limit on a packet's length
  end = writeText(v, face + 16, Option.NAME, name);
  v.setUint16(end, Option.RESOLUTION, true);
  v.setUint16(end + 2, 1, true);
  v.setUint32(end + 4, 6, true); // timestamps are in 10^-6 s
  end = finish(v, face, writeEnd(v, end + 8), Block.INTERFACE);
  return end - at;
}

/** Enhanced packet (§4.3), whose `length` bytes stand at `at + PACKET_AT` already; with a comment (§3.5), or ''. */
export function writePacket(
  v: DataView,
  at: number,
  micros: number,
  length: number,
  direction: number,
  comment = '',
): number {
  v.setUint32(at + 8, 0, true); // the one interface
  v.setUint32(at + 12, Math.floor(micros / 0x1_0000_0000), true);
  v.setUint32(at + 16, micros % 0x1_0000_0000, true);
  v.setUint32(at + 20, length, true);
  v.setUint32(at + 24, length, true);
  let end = at + PACKET_AT + length;
  for (const stop = at + PACKET_AT + padded(length); end < stop; end++) v.setUint8(end, 0);
  v.setUint16(end, Option.FLAGS, true);
  v.setUint16(end + 2, 4, true);
  v.setUint32(end + 4, direction, true);
  end += 8;
  if (comment !== '') end = writeText(v, end, Option.COMMENT, comment.slice(0, LONGEST_COMMENT));
  return finish(v, at, writeEnd(v, end), Block.PACKET) - at;
}

/** Interface statistics (§4.6): packets seen, and packets that are missing in the file. */
export function writeStatistics(
  v: DataView,
  at: number,
  micros: number,
  received: number,
  dropped: number,
): number {
  v.setUint32(at + 8, 0, true);
  v.setUint32(at + 12, Math.floor(micros / 0x1_0000_0000), true);
  v.setUint32(at + 16, micros % 0x1_0000_0000, true);
  let end = writeCount(v, at + 20, Statistics.RECEIVED, received);
  end = writeCount(v, end, Statistics.DROPPED, dropped);
  return finish(v, at, writeEnd(v, end), Block.STATISTICS) - at;
}

/** Whether the `length` bytes of a file that are given may be the beginning of a section. */
export function isSection(bytes: Uint8Array, length: number): boolean {
  const first = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return length >= 4 && first.getUint32(0, true) === Block.SECTION;
}

/** The blocks that end within the first `length` bytes of `bytes`, and the packets among them. */
export function wholeBlocks(
  bytes: Uint8Array,
  length: number,
): { readonly bytes: number; readonly packets: number } {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let packets = 0;
  while (at + 12 <= length) {
    const end = at + v.getUint32(at + 4, true);
    if (end > length) break;
    if (v.getUint32(at, true) === Block.PACKET) packets++;
    at = end;
  }
  return { bytes: at, packets };
}

function writeText(v: DataView, at: number, option: number, text: string): number {
  const bytes = Buffer.from(text).subarray(0, 255);
  v.setUint16(at, option, true);
  v.setUint16(at + 2, bytes.length, true);
  for (let i = 0; i < padded(bytes.length); i++) v.setUint8(at + 4 + i, bytes[i] ?? 0);
  return at + 4 + padded(bytes.length);
}

function writeCount(v: DataView, at: number, option: number, count: number): number {
  v.setUint16(at, option, true);
  v.setUint16(at + 2, 8, true);
  v.setBigUint64(at + 4, BigInt(count), true);
  return at + 12;
}

function writeEnd(v: DataView, at: number): number {
  v.setUint32(at, Option.END, true);
  return at + 4;
}

/** Type and both lengths around a block whose body ends at `end`; where the next one begins. */
function finish(v: DataView, at: number, end: number, type: number): number {
  const length = end + 4 - at;
  v.setUint32(at, type, true);
  v.setUint32(at + 4, length, true);
  v.setUint32(end, length, true);
  return end + 4;
}
