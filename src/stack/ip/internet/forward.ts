/**
 * Forwarding: a packet that is not for us leaves by another interface. RFC 1812 §5.2, §5.3; RFC 8200 §3, §4.
 *
 * Off unless asked for. Redirects are sent of IPv6 alone, where they are asked for; directed broadcasts are not
 * forwarded (RFC 2644), and a source route is never followed.
 * @module
 */
import { ANY, isLinkLocal, isLoopback } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { count } from '../../base/stats.ts';
import { Chain, Found, walkHopByHop } from '../../wire/extension.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio.ts';
import { finishChecksum } from '../begun.ts';
import { IPV4_STATS, IPV6_STATS, type IpStats } from '../family.ts';
import { type Hooks, Verdict } from '../hooks.ts';
import { cuts } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import type { Routes } from '../routes.ts';
import { forwardInFragments } from '../v4/fragment.ts';
import * as header from '../v4/header.ts';
import * as fragment6 from '../v6/fragment.ts';
import { forwardInSegments, segmentHeaders } from './segment.ts';

/** What forwarding needs of the internet layer. */
export interface ForwardHost extends InternetLayer {
  readonly hooks: Hooks;
  readonly routes: Routes;
  /** What a packet of IPv6 that goes back to the link which it came by gives rise to. RFC 4861 §8.2. */
  redirect(packet: Packet, route: Route): void;
}

/** Send `packet` on its way, or say what is in it. */
export function forward(net: ForwardHost, packet: Packet): Drop {
  const v = net.slots.view;
  // RFC 1812 §5.3.1: checked before anything is changed, so that the error quotes what came.
  if (packet.ttl <= 1) {
    count(net.stats, names(packet).InHdrErrors);
    net.errors.hopsExceeded(packet);
    return Drop.IP_TTL;
  }
  if (packet.ipv6) {
    const refused = refusedOnTheWay(net, packet);
    if (refused !== Drop.NONE) return refused;
  }
  let route = net.routes.find(packet.destination, ANY);
  const { hooks } = net;
  if (hooks.forward !== null && route !== undefined) {
    const verdict = hooks.forward(packet, route.iface);
    if (verdict === Verdict.DROP) {
      count(net.stats, names(packet).InDiscards);
      return Drop.IP_FILTERED;
    }
    if (verdict === Verdict.REWRITTEN) {
      packet.read(v);
      route = net.routes.find(packet.destination, ANY);
    }
  }
  if (route === undefined) {
    count(net.stats, names(packet).InNoRoutes);
    net.errors.unreachable(packet, icmp.Code.NET);
    return Drop.IP_NO_ROUTE;
  }
  if (!route.unicast) return Drop.IP_NOT_OURS;
  if (packet.ipv6 && route.iface === packet.iface) net.redirect(packet, route);
  return pass(net, packet, route);
}

function pass(net: ForwardHost, packet: Packet, route: Route): Drop {
  const v = net.slots.view;
  const { at, length, gsoSize } = packet;
  const longest = gsoSize === 0 ? length : segmentHeaders(v, packet) + gsoSize;
  const tooLong = longest > route.mtu;
  // What stands for many segments is cut, but the segments are not fragmented: it has DF.
  if (tooLong && (gsoSize !== 0 || !mayFragment(v, packet))) {
    count(net.stats, names(packet).TooBig);
    net.errors.tooBig(packet, route.mtu);
    return Drop.IP_TOO_BIG;
  }
  count(net.stats, names(packet).ForwDatagrams);
  if (packet.ipv6) ipv6.setHopLimit(v, at, packet.ttl - 1);
  else header.decrementTtl(v, at, packet.ttl);
  if (gsoSize !== 0 && !canCut(route, packet)) return forwardInSegments(net, packet, route);
  if (packet.check === Check.BEGUN && (tooLong || !route.iface.offload.checksum)) {
    finishChecksum(net, packet);
  }
  // What lies in the large area must be copied to leave, even if it fits.
  if (tooLong || packet.transient) {
    return packet.ipv6
      ? fragment6.forwardInFragments(net, packet, route)
      : forwardInFragments(net, packet, route);
  }
  writeDeviceHeader(v, packet, route);
  net.slots.retain(net.slots.slotOf(at));
  net.output.transmit(route.iface, route.nextHop, at, length);
  return Drop.NONE;
}

/** True if the device behind `route` cuts such packets as `packet` to what the path takes. */
function canCut({ iface }: Route, { protocol, ipv6 }: Packet): boolean {
  const isTcp = protocol === Protocol.TCP;
  return (isTcp || protocol === Protocol.UDP) && cuts(iface.offload, ipv6, isTcp);
}

/** RFC 8200 §5: routers fragment nothing; what was put together here for a hook came in pieces. */
const mayFragment = (v: DataView, { ipv6, transient, at }: Packet): boolean =>
  ipv6 ? transient : !ipv4.dontFragment(v, at);

/**
 * RFC 8200 §4.3: what each node on the way looks at; other extension headers are the destination's.
 * RFC 4291 §2.5.6: what has a link-local address stays on its link.
 */
function refusedOnTheWay(net: ForwardHost, packet: Packet): Drop {
  const { source, destination, at, length } = packet;
  if (isLinkLocal(source) || isLinkLocal(destination) || isLoopback(source)) {
    count(net.stats, IPV6_STATS.InAddrErrors);
    if (!isLinkLocal(destination)) net.errors.beyondScope(packet);
    return Drop.IP_NOT_OURS;
  }
  const found = walkHopByHop(net.slots.view, at, at + length, CHAIN);
  if (found === Found.UPPER) return Drop.NONE;
  count(net.stats, IPV6_STATS.InHdrErrors);
  if (found === Found.LIMIT) return Drop.IP_EXTENSION_LIMIT;
  if (found === Found.MALFORMED) return Drop.IP_EXTENSION;
  if (found === Found.PROBLEM) {
    net.errors.parameterProblem(packet, CHAIN.pointer, CHAIN.code, !CHAIN.unicastOnly);
  }
  return Drop.IP_OPTIONS;
}

const CHAIN = new Chain();

const names = (packet: Packet): IpStats => (packet.ipv6 ? IPV6_STATS : IPV4_STATS);

function writeDeviceHeader(v: DataView, packet: Packet, route: Route): void {
  const { iface } = route;
  iface.clearHeader(v, packet.at);
  if (iface.headerLength === 0 || packet.check !== Check.BEGUN) return;
  const isTcp = packet.protocol === Protocol.TCP;
  const gso = packet.gsoSize === 0 ? virtio.Gso.NONE : virtio.gsoOf(packet.ipv6, isTcp);
  const link = iface.lead - iface.headerLength;
  const start = packet.body - packet.at + link;
  const headers = segmentHeaders(v, packet) + link;
  const sumAt = isTcp ? tcp.CHECKSUM_AT : udp.CHECKSUM_AT;
  virtio.write(
    v,
    packet.at - iface.lead,
    virtio.Flag.NEEDS_CSUM,
    gso,
    headers,
    packet.gsoSize,
    start,
    sumAt,
  );
}
