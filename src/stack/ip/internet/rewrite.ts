/**
 * Rewriting: a packet's addresses and ports are changed in place, and its checksums with them. For
 * hooks that answer `Verdict.REWRITTEN`. RFC 1624, RFC 3022 §4.1.
 * @module
 */
import type { Address } from '../../base/address.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import { Check, type Packet } from '../packet.ts';
import * as header from '../v4/header.ts';

/** Leave the port as it is. */
export const SAME_PORT = -1;
/** There is none. */
export const NO_PORT = -1;

/** Make `packet` come from `address` and, if it has ports or an identifier, `port`. */
export function setSource(
  v: DataView,
  packet: Packet,
  address: Address,
  port: number = SAME_PORT,
): void {
  const old = header.replaceSource(v, packet.at, address);
  rewrite(v, packet, old, address, packet.body, port);
  packet.source = address;
}

/** Make `packet` go to `address` and, if it has ports or an identifier, `port`. */
export function setDestination(
  v: DataView,
  packet: Packet,
  address: Address,
  port: number = SAME_PORT,
): void {
  const old = header.replaceDestination(v, packet.at, address);
  rewrite(v, packet, old, address, packet.body + 2, port);
  packet.destination = address;
}

/** True if `packet` begins with ports: it is TCP or UDP, whole or the first fragment. */
export function hasPorts(v: DataView, packet: Packet): boolean {
  const { protocol, bodyLength } = packet;
  if (ipv4.fragmentOffset(v, packet.at) !== 0) return false;
  if (protocol === Protocol.TCP) return bodyLength >= tcp.MIN_LEN;
  return protocol === Protocol.UDP && bodyLength >= udp.HEADER_LEN;
}

export const sourcePort = (v: DataView, packet: Packet): number => portOf(v, packet, 0);

export const destinationPort = (v: DataView, packet: Packet): number => portOf(v, packet, 2);

/** The port, or what RFC 5508 §3 has stand for it; `NO_PORT` where there is neither. */
function portOf(v: DataView, packet: Packet, offset: number): number {
  if (hasPorts(v, packet)) return v.getUint16(packet.body + offset);
  return isQuery(v, packet) ? icmp.id(v, packet.body) : NO_PORT;
}

function isQuery(v: DataView, { protocol, at, body, bodyLength }: Packet): boolean {
  if (protocol !== Protocol.ICMP || bodyLength < icmp.MIN_LEN) return false;
  return ipv4.fragmentOffset(v, at) === 0 && icmp.isQuery(icmp.type(v, body));
}

/** Bring the checksums up to date after `old` became `address`, and change the port at `portAt`. */
function rewrite(
  v: DataView,
  packet: Packet,
  old: Address,
  address: Address,
  portAt: number,
  port: number,
): void {
  const { at, body } = packet;
  packet.pseudo = checksums.pseudo(ipv4.source(v, at), ipv4.destination(v, at), packet.protocol);
  if (port !== SAME_PORT && isQuery(v, packet)) {
    icmp.setChecksum(v, body, checksums.update16(icmp.checksum(v, body), icmp.id(v, body), port));
    icmp.setId(v, body, port);
    return;
  }
  if (!hasPorts(v, packet)) return;
  const isUdp = packet.protocol === Protocol.UDP;
  const sumAt = body + (isUdp ? udp.CHECKSUM_AT : tcp.CHECKSUM_AT);
  const sum = v.getUint16(sumAt);
  const oldPort = v.getUint16(portAt);
  if (port !== SAME_PORT) v.setUint16(portAt, port);
  if (packet.check === Check.BEGUN) {
    // Only the pseudo-header is in it, and not complemented: its complement is updated.
    v.setUint16(sumAt, ~checksums.update32(~sum & 0xffff, old, address) & 0xffff);
    return;
  }
  if (isUdp && sum === 0) return; // the sender made none
  let fresh = checksums.update32(sum, old, address);
  if (port !== SAME_PORT) fresh = checksums.update16(fresh, oldPort, port);
  v.setUint16(sumAt, isUdp && fresh === 0 ? 0xffff : fresh);
}
