/**
 * An ICMP error about a packet that is gone: a flow was kept waiting, and then refused. The packet is
 * written again as far as an error must quote it, header and eight bytes. RFC 792, RFC 1122 §3.2.2,
 * RFC 4443 §3.1.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { InternetLayer } from '../ip.ts';
import { Packet } from '../packet.ts';
import * as header from '../v4/header.ts';

/** What RFC 792 has an error quote of the transport header. */
const QUOTED = 8;
const packet = new Packet();

/**
 * Tell `source` that what it sent to `destination` goes nowhere: "destination unreachable" with
 * `code`. `first` and `second` are the first 64 bits of the transport header that it sent.
 */
export function unreachableAfterwards(
  ip: InternetLayer,
  source: Address,
  destination: Address,
  protocol: number,
  first: number,
  second: number,
  code: number,
): void {
  const route = ip.route(source, ANY);
  if (route === undefined) return;
  const { output } = ip;
  const at = output.reserve(route);
  if (at === NO_SLOT) return;
  const v = ip.slots.view;
  const total = route.headerLength + QUOTED;
  const start = at - route.headerLength;
  const { ttl } = output.next;
  if (route.ipv6) ipv6.write(v, start, 0, 0, total, protocol, ttl, source, destination);
  else header.write(v, start, 0, total, 0, 0, ttl, protocol, source, destination);
  v.setInt32(at, first);
  v.setInt32(at + 4, second);
  packet.iface = route.iface;
  packet.at = start;
  packet.unicast = true;
  packet.read(v);
  ip.errors.unreachable(packet, code);
  output.cancel(at);
}
