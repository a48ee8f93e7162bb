/**
 * Fragmentation of packets that we forward: their options, offset and "more fragments" are not ours.
 * RFC 791 §3.2, "An Example Fragmentation Procedure". (What we send ourselves has no options, and is
 * cut by `output`.)
 * @module
 */
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { HEADROOM, NO_SLOT } from '../../memory/slots.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { InternetLayer } from '../ip.ts';
import type { Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import * as header from './header.ts';
import { copyHeader } from './options.ts';

type Host = Pick<InternetLayer, 'slots' | 'stats' | 'output'>;

/** Send copies of `packet` in pieces (one, if it fits) that the path of `route` takes. */
export function forwardInFragments(net: Host, packet: Packet, route: Route): Drop {
  const v = net.slots.view;
  const { iface } = route;
  const { at, body, bodyLength } = packet;
  const offset = ipv4.fragmentOffset(v, at);
  const moreAfter = ipv4.moreFragments(v, at);
  let sent = 0;
  let failure: Failure = Failure.NONE;
  while (sent < bodyLength && failure === Failure.NONE) {
    const slot = net.slots.acquire();
    if (slot === NO_SLOT) {
      failure = Failure.NO_BUFFERS;
      break;
    }
    const ip = slot + HEADROOM;
    const headerLen = copyHeader(net.slots.bytes, v, at, ip, sent === 0);
    const room = route.mtu - headerLen;
    const rest = bodyLength - sent;
    const size = rest <= room ? rest : room & ~7;
    const more = sent + size < bodyLength || moreAfter;
    net.slots.bytes.copyWithin(ip + headerLen, body + sent, body + sent + size);
    const length = headerLen + size;
    ipv4.setTotalLen(v, ip, length);
    ipv4.setFlagsAndOffset(v, ip, (more ? ipv4.Flag.MF : 0) | ((offset + sent) >> 3));
    header.seal(v, ip, headerLen);
    iface.clearHeader(v, ip);
    failure = net.output.transmit(iface, route.nextHop, ip, length);
    sent += size;
    count(net.stats, Stat.IpFragCreates);
  }
  count(net.stats, failure === Failure.NONE ? Stat.IpFragOKs : Stat.IpFragFails);
  return Drop.NONE; // it was used; what was lost on the way out is counted there
}
