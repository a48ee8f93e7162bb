/**
 * IPv6 addresses as people write them, in octets: literals, zones, prefixes. RFC 4291 §2.2 and §2.3,
 * RFC 4007 §11 for zones (`fe80::1%tun0`).
 * @module
 */
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An IPv6 literal, taken apart. */
export interface Literal {
  /** 16, in network order. */
  readonly octets: Uint8Array;
  /** What stands behind `%`; empty where nothing does. */
  readonly zone: string;
}

/** What an IPv6 literal says; undefined for anything else, of IPv4 too. */
export function parseLiteral(text: string): Literal | undefined {
  if (!isIPv6(text)) return undefined;
  const mark = text.indexOf('%');
  const zone = mark < 0 ? '' : text.slice(mark + 1);
  const octets = ipaddr.IPv6.parse(mark < 0 ? text : text.slice(0, mark)).toByteArray();
  return { octets: Uint8Array.from(octets), zone };
}

/** `fd83::1/64` as a literal without a zone and 0..128 bits; undefined for anything else. */
export function parsePrefix(
  text: string,
): { readonly octets: Uint8Array; readonly bits: number } | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const literal = parseLiteral(address);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : 129;
  if (literal === undefined || literal.zone !== '' || bits > 128 || rest.length > 0)
    return undefined;
  return { octets: literal.octets, bits };
}
