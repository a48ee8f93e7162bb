/**
 * What no guest says to others by IPv6: that it is their router, that another way is better, or what only a server
 * of DHCPv6 tells. RFC 6105 (RA-Guard), RFC 7113 for what hides behind extension headers, RFC 7610 (DHCPv6-Shield).
 *
 * Looked at is each frame of IPv6 from a guest: nothing is allocated.
 * @module
 */
import * as ipv6 from '../../stack/wire/ipv6.ts';

/** What a frame of a guest turns out to be. */
export const Rogue = { NONE: 0, ROUTER: 1, DHCP: 2 } as const;
export type Rogue = (typeof Rogue)[keyof typeof Rogue];

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
const ROUTER_ADVERTISEMENT = 134;
const REDIRECT = 137;
const DHCP_SERVER = 547;
const DHCP_CLIENT = 546;
/** Those that are there, and no more than an honest host uses. */
const MOST_HEADERS = 8;

/** Whether the packet of IPv6 at `at`, of which `left` bytes are there, is what no guest says. */
export function rogueOf(view: DataView, at: number, left: number): Rogue {
  if (!ipv6.valid(view, at, left)) return Rogue.NONE; // nobody takes it for anything
  const end = at + Math.min(left, ipv6.totalLen(view, at));
  let next = ipv6.nextHeader(view, at);
  let from = at + ipv6.HEADER_LEN;
  let inPieces = false;
  for (let n = 0; n < MOST_HEADERS; n++) {
    switch (next) {
      case Next.ICMPV6:
        return from < end ? icmp(view.getUint8(from)) : hidden(inPieces);
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

const icmp = (type: number): Rogue =>
  type === ROUTER_ADVERTISEMENT || type === REDIRECT ? Rogue.ROUTER : Rogue.NONE;

/** RFC 7113 §2.1, RFC 7112: a first piece that does not hold all headers hides one. */
const hidden = (inPieces: boolean): Rogue => (inPieces ? Rogue.ROUTER : Rogue.NONE);
