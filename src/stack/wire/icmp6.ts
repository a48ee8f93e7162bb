/**
 * ICMPv6 header, read and written in place. RFC 4443 §2.1 to §4.2.
 *
 * Eight bytes: type, code, checksum, and four whose meaning depends on the type. In an error, what
 * follows is as much of the packet at fault as fits the least MTU. Ask `valid` first; after a yes no
 * accessor can reach outside the message. The checksum counts the pseudo-header in (§2.3), with
 * `Protocol.ICMPV6` for the next header: unlike ICMP's own.
 * @module
 */

const AT = { type: 0, code: 1, checksum: 2, rest: 4, id: 4, seq: 6 } as const;

/** Of the messages that RFC 4443 defines, and the least that any has. */
export const MIN_LEN = 8;

/** Types of messages. RFC 4443 §2.1, RFC 2710, RFC 3810, RFC 4861. */
export const Type = {
  UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO: 128,
  ECHO_REPLY: 129,
  /** RFC 2710, RFC 3810: see `mld.ts`. */
  LISTENER_QUERY: 130,
  LISTENER_REPORT: 131,
  LISTENER_DONE: 132,
  /** RFC 4861: see `nd.ts`. */
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
  REDIRECT: 137,
  LISTENER_REPORT_V2: 143,
} as const;

/** The codes of `UNREACHABLE`. RFC 4443 §3.1; RFC 8883 §3.1 for the last two. */
export const Code = {
  NO_ROUTE: 0,
  PROHIBITED: 1,
  BEYOND_SCOPE: 2,
  ADDRESS: 3,
  PORT: 4,
  SOURCE_POLICY: 5,
  REJECT_ROUTE: 6,
  SOURCE_ROUTE: 7,
} as const;

/** The codes of `TIME_EXCEEDED`. RFC 4443 §3.3. */
export const TimeExceeded = { HOP_LIMIT: 0, REASSEMBLY: 1 } as const;

/** The codes of `PARAMETER_PROBLEM`. RFC 4443 §3.4, RFC 7112 §7. */
export const Problem = {
  HEADER_FIELD: 0,
  NEXT_HEADER: 1,
  OPTION: 2,
  /** The first fragment does not hold the whole header chain. */
  INCOMPLETE_CHAIN: 3,
} as const;

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
/** The next hop's, in `PACKET_TOO_BIG`; 32 bits, unsigned. */
export const mtu = (v: DataView, at: number): number => v.getUint32(at + AT.rest);
/** The octet at fault, counted from the packet's first, in `PARAMETER_PROBLEM`; may lie past what is quoted. */
export const pointer = (v: DataView, at: number): number => v.getUint32(at + AT.rest);
/** Where the packet begins that an error is about. */
export const quotedAt = (at: number): number => at + MIN_LEN;

/** True for the types that report on another packet, known or not. RFC 4443 §2.1: below 128. */
export const isError = (type: number): boolean => type < 128;

/** True for the request and reply whose `id` tells who asked. */
export const isQuery = (type: number): boolean => type === Type.ECHO || type === Type.ECHO_REPLY;

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
/** Of an echo. */
export const setId = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.id, value);
/** Write the checksum, 16 bits. */
export const setChecksum = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.checksum, value);
