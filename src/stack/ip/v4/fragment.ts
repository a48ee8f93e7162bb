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
import * as virtio from '../../wire/virtio.ts';
import type { Internet } from '../internet/internet.ts';
import type { Packet } from '../packet.ts';
import type { Route } from '../routes.ts';
import * as header from './header.ts';

/** RFC 791 §3.1: an option with this bit goes into every fragment, others into the first only. */
const COPIED = 0x80;

/** Send copies of `packet` in pieces (one, if it fits) that the path of `route` takes. */
export function forwardInFragments(net: Internet, packet: Packet, route: Route): Drop {
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
    if (iface.headerLength !== 0) virtio.clear(v, ip - iface.headerLength, iface.headerLength);
    failure = net.transmit(iface, ip, length);
    sent += size;
    count(net.stats, Stat.IpFragCreates);
  }
  count(net.stats, failure === Failure.NONE ? Stat.IpFragOKs : Stat.IpFragFails);
  return Drop.NONE; // it was used; what was lost on the way out is counted there
}

/** The header at `from`, with the options that belong into this fragment, at `to`: its length. */
function copyHeader(b: Uint8Array, v: DataView, from: number, to: number, first: boolean): number {
  const all = ipv4.headerLen(v, from);
  if (first || all === ipv4.MIN_LEN) {
    b.copyWithin(to, from, from + all);
    return all;
  }
  b.copyWithin(to, from, from + ipv4.MIN_LEN);
  let end = to + ipv4.MIN_LEN;
  for (let o = ipv4.firstOption(v, from); o >= 0; o = ipv4.nextOption(v, from, o)) {
    if ((ipv4.optionKind(v, o) & COPIED) === 0) continue;
    const length = ipv4.optionLen(v, o);
    b.copyWithin(end, o, o + length);
    end += length;
  }
  while (((end - to) & 3) !== 0) v.setUint8(end++, ipv4.Option.END);
  ipv4.setHeaderLen(v, to, end - to);
  return end - to;
}
