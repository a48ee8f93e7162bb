/**
 * Which address to send from, and which of several destinations to try first. RFC 6724.
 *
 * Pure functions of what is given to them, for both families: an IPv4 address counts as its mapped form
 * (§2.1, §3.2). Rule 4 of both, for mobile hosts, and rule 7 of destinations, for tunnels, have nothing to
 * go by here.
 * @module
 */
import { type Address, isIPv6, isLoopback, isMulticast, wordOf } from '../../base/address.ts';

/** An address of ours, as the choice sees it. */
export interface SourceCandidate {
  readonly address: Address;
  /** Length of its prefix. */
  readonly bits: number;
  /** RFC 4862 §5.5.4: past its preferred lifetime. */
  readonly deprecated: boolean;
  /** RFC 8981. */
  readonly temporary: boolean;
  /** The next hop has advertised its prefix. RFC 8028 §3.3. */
  readonly fromNextHop?: boolean;
  /** The index of its interface. */
  readonly iface: number;
}

/** RFC 4007 §5 and RFC 6724 §3.1. */
export const Scope = { INTERFACE: 1, LINK: 2, SITE: 5, GLOBAL: 14 } as const;

/** A line of the policy table: the prefix' four words, its length, and what is said of who lies in it. */
type Policy = readonly [
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  bits: number,
  precedence: number,
  label: number,
];

/** RFC 6724 §2.1, longest prefix first. */
const POLICIES: readonly Policy[] = [
  [0, 0, 0, 1, 128, 50, 0],
  [0, 0, 0xffff, 0, 96, 35, 4],
  [0, 0, 0, 0, 96, 1, 3],
  [0x2001_0000, 0, 0, 0, 32, 5, 5],
  [0x2002_0000, 0, 0, 0, 16, 30, 2],
  [0x3ffe_0000, 0, 0, 0, 16, 1, 12],
  [0xfec0_0000 | 0, 0, 0, 0, 10, 1, 11],
  [0xfc00_0000 | 0, 0, 0, 0, 7, 3, 13],
];
const REST: Policy = [0, 0, 0, 0, 0, 40, 1];

/** A word of the address as IPv6 has it, IPv4 mapped; `index` 0..3. */
function word(a: Address, index: number): number {
  if (isIPv6(a)) return wordOf(a, index);
  if (index === 3) return a;
  return index === 2 ? 0xffff : 0;
}

function policy(a: Address): Policy {
  for (const line of POLICIES) if (liesIn(a, line)) return line;
  return REST;
}

function liesIn(a: Address, line: Policy): boolean {
  const bits = line[4];
  for (let i = 0; i < 4 && bits > i * 32; i++) {
    const differ = word(a, i) ^ (line[i] as number); // four words
    if (differ !== 0 && Math.clz32(differ) < bits - i * 32) return false;
  }
  return true;
}

/** How much a destination is to be preferred to others. RFC 6724 §2.1. */
export const precedenceOf = (a: Address): number => policy(a)[5];

/** What is to be alike in source and destination. RFC 6724 §2.1. */
export const labelOf = (a: Address): number => policy(a)[6];

/** RFC 6724 §3.1 for IPv6, §3.2 for IPv4: how far an address reaches. */
export function scopeOf(a: Address): number {
  if (!isIPv6(a)) {
    const isLocal = a >>> 24 === 127 || a >>> 16 === 0xa9fe;
    return isLocal ? Scope.LINK : Scope.GLOBAL;
  }
  const first = wordOf(a, 0);
  if (isMulticast(a)) return (first >>> 16) & 15;
  if (isLoopback(a) || first >>> 22 === 0xfe80 >>> 6) return Scope.LINK;
  return first >>> 22 === 0xfec0 >>> 6 ? Scope.SITE : Scope.GLOBAL;
}

/** RFC 6724 §2.2: leading bits that are alike, at most those of the source's prefix. */
function commonPrefix(source: SourceCandidate, destination: Address): number {
  const limit = isIPv6(source.address) ? source.bits : source.bits + 96;
  for (let i = 0; i < 4; i++) {
    const differ = word(source.address, i) ^ word(destination, i);
    if (differ !== 0) return Math.min(i * 32 + Math.clz32(differ), limit);
  }
  return limit;
}

/** What a choice of source depends on besides the destination. */
export interface SourceChoice {
  /** The index of the interface that the packet leaves by. */
  readonly iface: number;
  /** Rule 7, the other way round: what an application asks for that is to be found again. */
  readonly preferPublic?: boolean;
}

/**
 * The address to send to `destination` from: RFC 6724 §5. Undefined if there is none of its family.
 */
export function chooseSource<T extends SourceCandidate>(
  destination: Address,
  candidates: readonly T[],
  choice: SourceChoice,
): T | undefined {
  let best: T | undefined;
  for (const one of candidates) {
    if (isIPv6(one.address) !== isIPv6(destination)) continue;
    if (best === undefined || isBetter(one, best, destination, choice)) best = one;
  }
  return best;
}

/** True if `a` is to be taken and not `b`, which stood before it. */
function isBetter(
  a: SourceCandidate,
  b: SourceCandidate,
  destination: Address,
  { iface, preferPublic = false }: SourceChoice,
): boolean {
  // Rule 1: prefer the same address.
  if (a.address === destination || b.address === destination) return a.address === destination;
  // Rule 2: prefer appropriate scope.
  const [scopeA, scopeB] = [scopeOf(a.address), scopeOf(b.address)];
  if (scopeA !== scopeB) {
    const wanted = scopeOf(destination);
    return scopeA < scopeB ? scopeA >= wanted : scopeB < wanted;
  }
  // Rule 3: avoid deprecated addresses.
  if (a.deprecated !== b.deprecated) return b.deprecated;
  // Rule 5: prefer the outgoing interface.
  if ((a.iface === iface) !== (b.iface === iface)) return a.iface === iface;
  // Rule 5.5: prefer addresses in a prefix that the next hop has advertised.
  const [fromA, fromB] = [a.fromNextHop === true, b.fromNextHop === true];
  if (fromA !== fromB) return fromA;
  // Rule 6: prefer a matching label.
  const label = labelOf(destination);
  const [fitsA, fitsB] = [labelOf(a.address) === label, labelOf(b.address) === label];
  if (fitsA !== fitsB) return fitsA;
  // Rule 7: prefer temporary addresses.
  if (a.temporary !== b.temporary) return a.temporary !== preferPublic;
  // Rule 8: use the longest matching prefix.
  return commonPrefix(a, destination) > commonPrefix(b, destination);
}

/** A destination, and the source that it would be sent to from; undefined: there is no way. */
export interface DestinationCandidate {
  readonly destination: Address;
  readonly source: SourceCandidate | undefined;
}

/** The destinations in the order in which to try them: RFC 6724 §6. What is equal stays in order. */
export const sortDestinations = <T extends DestinationCandidate>(candidates: readonly T[]): T[] =>
  [...candidates].sort(compare);

function compare(a: DestinationCandidate, b: DestinationCandidate): number {
  // Rule 1: avoid unusable destinations.
  if (a.source === undefined || b.source === undefined) {
    return Number(a.source === undefined) - Number(b.source === undefined);
  }
  // Rule 2: prefer matching scope.
  const [scopeA, scopeB] = [scopeOf(a.destination), scopeOf(b.destination)];
  const fitsA = scopeA === scopeOf(a.source.address);
  const fitsB = scopeB === scopeOf(b.source.address);
  if (fitsA !== fitsB) return fitsA ? -1 : 1;
  // Rule 3: avoid deprecated addresses.
  if (a.source.deprecated !== b.source.deprecated) return a.source.deprecated ? 1 : -1;
  // Rule 5: prefer a matching label.
  const likeA = labelOf(a.source.address) === labelOf(a.destination);
  const likeB = labelOf(b.source.address) === labelOf(b.destination);
  if (likeA !== likeB) return likeA ? -1 : 1;
  // Rule 6: prefer higher precedence.
  const precedence = precedenceOf(b.destination) - precedenceOf(a.destination);
  if (precedence !== 0) return precedence;
  // Rule 8: prefer smaller scope.
  if (scopeA !== scopeB) return scopeA - scopeB;
  // Rule 9: use the longest matching prefix, between two of one family.
  if (isIPv6(a.destination) !== isIPv6(b.destination)) return 0;
  return commonPrefix(b.source, b.destination) - commonPrefix(a.source, a.destination);
}
