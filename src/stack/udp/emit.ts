/**
 * A datagram on its way out: header, checksum, and whether it fits. RFC 768, RFC 1122 §4.1.3.
 * @module
 */
import { type Address, ANY, BROADCAST, isMulticast } from '../base/address.ts';
import { copyBytes } from '../base/copy.ts';
import { Failure } from '../base/failure.ts';
import { count, Stat } from '../base/stats.ts';
import { bodyLimit, statsOf } from '../ip/family.ts';
import type { Interface } from '../ip/interface.ts';
import type { InternetLayer } from '../ip/ip.ts';
import type { Multicast } from '../ip/multicast.ts';
import type { Route } from '../ip/route.ts';
import type { Routes } from '../ip/routes.ts';
import { HEADROOM, NO_SLOT } from '../memory/slots.ts';
import * as checksums from '../wire/checksum.ts';
import { Protocol } from '../wire/protocol.ts';
import * as udp from '../wire/udp.ts';

/** The longest text of a datagram to `address`. */
const maxText = (address: Address): number => bodyLimit(address) - udp.HEADER_LEN;
/** The longest text of any. */
export const MAX_TEXT: number = maxText(ANY);

/** The most datagrams that one packet with offload stands for; Linux's `UDP_MAX_SEGMENTS`. */
const MAX_SEGMENTS = 64;

/** Use the socket's own setting. */
export const SOCKETS_OWN = -1;

/** What UDP asks of the internet layer. */
export interface Network extends InternetLayer {
  readonly loopback: Interface;
  readonly multicast: Multicast;
  readonly routes: Routes;
  /** True if `address` is everyone here, or everyone in one of our prefixes. */
  isBroadcast(address: Address): boolean;
}

/** A socket as its datagrams see it; for the members see `UdpSocket`. */
export interface Sending {
  readonly ip: Network;
  readonly port: number;
  readonly broadcast: boolean;
  readonly dontFragment: boolean;
  readonly ttl: number;
  readonly tos: number;
  readonly multicastTtl: number;
  readonly multicastLoop: boolean;
  readonly multicastInterface: Interface | undefined;
  readonly sourceAddress: Address;
  /** The way of the last datagram. */
  route: Route | undefined;
  /** There was no room on the way to `iface`. */
  blocked(iface: Interface): void;
}

/** See `UdpSocket.send`; `ttl` and `tos` may be `SOCKETS_OWN`, and `source` `ANY`. */
export function emit(
  socket: Sending,
  bytes: Uint8Array,
  from: number,
  length: number,
  address: Address,
  port: number,
  ttl: number,
  tos: number,
  source: Address,
): Failure {
  if (length > maxText(address)) return Failure.MESSAGE_SIZE;
  const { ip: net } = socket;
  if (source !== ANY && !net.isOurs(source)) return Failure.ADDRESS_NOT_AVAILABLE;
  const route = source === ANY ? routeOf(socket, address) : net.route(address, source);
  if (route === undefined) {
    count(net.stats, statsOf(address).OutNoRoutes);
    return Failure.NET_UNREACHABLE;
  }
  if (route.broadcast && !socket.broadcast) return Failure.PROHIBITED;
  const group = isMulticast(address);
  const hops = ttl !== SOCKETS_OWN ? ttl : group ? socket.multicastTtl : socket.ttl;
  const service = tos !== SOCKETS_OWN ? tos : socket.tos;
  // RFC 1112 §6.1: a TTL of 0 keeps a multicast on this host.
  const leaves = !group || hops !== 0;
  if (!route.unicast && (!group || socket.multicastLoop)) {
    const inside = net.routes.via(net.loopback, address, route.source);
    const copied = write(socket, inside, bytes, from, length, address, port, hops, service);
    if (!leaves && copied === Failure.NO_BUFFERS) socket.blocked(inside.iface);
    if (!leaves) return copied;
  }
  if (!leaves) return Failure.NONE;
  const failure = write(socket, route, bytes, from, length, address, port, hops, service);
  if (failure === Failure.NO_BUFFERS) socket.blocked(route.iface);
  return failure;
}

/** See `UdpSocket.sendBatch`. */
export function emitBatch(
  socket: Sending,
  bytes: Uint8Array,
  from: number,
  length: number,
  size: number,
  address: Address,
  port: number,
): Failure {
  const most = batchLimit(socket, size, address);
  let failure: Failure = Failure.NONE;
  let at = 0;
  do {
    const n = Math.min(most, length - at);
    failure =
      n > size
        ? writeBatch(socket, bytes, from + at, n, size, address, port)
        : emit(socket, bytes, from + at, n, address, port, SOCKETS_OWN, SOCKETS_OWN, ANY);
    at += n;
  } while (at < length && failure === Failure.NONE);
  const route = failure === Failure.NO_BUFFERS ? routeOf(socket, address) : undefined;
  if (route) socket.blocked(route.iface);
  return failure;
}

/** How many bytes, in datagrams of `size`, the device takes at once on the way to `address`. */
function batchLimit(socket: Sending, size: number, address: Address): number {
  const route = routeOf(socket, address);
  if (route === undefined || !route.unicast || route.source === ANY) return size;
  const headers = route.headerLength + udp.HEADER_LEN;
  if (!route.iface.offload.checksum || !route.uso || size + headers > route.mtu) return size;
  const room = socket.ip.slots.size - HEADROOM - headers;
  const pieces = Math.min(MAX_SEGMENTS, Math.floor(Math.min(maxText(address), room) / size));
  return Math.max(1, pieces) * size;
}

/** Several datagrams as one packet, which the device cuts. The route is known to be there. */
function writeBatch(
  socket: Sending,
  bytes: Uint8Array,
  from: number,
  length: number,
  size: number,
  address: Address,
  port: number,
): Failure {
  const { ip } = socket;
  const route = routeOf(socket, address);
  if (route === undefined) return Failure.NET_UNREACHABLE;
  const { source } = route;
  const { output } = ip;
  const at = output.reserve(route);
  if (at === NO_SLOT) return Failure.NO_BUFFERS;
  const v = ip.slots.view;
  const all = length + udp.HEADER_LEN;
  const { UDP } = Protocol;
  udp.write(v, at, socket.port, port, all);
  const pseudo = checksums.pseudo(source, address, UDP) + checksums.lengthTerm(all);
  udp.setChecksum(v, at, checksums.begun(pseudo));
  copyBytes(bytes, from, ip.slots.bytes, at + udp.HEADER_LEN, length);
  const { next } = output;
  if (socket.ttl > 0) next.ttl = socket.ttl;
  next.tos = socket.tos;
  next.dontFragment = socket.dontFragment;
  next.checksumAt = udp.CHECKSUM_AT;
  next.gsoSize = size;
  count(ip.stats, sentStat(route), Math.ceil(length / size));
  return output.send(route, source, UDP, at, all);
}

/** The way there: that of the last datagram, where it still is. */
export function routeOf(socket: Sending, address: Address): Route | undefined {
  const known = socket.route;
  if (known?.valid && known.destination === address) return known;
  const { ip } = socket;
  const { multicastInterface, sourceAddress } = socket;
  const route =
    multicastInterface?.up && (isMulticast(address) || ip.isBroadcast(address))
      ? ip.routes.via(multicastInterface, address, sourceAddress)
      : ip.route(address, sourceAddress);
  socket.route = route;
  return route;
}

function write(
  socket: Sending,
  route: Route,
  bytes: Uint8Array,
  from: number,
  length: number,
  address: Address,
  port: number,
  ttl: number,
  tos: number,
): Failure {
  const { ip } = socket;
  const { source } = route;
  // RFC 1122 §3.2.1.3 (a): who does not know its address yet may ask everyone on its link for it.
  if (source === ANY && address !== BROADCAST) return Failure.ADDRESS_NOT_AVAILABLE;
  const { output } = ip;
  const at = output.reserve(route);
  if (at === NO_SLOT) return Failure.NO_BUFFERS;
  const v = ip.slots.view;
  const all = length + udp.HEADER_LEN;
  udp.write(v, at, socket.port, port, all);
  const { UDP } = Protocol;
  const pseudo = checksums.pseudo(source, address, UDP) + checksums.lengthTerm(all);
  const { next } = output;
  if (ttl > 0) next.ttl = ttl;
  next.tos = tos;
  next.dontFragment = socket.dontFragment;
  count(ip.stats, sentStat(route));
  if (all + route.headerLength > route.mtu) {
    const header = pseudo + ip.checksum.sum(at, udp.HEADER_LEN);
    udp.setChecksum(v, at, never0(header + checksums.sumBytes(bytes, from, length)));
    return output.sendLarge(route, source, UDP, at, udp.HEADER_LEN, bytes, from, length);
  }
  const to = at + udp.HEADER_LEN;
  const sums = !route.iface.offload.checksum;
  // An echo sends the slots' own memory, which the kernel copies and sums in one pass.
  let text = 0;
  if (bytes === ip.slots.bytes) text = ip.checksum.copyWithin(from, to, length);
  else if (sums) text = ip.checksum.copy(bytes, from, to, length);
  else copyBytes(bytes, from, ip.slots.bytes, to, length);
  if (sums) {
    udp.setChecksum(v, at, never0(pseudo + ip.checksum.sum(at, udp.HEADER_LEN) + text));
  } else {
    udp.setChecksum(v, at, checksums.begun(pseudo));
    next.checksumAt = udp.CHECKSUM_AT;
  }
  return output.send(route, source, UDP, at, all);
}

const sentStat = (route: Route): Stat =>
  route.ipv6 ? Stat.Udp6OutDatagrams : Stat.UdpOutDatagrams;

/** RFC 768: a sum of 0 is sent as its twin, for 0 says that there is none. */
const never0 = (sum: number): number => checksums.finish(sum) || 0xffff;
