/**
 * The IPv6 header, as it comes in: checked, and its addresses with it. RFC 8200 §3, RFC 4291 §2.
 * @module
 */
import { ANY6, isLoopback, isMapped, isNoHost } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import type { Packet } from '../packet.ts';

/** RFC 8200 §3: what is wrong with the header of a packet in `size` bytes. */
export function check(v: DataView, at: number, size: number): Drop {
  if (size < ipv6.HEADER_LEN) return Drop.IP_TRUNCATED;
  // What follows the packet is the link's padding; a packet that reaches past the frame is cut.
  return ipv6.totalLen(v, at) > size ? Drop.IP_TRUNCATED : Drop.NONE;
}

/** fe80::/10, of which all but the first 10 bits and the last 64 are 0 (RFC 4291 §2.5.6), and are not. */
function isBadLinkLocal(v: DataView, at: number): boolean {
  if (v.getUint16(at) >> 6 !== 0xfe80 >> 6) return false;
  return (v.getUint16(at) & 0x3f) !== 0 || v.getUint16(at + 2) !== 0 || v.getInt32(at + 4) !== 0;
}

/** The bits of ff00::/8 that say how far a group reaches. RFC 4291 §2.7. */
const Scope = { RESERVED: 0, INTERFACE: 1 } as const;

/**
 * False if the addresses of a packet from outside cannot be true: from a group, from or to `::1` or an address
 * that holds one of IPv4 as programs write them, to a group that ends at an interface. From `::` comes only
 * what an address is looked for with (RFC 4862 §5.4.2, RFC 3810 §5.2.13).
 */
export function validAddresses(v: DataView, packet: Packet): boolean {
  const { source, destination, at } = packet;
  if (isNoHost(source)) return source === ANY6 && seeksAddress(v, packet);
  if (isLoopback(source) || isLoopback(destination) || isMapped(destination)) return false;
  if (isBadLinkLocal(v, at + ipv6.SOURCE_AT)) return false;
  if (isBadLinkLocal(v, at + ipv6.DESTINATION_AT)) return false;
  const to = v.getUint16(at + ipv6.DESTINATION_AT);
  return to >> 8 !== 0xff || (to & 15) > Scope.INTERFACE;
}

function seeksAddress(v: DataView, { protocol, body, bodyLength, at }: Packet): boolean {
  if (protocol !== Protocol.ICMPV6 || bodyLength < icmp6.MIN_LEN) return false;
  if (v.getUint8(at + ipv6.DESTINATION_AT) !== 0xff) return false;
  const type = icmp6.type(v, body);
  return type >= icmp6.Type.LISTENER_QUERY; // errors and echoes have a source
}
