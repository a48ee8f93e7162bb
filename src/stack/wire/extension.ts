/**
 * Extension headers of IPv6: the chain between the header and what it carries, walked in place. RFC 8200 §4,
 * with the limits of RFC 8504 §5.3 and RFC 7112 for the chain of a first fragment.
 *
 * Nothing is allocated: what a walk finds is written into a `Chain` that its caller keeps.
 * @module
 */
import { Problem } from './icmp6.ts';
import { Protocol } from './protocol.ts';

/** The numbers of next headers that are extensions. RFC 8200 §4.1; RFC 7045 §4 for the rest. */
export const Header = {
  HOP_BY_HOP: 0,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  NONE: 59,
  DESTINATION: 60,
  MOBILITY: 135,
  HIP: 139,
  SHIM6: 140,
} as const;

/** The options that are known. RFC 8200 §4.2, RFC 2711 §2.1, RFC 2473 §4.1.1. */
export const Option = { PAD1: 0, PADN: 1, TUNNEL_LIMIT: 4, ROUTER_ALERT: 5 } as const;

/** Of the header itself. RFC 8200 §3. */
const HEADER_LEN = 40;
const NEXT_AT = 6;
/** Every extension header's length is a multiple of it, and counts it not. */
const UNIT = 8;
/** Bytes of a fragment header. RFC 8200 §4.5. */
export const FRAGMENT_LEN = 8;

/** How much of extension headers is looked at. RFC 8504 §5.3: what has more is dropped silently. */
export interface ExtensionLimits {
  /** Extension headers of a packet. */
  readonly headers: number;
  /** Options of one header that are no padding. */
  readonly options: number;
  /** Octets of padding in a row: more than seven align nothing. */
  readonly padding: number;
}

/** What a stack takes unless it is told otherwise. */
export const DEFAULT_EXTENSION_LIMITS: ExtensionLimits = { headers: 8, options: 8, padding: 7 };

/** What a walk came to. */
export const Found = {
  /** The header that is no extension, at `Chain.body`, or `Header.NONE`. */
  UPPER: 0,
  /** A fragment header, at `Chain.fragment`, of a packet in pieces. */
  FRAGMENT: 1,
  /** A header or an option that reaches past what it stands in. */
  MALFORMED: 2,
  /** More than the limits let pass. */
  LIMIT: 3,
  /** An option that is not known and says: drop the packet. */
  REFUSED: 4,
  /** The sender is to be told: `Chain.code`, `Chain.pointer`, `Chain.unicastOnly`. */
  PROBLEM: 5,
} as const;
export type Found = (typeof Found)[keyof typeof Found];

/** What a walk found; one reused instance. All offsets are in the view unless said otherwise. */
export class Chain {
  /** The number of the header at `body`. */
  next: number = Header.NONE;
  /** Where that number stands. */
  nextAt = 0;
  body = 0;
  /** Of the fragment header; -1: none. */
  fragment = -1;
  /** Extension headers that were passed. */
  headers = 0;
  /** The value of a router alert; -1: none. RFC 2711 §2.1: 0 for MLD. */
  routerAlert = -1;
  /** One of `icmp6.Problem`. */
  code = 0;
  /** The octet at fault, counted from the header's first. */
  pointer = 0;
  /** RFC 8200 §4.2: nothing is said about a packet to a group. */
  unicastOnly = false;
}

/**
 * Walk the chain of the packet whose header is at `ip` and which ends at `end`, as its destination does.
 * A packet in one piece that has a fragment header (RFC 6946) is walked to its end.
 */
export function walk(
  v: DataView,
  ip: number,
  end: number,
  chain: Chain,
  limits: ExtensionLimits = DEFAULT_EXTENSION_LIMITS,
): Found {
  begin(v, ip, chain);
  while (isWalked(chain.next)) {
    const at = chain.body;
    if (++chain.headers > limits.headers) return Found.LIMIT;
    if (at + UNIT > end) return Found.MALFORMED;
    if (chain.next === Header.FRAGMENT) {
      chain.fragment = at;
      if (isPiece(v, at)) return Found.FRAGMENT;
      pass(v, chain, FRAGMENT_LEN);
      continue;
    }
    const size = length(v, at);
    if (at + size > end) return Found.MALFORMED;
    const found =
      chain.next === Header.ROUTING
        ? routing(v, ip, chain)
        : options(v, ip, chain, at + size, limits);
    if (found !== Found.UPPER) return found;
    pass(v, chain, size);
  }
  return Found.UPPER;
}

/** The same for who passes the packet on: only what each node on the way is to look at. RFC 8200 §4.3. */
export function walkHopByHop(
  v: DataView,
  ip: number,
  end: number,
  chain: Chain,
  limits: ExtensionLimits = DEFAULT_EXTENSION_LIMITS,
): Found {
  begin(v, ip, chain);
  if (chain.next !== Header.HOP_BY_HOP) return Found.UPPER;
  const at = chain.body;
  if (at + UNIT > end) return Found.MALFORMED;
  const size = length(v, at);
  if (at + size > end) return Found.MALFORMED;
  const found = options(v, ip, chain, at + size, limits);
  if (found === Found.UPPER) pass(v, chain, size);
  return found;
}

/**
 * RFC 7112 §5: true if the chain that goes on with the header `next` at `at` ends before `end`, with the
 * header of the transport, if that is one we know.
 */
export function isWhole(v: DataView, next: number, at: number, end: number): boolean {
  for (let left = DEFAULT_EXTENSION_LIMITS.headers; left > 0 && isExtension(next); left--) {
    if (at + UNIT > end) return false;
    const kind = next;
    next = v.getUint8(at);
    if (kind === Header.FRAGMENT) at += FRAGMENT_LEN;
    else at += kind === Header.AUTHENTICATION ? (v.getUint8(at + 1) + 2) * 4 : length(v, at);
  }
  return at + upperLen(next) <= end;
}

/** In bytes, of any but a fragment or authentication header. RFC 8200 §4.3, RFC 6564 §4. */
export const length = (v: DataView, at: number): number => (v.getUint8(at + 1) + 1) * UNIT;

/** The header that follows the extension header at `at`. */
export const nextHeader = (v: DataView, at: number): number => v.getUint8(at);

/** Of a fragment header: in bytes. RFC 8200 §4.5. */
export const fragmentOffset = (v: DataView, at: number): number => v.getUint16(at + 2) & 0xfff8;
/** Of a fragment header: M, more fragments follow. */
export const moreFragments = (v: DataView, at: number): boolean => (v.getUint16(at + 2) & 1) !== 0;
/** Of a fragment header: 32 bits, signed. */
export const identification = (v: DataView, at: number): number => v.getInt32(at + 4);
/** False where the fragment is all of the packet. RFC 6946. */
export const isPiece = (v: DataView, at: number): boolean => (v.getUint16(at + 2) & 0xfff9) !== 0;

/** A fragment header. `offset`: in bytes, a multiple of 8. */
export function writeFragment(
  v: DataView,
  at: number,
  next: number,
  offset: number,
  more: boolean,
  identification: number,
): void {
  v.setUint16(at, next << 8);
  v.setUint16(at + 2, offset | (more ? 1 : 0));
  v.setInt32(at + 4, identification);
}

/** Bytes of what `writeRouterAlert` writes. */
export const ROUTER_ALERT_LEN = 8;

/** A hop-by-hop header with a router alert for MLD and two octets of padding. RFC 2711 §2.1, RFC 3810 §5. */
export function writeRouterAlert(v: DataView, at: number, next: number): void {
  v.setUint16(at, next << 8);
  v.setUint16(at + 2, (Option.ROUTER_ALERT << 8) | 2);
  v.setUint16(at + 4, 0);
  v.setUint16(at + 6, Option.PADN << 8);
}

function begin(v: DataView, ip: number, chain: Chain): void {
  chain.next = v.getUint8(ip + NEXT_AT);
  chain.nextAt = ip + NEXT_AT;
  chain.body = ip + HEADER_LEN;
  chain.fragment = -1;
  chain.headers = 0;
  chain.routerAlert = -1;
  chain.unicastOnly = false;
}

function pass(v: DataView, chain: Chain, size: number): void {
  chain.next = v.getUint8(chain.body);
  chain.nextAt = chain.body;
  chain.body += size;
}

const isWalked = (next: number): boolean =>
  next === Header.HOP_BY_HOP ||
  next === Header.ROUTING ||
  next === Header.FRAGMENT ||
  next === Header.DESTINATION;

/** True of every header that another follows. RFC 7045 §4. */
export const isExtension = (next: number): boolean =>
  isWalked(next) ||
  next === Header.AUTHENTICATION ||
  next === Header.MOBILITY ||
  next === Header.HIP ||
  next === Header.SHIM6;

/** What RFC 7112 §2 asks for of the transport's header: 20 of TCP, 8 of UDP, the first four of ICMPv6. */
function upperLen(next: number): number {
  if (next === Protocol.TCP) return 20;
  if (next === Protocol.UDP) return 8;
  return next === Protocol.ICMPV6 ? 4 : 0;
}

/** RFC 8200 §4.4: of no type is one known, type 0 included (RFC 5095 §3); without segments left it is passed. */
function routing(v: DataView, ip: number, chain: Chain): Found {
  const at = chain.body;
  if (v.getUint8(at + 3) === 0) return Found.UPPER;
  return problem(chain, Problem.HEADER_FIELD, at + 2 - ip, false);
}

/** RFC 8200 §4.2: the options of the header at `chain.body`, which ends at `end`. */
function options(
  v: DataView,
  ip: number,
  chain: Chain,
  end: number,
  limits: ExtensionLimits,
): Found {
  // RFC 8200 §4: stands first or not at all.
  if (chain.next === Header.HOP_BY_HOP && chain.nextAt !== ip + NEXT_AT) {
    return problem(chain, Problem.NEXT_HEADER, chain.nextAt - ip, false);
  }
  let count = 0;
  let padding = 0;
  for (let at = chain.body + 2; at < end; ) {
    const kind = v.getUint8(at);
    if (kind !== Option.PAD1 && at + 2 > end) return Found.MALFORMED;
    const size = kind === Option.PAD1 ? 1 : v.getUint8(at + 1) + 2;
    if (at + size > end) return Found.MALFORMED;
    if (kind === Option.PAD1 || kind === Option.PADN) {
      padding += size;
      if (padding > limits.padding) return Found.LIMIT;
    } else {
      padding = 0;
      if (++count > limits.options) return Found.LIMIT;
      const found = option(v, ip, chain, at, kind, size);
      if (found !== Found.UPPER) return found;
    }
    at += size;
  }
  return Found.UPPER;
}

function option(
  v: DataView,
  ip: number,
  chain: Chain,
  at: number,
  kind: number,
  size: number,
): Found {
  if (kind === Option.ROUTER_ALERT && chain.next === Header.HOP_BY_HOP) {
    if (size !== 4) return Found.MALFORMED;
    chain.routerAlert = v.getUint16(at + 2);
    return Found.UPPER;
  }
  // RFC 8200 §4.2: an option that is not known says itself what becomes of the packet.
  switch (kind >> 6) {
    case 0:
      return Found.UPPER;
    case 1:
      return Found.REFUSED;
    case 2:
      return problem(chain, Problem.OPTION, at - ip, false);
    default:
      return problem(chain, Problem.OPTION, at - ip, true);
  }
}

function problem(chain: Chain, code: number, pointer: number, unicastOnly: boolean): Found {
  chain.code = code;
  chain.pointer = pointer;
  chain.unicastOnly = unicastOnly;
  return Found.PROBLEM;
}
