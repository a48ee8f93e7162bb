/**
 * Routes: which interface, which source address and which next hop lead to a destination.
 * RFC 1122 §3.3.1, longest prefix first.
 * @module
 */
import type { Address } from '../base/address.ts';
import type { Interface } from './interface.ts';

/** A way to a destination, kept by whoever sends there for as long as it stays `valid`. */
export class Route {
  readonly iface: Interface;
  /** The address of ours that packets leave from. */
  readonly source: Address;
  readonly destination: Address;
  /** The router to hand packets to, or the destination itself. */
  readonly nextHop: Address;
  /** The longest packet, in bytes, that is known to reach the destination. RFC 1191. */
  mtu: number;
  /** Cleared when the table changes: ask for another. */
  valid = true;

  constructor(iface: Interface, source: Address, destination: Address, nextHop: Address) {
    this.iface = iface;
    this.source = source;
    this.destination = destination;
    this.nextHop = nextHop;
    this.mtu = iface.mtu;
  }
}
