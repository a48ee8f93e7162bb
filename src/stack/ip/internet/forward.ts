/**
 * Forwarding: a packet that is not for us leaves by another interface. RFC 1812 §5.2, §5.3.
 *
 * Off unless asked for. No redirects are sent, directed broadcasts are not forwarded (RFC 2644), and
 * a source route is never followed.
 * @module
 */
import { ANY } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { count, Stat } from '../../base/stats.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio.ts';
import { finishChecksum } from '../begun.ts';
import { type Hooks, Verdict } from '../hooks.ts';
import type { InternetLayer } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import type { Routes } from '../routes.ts';
import { forwardInFragments } from '../v4/fragment.ts';
import * as header from '../v4/header.ts';
import { forwardInSegments, segmentHeaders } from './segment.ts';

/** What forwarding needs of the internet layer. */
export interface ForwardHost extends InternetLayer {
  readonly hooks: Hooks;
  readonly routes: Routes;
}

/** Send `packet` on its way, or say what is in it. */
export function forward(net: ForwardHost, packet: Packet): Drop {
  const v = net.slots.view;
  // RFC 1812 §5.3.1: checked before anything is changed, so that the error quotes what came.
  if (packet.ttl <= 1) {
    count(net.stats, Stat.IpInHdrErrors);
    net.errors.hopsExceeded(packet);
    return Drop.IP_TTL;
  }
  let route = net.routes.find(packet.destination, ANY);
  const { hooks } = net;
  if (hooks.forward !== null && route !== undefined) {
    const verdict = hooks.forward(packet, route.iface);
    if (verdict === Verdict.DROP) {
      count(net.stats, Stat.IpInDiscards);
      return Drop.IP_FILTERED;
    }
    if (verdict === Verdict.REWRITTEN) {
      packet.read(v);
      route = net.routes.find(packet.destination, ANY);
    }
  }
  if (route === undefined) {
    count(net.stats, Stat.IpOutNoRoutes);
    net.errors.unreachable(packet, icmp.Code.NET);
    return Drop.IP_NO_ROUTE;
  }
  if (!route.unicast) return Drop.IP_NOT_OURS;
  return pass(net, packet, route);
}

function pass(net: ForwardHost, packet: Packet, route: Route): Drop {
  const v = net.slots.view;
  const { at, length, gsoSize } = packet;
  const longest = gsoSize === 0 ? length : segmentHeaders(v, packet) + gsoSize;
  const tooLong = longest > route.mtu;
  // What stands for many segments is cut, but the segments are not fragmented: it has DF.
  if (tooLong && (ipv4.dontFragment(v, at) || gsoSize !== 0)) {
    count(net.stats, Stat.IpFragFails);
    net.errors.tooBig(packet, route.mtu);
    return Drop.IP_TOO_BIG;
  }
  count(net.stats, Stat.IpForwDatagrams);
  header.decrementTtl(v, at, packet.ttl);
  if (gsoSize !== 0 && !cuts(route, packet)) return forwardInSegments(net, packet, route);
  if (packet.check === Check.BEGUN && (tooLong || !route.iface.offload.checksum)) {
    finishChecksum(net, packet);
  }
  // What lies in the large area must be copied to leave, even if it fits.
  if (tooLong || packet.transient) return forwardInFragments(net, packet, route);
  writeDeviceHeader(v, packet, route);
  net.slots.retain(net.slots.slotOf(at));
  net.output.transmit(route.iface, route.nextHop, at, length);
  return Drop.NONE;
}

/** True if the device behind `route` cuts such packets as `packet` to what the path takes. */
function cuts(route: Route, packet: Packet): boolean {
  if (packet.protocol === Protocol.TCP) return route.tso;
  return packet.protocol === Protocol.UDP && route.uso;
}

function writeDeviceHeader(v: DataView, packet: Packet, route: Route): void {
  const { iface } = route;
  iface.clearHeader(v, packet.at);
  if (iface.headerLength === 0 || packet.check !== Check.BEGUN) return;
  const isTcp = packet.protocol === Protocol.TCP;
  const kind = isTcp ? virtio.Gso.TCPV4 : virtio.Gso.UDP_L4;
  const gso = packet.gsoSize === 0 ? virtio.Gso.NONE : kind;
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
