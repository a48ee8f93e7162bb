/**
 * A UDP socket: where it is bound, whom it talks to, and how its datagrams leave. RFC 768,
 * RFC 1122 §4.1, RFC 1112 §6.1.
 * @module
 */
import {
  type Address,
  ANY,
  ANY6,
  BROADCAST,
  drop,
  hold,
  isIPv6,
  isMulticast,
  isUnspecified,
} from '../base/address.ts';
import { Failure } from '../base/failure.ts';
import type { Interface } from '../ip/interface.ts';
import type { Route } from '../ip/route.ts';
import { emit, emitBatch, type Network, routeOf, type Sending, SOCKETS_OWN } from './emit.ts';
import type { UdpOwner } from './owner.ts';
import type { Ports } from './ports.ts';

/** A group that a socket listens to, on an interface. */
export interface Membership {
  readonly iface: Interface;
  readonly group: Address;
}

/** What a socket asks of the protocol that it belongs to. */
export interface UdpHost {
  readonly ip: Network;
  readonly ports: Ports<UdpSocket>;
  /** A datagram of `socket` found no room on its way to `iface`: tell the owner when there is some. */
  block(socket: UdpSocket, iface: Interface): void;
}

/** The most groups of one socket; Linux's `igmp_max_memberships`. */
const MEMBERSHIP_LIMIT = 20;

export class UdpSocket implements Sending {
  readonly udp: UdpHost;
  readonly ip: Network;
  /** Changes hands when a flow that waited is accepted. */
  owner: UdpOwner;
  /** Where it is bound; `ANY` for all of our addresses of IPv4, `ANY6` for all. `port` 0: not bound. */
  address: Address = ANY;
  port = 0;
  /** Whom it is connected to, if `remotePort` is not 0, and from which address of ours. */
  localAddress: Address = ANY;
  remoteAddress: Address = ANY;
  remotePort = 0;
  closed = false;

  /** Others that also say so may be bound to the same place. Set before `bind`. */
  reuseAddress = false;
  /** Bound to all of IPv6, it is not there for IPv4 too. Set before `bind`. RFC 3493 §5.3. */
  ipv6Only = false;
  /** Datagrams over IPv6 without a checksum are taken. RFC 6935 §5. */
  zeroChecksum = false;
  /** Datagrams to broadcast addresses may leave. RFC 1122 §4.1.4. */
  broadcast = false;
  /** Datagrams longer than the path takes fail instead of being fragmented. */
  dontFragment = false;
  /** Told of every ICMP error, connected or not. */
  receiveErrors = false;
  /** 0: the stack's default. */
  ttl = 0;
  tos = 0;
  /** RFC 1112 §6.1: multicasts stay on the link unless told otherwise. */
  multicastTtl = 1;
  /** Whether our own members hear what we send to a group. */
  multicastLoop = true;
  readonly memberships: Membership[] = [];

  /** The way of the last datagram. */
  route: Route | undefined = undefined;
  /** Where a datagram found no room, while the owner waits for `onWritable`. */
  waitsFor: Interface | undefined = undefined;
  /** Lists of `Ports`. */
  nextOnPort: UdpSocket | undefined = undefined;
  nextInBucket: UdpSocket | undefined = undefined;
  /** False for a flow that has no port of its own: it was accepted for others' addresses. */
  bound = false;
  #multicastInterface: Interface | undefined = undefined;

  constructor(udp: UdpHost, owner: UdpOwner) {
    this.udp = udp;
    this.ip = udp.ip;
    this.owner = owner;
  }

  /** Where multicasts and broadcasts leave; undefined: as the routes say. */
  get multicastInterface(): Interface | undefined {
    return this.#multicastInterface;
  }

  set multicastInterface(iface: Interface | undefined) {
    this.#multicastInterface = iface;
    this.route = undefined;
  }

  get connected(): boolean {
    return this.remotePort !== 0;
  }

  /** Take a place to be sent to; port 0 chooses one. Once in a socket's life. */
  bind(address: Address, port: number): Failure {
    if (this.closed || this.port !== 0) return Failure.CLOSED;
    const { ip } = this;
    const { ports } = this.udp;
    const everyone = isUnspecified(address) || address === BROADCAST || isMulticast(address);
    if (!everyone && !ip.isOurs(address) && !ip.isBroadcast(address)) {
      return Failure.ADDRESS_NOT_AVAILABLE;
    }
    const { reuseAddress, ipv6Only } = this;
    const chosen = port === 0 ? ports.pick(address, ipv6Only) : port;
    if (chosen === 0 || (port !== 0 && ports.taken(address, port, reuseAddress, ipv6Only))) {
      return Failure.ADDRESS_IN_USE;
    }
    this.address = hold(address);
    this.port = chosen;
    this.bound = true;
    ports.bind(this);
    return Failure.NONE;
  }

  /** Talk to one peer only. Binds, if that was not done. */
  connect(address: Address, port: number): Failure {
    if (this.closed || port === 0) return Failure.ADDRESS_NOT_AVAILABLE;
    const route = routeOf(this, address);
    if (route === undefined) return Failure.NET_UNREACHABLE;
    if (route.broadcast && !this.broadcast) return Failure.PROHIBITED;
    const bound = this.#readyFor(port, address);
    if (bound !== Failure.NONE) return bound;
    this.disconnect();
    this.localAddress = hold(route.source);
    this.remoteAddress = hold(address);
    this.remotePort = port;
    this.route = undefined;
    this.udp.ports.addFlow(this);
    return Failure.NONE;
  }

  /** Talk to everyone again. */
  disconnect(): void {
    if (!this.connected) return;
    this.udp.ports.removeFlow(this);
    drop(this.localAddress);
    drop(this.remoteAddress);
    this.localAddress = ANY;
    this.remoteAddress = ANY;
    this.remotePort = 0;
    this.route = undefined;
  }

  /**
   * Send `length` bytes of `bytes` from `at`. To the peer of a connected socket unless told another;
   * with the socket's TTL and TOS unless told others, and from `source` if that is one of our
   * addresses (RFC 1122 §4.1.3.5: an answer leaves from where the question went). The bytes are the
   * caller's again at once.
   */
  send(
    bytes: Uint8Array,
    at: number,
    length: number,
    address: Address = this.remoteAddress,
    port: number = this.remotePort,
    ttl: number = SOCKETS_OWN,
    tos: number = SOCKETS_OWN,
    source: Address = ANY,
  ): Failure {
    const ready = this.#readyFor(port, address);
    if (ready !== Failure.NONE) return ready;
    return emit(this, bytes, at, length, address, port, ttl, tos, source);
  }

  /**
   * Send `length` bytes as datagrams of `size` bytes, 1 or more, the last one shorter: in one go where
   * the device cuts them (USO). After a failure those before it have left.
   */
  sendBatch(
    bytes: Uint8Array,
    at: number,
    length: number,
    size: number,
    address: Address = this.remoteAddress,
    port: number = this.remotePort,
  ): Failure {
    const ready = this.#readyFor(port, address);
    if (ready !== Failure.NONE) return ready;
    return emitBatch(this, bytes, at, length, size, address, port);
  }

  /** Listen to a group, on one interface or on that which leads there. */
  join(group: Address, iface?: Interface): Failure {
    const { ip } = this;
    const on = iface ?? ip.route(group, this.sourceAddress)?.iface;
    if (this.closed) return Failure.CLOSED;
    if (!isMulticast(group)) return Failure.ADDRESS_NOT_AVAILABLE;
    if (on === undefined) return Failure.NET_UNREACHABLE;
    if (this.isMember(group, on)) return Failure.ADDRESS_IN_USE;
    if (this.memberships.length >= MEMBERSHIP_LIMIT) return Failure.NO_BUFFERS;
    if (!ip.multicast.join(on, group)) return Failure.NO_BUFFERS;
    this.memberships.push({ iface: on, group });
    return Failure.NONE;
  }

  /** Listen no longer. */
  leave(group: Address, iface?: Interface): Failure {
    const index = this.memberships.findIndex(
      (m) => m.group === group && (iface === undefined || m.iface === iface),
    );
    const membership = this.memberships[index];
    if (membership === undefined) return Failure.ADDRESS_NOT_AVAILABLE;
    this.memberships.splice(index, 1);
    this.ip.multicast.leave(membership.iface, group);
    return Failure.NONE;
  }

  /** True if it listens to `group` on `iface`; what we send ourselves is heard on all. */
  isMember(group: Address, iface: Interface): boolean {
    for (const m of this.memberships) {
      if (m.group === group && (m.iface === iface || iface.isLoopback)) return true;
    }
    return false;
  }

  /** The address that its datagrams leave from, `ANY` where the route decides. */
  get sourceAddress(): Address {
    if (this.connected) return this.localAddress;
    const { address, ip } = this;
    return this.bound && ip.isOurs(address) ? address : ANY;
  }

  /** Nothing is received or sent any more. May be called again. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.disconnect();
    for (const { iface, group } of this.memberships) this.ip.multicast.leave(iface, group);
    this.memberships.length = 0;
    if (this.bound) {
      this.udp.ports.unbind(this);
      drop(this.address);
    }
    this.bound = false;
    this.route = undefined;
  }

  blocked(iface: Interface): void {
    this.udp.block(this, iface);
  }

  #readyFor(port: number, address: Address): Failure {
    if (this.closed) return Failure.CLOSED;
    if (port === 0) return Failure.ADDRESS_NOT_AVAILABLE;
    if (this.port === 0) return this.bind(isIPv6(address) ? ANY6 : ANY, 0);
    return this.#speaks(address) ? Failure.NONE : Failure.NET_UNREACHABLE;
  }

  /** True if answers from `address` could come where it is bound. */
  #speaks(address: Address): boolean {
    if (isIPv6(address) === isIPv6(this.address)) return true;
    return this.address === ANY6 && !this.ipv6Only;
  }
}
