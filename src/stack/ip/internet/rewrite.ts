/**
 * Rewriting: a packet's addresses and ports are changed in place, and its checksums with them. For
 * hooks that answer `Verdict.REWRITTEN`. RFC 1624, RFC 3022 §4.1.
 * @module
 */
import { type Address, isSameFamily } from '../../base/address.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
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
  const old = packet.source;
  if (!isSameFamily(old, address)) throw otherFamily();
  if (packet.ipv6) ipv6.setSource(v, packet.at, address);
  else header.replaceSource(v, packet.at, address);
  packet.source = address;
  rewrite(v, packet, old, address, packet.body, port);
}

/** A packet has addresses of one family. */
export const otherFamily = (): Error =>
  Object.assign(new TypeError('an address of the other version of IP: a packet has one version'), {
    code: 'ERR_INVALID_ARG_VALUE',
  });

/** Make `packet` go to `address` and, if it has ports or an identifier, `port`. */
export function setDestination(
  v: DataView,
  packet: Packet,
  address: Address,
  port: number = SAME_PORT,
): void {
  const old = packet.destination;
  if (!isSameFamily(old, address)) throw otherFamily();
  if (packet.ipv6) ipv6.setDestination(v, packet.at, address);
  else header.replaceDestination(v, packet.at, address);
  packet.destination = address;
  rewrite(v, packet, old, address, packet.body + 2, port);
}

/** True if `packet` begins with ports: it is TCP or UDP, whole or the first fragment. */
export function hasPorts(packet: Packet): boolean {
  const { protocol, bodyLength } = packet;
  if (packet.fragmentOffset !== 0) return false;
  if (protocol === Protocol.TCP) return bodyLength >= tcp.MIN_LEN;
  return protocol === Protocol.UDP && bodyLength >= udp.HEADER_LEN;
}

export const sourcePort = (v: DataView, packet: Packet): number => portOf(v, packet, 0);

export const destinationPort = (v: DataView, packet: Packet): number => portOf(v, packet, 2);

/** The port, or what RFC 5508 §3 has stand for it; `NO_PORT` where there is neither. */
function portOf(v: DataView, packet: Packet, offset: number): number {
  if (hasPorts(packet)) return v.getUint16(packet.body + offset);
  return isQuery(v, packet) ? icmp.id(v, packet.body) : NO_PORT;
}

/** ICMPv6's header is laid out as ICMP's, as far as it goes. */
function isQuery(v: DataView, packet: Packet): boolean {
  const { protocol, body, bodyLength } = packet;
  if (bodyLength < icmp.MIN_LEN || packet.fragmentOffset !== 0) return false;
  if (protocol === Protocol.ICMP) return icmp.isQuery(icmp.type(v, body));
  return protocol === Protocol.ICMPV6 && icmp6.isQuery(icmp6.type(v, body));
}

/** RFC 4443 §2.3: the checksum of ICMPv6 counts the addresses in, as that of ICMP does not. */
function rewriteOthers(v: DataView, packet: Packet, old: Address, address: Address): void {
  const { protocol, body, bodyLength } = packet;
  if (protocol !== Protocol.ICMPV6 || bodyLength < icmp6.MIN_LEN) return;
  if (packet.fragmentOffset !== 0) return;
  const sum = checksums.updateAddress(icmp6.checksum(v, body), old, address);
  icmp6.setChecksum(v, body, sum);
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
  const { body } = packet;
  packet.pseudo = checksums.pseudo(packet.source, packet.destination, packet.protocol);
  if (port !== SAME_PORT && isQuery(v, packet)) {
    icmp.setChecksum(v, body, checksums.update16(icmp.checksum(v, body), icmp.id(v, body), port));
    icmp.setId(v, body, port);
    rewriteOthers(v, packet, old, address);
    return;
  }
  if (!hasPorts(packet)) {
    rewriteOthers(v, packet, old, address);
    return;
  }
  const isUdp = packet.protocol === Protocol.UDP;
  const sumAt = body + (isUdp ? udp.CHECKSUM_AT : tcp.CHECKSUM_AT);
  const sum = v.getUint16(sumAt);
  const oldPort = v.getUint16(portAt);
  if (port !== SAME_PORT) v.setUint16(portAt, port);
  if (packet.check === Check.BEGUN) {
    // Only the pseudo-header is in it, and not complemented: its complement is updated.
    v.setUint16(sumAt, ~checksums.updateAddress(~sum & 0xffff, old, address) & 0xffff);
    return;
  }
  if (isUdp && sum === 0) return; // the sender made none
  let fresh = checksums.updateAddress(sum, old, address);
  if (port !== SAME_PORT) fresh = checksums.update16(fresh, oldPort, port);
  v.setUint16(sumAt, isUdp && fresh === 0 ? 0xffff : fresh);
}
