/**
 * What a guest claims by neighbour discovery: that an address is its own, or about to be, and which hardware address
 * that has. RFC 4861 §4.1 to §4.4, §4.6.1; which of it to believe, RFC 6620 §3.2 (FCFS SAVI).
 * @module
 */
import { type Found, Icmp } from './rogue.ts';

/** What a message claims. */
export const Claim = {
  /** Nothing but what its source says. */
  NONE: 0,
  /** That its target is the sender's. */
  OWN: 1,
  /** That the sender wants to have its target, unless somebody has it. RFC 4862 §5.4.2. */
  WANTED: 2,
  /** That another station has an address; or it cannot be read. */
  FALSE: 3,
} as const;
export type Claim = (typeof Claim)[keyof typeof Claim];

/** Where a target stands in a message. */
export const TARGET = 8;
const TARGETED = 24;
const UNTARGETED = 8;
const Option = { SOURCE: 1, TARGET: 2 } as const;

/** What the message `found` of a station `hi`, `lo` claims; `unspecified`: its source is `::`. */
export function claimOf(
  view: DataView,
  { at, end }: Found,
  hi: number,
  lo: number,
  unspecified: boolean,
): Claim {
  const type = view.getUint8(at);
  const head = type === Icmp.SOLICIT_ROUTER ? UNTARGETED : TARGETED;
  if (at + head > end) return Claim.FALSE;
  for (let from = at + head; from < end; ) {
    if (from + 2 > end) return Claim.FALSE;
    const length = view.getUint8(from + 1) * 8;
    if (length === 0 || from + length > end) return Claim.FALSE; // RFC 4861 §4.6
    const kind = view.getUint8(from);
    if (kind === Option.SOURCE || kind === Option.TARGET) {
      if (view.getUint16(from + 2) !== hi || view.getInt32(from + 4) !== lo) return Claim.FALSE;
    }
    from += length;
  }
  if (type === Icmp.ADVERTISEMENT) return Claim.OWN;
  return type === Icmp.SOLICITATION && unspecified ? Claim.WANTED : Claim.NONE;
}
