/**
 * Neighbour Discovery's messages, read and written in place. RFC 4861 §4.1 to §4.5; its options are in
 * `nd-options.ts`.
 *
 * They are ICMPv6 messages, with its checksum. An address is told by where its 16 octets begin, so that
 * nothing need stand for it to look at it. Ask `valid` first; after a yes no accessor can reach outside
 * the message.
 * @module
 */
import * as options from './nd-options.ts';

const AT = {
  hopLimit: 4,
  flags: 5,
  lifetime: 6,
  reachable: 8,
  retransmit: 12,
  target: 8,
  destination: 24,
} as const;

/** RFC 4861 §6.1 and §7.1: what came through a router has less, and is not believed. */
export const HOP_LIMIT = 255;

/** Types of messages. RFC 4861 §4. */
export const Type = {
  SOLICIT_ROUTER: 133,
  ADVERTISE_ROUTER: 134,
  SOLICIT: 135,
  ADVERTISE: 136,
  REDIRECT: 137,
} as const;

/** What each message has before its options. */
export const SOLICIT_ROUTER_LEN = 8;
/** Bytes of a router advertisement without options. RFC 4861 §4.2. */
export const ADVERTISE_ROUTER_LEN = 16;
/** Of a neighbour solicitation or advertisement. */
export const NEIGHBOUR_LEN = 24;
/** Bytes of a redirect without options. RFC 4861 §4.5. */
export const REDIRECT_LEN = 40;

/** Of a neighbour advertisement, in the octet at 4. RFC 4861 §4.4. */
export const Flag = { ROUTER: 0x80, SOLICITED: 0x40, OVERRIDE: 0x20 } as const;
/** Of a router advertisement. RFC 4861 §4.2. */
export const RouterFlag = { MANAGED: 0x80, OTHER: 0x40 } as const;

/** Bytes before the options of a message of this type; 0 where the type is none of these. */
export function headLen(type: number): number {
  switch (type) {
    case Type.SOLICIT_ROUTER:
      return SOLICIT_ROUTER_LEN;
    case Type.ADVERTISE_ROUTER:
      return ADVERTISE_ROUTER_LEN;
    case Type.SOLICIT:
    case Type.ADVERTISE:
      return NEIGHBOUR_LEN;
    case Type.REDIRECT:
      return REDIRECT_LEN;
    default:
      return 0;
  }
}

/**
 * True if `len` bytes hold a message of these with code 0, and options of which none is empty or reaches
 * past the end. RFC 4861 §6.1.1, §6.1.2, §7.1.1, §7.1.2, §8.1: the checks that need nothing but the message.
 */
export function valid(v: DataView, at: number, len: number): boolean {
  if (len < SOLICIT_ROUTER_LEN || v.getUint8(at + 1) !== 0) return false;
  const head = headLen(v.getUint8(at));
  return head !== 0 && len >= head && options.valid(v, at + head, at + len);
}

/** The message’s type. */
export const type = (v: DataView, at: number): number => v.getUint8(at);
/** Where the target of a solicitation, advertisement or redirect begins. */
export const targetAt = (at: number): number => at + AT.target;
/** Where the destination of a redirect begins. */
export const destinationAt = (at: number): number => at + AT.destination;
/** Where the options begin. */
export const optionsAt = (v: DataView, at: number): number => at + headLen(type(v, at));
/** Of a neighbour advertisement, see `Flag`. */
export const flags = (v: DataView, at: number): number => v.getUint8(at + 4);

/** What a router advertisement says of hop limits; 0: nothing. */
export const hopLimit = (v: DataView, at: number): number => v.getUint8(at + AT.hopLimit);
/** Of a router advertisement, see `RouterFlag`. */
export const routerFlags = (v: DataView, at: number): number => v.getUint8(at + AT.flags);
/** How long the router is one to all, in seconds; 0: it is none. */
export const routerLifetime = (v: DataView, at: number): number => v.getUint16(at + AT.lifetime);
/**
 * How much the router is to be preferred: -1, 0 or 1. RFC 4191 §2.2: the reserved value counts as 0, and of
 * one whose lifetime is 0 it means nothing.
 */
export const preference = (v: DataView, at: number): -1 | 0 | 1 =>
  options.preferenceOf(routerFlags(v, at));
/** How long who was confirmed counts as reachable, in milliseconds; 0: nothing is said. */
export const reachableTime = (v: DataView, at: number): number => v.getUint32(at + AT.reachable);
/** How long to wait for an answer, in milliseconds; 0: nothing is said. */
export const retransTimer = (v: DataView, at: number): number => v.getUint32(at + AT.retransmit);

/**
 * A message's head: all but its addresses, `word` the 32 bits behind the checksum, which is left 0. Gives
 * where its options begin.
 */
export function write(v: DataView, at: number, type: number, word: number): number {
  v.setInt32(at, type << 24);
  v.setInt32(at + 4, word);
  return at + headLen(type);
}

/** The second and third word of a router advertisement: milliseconds, see their accessors. */
export function writeTimes(v: DataView, at: number, reachable: number, retransmit: number): void {
  v.setUint32(at + AT.reachable, reachable);
  v.setUint32(at + AT.retransmit, retransmit);
}

/** The 32 bits behind the checksum of a router advertisement. */
export const routerWord = (hopLimit: number, flags: number, lifetime: number): number =>
  (hopLimit << 24) | (flags << 16) | lifetime;
