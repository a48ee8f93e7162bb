/**
 * What a stack speaks, asked of its core: which families it has addresses of, and which of several
 * destinations it gets to best. RFC 6724 §6.
 * @module
 */
import type { LookupAddress } from 'node:dns';
import { type Address, ANY, isIPv6 } from '../../base/address.ts';
import { type SourceCandidate, sortDestinations } from '../../ip/discovery/selection.ts';
import type { Core } from '../../stack.ts';
import type { Spoken } from './names.ts';
import { readText } from './text.ts';

/** Of a device, its addresses or that it is about to have some. */
export const speaksIPv6 = ({ ip }: Core): boolean =>
  ip.interfaces.some((iface) => iface.ipv6 && !iface.isLoopback);

/** What stands for all addresses of a stack: `::`, or `0.0.0.0` where it has none of IPv6. */
export const allOf = (core: Core): string => (speaksIPv6(core) ? '::' : '0.0.0.0');

const speaksIPv4 = ({ ip }: Core): boolean =>
  ip.interfaces.some((iface) => iface.primary !== ANY && !iface.isLoopback);

/** The address that a literal names, of a family that the stack speaks. */
export function readSpoken(core: Core, text: string): Address | undefined {
  const address = readText(core.ip, text);
  return address !== undefined && isIPv6(address) && !speaksIPv6(core) ? undefined : address;
}

/** As `makeLookup` asks for it. */
export const makeSpoken = (core: Core): Spoken => ({
  get ipv4(): boolean {
    return speaksIPv4(core);
  },
  get ipv6(): boolean {
    return speaksIPv6(core);
  },
  sort: (found) => sort(core, found),
  read: (text) => readText(core.ip, text),
});

function sort(core: Core, found: readonly LookupAddress[]): LookupAddress[] {
  const candidates = found.map((one) => {
    const destination = readText(core.ip, one.address) ?? ANY;
    const route = core.ip.route(destination, ANY);
    return { one, destination, source: route && candidateOf(core, route.source) };
  });
  return sortDestinations(candidates).map(({ one }) => one);
}

function candidateOf({ ip }: Core, source: SourceCandidate['address']): SourceCandidate {
  for (const iface of ip.interfaces) {
    const own = iface.addresses.find(({ address }) => address === source);
    if (own === undefined) continue;
    const { address, bits, deprecated = false, temporary = false } = own;
    return { address, bits, deprecated, temporary, iface: iface.index };
  }
  const bits = isIPv6(source) ? 128 : 32;
  return { address: source, bits, deprecated: false, temporary: false, iface: 0 };
}
