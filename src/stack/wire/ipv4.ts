/**
 * IPv4 header, read and written in place. RFC 791 §3.1.
 *
 * `v` is the slots' one DataView, `at` the header's first byte. Ask `valid` first; after a yes no
 * accessor can reach outside the packet.
 * @module
 */
import { type Address, fromBits } from '../base/address.ts';
import * as numbers from './protocol.ts';

const AT = {
  version: 0,
  tos: 1,
  totalLen: 2,
  id: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
} as const;

/** What stands in the first four bits. */
export const VERSION = 4;
/** Bytes of a header without options. */
export const MIN_LEN = 20;
/** With all options that fit. */
export const MAX_LEN = 60;
/** What the total length can say. */
export const MAX_TOTAL_LEN = 65_535;

/** The protocols that the stack speaks itself. RFC 791 §3.1, "Protocol". */
export const Protocol: typeof numbers.Protocol = numbers.Protocol;

/** In the 16 bits that also hold the fragment offset. */
export const Flag = { DF: 0x4000, MF: 0x2000 } as const;
/** The bit that must be zero (RFC 791) and is none of the above. */
export const RESERVED_FLAG = 0x8000;

/** The kinds of option, copied flag and class included. RFC 791 §3.1, RFC 2113. */
export const Option = {
  END: 0,
  NOP: 1,
  RECORD_ROUTE: 7,
  TIMESTAMP: 68,
  LOOSE_SOURCE_ROUTE: 131,
  STRICT_SOURCE_ROUTE: 137,
  ROUTER_ALERT: 148,
} as const;

/** `firstOption` and `nextOption`: there is none left. */
export const NO_OPTION = -1;
/** `firstOption` and `nextOption`: the list does not hold together. */
export const BAD_OPTION = -2;

/** True if `len` bytes hold a version 4 header, its options, and the packet it announces. */
export function valid(v: DataView, at: number, len: number): boolean {
  if (len < MIN_LEN || version(v, at) !== VERSION) return false;
  const header = headerLen(v, at);
  const total = totalLen(v, at);
  return header >= MIN_LEN && header <= total && total <= len;
}

/** Stands at the same place in every IP version's header. */
export const version = (v: DataView, at: number): number => v.getUint8(at + AT.version) >> 4;
/** In bytes; the wire counts 32-bit words in the low four bits. */
export const headerLen = (v: DataView, at: number): number =>
  (v.getUint8(at + AT.version) & 15) * 4;
/** DSCP in the high six bits, ECN in the low two. RFC 2474, RFC 3168 §5. */
export const tos = (v: DataView, at: number): number => v.getUint8(at + AT.tos);
/** Header and data, in bytes. */
export const totalLen = (v: DataView, at: number): number => v.getUint16(at + AT.totalLen);
/** Identification, 16 bits. RFC 6864. */
export const id = (v: DataView, at: number): number => v.getUint16(at + AT.id);
/** The 16 bits with the reserved bit, DF, MF and the offset in units of 8 bytes. */
export const flagsAndOffset = (v: DataView, at: number): number => v.getUint16(at + AT.fragment);
/** In bytes. */
export const fragmentOffset = (v: DataView, at: number): number =>
  (v.getUint16(at + AT.fragment) & 0x1fff) * 8;
/** Whether DF is set. */
export const dontFragment = (v: DataView, at: number): boolean =>
  (v.getUint16(at + AT.fragment) & Flag.DF) !== 0;
/** Whether MF is set. */
export const moreFragments = (v: DataView, at: number): boolean =>
  (v.getUint16(at + AT.fragment) & Flag.MF) !== 0;
/** True for every piece of a fragmented packet, the first and the last included. */
export const isFragment = (v: DataView, at: number): boolean =>
  (v.getUint16(at + AT.fragment) & 0x3fff) !== 0;
/** Time to live, 0 to 255 hops. */
export const ttl = (v: DataView, at: number): number => v.getUint8(at + AT.ttl);
/** One of `Protocol`, or what else stands there. */
export const protocol = (v: DataView, at: number): number => v.getUint8(at + AT.protocol);
/** As it stands there, 16 bits. */
export const headerChecksum = (v: DataView, at: number): number => v.getUint16(at + AT.checksum);
/** Whom it comes from. */
export const source = (v: DataView, at: number): Address => fromBits(v.getInt32(at + AT.source));
/** Whom it is for. */
export const destination = (v: DataView, at: number): Address =>
  fromBits(v.getInt32(at + AT.destination));

/** A header without options; its checksum is left 0. `flagsAndOffset`: `Flag` | offset / 8. */
export function write(
  v: DataView,
  at: number,
  tos: number,
  totalLen: number,
  id: number,
  flagsAndOffset: number,
  ttl: number,
  protocol: number,
  source: Address,
  destination: Address,
): void {
  v.setUint8(at + AT.version, (VERSION << 4) | (MIN_LEN / 4));
  v.setUint8(at + AT.tos, tos);
  v.setUint16(at + AT.totalLen, totalLen);
  v.setUint16(at + AT.id, id);
  v.setUint16(at + AT.fragment, flagsAndOffset);
  v.setUint8(at + AT.ttl, ttl);
  v.setUint8(at + AT.protocol, protocol);
  v.setUint16(at + AT.checksum, 0);
  v.setInt32(at + AT.source, source);
  v.setInt32(at + AT.destination, destination);
}

/** Write the version and a header length in bytes, a multiple of 4: for a header with options. */
export const setHeaderLen = (v: DataView, at: number, bytes: number): void =>
  v.setUint8(at + AT.version, (VERSION << 4) | (bytes >> 2));
/** Write DSCP and ECN, one byte. RFC 2474, RFC 3168. */
export const setTos = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.tos, value);
/** Write the length of header and text, in bytes. */
export const setTotalLen = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.totalLen, value);
/** Write the identification, 16 bits. */
export const setId = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.id, value);
/** Write the 16 bits of flags and fragment offset, which counts 8 bytes. */
export const setFlagsAndOffset = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.fragment, value);
/** Write the time to live, 0 to 255 hops. */
export const setTtl = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.ttl, value);
/** Write what follows the header. */
export const setProtocol = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.protocol, value);
/** Write the header’s checksum, 16 bits. */
export const setChecksum = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.checksum, value);
/** Write whom it comes from. */
export const setSource = (v: DataView, at: number, value: Address): void =>
  v.setInt32(at + AT.source, value);
/** Write whom it is for. */
export const setDestination = (v: DataView, at: number, value: Address): void =>
  v.setInt32(at + AT.destination, value);

/**
 * The offset of the first option that is no padding, `NO_OPTION` or `BAD_OPTION`. Walk with:
 * `for (let o = firstOption(v, at); o >= 0; o = nextOption(v, at, o))`.
 */
export const firstOption = (v: DataView, at: number): number =>
  optionFrom(v, at + MIN_LEN, at + headerLen(v, at));

/** The option after the one at `option`, likewise. */
export const nextOption = (v: DataView, at: number, option: number): number =>
  optionFrom(v, option + optionLen(v, option), at + headerLen(v, at));

/** One of `Option`, or any other. */
export const optionKind = (v: DataView, option: number): number => v.getUint8(option);
/** In bytes, kind and length included: at least 2, and within the header. */
export const optionLen = (v: DataView, option: number): number => v.getUint8(option + 1);

function optionFrom(v: DataView, from: number, end: number): number {
  let at = from;
  while (at < end && v.getUint8(at) === Option.NOP) at++;
  if (at >= end || v.getUint8(at) === Option.END) return NO_OPTION;
  if (at + 1 >= end) return BAD_OPTION;
  const len = optionLen(v, at);
  return len < 2 || at + len > end ? BAD_OPTION : at;
}
