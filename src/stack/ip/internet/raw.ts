/**
 * Whole packets of somebody else's making, header included: what a raw socket with its own header
 * sends. RFC 791 §3.1; what is filled in is what Linux's raw(7) fills in.
 * @module
 */
import { ANY } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { HEADROOM, NO_SLOT } from '../../memory/slots.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { InternetLayer } from '../ip.ts';
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
  if (length < ipv4.MIN_LEN || length > ipv4.MAX_TOTAL_LEN) return false;
  ipv4.setTotalLen(view, 0, length);
  return ipv4.valid(view, 0, length);
}

/**
 * Send `bytes`, a packet that `isWhole`. The checksum is written;
 * the source if it is 0.0.0.0, the identification if it is 0. It is not fragmented.
 */
export function sendRaw(net: Host, bytes: Uint8Array): Failure {
  const given = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const asked = ipv4.source(given, 0);
  const own = asked !== ANY && net.isOurs(asked) ? asked : ANY;
  const route = net.route(ipv4.destination(given, 0), own);
  if (route === undefined) {
    count(net.stats, Stat.IpOutNoRoutes);
    return Failure.NET_UNREACHABLE;
  }
  if (bytes.length > route.iface.mtu) return Failure.MESSAGE_SIZE;
  const slot = net.slots.acquire();
  if (slot === NO_SLOT) {
    net.drops[Drop.OUT_NO_SLOT] = (net.drops[Drop.OUT_NO_SLOT] as number) + 1; // one place a reason
    return Failure.NO_BUFFERS;
  }
  const v = net.slots.view;
  const at = slot + HEADROOM;
  net.slots.bytes.set(bytes, at);
  if (asked === ANY) ipv4.setSource(v, at, route.source);
  if (ipv4.id(v, at) === 0 && !ipv4.dontFragment(v, at)) {
    route.identification = (route.identification + 1) & 0xffff;
    ipv4.setId(v, at, route.identification);
  }
  header.seal(v, at, ipv4.headerLen(v, at));
  const { iface } = route;
  iface.clearHeader(v, at);
  count(net.stats, Stat.IpOutRequests);
  return net.output.transmit(iface, route.nextHop, at, bytes.length);
}
