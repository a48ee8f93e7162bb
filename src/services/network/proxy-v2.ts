/**
 * The header that tells a server behind a proxy who its client is: version 2 of HAProxy's PROXY protocol, §2.2.
 * @module
 */
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const PROXY = 0x21; // version 2, on behalf of another
const TCP4 = 0x11;
const TCP6 = 0x21;

/** Both ends of a connection, as the client sees it. */
export interface Ends {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** An address that is one of IPv4 in IPv6's clothes (RFC 4291 §2.5.5.2), without them. */
export const plain = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '');

/** The header; addresses of IPv4 only if both are. */
export function proxyHeader({ remoteAddress, remotePort, localAddress, localPort }: Ends): Buffer {
  const both = [plain(remoteAddress), plain(localAddress)];
  const isFour = both.every(isIPv4);
  const octets = both.flatMap((address) => {
    const parsed = ipaddr.parse(address);
    return parsed.kind() === 'ipv4' && !isFour
      ? (parsed as ipaddr.IPv4).toIPv4MappedAddress().toByteArray()
      : parsed.toByteArray();
  });
  const rest = Buffer.alloc(octets.length + 4);
  rest.set(octets);
  rest.writeUInt16BE(remotePort, octets.length);
  rest.writeUInt16BE(localPort, octets.length + 2);
  const head = Buffer.from([PROXY, isFour ? TCP4 : TCP6, 0, rest.length]);
  return Buffer.concat([SIGNATURE, head, rest]);
}
