/**
 * The internet layer of one stack: what the transports above it call, and what calls them.
 * RFC 791, RFC 1122 §3.
 * @module
 */
import type { Address } from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import type { Drop } from '../base/drop.ts';
import type { Failure } from '../base/failure.ts';
import type { Random } from '../base/random.ts';
import type { Stats } from '../base/stats.ts';
import type { Chunks } from '../memory/chunks.ts';
import type { Slots } from '../memory/slots.ts';
import type { Checksum } from '../wire/checksum.ts';
import type { Interface } from './interface.ts';
import type { Packet } from './packet.ts';
import type { Route } from './route.ts';

/** An ICMP error about a packet that we sent; one reused instance. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** What it means to whoever sent the packet; `Failure.NONE` for a mere hint. */
  readonly failure: Failure;
  /** False where RFC 1122 §4.2.3.9 calls the error soft: remember it, go on. */
  readonly hard: boolean;
  /** True if the error will not pass by itself: not one of the net or the host, and no hint. */
  readonly lasting: boolean;
  /**
   * The path's MTU in a "fragmentation needed": as the router says or, where it does not, the next
   * lower plateau (RFC 1191 §4, §7.1). 0 in any other error.
   */
  readonly mtu: number;
  /** Who reported it. */
  readonly reporter: Address;
  /** The addresses of our packet. */
  readonly source: Address;
  readonly destination: Address;
  /** Offset and length of what the error quotes of our packet's transport header, at least 8 bytes. */
  readonly body: number;
  readonly bodyLength: number;
}

/** A transport, as the internet layer sees it. */
export interface Protocol {
  /**
   * True if `error` believes only what quotes a number that strangers cannot know, as TCP's sequence
   * numbers. What others believe of a path counts for them alone. RFC 5927 §7, RFC 8899 §4.6.
   */
  readonly checksErrors?: boolean;
  /** Take `packet` in. Anything but `Drop.NONE` is counted by the caller. */
  input(packet: Packet): Drop;
  /**
   * An ICMP error came for a packet of this protocol. `Drop.ICMP_NO_MATCH` if it fits nothing that
   * was sent. After a `Drop.NONE` the path's MTU is believed: routes change, so ask for one again.
   */
  error(error: IcmpError): Drop;
}

/** What a packet carries besides its bytes; one reused instance, reset by every `send`. */
export interface SendOptions {
  /** Traffic class: DSCP in the high six bits, ECN in the low two. */
  tos: number;
  /** 1..255, the hop limit of IPv6; 0: the default, or what a router says (RFC 4861 §6.3.4). */
  ttl: number;
  /** True sets DF, and of IPv6 forbids fragments; TCP does, for path MTU discovery. */
  dontFragment: boolean;
  /** Longer than the path is known to take: a probe may be as long as the interface's MTU. */
  beyondPath: boolean;
  /** With offload: text bytes in each segment that the device is to cut; 0: send it as it is. */
  gsoSize: number;
  /** With offload: where in the transport header a checksum stands that is only begun; -1: none. */
  checksumAt: number;
  /**
   * The last `textLength` bytes of what is sent are not in the slot but here, from `textFrom` behind the
   * start on: a device that can takes them from there. Only where the device makes the checksum.
   */
  text: Chunks | null;
  textFrom: number;
  textLength: number;
}

/**
 * Is told of packets that are dropped, as they are counted. `iface` is null for what was to be sent and
 * for packets that were taken before; otherwise the packet, with the device's header, is at `at`.
 */
export type DropWatcher = (
  reason: Drop,
  packets: number,
  iface: Interface | null,
  at: number,
  length: number,
) => void;

/** The way out: a transport's bytes become packets. */
export interface Sender {
  /**
   * A place for a transport header and what follows it: an offset with room for the route's MTU (or
   * `bodyLimit` bytes where it has offload), or `NO_SLOT`. It must be passed to `send`, `sendLarge` or
   * `cancel`.
   */
  reserve(route: Route): number;
  /** Give back what `reserve` gave. */
  cancel(at: number): void;
  /** What the next `send` carries: tos 0, the default TTL, no DF, no offload, unless set. */
  readonly next: SendOptions;
  /**
   * Send the `length` bytes at `at`, which `reserve` gave, and take the slot back. The network header
   * is written here. `Failure.NONE` if the packet went out or was queued. What is longer than the
   * path takes goes in fragments, or fails with `MESSAGE_SIZE` if `next.dontFragment` is set.
   */
  send(route: Route, source: Address, protocol: number, at: number, length: number): Failure;
  /**
   * Send a datagram of any length up to `bodyLimit`: the `headLength` bytes at `at`, which `reserve`
   * gave, and then `length` bytes of `bytes` from `from`, which may be the slots' own memory. Takes the
   * slot back. What does not fit the path's MTU goes in fragments, or fails if it must not.
   */
  sendLarge(
    route: Route,
    source: Address,
    protocol: number,
    at: number,
    headLength: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Failure;
  /**
   * Hand the packet of `length` bytes at `ip`, its network header and the device's header before that
   * already written, to `iface`, which leads to `nextHop`. Takes one reference of its slot.
   */
  transmit(iface: Interface, nextHop: Address, ip: number, length: number): Failure;
  /** False while the interface's queue is over half full: hold back what can wait. */
  ready(iface: Interface): boolean;
}

/**
 * Errors to whoever sent a packet, by ICMP and within its limits (RFC 1122 §3.2.2). The packet must still
 * be as it came in.
 */
export interface ErrorReports {
  /** Nobody takes it: one of `icmp.Code`, in RFC 792's numbers. */
  unreachable(packet: Packet, code: number): void;
  /** The next link takes packets of `mtu` bytes and this one must not be fragmented. */
  tooBig(packet: Packet, mtu: number): void;
  /** It has no hops left. */
  hopsExceeded(packet: Packet): void;
  /** Its other fragments did not come in time. */
  reassemblyTimedOut(packet: Packet): void;
  /**
   * Its header is wrong at the octet `pointer`. Of IPv6: `code` is one of `icmp6.Problem`, and `anybody`
   * says that the sender is told even of what was for a group.
   */
  parameterProblem(packet: Packet, pointer: number, code?: number, anybody?: boolean): void;
  /** It would have left the zone that its addresses belong to: IPv6 only. RFC 4443 §3.1. */
  beyondScope(packet: Packet): void;
}

/** The internet layer as what stands on it, and what is part of it, sees it. */
export interface InternetLayer {
  readonly slots: Slots;
  readonly checksum: Checksum;
  readonly stats: Stats;
  readonly random: Random;
  /** The time of the batch that is being worked on. */
  readonly now: Micros;
  readonly output: Sender;
  readonly errors: ErrorReports;

  /** Register the handler of an IP protocol number, 0..255, of both versions but for what one alone has. */
  setProtocol(number: number, protocol: Protocol | undefined): void;

  /** The way to `destination`, from `source` unless that is `ANY`; undefined if there is none. */
  route(destination: Address, source: Address): Route | undefined;
  /**
   * The same for a protocol that `checksErrors`: its MTU is narrowed only by what probes have shown and
   * by errors that such a protocol has found to be about something in flight.
   */
  provenRoute(destination: Address, source: Address): Route | undefined;
  /**
   * A transport has found by probes that packets of `mtu` bytes pass; infinity: that nothing on the way
   * limits them. `raisable`: longer ones may.
   */
  probedMtu(destination: Address, mtu: number, raisable: boolean): void;
  /** True if `address` is one of ours, a loopback address included. */
  isOurs(address: Address): boolean;
}
