/**
 * An ICMP error about a packet that is gone: a flow was kept waiting, and then refused. The packet is
 * written again as far as an error must quote it, header and eight bytes. RFC 792, RFC 1122 §3.2.2.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as ipv4 from '../../wire/ipv4.ts';
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
  const total = ipv4.MIN_LEN + QUOTED;
  const start = at - ipv4.MIN_LEN;
  header.write(v, start, 0, total, 0, 0, output.next.ttl, protocol, source, destination);
  v.setInt32(at, first);
  v.setInt32(at + 4, second);
  packet.iface = route.iface;
  packet.at = start;
  packet.unicast = true;
  packet.read(v);
  ip.errors.unreachable(packet, code);
  output.cancel(at);
}
