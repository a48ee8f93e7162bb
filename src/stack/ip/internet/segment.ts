/**
 * Segmentation of packets that we forward: a packet from a device with offload stands for many, and
 * is cut into them where the next device does not do that. What Linux calls GSO.
 * RFC 9293 §3.1 and RFC 3168 §6.1.2 for the flags of the pieces.
 * @module
 */

import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import * as seqs from '../../base/seq.ts';
import { HEADROOM, NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { InternetLayer } from '../ip.ts';
import type { Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import * as header from '../v4/header.ts';

type Host = Pick<InternetLayer, 'slots' | 'checksum' | 'output'>;

/** Bytes of headers, network and transport, that each of the segments has. */
export function segmentHeaders(v: DataView, packet: Packet): number {
  const network = packet.body - packet.at;
  if (packet.protocol !== Protocol.TCP) return network + udp.HEADER_LEN;
  return network + tcp.headerLen(v, packet.body);
}

/** Send `packet`, which stands for segments of `gsoSize` bytes of text, as these segments. */
export function forwardInSegments(net: Host, packet: Packet, route: Route): Drop {
  const v = net.slots.view;
  const { at, body, bodyLength, gsoSize, length } = packet;
  const isTcp = packet.protocol === Protocol.TCP;
  const sound = isTcp ? tcp.valid(v, body, bodyLength) : udp.valid(v, body, bodyLength);
  if (!sound || (!isTcp && packet.protocol !== Protocol.UDP)) return Drop.IP_TOO_BIG;
  const { iface } = route;
  const { bytes } = net.slots;
  const headers = segmentHeaders(v, packet);
  const firstId = packet.ipv6 ? 0 : ipv4.id(v, at);
  const all = length - headers;
  let failure: Failure = Failure.NONE;
  for (let sent = 0; sent < all && failure === Failure.NONE; sent += gsoSize) {
    const slot = net.slots.acquire();
    if (slot === NO_SLOT) break;
    const ip = slot + HEADROOM;
    const size = Math.min(gsoSize, all - sent);
    const text = at + headers + sent;
    bytes.copyWithin(ip, at, at + headers);
    bytes.copyWithin(ip + headers, text, text + size);
    if (packet.ipv6) ipv6.setTotalLen(v, ip, headers + size);
    else {
      ipv4.setTotalLen(v, ip, headers + size);
      ipv4.setId(v, ip, (firstId + sent / gsoSize) & 0xffff);
      header.seal(v, ip, body - at);
    }
    const transport = ip + (body - at);
    const transportLen = headers + size - (body - at);
    if (isTcp) sealTcp(net, transport, transportLen, packet.pseudo, sent, sent + size < all);
    else sealUdp(net, transport, transportLen, packet.pseudo);
    iface.clearHeader(v, ip);
    failure = net.output.transmit(iface, route.nextHop, ip, headers + size);
  }
  return Drop.NONE; // it was used; what was lost on the way out is counted there
}

/** The header of the segment whose text begins `sent` bytes after the first one's. */
function sealTcp(
  net: Host,
  at: number,
  length: number,
  pseudo: number,
  sent: number,
  more: boolean,
): void {
  const v = net.slots.view;
  let flags = tcp.flags(v, at);
  // FIN and PSH belong to the last segment, CWR to the first.
  if (more) flags &= ~(tcp.Flag.FIN | tcp.Flag.PSH);
  if (sent > 0) flags &= ~tcp.Flag.CWR;
  tcp.setFlags(v, at, flags);
  tcp.setSeq(v, at, seqs.add(tcp.seq(v, at), sent));
  tcp.setChecksum(v, at, 0);
  const sum = pseudo + checksums.lengthTerm(length) + net.checksum.sum(at, length);
  tcp.setChecksum(v, at, checksums.finish(sum));
}

function sealUdp(net: Host, at: number, length: number, pseudo: number): void {
  const v = net.slots.view;
  udp.setLength(v, at, length);
  udp.setChecksum(v, at, 0);
  const sum = pseudo + checksums.lengthTerm(length) + net.checksum.sum(at, length);
  udp.setChecksum(v, at, checksums.finish(sum) || 0xffff);
}
