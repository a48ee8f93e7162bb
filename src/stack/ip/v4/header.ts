/**
 * The IPv4 header's checksum, made while the header is written and verified where it lies.
 * RFC 791 §3.1, RFC 1071.
 *
 * A header is twenty bytes, too few for the kernel that sums packets to pay: the sum is made of the
 * numbers that are at hand.
 * @module
 */
import type { Address } from '../../base/address.ts';
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
