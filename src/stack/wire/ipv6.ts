/**
 * IPv6 header, read and written in place. RFC 8200 §3.
 *
 * `v` is the slots' one DataView, `at` the header's first byte. Ask `valid` first; after a yes no
 * accessor can reach outside the packet.
 * @module
 */
import { type Address, readIPv6, writeIPv6 } from '../base/address.ts';

const AT = {
  first: 0,
  payloadLen: 4,
  next: 6,
  hopLimit: 7,
  source: 8,
  destination: 24,
} as const;

/** What stands in the first four bits. */
export const VERSION = 6;
/** Every header is as long: what else there is stands in extension headers. */
export const HEADER_LEN = 40;
/** What the payload length can say. Jumbograms (RFC 2675) are not spoken. */
export const MAX_PAYLOAD_LEN = 65_535;
/** Every link carries packets of this length. RFC 8200 §5. */
export const MIN_MTU = 1280;
/** Offset of the source’s 16 bytes. */
export const SOURCE_AT: number = AT.source;
/** Offset of the destination’s 16 bytes. */
export const DESTINATION_AT: number = AT.destination;

/** True if `len` bytes hold a version 6 header and the packet it announces. */
export const valid = (v: DataView, at: number, len: number): boolean =>
  len >= HEADER_LEN && v.getUint8(at) >> 4 === VERSION && totalLen(v, at) <= len;

/** DSCP in the high six bits, ECN in the low two. RFC 8200 §7. */
export const trafficClass = (v: DataView, at: number): number =>
  (v.getUint16(at + AT.first) >> 4) & 0xff;
/** 20 bits. RFC 6437. */
export const flowLabel = (v: DataView, at: number): number => v.getUint32(at + AT.first) & 0xf_ffff;
/** Bytes after the header, extension headers included. */
export const payloadLen = (v: DataView, at: number): number => v.getUint16(at + AT.payloadLen);
/** Header and payload, in bytes. */
export const totalLen = (v: DataView, at: number): number =>
  v.getUint16(at + AT.payloadLen) + HEADER_LEN;
/** What the first header after this one is. */
export const nextHeader = (v: DataView, at: number): number => v.getUint8(at + AT.next);
/** 0 to 255 hops. */
export const hopLimit = (v: DataView, at: number): number => v.getUint8(at + AT.hopLimit);
/** `zone`: the interface that a link-local address belongs to. */
export const source = (v: DataView, at: number, zone = 0): Address =>
  readIPv6(v, at + AT.source, zone);
/** `zone`: the interface that a link-local address belongs to. */
export const destination = (v: DataView, at: number, zone = 0): Address =>
  readIPv6(v, at + AT.destination, zone);

/** A header. `totalLen`: with its own 40 bytes. */
export function write(
  v: DataView,
  at: number,
  trafficClass: number,
  flowLabel: number,
  totalLen: number,
  next: number,
  hopLimit: number,
  source: Address,
  destination: Address,
): void {
  v.setUint32(at + AT.first, (VERSION << 28) | (trafficClass << 20) | flowLabel);
  v.setUint16(at + AT.payloadLen, totalLen - HEADER_LEN);
  v.setUint16(at + AT.next, (next << 8) | hopLimit);
  writeIPv6(v, at + AT.source, source);
  writeIPv6(v, at + AT.destination, destination);
}

/** Write DSCP and ECN, one byte. */
export const setTrafficClass = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.first, (VERSION << 12) | (value << 4) | (v.getUint8(at + 1) & 15));
/** Write the payload length of a packet of `totalLen` bytes, header included. */
export const setTotalLen = (v: DataView, at: number, totalLen: number): void =>
  v.setUint16(at + AT.payloadLen, totalLen - HEADER_LEN);
/** Write what follows the header. */
export const setNextHeader = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.next, value);
/** Write the hop limit, 0 to 255. */
export const setHopLimit = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.hopLimit, value);
/** Write whom it comes from. */
export const setSource = (v: DataView, at: number, value: Address): void =>
  writeIPv6(v, at + AT.source, value);
/** Write whom it is for. */
export const setDestination = (v: DataView, at: number, value: Address): void =>
  writeIPv6(v, at + AT.destination, value);
