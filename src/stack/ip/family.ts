/**
 * What everyone above must know of an address's family, and what differs between them: IPv4, RFC 791, and
 * IPv6, RFC 8200.
 * @module
 */
import { type Address, ANY, ANY6, isIPv6 } from '../base/address.ts';
import { Stat } from '../base/stats.ts';
import * as icmp from '../wire/icmp.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';

/** Bytes of the network header of packets to `destination` that we make ourselves. */
export const headerLength = (destination: Address): number =>
  isIPv6(destination) ? ipv6.HEADER_LEN : ipv4.MIN_LEN;

/** The most bytes that can follow the network header of a packet to `destination`, fragments included. */
export const bodyLimit = (destination: Address): number =>
  isIPv6(destination) ? ipv6.MAX_PAYLOAD_LEN : ipv4.MAX_TOTAL_LEN - ipv4.MIN_LEN;

/** The longest text of an echo to `destination`. */
export const echoLimit = (destination: Address): number => bodyLimit(destination) - icmp.MIN_LEN;

/** The longest text of an echo of either family. */
export const MAX_ECHO: number = ipv4.MAX_TOTAL_LEN - ipv4.MIN_LEN - icmp.MIN_LEN;

/** The least MTU that a path of the family may have: RFC 8200 §5; for IPv4 see `path-mtu.ts`. */
export const leastMtu = (destination: Address, floor: number): number =>
  isIPv6(destination) ? ipv6.MIN_MTU : floor;

/**
 * True if who is bound to `bound` is there for `address`: for that, for all of IPv4 (`ANY`), or for all of IPv6
 * (`ANY6`), which without `ipv6Only` is IPv4 too. RFC 3493 §3.7, §5.3.
 */
export function covers(bound: Address, ipv6Only: boolean, address: Address): boolean {
  if (bound === address) return true;
  if (bound === ANY) return !isIPv6(address);
  return bound === ANY6 && (!ipv6Only || isIPv6(address));
}

/** True if two who are bound to these would be there for one address. */
export const meets = (a: Address, aOnly: boolean, b: Address, bOnly: boolean): boolean =>
  covers(a, aOnly, b) || covers(b, bOnly, a);

/** Where packets of a family are counted. RFC 4293 has one table for both, with a column for the version. */
export interface IpStats {
  readonly InReceives: Stat;
  readonly InHdrErrors: Stat;
  readonly InAddrErrors: Stat;
  readonly InUnknownProtos: Stat;
  readonly InDiscards: Stat;
  readonly InDelivers: Stat;
  readonly OutRequests: Stat;
  readonly OutDiscards: Stat;
  readonly OutNoRoutes: Stat;
  readonly ForwDatagrams: Stat;
  /** To be forwarded, and there was no way. */
  readonly InNoRoutes: Stat;
  readonly ReasmTimeout: Stat;
  readonly ReasmReqds: Stat;
  readonly ReasmOKs: Stat;
  readonly ReasmFails: Stat;
  readonly FragOKs: Stat;
  readonly FragFails: Stat;
  readonly FragCreates: Stat;
  /** To be forwarded, and longer than the next link takes. */
  readonly TooBig: Stat;
  readonly InOctets: Stat;
  readonly OutOctets: Stat;
}

/** Those of IPv4. */
export const IPV4_STATS: IpStats = {
  InReceives: Stat.IpInReceives,
  InHdrErrors: Stat.IpInHdrErrors,
  InAddrErrors: Stat.IpInAddrErrors,
  InUnknownProtos: Stat.IpInUnknownProtos,
  InDiscards: Stat.IpInDiscards,
  InDelivers: Stat.IpInDelivers,
  OutRequests: Stat.IpOutRequests,
  OutDiscards: Stat.IpOutDiscards,
  OutNoRoutes: Stat.IpOutNoRoutes,
  ForwDatagrams: Stat.IpForwDatagrams,
  InNoRoutes: Stat.IpOutNoRoutes,
  ReasmTimeout: Stat.IpReasmTimeout,
  ReasmReqds: Stat.IpReasmReqds,
  ReasmOKs: Stat.IpReasmOKs,
  ReasmFails: Stat.IpReasmFails,
  FragOKs: Stat.IpFragOKs,
  FragFails: Stat.IpFragFails,
  FragCreates: Stat.IpFragCreates,
  TooBig: Stat.IpFragFails,
  InOctets: Stat.IpExtInOctets,
  OutOctets: Stat.IpExtOutOctets,
};

/** Those of IPv6. */
export const IPV6_STATS: IpStats = {
  InReceives: Stat.Ip6InReceives,
  InHdrErrors: Stat.Ip6InHdrErrors,
  InAddrErrors: Stat.Ip6InAddrErrors,
  InUnknownProtos: Stat.Ip6InUnknownProtos,
  InDiscards: Stat.Ip6InDiscards,
  InDelivers: Stat.Ip6InDelivers,
  OutRequests: Stat.Ip6OutRequests,
  OutDiscards: Stat.Ip6OutDiscards,
  OutNoRoutes: Stat.Ip6OutNoRoutes,
  ForwDatagrams: Stat.Ip6OutForwDatagrams,
  InNoRoutes: Stat.Ip6InNoRoutes,
  ReasmTimeout: Stat.Ip6ReasmTimeout,
  ReasmReqds: Stat.Ip6ReasmReqds,
  ReasmOKs: Stat.Ip6ReasmOKs,
  ReasmFails: Stat.Ip6ReasmFails,
  FragOKs: Stat.Ip6FragOKs,
  FragFails: Stat.Ip6FragFails,
  FragCreates: Stat.Ip6FragCreates,
  TooBig: Stat.Ip6InTooBigErrors,
  InOctets: Stat.Ip6InOctets,
  OutOctets: Stat.Ip6OutOctets,
};

/** Those of the family of `address`. */
export const statsOf = (address: Address): IpStats => (isIPv6(address) ? IPV6_STATS : IPV4_STATS);
