/**
 * What is told of a datagram besides its text and its sender. RFC 1122 §4.1.3.5, §4.1.4.
 * @module
 */
import type { Address } from '../../base/address.ts';

/** What the network header said of a datagram; of one object for all, filled anew for each. */
export interface UdpArrival {
  /** The address that it was sent to: one of ours, a broadcast or a group. */
  readonly destination: Address;
  /** Hops that were left, 1 to 255. */
  readonly ttl: number;
  /** The six upper bits are the DSCP, the two lower ones ECN. */
  readonly tos: number;
}
