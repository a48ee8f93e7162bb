/**
 * Prefixes as text: `10.8.0.0/24`, `fd00::/64`, or an address alone, which is a prefix of all its bits.
 * @module
 */
import ipaddr from 'ipaddr.js';

/** A network: 4 or 16 octets, and how many of their bits count. */
export interface Prefix {
  /** 4 or 16 bytes, all bits of the address. */
  readonly octets: Uint8Array;
  /** 0 to 32, or to 128. */
  readonly bits: number;
}

/** Undefined if `text` is no prefix. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', digits, ...more] = text.split('/');
  if (more.length > 0 || (digits !== undefined && !/^\d{1,3}$/.test(digits))) return undefined;
  const isFour = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (
    !isFour &&
    !(address.includes(':') && !address.includes('%') && ipaddr.IPv6.isValid(address))
  ) {
    return undefined;
  }
  const most = isFour ? 32 : 128;
  const bits = digits === undefined ? most : Number(digits);
  if (bits > most) return undefined;
  return { octets: Uint8Array.from(ipaddr.parse(address).toByteArray()), bits };
}

/** An address of 4 or 16 octets, as text. */
export function formatAddress(octets: Uint8Array): string {
  const address = ipaddr.fromByteArray([...octets]);
  return address.kind() === 'ipv6'
    ? (address as ipaddr.IPv6).toRFC5952String()
    : address.toString();
}

/** A prefix as text: `10.66.0.0/24`. */
export const formatPrefix = ({ octets, bits }: Prefix): string =>
  `${formatAddress(octets)}/${bits}`;
