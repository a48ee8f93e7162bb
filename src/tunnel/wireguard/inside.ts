/**
 * Packets inside the tunnel, as far as WireGuard looks at them: version, length, addresses, and the padding behind
 * them. "WireGuard: Next Generation Kernel Network Tunnel" §5.4.6; RFC 791 §3.1, RFC 8200 §3.
 * @module
 */
import { PADDING } from './messages.ts';

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

/** Where both addresses stand, by version. */
export const Source = { four: 12, six: 8 } as const;
export const Destination = { four: 16, six: 24 } as const;

/** 4 or 6 if `length` bytes hold a header of that version; 0 if they are no packet. */
export function versionOf(bytes: Uint8Array, at: number, length: number): 0 | 4 | 6 {
  const version = length > 0 ? (bytes[at] as number) >> 4 : 0;
  if (version === 4 && length >= IPV4_HEADER) return 4;
  return version === 6 && length >= IPV6_HEADER ? 6 : 0;
}

/** How long the packet says that it is; 0 if that is more than there is, or less than a header. */
export function lengthOf(bytes: Uint8Array, at: number, length: number, version: 4 | 6): number {
  const field = version === 4 ? at + 2 : at + 4;
  const said = ((bytes[field] as number) << 8) | (bytes[field + 1] as number);
  const whole = version === 4 ? said : said + IPV6_HEADER;
  return whole > length || whole < IPV4_HEADER ? 0 : whole;
}

/** The length with its padding, which does not go beyond the MTU. */
export function paddedLength(length: number, mtu: number): number {
  const padded = (length + PADDING - 1) & -PADDING;
  return length > mtu ? length : Math.min(padded, mtu);
}
