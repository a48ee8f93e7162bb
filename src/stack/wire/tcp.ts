/**
 * TCP header, read and written in place. RFC 9293 §3.1.
 *
 * `v` is the slots' one DataView, `at` the header's first byte. Ask `valid` first; after a yes no
 * accessor can reach outside the segment.
 * @module
 */
import type { Seq } from '../base/seq.ts';

const AT = {
  src: 0,
  dst: 2,
  seq: 4,
  ack: 8,
  words: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
} as const;

/** Bytes of a header without options. */
export const MIN_LEN = 20;
/** With all options that fit. */
export const MAX_LEN = 60;

/** RFC 9293 §3.1, "Control bits"; ECE and CWR are RFC 3168 §6.1. */
export const Flag = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/** True if `len` bytes hold the whole header, options included. */
export function valid(v: DataView, at: number, len: number): boolean {
  if (len < MIN_LEN) return false;
  const header = headerLen(v, at);
  return header >= MIN_LEN && header <= len;
}

/** 0 to 65535. */
export const srcPort = (v: DataView, at: number): number => v.getUint16(at + AT.src);
/** 0 to 65535. */
export const dstPort = (v: DataView, at: number): number => v.getUint16(at + AT.dst);
// `as Seq`: this file and base/seq.ts are where sequence numbers are born.
/** The sequence number of the first octet, or of the SYN. */
export const seq = (v: DataView, at: number): Seq => v.getInt32(at + AT.seq) as Seq;
/** The next octet that is awaited; counts only with ACK. */
export const ack = (v: DataView, at: number): Seq => v.getInt32(at + AT.ack) as Seq;
/** In bytes; the wire counts 32-bit words in the top four bits. */
export const headerLen = (v: DataView, at: number): number => (v.getUint8(at + AT.words) >> 4) * 4;
/** All eight. */
export const flags = (v: DataView, at: number): number => v.getUint8(at + AT.flags);
/** As sent; the shift belongs to the connection (RFC 7323 §2.2). */
export const window = (v: DataView, at: number): number => v.getUint16(at + AT.window);
/** As it stands there, 16 bits. */
export const checksum = (v: DataView, at: number): number => v.getUint16(at + AT.checksum);
/** The distance from `seq` to the octet after the urgent data; counts only with `Flag.URG`. */
export const urgent = (v: DataView, at: number): number => v.getUint16(at + AT.urgent);

/** `headerLen` in bytes, a multiple of 4; checksum and urgent pointer are left 0. */
export function write(
  v: DataView,
  at: number,
  srcPort: number,
  dstPort: number,
  seq: Seq,
  ack: Seq,
  headerLen: number,
  flags: number,
  window: number,
): void {
  v.setUint16(at + AT.src, srcPort);
  v.setUint16(at + AT.dst, dstPort);
  v.setInt32(at + AT.seq, seq);
  v.setInt32(at + AT.ack, ack);
  // Header length in words in the top four bits, which in bytes is four times as much; then flags.
  v.setUint16(at + AT.words, (headerLen << 10) | flags);
  v.setUint16(at + AT.window, window);
  v.setInt32(at + AT.checksum, 0); // and the urgent pointer
}

/** Write the sequence number. */
export const setSeq = (v: DataView, at: number, value: Seq): void => v.setInt32(at + AT.seq, value);
/** Write the acknowledgment number. */
export const setAck = (v: DataView, at: number, value: Seq): void => v.setInt32(at + AT.ack, value);
/** In bytes, a multiple of 4; the reserved bits beside it become 0. */
export const setHeaderLen = (v: DataView, at: number, bytes: number): void =>
  v.setUint8(at + AT.words, bytes << 2);
/** Write the flags, those of `Flag`. */
export const setFlags = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.flags, value);
/** Write the window, 16 bits, shifted already. */
export const setWindow = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.window, value);
/** Write the checksum, 16 bits. */
export const setChecksum = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.checksum, value);
/** Write the urgent pointer, 16 bits. */
export const setUrgent = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.urgent, value);

/** Where in the header the checksum stands: what a virtio header asks for. */
export const CHECKSUM_AT: number = AT.checksum;
