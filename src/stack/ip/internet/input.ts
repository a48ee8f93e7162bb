/**
 * Input: a packet from a device is checked, and given to its protocol, the reassembly or the
 * forwarding. RFC 791 §3, RFC 1122 §3.2.1, RFC 1812 §5.3.
 *
 * We are a weak host (RFC 1122 §3.3.4.2 (B)): a packet to any of our addresses is taken in,
 * whichever interface it came by. Options are walked and ignored, but a packet with a source route
 * is refused, for nobody uses one in good faith (RFC 7126 §4.3, §4.4).
 * @module
 */
import { ANY, BROADCAST, isLoopback, isMulticast, isNoHost } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { count, Stat } from '../../base/stats.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Verdict } from '../hooks.ts';
import type { Interface } from '../interface.ts';
import type { Packet } from '../packet.ts';
import * as header from '../v4/header.ts';
import { forward } from './forward.ts';
import type { Internet } from './internet.ts';

/** Take in the `length` bytes at `at`, the device's own header included. */
export function receive(net: Internet, iface: Interface, at: number, length: number): Drop {
  const { packet, stats } = net;
  count(stats, Stat.IpInReceives);
  const v = net.slots.view;
  const ip = at + iface.headerLength;
  const size = length - iface.headerLength;
  const malformed = checkHeader(v, ip, size);
  if (malformed !== Drop.NONE) {
    count(stats, Stat.IpInHdrErrors);
    return malformed;
  }
  packet.iface = iface;
  packet.at = ip;
  packet.transient = false;
  packet.readDeviceHeader(v, iface.headerLength);
  packet.read(v);
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

/** RFC 1122 §3.2.1.1 and following: version, lengths, checksum. */
function checkHeader(v: DataView, ip: number, size: number): Drop {
  if (size < ipv4.MIN_LEN) return Drop.IP_TRUNCATED;
  if (ipv4.version(v, ip) !== ipv4.VERSION) return Drop.IP_VERSION;
  const headerLen = ipv4.headerLen(v, ip);
  const totalLen = ipv4.totalLen(v, ip);
  if (headerLen < ipv4.MIN_LEN || totalLen < headerLen) return Drop.IP_HEADER;
  // What follows the packet is the link's padding; a packet that reaches past the frame is cut.
  if (totalLen > size) return Drop.IP_TRUNCATED;
  return header.good(v, ip, headerLen) ? Drop.NONE : Drop.IP_CHECKSUM;
}

/**
 * RFC 1122 §3.2.1.3: no packet comes from a group or from everyone, none from outside that says it
 * is from inside, and none from outside to a loopback address.
 */
function validAddresses(net: Internet, iface: Interface, packet: Packet): boolean {
  const { source } = packet;
  if (iface.isLoopback) return true; // we sent it ourselves
  return !(
    isNoHost(source) ||
    iface.isBroadcast(source) ||
    net.routes.isOurs(source) ||
    isLoopback(packet.destination)
  );
}

function checkOptions(net: Internet, v: DataView, packet: Packet): Drop {
  let option = ipv4.firstOption(v, packet.at);
  for (; option >= 0; option = ipv4.nextOption(v, packet.at, option)) {
    const kind = ipv4.optionKind(v, option);
    if (kind === ipv4.Option.LOOSE_SOURCE_ROUTE || kind === ipv4.Option.STRICT_SOURCE_ROUTE) {
      return Drop.IP_SOURCE_ROUTE;
    }
  }
  if (option !== ipv4.BAD_OPTION) return Drop.NONE;
  // RFC 1122 §3.2.2.5: it points at the options; which octet is wrong nobody can tell.
  packet.unicast = isUnicast(net, packet);
  net.errors.report(packet, icmp.Type.PARAMETER_PROBLEM, 0, ipv4.MIN_LEN << 24);
  return Drop.IP_OPTIONS;
}

/** The long way, with a hook: it sees whole packets, so fragments are put together before it. */
function receiveHooked(net: Internet, packet: Packet): Drop {
  if (ipv4.isFragment(net.slots.view, packet.at)) {
    packet.unicast = isUnicast(net, packet);
    const drop = net.reassembly.add(packet, net.now);
    if (drop !== Drop.NONE || !packet.transient) return drop;
  }
  const verdict = net.hooks.input?.(packet, null);
  if (verdict === Verdict.DROP) {
    count(net.stats, Stat.IpInDiscards);
    return Drop.IP_FILTERED;
  }
  if (verdict === Verdict.REWRITTEN) packet.read(net.slots.view);
  return sort(net, packet);
}

/** What we send to everyone comes back to us by the loopback interface, which has no such address. */
const isUnicast = (net: Internet, { destination, iface }: Packet): boolean =>
  !isMulticast(destination) &&
  destination !== BROADCAST &&
  !(iface.isLoopback ? net.isBroadcast(destination) : iface.isBroadcast(destination));

/** RFC 1122 §3.2.1.3: is it for us, for everyone, for others, or for nobody here? */
function sort(net: Internet, packet: Packet): Drop {
  const { destination, iface } = packet;
  packet.unicast = true;
  // First what nearly every packet is for; the primary address is `ANY` where there is none.
  const ours = destination === iface.primary && destination !== ANY;
  if (ours || net.routes.isOurs(destination)) return deliver(net, packet);
  if (!isUnicast(net, packet)) {
    packet.unicast = false;
    if (!isMulticast(destination) || net.multicast.isMember(iface, destination)) {
      return deliver(net, packet);
    }
  } else if (!isNoHost(destination)) {
    if (iface.acceptAny) return deliver(net, packet);
    if (net.forwarding) return forward(net, packet);
  }
  count(net.stats, Stat.IpInAddrErrors);
  return Drop.IP_NOT_OURS;
}

/** It is for us: whole, or once it is whole, it goes to its protocol. */
function deliver(net: Internet, packet: Packet): Drop {
  if (ipv4.isFragment(net.slots.view, packet.at)) {
    const drop = net.reassembly.add(packet, net.now);
    // Kept, or refused; if it was the last that was missing, the packet is now the whole one.
    if (drop !== Drop.NONE || !packet.transient) return drop;
  }
  const protocol = net.protocols[packet.protocol];
  if (protocol === undefined) {
    count(net.stats, Stat.IpInUnknownProtos);
    net.errors.report(packet, icmp.Type.UNREACHABLE, icmp.Code.PROTOCOL, 0);
    return Drop.IP_PROTOCOL;
  }
  count(net.stats, Stat.IpInDelivers);
  return protocol.input(packet);
}
