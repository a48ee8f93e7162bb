/**
 * Addresses as sockets tell them and are told: a link-local one with the device of its link (`fe80::1%tun0`),
 * and one of IPv4 as a socket of IPv6 sees it (`::ffff:10.0.0.1`). RFC 4007 §11, RFC 3493 §3.7.
 * @module
 */
import { type Address, format, isIPv6, isLinkLocal, zoneOf } from '../../base/address.ts';
import { checkAddress, parseEither } from './lookup.ts';

/** Where interfaces are looked up. */
export interface Interfaces {
  readonly interfaces: readonly { readonly name: string; readonly index: number }[];
}

/** The address as people write it. */
export function textOf({ interfaces }: Interfaces, address: Address): string {
  const zone = zoneOf(address);
  if (zone === 0) return format(address);
  const name = interfaces.find(({ index }) => index === zone)?.name ?? String(zone);
  return `${format(address)}%${name}`;
}

/** Interfaces with their addresses. */
interface Addressed extends Interfaces {
  readonly interfaces: readonly {
    readonly name: string;
    readonly index: number;
    readonly isLoopback: boolean;
    readonly addresses: readonly { readonly address: Address }[];
  }[];
}

const known = new WeakMap<object, string>();

/** All but those of loopback, each made once: who carries others' flows asks for each whether it is for us. */
export function ownTexts(net: Addressed): string[] {
  const texts: string[] = [];
  for (const { isLoopback, addresses } of net.interfaces) {
    if (isLoopback) continue;
    for (const own of addresses) {
      const text = known.get(own) ?? textOf(net, own.address);
      known.set(own, text);
      texts.push(text);
    }
  }
  return texts;
}

/** The same as a socket of IPv6 has it, which knows IPv4 only in its mapped form. */
export const mappedTextOf = (net: Interfaces, address: Address): string =>
  isIPv6(address) ? textOf(net, address) : `::ffff:${format(address)}`;

/** The index of the interface that a zone names, by its name or its number; 0: none. */
export function zoneIndex({ interfaces }: Interfaces, zone: string): number {
  const named = interfaces.find(({ name }) => name === zone);
  if (named !== undefined) return named.index;
  const number = /^\d+$/.test(zone) ? Number(zone) : -1;
  return interfaces.find(({ index }) => index === number)?.index ?? 0;
}

/** The address that a literal of either family names; undefined for anything else, unknown zones too. */
export const readText = (net: Interfaces, text: string): Address | undefined =>
  parseEither(text, (zone) => zoneIndex(net, zone));

/** The same for an argument called `name`: throws `ERR_INVALID_IP_ADDRESS`. */
export const checkText = (net: Interfaces, value: unknown, name: string): Address =>
  checkAddress(value, name, (zone) => zoneIndex(net, zone));

/**
 * True of a link-local address that names no link: no socket is bound or connected to it, though there be one link
 * alone, as the system has it (`EINVAL`).
 */
export const lacksZone = (address: Address): boolean =>
  isLinkLocal(address) && zoneOf(address) === 0;
