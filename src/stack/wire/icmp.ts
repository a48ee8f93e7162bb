/**
 * ICMP header, read and written in place. RFC 792; RFC 1191 §4 for the next hop's MTU.
 *
 * Eight bytes: type, code, checksum, and four whose meaning depends on the type. In an error, what
 * follows is the header of the packet at fault and the beginning of its data.
 * @module
 */
import { type Address, fromBits } from '../base/address.ts';

const AT = { type: 0, code: 1, checksum: 2, rest: 4, id: 4, seq: 6, mtu: 6, pointer: 4 } as const;

/** Bytes of the shortest message. RFC 792. */
export const MIN_LEN = 8;

/** Types of messages. RFC 792, RFC 950, RFC 1256. */
export const Type = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO: 8,
  ROUTER_ADVERTISEMENT: 9,
  ROUTER_SOLICITATION: 10,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
  TIMESTAMP: 13,
  TIMESTAMP_REPLY: 14,
  INFORMATION: 15,
  INFORMATION_REPLY: 16,
  ADDRESS_MASK: 17,
  ADDRESS_MASK_REPLY: 18,
} as const;

/** The codes of `UNREACHABLE` (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1). */
export const Code = {
  NET: 0,
  HOST: 1,
  PROTOCOL: 2,
  PORT: 3,
  FRAGMENTATION_NEEDED: 4,
  SOURCE_ROUTE_FAILED: 5,
  NET_UNKNOWN: 6,
  HOST_UNKNOWN: 7,
  HOST_ISOLATED: 8,
  NET_PROHIBITED: 9,
  HOST_PROHIBITED: 10,
  NET_TOS: 11,
  HOST_TOS: 12,
  PROHIBITED: 13,
  PRECEDENCE_VIOLATION: 14,
  PRECEDENCE_CUTOFF: 15,
} as const;

/** The codes of `TIME_EXCEEDED`. */
export const TimeExceeded = { TTL: 0, REASSEMBLY: 1 } as const;

/** True if `len` bytes hold the header. */
export const valid = (_v: DataView, _at: number, len: number): boolean => len >= MIN_LEN;

/** The message’s type. */
export const type = (v: DataView, at: number): number => v.getUint8(at + AT.type);
/** The message’s code. */
export const code = (v: DataView, at: number): number => v.getUint8(at + AT.code);
/** As it stands there, 16 bits. */
export const checksum = (v: DataView, at: number): number => v.getUint16(at + AT.checksum);
/** Of an echo or its reply. */
export const id = (v: DataView, at: number): number => v.getUint16(at + AT.id);
/** Of an echo or its reply. */
export const seq = (v: DataView, at: number): number => v.getUint16(at + AT.seq);
/** The next hop's, in `UNREACHABLE` with `FRAGMENTATION_NEEDED`; 0 from routers before RFC 1191. */
export const mtu = (v: DataView, at: number): number => v.getUint16(at + AT.mtu);
/** The octet at fault, in `PARAMETER_PROBLEM`. */
export const pointer = (v: DataView, at: number): number => v.getUint8(at + AT.pointer);
/** The better router, in `REDIRECT`. */
export const gateway = (v: DataView, at: number): Address => fromBits(v.getInt32(at + AT.rest));
/** Where the packet begins that an error is about. */
export const quotedAt = (at: number): number => at + MIN_LEN;

/** True for the types that report on another packet. RFC 1122 §3.2.2: never answer one of these. */
export const isError = (type: number): boolean =>
  type === Type.UNREACHABLE ||
  type === Type.SOURCE_QUENCH ||
  type === Type.REDIRECT ||
  type === Type.TIME_EXCEEDED ||
  type === Type.PARAMETER_PROBLEM;

/** True for the requests and replies whose `id` tells who asked. RFC 792, RFC 5508 §3. */
export const isQuery = (type: number): boolean =>
  type === Type.ECHO ||
  type === Type.ECHO_REPLY ||
  type === Type.TIMESTAMP ||
  type === Type.TIMESTAMP_REPLY;

/** A header with `rest`, 32 bits, after the checksum, which is left 0. */
export function write(v: DataView, at: number, type: number, code: number, rest: number): void {
  v.setUint8(at + AT.type, type);
  v.setUint8(at + AT.code, code);
  v.setUint16(at + AT.checksum, 0);
  v.setInt32(at + AT.rest, rest);
}

/** `rest` of an echo or its reply. */
export const echoRest = (id: number, seq: number): number => (id << 16) | (seq & 0xffff);

/** Write the type. */
export const setType = (v: DataView, at: number, value: number): void =>
  v.setUint8(at + AT.type, value);
/** Of an echo or a timestamp. */
export const setId = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.id, value);
/** Write the checksum, 16 bits. */
export const setChecksum = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.checksum, value);
