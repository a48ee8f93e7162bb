/**
 * What a device claims of a packet that it hands over, as far as it is believed: a checksum that is only
 * begun or was verified, and segments that the packet stands for. virtio 1.2 §5.1.6.4.
 *
 * A device may be a guest's, and lie. So it is believed in what was agreed with it, of TCP and UDP, of
 * whole packets, and up to as many segments as an honest one has. A claim that is not believed is as if
 * it had not been made: the checksum is verified, and the packet is one.
 * @module
 */
import { Protocol } from '../wire/protocol.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import * as virtio from '../wire/virtio.ts';
import { cuts } from './interface.ts';
import { Check, type Packet } from './packet.ts';

/** The most datagrams that one packet stands for. Linux's `UDP_MAX_SEGMENTS`. */
const MOST_DATAGRAMS = 128;
/** The most TCP segments: a packet of 65 535 bytes in such as go into the smallest packets of RFC 791. */
const MOST_SEGMENTS = 1024;
/** The least text of a segment but the last: the least MSS that is believed, less the timestamps. */
const LEAST_SEGMENT = 36;

/** Forget what `packet`, whose headers were read, is not believed to be. Only if there is a claim. */
export function checkClaims(v: DataView, packet: Packet): void {
  if (!packet.iface.offload.checksum || !hasChecksum(packet)) {
    packet.check = Check.NEEDED;
    packet.gsoSize = 0;
  } else if (packet.gsoSize !== 0 && !standsForMany(v, packet)) packet.gsoSize = 0;
}

/** True if it is a whole packet with the checksum of a transport in it. */
function hasChecksum({ protocol, fragment, bodyLength }: Packet): boolean {
  if (fragment !== 0) return false;
  if (protocol === Protocol.TCP) return bodyLength >= tcp.MIN_LEN;
  return protocol === Protocol.UDP && bodyLength >= udp.HEADER_LEN;
}

function standsForMany(v: DataView, packet: Packet): boolean {
  const { iface, gsoSize, body, bodyLength } = packet;
  const isTcp = packet.protocol === Protocol.TCP;
  const type = virtio.gsoType(v, packet.at - iface.lead) & ~virtio.Gso.ECN;
  if (!cuts(iface.offload, packet.ipv6, isTcp)) return false;
  if (type !== virtio.gsoOf(packet.ipv6, isTcp)) return false;
  // What is to be cut gets new checksums: it must be one whose own is not needed.
  if (packet.check !== Check.BEGUN) return false;
  const text = bodyLength - (isTcp ? tcp.headerLen(v, body) : udp.HEADER_LEN);
  if (text <= 0 || (isTcp && gsoSize < LEAST_SEGMENT)) return false;
  return text <= gsoSize * (isTcp ? MOST_SEGMENTS : MOST_DATAGRAMS);
}
