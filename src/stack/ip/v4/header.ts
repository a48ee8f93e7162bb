/**
 * The IPv4 header, whole: checked when it comes in, and written or changed together with its checksum.
 * RFC 791 §3.1, RFC 1071, RFC 1624.
 *
 * A header is twenty bytes, too few for the kernel that sums packets to pay: the sum is made of the
 * numbers that are at hand.
 * @module
 */
import type { Address } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import * as checksums from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';

/** Fold twice: enough for the sum of 30 words. */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** A header without options, its checksum included. `fragment`: `ipv4.Flag` | offset / 8. */
export function write(
  v: DataView,
  at: number,
  tos: number,
  totalLen: number,
  id: number,
  fragment: number,
  ttl: number,
  protocol: number,
  source: Address,
  destination: Address,
): void {
  ipv4.write(v, at, tos, totalLen, id, fragment, ttl, protocol, source, destination);
  const sum =
    (0x4500 | tos) +
    totalLen +
    id +
    fragment +
    ((ttl << 8) | protocol) +
    (source >>> 16) +
    (source & 0xffff) +
    (destination >>> 16) +
    (destination & 0xffff);
  ipv4.setChecksum(v, at, ~fold(sum) & 0xffff);
}

/** Bring the checksum of a header of `length` bytes, a multiple of 4, up to date. */
export function seal(v: DataView, at: number, length: number): void {
  ipv4.setChecksum(v, at, 0);
  ipv4.setChecksum(v, at, ~sum(v, at, length) & 0xffff);
}

/** True if the header of `length` bytes, a multiple of 4, is as its checksum says. */
export function good(v: DataView, at: number, length: number): boolean {
  return sum(v, at, length) === 0xffff;
}

function sum(v: DataView, at: number, length: number): number {
  let total = 0;
  for (let end = at + length; at < end; at += 4) total += v.getUint16(at) + v.getUint16(at + 2);
  return fold(total);
}

/** RFC 1122 §3.2.1.1 and following: what is wrong with the header of a packet in `size` bytes. */
export function check(v: DataView, at: number, size: number): Drop {
  if (size < ipv4.MIN_LEN) return Drop.IP_TRUNCATED;
  if (ipv4.version(v, at) !== ipv4.VERSION) return Drop.IP_VERSION;
  const headerLen = ipv4.headerLen(v, at);
  const totalLen = ipv4.totalLen(v, at);
  if (headerLen < ipv4.MIN_LEN || totalLen < headerLen) return Drop.IP_HEADER;
  // What follows the packet is the link's padding; a packet that reaches past the frame is cut.
  if (totalLen > size) return Drop.IP_TRUNCATED;
  return good(v, at, headerLen) ? Drop.NONE : Drop.IP_CHECKSUM;
}

/** RFC 1812 §5.3.1, with the checksum brought up to date (RFC 1624). `ttl`: what it is. */
export function decrementTtl(v: DataView, at: number, ttl: number): void {
  const protocol = ipv4.protocol(v, at);
  const old = (ttl << 8) | protocol;
  ipv4.setTtl(v, at, ttl - 1);
  ipv4.setChecksum(v, at, checksums.update16(ipv4.headerChecksum(v, at), old, old - 256));
}

/** Put `address` in the place of the source: what stood there. */
export function replaceSource(v: DataView, at: number, address: Address): Address {
  const old = ipv4.source(v, at);
  ipv4.setSource(v, at, address);
  ipv4.setChecksum(v, at, checksums.update32(ipv4.headerChecksum(v, at), old, address));
  return old;
}

/** Put `address` in the place of the destination: what stood there. */
export function replaceDestination(v: DataView, at: number, address: Address): Address {
  const old = ipv4.destination(v, at);
  ipv4.setDestination(v, at, address);
  ipv4.setChecksum(v, at, checksums.update32(ipv4.headerChecksum(v, at), old, address));
  return old;
}
