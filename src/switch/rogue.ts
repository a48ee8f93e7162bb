/**
 * What no guest says to others by IPv6: that it is their router, that another way is better, or what only a server
 * of DHCPv6 tells. RFC 6105 (RA-Guard), RFC 7113 for what hides behind extension headers, RFC 7610 (DHCPv6-Shield);
 * and neighbour discovery in pieces, which nobody listens to (RFC 6980 §5).
 *
 * Looked at is each frame of IPv6 from a guest: nothing is allocated.
 * @module
 */
import * as ipv6 from '../stack/wire/ipv6.ts';

/** What a frame of a guest turns out to be. `NEIGHBOUR`: it claims something of its sender (`neighbour.ts`). */
export const Rogue = { NONE: 0, ROUTER: 1, DHCP: 2, NEIGHBOUR: 3 } as const;
export type Rogue = (typeof Rogue)[keyof typeof Rogue];

/** A message of ICMPv6 that was found; one for all, filled again. */
export interface Found {
  at: number;
  end: number;
}

/** Protocols, and extension headers. */
const Next = {
  HOP_BY_HOP: 0,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  ICMPV6: 58,
  DESTINATION: 60,
  MOBILITY: 135,
} as const;
export const Icmp = {
  SOLICIT_ROUTER: 133,
  ROUTER: 134,
  SOLICITATION: 135,
  ADVERTISEMENT: 136,
  REDIRECT: 137,
} as const;
const DHCP_SERVER = 547;
const DHCP_CLIENT = 546;
/** Those that are there, and no more than an honest host uses. */
const MOST_HEADERS = 8;

/**
 * What the packet of IPv6 at `at` is, which is valid (`ipv6.valid`) and of which `left` bytes are there. `found` says where the message is, for
 * `NEIGHBOUR`.
 */
export function rogueOf(view: DataView, at: number, left: number, found: Found): Rogue {
  const end = at + Math.min(left, ipv6.totalLen(view, at));
  let next = ipv6.nextHeader(view, at);
  let from = at + ipv6.HEADER_LEN;
  let inPieces = false;
  for (let n = 0; n < MOST_HEADERS; n++) {
    switch (next) {
      case Next.ICMPV6:
        if (from >= end) return hidden(inPieces);
        found.at = from;
        found.end = end;
        return icmp(view.getUint8(from), inPieces);
      case Next.UDP:
        if (from + 4 > end) return hidden(inPieces);
        return view.getUint16(from) === DHCP_SERVER && view.getUint16(from + 2) === DHCP_CLIENT
          ? Rogue.DHCP
          : Rogue.NONE;
      case Next.FRAGMENT:
        if (from + 8 > end) return Rogue.ROUTER;
        // Later pieces are worth nothing without a first one that was let through.
        if (view.getUint16(from + 2) >>> 3 !== 0) return Rogue.NONE;
        inPieces = true;
        next = view.getUint8(from);
        from += 8;
        break;
      case Next.HOP_BY_HOP:
      case Next.ROUTING:
      case Next.DESTINATION:
      case Next.MOBILITY:
      case Next.AUTHENTICATION: {
        if (from + 2 > end) return hidden(inPieces);
        const length = view.getUint8(from + 1);
        const size = next === Next.AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
        next = view.getUint8(from);
        from += size;
        break;
      }
      default:
        return Rogue.NONE;
    }
  }
  return Rogue.ROUTER; // RFC 7113 §2.1: what cannot be looked through is dropped
}

function icmp(type: number, inPieces: boolean): Rogue {
  switch (type) {
    case Icmp.ROUTER:
    case Icmp.REDIRECT:
      return Rogue.ROUTER;
    case Icmp.SOLICIT_ROUTER:
    case Icmp.SOLICITATION:
    case Icmp.ADVERTISEMENT:
      return inPieces ? Rogue.ROUTER : Rogue.NEIGHBOUR;
    default:
      return Rogue.NONE;
  }
}

/** RFC 7113 §2.1, RFC 7112: a first piece that does not hold all headers hides one. */
const hidden = (inPieces: boolean): Rogue => (inPieces ? Rogue.ROUTER : Rogue.NONE);
