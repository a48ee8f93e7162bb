/**
 * Input: a packet from a device is checked, and given to its protocol, the reassembly or the
 * forwarding. RFC 791 §3, RFC 1122 §3.2.1, RFC 1812 §5.3; RFC 8200 §3 and §4.
 *
 * We are a weak host (RFC 1122 §3.3.4.2 (B)): a packet to any of our addresses is taken in,
 * whichever interface it came by.
 * @module
 */
import {
  type Address,
  ANY,
  ANY6,
  BROADCAST,
  isLoopback,
  isMulticast,
  isNoHost,
} from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { count, Stat } from '../../base/stats.ts';
import { Found, Header } from '../../wire/extension.ts';
import * as icmp from '../../wire/icmp.ts';
import { Problem } from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as udp from '../../wire/udp.ts';
import { checkClaims } from '../claims.ts';
import { IPV4_STATS, IPV6_STATS, type IpStats } from '../family.ts';
import { Verdict } from '../hooks.ts';
import type { Interface } from '../interface.ts';
import type { Protocol as Handler } from '../ip.ts';
import type { Multicast } from '../multicast.ts';
import { Check, type Packet } from '../packet.ts';
import * as header from '../v4/header.ts';
import * as options from '../v4/options.ts';
import type { Reassembly } from '../v4/reassembly.ts';
import * as header6 from '../v6/header.ts';
import type { Reassembly6 } from '../v6/reassembly.ts';
import { type ForwardHost, forward } from './forward.ts';

/** RFC 2131 §4.1. */
const DHCP_CLIENT = 68;

/** What taking in needs of the internet layer. */
export interface InputHost extends ForwardHost {
  /** The packet that is being taken in. */
  readonly packet: Packet;
  /** Pass packets between interfaces. */
  readonly forwarding: boolean;
  readonly reassembly: Reassembly;
  readonly reassembly6: Reassembly6;
  readonly multicast: Multicast;
  /** By number, of IPv4 and of IPv6. */
  readonly protocols: readonly (Handler | undefined)[];
  readonly protocols6: readonly (Handler | undefined)[];
  /** True if `address` is everyone here, or everyone in one of our prefixes. */
  isBroadcast(address: Address): boolean;
}

/** Take in the `length` bytes at `at`, the device's own header included. */
export function receive(net: InputHost, iface: Interface, at: number, length: number): Drop {
  const { packet, stats } = net;
  const v = net.slots.view;
  const ip = at + iface.lead;
  const size = length - iface.lead;
  const malformed = header.check(v, ip, size);
  if (malformed === Drop.IP_VERSION && ipv4.version(v, ip) === ipv6.VERSION) {
    if (iface.ipv6) return receive6(net, iface, ip, size);
    count(stats, Stat.Ip6InReceives);
    count(stats, Stat.Ip6InDiscards); // as Linux counts it where `disable_ipv6` is set
    return Drop.IP_NO_FAMILY;
  }
  count(stats, Stat.IpInReceives);
  if (malformed !== Drop.NONE) {
    count(stats, Stat.IpInHdrErrors);
    return malformed;
  }
  packet.iface = iface;
  packet.at = ip;
  packet.transient = false;
  packet.readDeviceHeader(v, iface);
  packet.read(v);
  if (packet.check !== Check.NEEDED || packet.gsoSize !== 0) checkClaims(v, packet);
  count(stats, Stat.IpExtInOctets, packet.length);
  if (!validAddresses(net, iface, packet)) {
    count(stats, Stat.IpInAddrErrors);
    return Drop.IP_SOURCE;
  }
  if (packet.body !== ip + ipv4.MIN_LEN) {
    const refused = checkOptions(net, v, packet);
    if (refused !== Drop.NONE) {
      count(stats, Stat.IpInHdrErrors);
      return refused;
    }
  }
  if (net.hooks.input !== null) return receiveHooked(net, packet);
  return sort(net, packet);
}

/** The same of IPv6. */
function receive6(net: InputHost, iface: Interface, ip: number, size: number): Drop {
  const { packet, stats } = net;
  const v = net.slots.view;
  count(stats, Stat.Ip6InReceives);
  const malformed = header6.check(v, ip, size);
  if (malformed !== Drop.NONE) {
    count(stats, Stat.Ip6InTruncatedPkts);
    return malformed;
  }
  packet.iface = iface;
  packet.at = ip;
  packet.transient = false;
  packet.readDeviceHeader(v, iface);
  packet.read(v);
  if (packet.check !== Check.NEEDED || packet.gsoSize !== 0) checkClaims(v, packet);
  count(stats, Stat.Ip6InOctets, packet.length);
  if (!packet.familiar) {
    if (!iface.isLoopback && !validAddresses6(net, v, packet)) {
      count(stats, Stat.Ip6InAddrErrors);
      return Drop.IP_SOURCE;
    }
    remember(net, v, packet);
  }
  if (net.hooks.input !== null) return receiveHooked(net, packet);
  return sort(net, packet);
}

/** The next packet is likely to be of the same hosts. One from `::` is good by what it asks, and not by its addresses. */
function remember(net: InputHost, v: DataView, { iface, at, source, destination }: Packet): void {
  if (source === ANY6) return;
  iface.pair.keep(v, at, source, destination, net.routes.isOurs(destination));
}

const validAddresses6 = (net: InputHost, v: DataView, packet: Packet): boolean =>
  header6.validAddresses(v, packet) && !net.routes.isOurs(packet.source);

/**
 * A packet came that is longer than a slot, and only its first `kept` bytes are at `at`: the link has
 * grown since the stack was made. It is lost as before a narrower link, and its sender is told in the
 * same way what passes. RFC 1191 §4; RFC 1812 §5.2.7.1.
 */
export function receiveCut(net: InputHost, iface: Interface, at: number, kept: number): void {
  const v = net.slots.view;
  const ip = at + iface.lead;
  // A whole segment for the device to cut (offload), or a frame: no answer would help.
  if (iface.link !== null || iface.offload.checksum || kept < iface.lead + ipv4.MAX_LEN) return;
  const is6 = iface.ipv6 && ipv4.version(v, ip) === ipv6.VERSION;
  if (!is6) {
    if (header.check(v, ip, ipv4.totalLen(v, ip)) !== Drop.NONE) return;
    if (!ipv4.dontFragment(v, ip)) return;
  }
  const { packet } = net;
  packet.iface = iface;
  packet.at = ip;
  packet.transient = false;
  packet.readDeviceHeader(v, iface);
  packet.read(v);
  if (!(is6 ? validAddresses6(net, v, packet) : validAddresses(net, iface, packet))) return;
  packet.unicast = isUnicast(net, packet);
  net.errors.tooBig(packet, iface.mtu);
}

/**
 * RFC 1122 §3.2.1.3: no packet comes from a group or from everyone, none from outside that says it
 * is from inside, and none from outside to a loopback address.
 */
function validAddresses(net: InputHost, iface: Interface, packet: Packet): boolean {
  const { source } = packet;
  if (iface.isLoopback) return true; // we sent it ourselves
  // RFC 1122 §3.2.1.3 (a): who asks everyone for an address has none yet.
  if (source === ANY && packet.destination === BROADCAST) return true;
  if (isLoopback(packet.destination)) return false;
  if (source === iface.soundSource && source !== ANY) return true;
  if (isNoHost(source) || iface.isBroadcast(source) || net.routes.isOurs(source)) return false;
  iface.soundSource = source;
  return true;
}

function checkOptions(net: InputHost, v: DataView, packet: Packet): Drop {
  const refused = options.check(v, packet.at);
  if (refused !== Drop.IP_OPTIONS) return refused;
  // RFC 1122 §3.2.2.5: it points at the options; which octet is wrong nobody can tell.
  packet.unicast = isUnicast(net, packet);
  net.errors.parameterProblem(packet, ipv4.MIN_LEN);
  return refused;
}

/** The long way, with a hook: it sees whole packets, so fragments are put together before it. */
function receiveHooked(net: InputHost, packet: Packet): Drop {
  if (packet.fragment !== 0) {
    packet.unicast = isUnicast(net, packet);
    const drop = reassemble(net, packet);
    if (drop !== Drop.NONE || !packet.transient) return drop;
  }
  const verdict = net.hooks.input?.(packet, null);
  if (verdict === Verdict.DROP) {
    count(net.stats, names(packet).InDiscards);
    return Drop.IP_FILTERED;
  }
  if (verdict === Verdict.REWRITTEN) packet.read(net.slots.view);
  return sort(net, packet);
}

const reassemble = (net: InputHost, packet: Packet): Drop =>
  packet.ipv6 ? net.reassembly6.add(packet, net.now) : net.reassembly.add(packet, net.now);

const names = (packet: Packet): IpStats => (packet.ipv6 ? IPV6_STATS : IPV4_STATS);

/** What we send to everyone comes back to us by the loopback interface, which has no such address. */
const isUnicast = (net: InputHost, { destination, iface }: Packet): boolean =>
  !isMulticast(destination) &&
  destination !== BROADCAST &&
  !(iface.isLoopback ? net.isBroadcast(destination) : iface.isBroadcast(destination));

/** RFC 1122 §3.2.1.3: is it for us, for everyone, for others, or for nobody here? */
function sort(net: InputHost, packet: Packet): Drop {
  const { destination, iface } = packet;
  // RFC 1122 §2.4: a packet that the link brought to everyone is for everyone.
  packet.unicast = iface.link === null || iface.link.unicast;
  // First what nearly every packet is for; the primary address is `ANY` where there is none.
  const ours = destination === iface.primary || destination === iface.pair.ours;
  if ((ours && destination !== ANY) || net.routes.isOurs(destination)) return deliver(net, packet);
  if (!isUnicast(net, packet)) {
    packet.unicast = false;
    if (packet.ipv6) count(net.stats, Stat.Ip6InMcastPkts);
    if (!isMulticast(destination) || net.multicast.isMember(iface, destination)) {
      return deliver(net, packet);
    }
    // RFC 1112 §7.2: "quietly discards". No error, so none is counted.
    return Drop.IP_NOT_MEMBER;
  } else if (!isNoHost(destination)) {
    if (iface.acceptAny || isLent(net, packet)) return deliver(net, packet);
    if (net.forwarding) return forward(net, packet);
  }
  count(net.stats, names(packet).InAddrErrors);
  return Drop.IP_NOT_OURS;
}

/**
 * An answer of DHCP to an interface that has no address yet, in a frame for it alone: it goes to the address that is
 * lent, though RFC 2131 §4.1 has the server heed that we asked for a broadcast; passt does not.
 */
function isLent(net: InputHost, packet: Packet): boolean {
  const { iface, body, bodyLength } = packet;
  if (packet.ipv6 || iface.primary !== ANY || iface.link?.unicast !== true) return false;
  if (packet.protocol !== Protocol.UDP || packet.fragment !== 0) return false;
  const { view } = net.slots;
  return udp.valid(view, body, bodyLength) && udp.dstPort(view, body) === DHCP_CLIENT;
}

/** It is for us: whole, or once it is whole, it goes to its protocol. */
function deliver(net: InputHost, packet: Packet): Drop {
  if (packet.found > Found.FRAGMENT) return refuse(net, packet);
  if (packet.fragment !== 0) {
    const drop = reassemble(net, packet);
    // Kept, or refused; if it was the last that was missing, the packet is now the whole one.
    if (drop !== Drop.NONE || !packet.transient) return drop;
    if (packet.found !== Found.UPPER) return refuse(net, packet);
  }
  if (packet.ipv6) return deliver6(net, packet);
  const protocol = net.protocols[packet.protocol];
  if (protocol === undefined) {
    count(net.stats, Stat.IpInUnknownProtos);
    net.errors.unreachable(packet, icmp.Code.PROTOCOL);
    return Drop.IP_PROTOCOL;
  }
  count(net.stats, Stat.IpInDelivers);
  return protocol.input(packet);
}

function deliver6(net: InputHost, packet: Packet): Drop {
  const protocol = net.protocols6[packet.protocol];
  if (protocol === undefined) {
    // RFC 8200 §4.7: "no next header" is nothing to complain of.
    if (packet.protocol === Header.NONE) return Drop.IP_PROTOCOL;
    count(net.stats, Stat.Ip6InUnknownProtos);
    net.errors.unreachable(packet, icmp.Code.PROTOCOL);
    return Drop.IP_PROTOCOL;
  }
  count(net.stats, Stat.Ip6InDelivers);
  return protocol.input(packet);
}

/** Its extension headers are not what we go by. RFC 8200 §4.2, §4.4; RFC 8504 §5.3. */
function refuse(net: InputHost, packet: Packet): Drop {
  const { found, chain } = packet;
  count(net.stats, Stat.Ip6InHdrErrors);
  if (found === Found.LIMIT) return Drop.IP_EXTENSION_LIMIT;
  if (found === Found.REFUSED) return Drop.IP_OPTIONS;
  if (found !== Found.PROBLEM) return Drop.IP_EXTENSION;
  const isOption = chain.code === Problem.OPTION;
  net.errors.parameterProblem(packet, chain.pointer, chain.code, isOption && !chain.unicastOnly);
  if (isOption) return Drop.IP_OPTIONS;
  return chain.code === Problem.HEADER_FIELD ? Drop.IP_SOURCE_ROUTE : Drop.IP_EXTENSION;
}
