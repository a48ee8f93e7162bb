/**
 * A route: the way to one destination, as whoever sends there keeps it, and a line of the table that it
 * came from. RFC 1122 §3.3.1.
 * @module
 */
import { type Address, ANY, isIPv6 } from '../base/address.ts';
import { headerLength } from './family.ts';
import { cuts, type Interface } from './interface.ts';

/** The table of routes, as a route sees it: it goes by another state when routes end. */
export interface RouteTable {
  readonly generation: number;
}

/** A way to a destination, kept by whoever sends there for as long as it stays `valid`. */
export class Route {
  readonly iface: Interface;
  /** The address of ours that packets leave from. */
  readonly source: Address;
  readonly destination: Address;
  /** The router to hand packets to, or the destination itself. */
  readonly nextHop: Address;
  /** Bytes of network header before each packet's transport header. */
  readonly headerLength: number;
  /** True if it leads to an address of IPv6. */
  readonly ipv6: boolean;
  /** The longest packet, in bytes, that is known to reach the destination. RFC 1191. */
  mtu: number;
  /** False if the destination is a broadcast or multicast address. */
  unicast = true;
  /** True if the destination is a broadcast address: not everyone may send there. */
  broadcast = false;
  /** True if the path's MTU is below what we go down to: routers must be let fragment. */
  fragmentable = false;
  /** True if the path may take longer packets than `mtu` by now: who can probe should. RFC 8899 §5.3. */
  raisable = false;
  /** The identification of the last packet that might be fragmented. RFC 6864 §4.2, RFC 7739 §5.1. */
  identification = 0;
  /** The source that was asked for, `ANY` for none. */
  asked: Address = ANY;
  /** Another route to the same destination, for another source. */
  sibling: Route | undefined = undefined;
  /** The table it came from, and that table's state then. */
  table: RouteTable | undefined = undefined;
  generation = 0;

  constructor(iface: Interface, source: Address, destination: Address, nextHop: Address) {
    this.iface = iface;
    this.source = source;
    this.destination = destination;
    this.nextHop = nextHop;
    this.headerLength = headerLength(destination);
    this.ipv6 = isIPv6(destination);
    this.mtu = iface.mtuOf(this.ipv6);
  }

  /** True if the device cuts TCP segments that are longer than the path takes. */
  get tso(): boolean {
    return cuts(this.iface.offload, this.ipv6, true);
  }

  /** True if the device cuts packets that stand for several UDP datagrams. */
  get uso(): boolean {
    return cuts(this.iface.offload, this.ipv6, false);
  }

  /** False once the table has changed, or has forgotten it: ask for another. */
  get valid(): boolean {
    return this.table === undefined || this.generation === this.table.generation;
  }
}

/** A line of the table. */
export interface RouteEntry {
  readonly net: Address;
  readonly bits: number;
  readonly iface: Interface;
  /** `ANY`: the destinations are on the link. */
  readonly gateway: Address;
  /** The address to send from, `ANY` to choose one of the interface's. */
  readonly source: Address;
  /** Of two entries for one prefix the lower one is used. */
  readonly metric: number;
}
