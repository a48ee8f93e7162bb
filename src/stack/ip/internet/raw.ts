/**
 * Whole packets of somebody else's making, header included: what a raw socket with its own header
 * sends. RFC 791 §3.1, RFC 8200 §3; what is filled in is what Linux's raw(7) fills in.
 * @module
 */
import { type Address, ANY, isUnspecified } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { count } from '../../base/stats.ts';
import { HEADROOM, NO_SLOT } from '../../memory/slots.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { statsOf } from '../family.ts';
import type { InternetLayer } from '../ip.ts';
import type { Route } from '../route.ts';
import * as header from '../v4/header.ts';

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly drops: Float64Array;
}

/**
 * True if `bytes` begin with a network header and options that they hold; its length is written, that of
 * `bytes`.
 */
export function isWhole(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  if (isVersion6(view)) {
    if (length < ipv6.HEADER_LEN || length > ipv6.HEADER_LEN + ipv6.MAX_PAYLOAD_LEN) return false;
    ipv6.setTotalLen(view, 0, length);
    return true;
  }
  if (length < ipv4.MIN_LEN || length > ipv4.MAX_TOTAL_LEN) return false;
  ipv4.setTotalLen(view, 0, length);
  return ipv4.valid(view, 0, length);
}

const isVersion6 = (v: DataView): boolean =>
  v.byteLength > 0 && ipv4.version(v, 0) === ipv6.VERSION;

/**
 * Send `bytes`, a packet that `isWhole`. The checksum is written; the source if it is 0.0.0.0 or `::`, the
 * identification if it is 0. It is not fragmented.
 */
export function sendRaw(net: Host, bytes: Uint8Array): Failure {
  const given = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const six = isVersion6(given);
  const asked = six ? ipv6.source(given, 0) : ipv4.source(given, 0);
  const destination = six ? ipv6.destination(given, 0) : ipv4.destination(given, 0);
  const own = !isUnspecified(asked) && net.isOurs(asked) ? asked : ANY;
  const route = net.route(destination, own);
  if (route === undefined) {
    count(net.stats, statsOf(destination).OutNoRoutes);
    return Failure.NET_UNREACHABLE;
  }
  if (bytes.length > route.iface.mtu) return Failure.MESSAGE_SIZE;
  const slot = net.slots.acquire();
  if (slot === NO_SLOT) {
    net.drops[Drop.OUT_NO_SLOT] = (net.drops[Drop.OUT_NO_SLOT] as number) + 1; // one place a reason
    return Failure.NO_BUFFERS;
  }
  const at = slot + HEADROOM;
  net.slots.bytes.set(bytes, at);
  if (!six) complete(net.slots.view, at, asked, route);
  else if (isUnspecified(asked)) ipv6.setSource(net.slots.view, at, route.source);
  const { iface } = route;
  iface.clearHeader(net.slots.view, at);
  count(net.stats, statsOf(destination).OutRequests);
  return net.output.transmit(iface, route.nextHop, at, bytes.length);
}

/** What a header of IPv4 was given without. */
function complete(v: DataView, at: number, asked: Address, route: Route): void {
  if (asked === ANY) ipv4.setSource(v, at, route.source);
  if (ipv4.id(v, at) === 0 && !ipv4.dontFragment(v, at)) {
    route.identification = (route.identification + 1) & 0xffff;
    ipv4.setId(v, at, route.identification);
  }
  header.seal(v, at, ipv4.headerLen(v, at));
}
