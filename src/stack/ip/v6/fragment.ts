/**
 * Fragmentation of packets that a hook saw whole and that are to be passed on: they came in pieces, and leave
 * so. No other packet of others is cut: routers of IPv6 fragment nothing. RFC 8200 §4.5, §5.
 *
 * (What we send ourselves is cut by `output`.)
 * @module
 */
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { HEADROOM, NO_SLOT } from '../../memory/slots.ts';
import * as extension from '../../wire/extension.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { InternetLayer } from '../ip.ts';
import type { Packet } from '../packet.ts';
import type { Route } from '../route.ts';

type Host = Pick<InternetLayer, 'slots' | 'stats' | 'output' | 'random'>;

/** Send copies of `packet` in pieces (one, if it fits) that the path of `route` takes. */
export function forwardInFragments(net: Host, packet: Packet, route: Route): Drop {
  const v = net.slots.view;
  const { bytes } = net.slots;
  const { iface } = route;
  const { at, length } = packet;
  const start = at + ipv6.HEADER_LEN;
  const all = length - ipv6.HEADER_LEN;
  const whole = length <= route.mtu;
  const lead = whole ? ipv6.HEADER_LEN : ipv6.HEADER_LEN + extension.FRAGMENT_LEN;
  const most = whole ? all : (route.mtu - lead) & ~7;
  const next = ipv6.nextHeader(v, at);
  const id = net.random.int32();
  let failure: Failure = Failure.NONE;
  for (let sent = 0; sent < all && failure === Failure.NONE; sent += most) {
    const slot = net.slots.acquire();
    if (slot === NO_SLOT) {
      failure = Failure.NO_BUFFERS;
      break;
    }
    const ip = slot + HEADROOM;
    const size = Math.min(most, all - sent);
    bytes.copyWithin(ip, at, start);
    bytes.copyWithin(ip + lead, start + sent, start + sent + size);
    ipv6.setTotalLen(v, ip, lead + size);
    if (!whole) {
      ipv6.setNextHeader(v, ip, extension.Header.FRAGMENT);
      const more = sent + size < all;
      extension.writeFragment(v, ip + ipv6.HEADER_LEN, next, sent, more, id);
      count(net.stats, Stat.Ip6FragCreates);
    }
    iface.clearHeader(v, ip);
    failure = net.output.transmit(iface, route.nextHop, ip, lead + size);
  }
  if (!whole) count(net.stats, failure === Failure.NONE ? Stat.Ip6FragOKs : Stat.Ip6FragFails);
  return Drop.NONE; // it was used; what was lost on the way out is counted there
}
