/**
 * Which address of ours a packet leaves from. RFC 6724 §5 has the rules; this is the contract with who knows
 * them, and what is done without.
 * @module
 */
import { type Address, ANY, isLinkLocal, isLoopback } from '../base/address.ts';
import type { Interface } from './interface.ts';

/** An address of ours for packets to `destination` that leave by `iface` to `nextHop`; `ANY` if there is none. */
export type ChooseSource = (
  interfaces: readonly Interface[],
  iface: Interface,
  destination: Address,
  nextHop: Address,
) => Address;

/** The first one of the interface whose scope is wide enough, else of any. */
export const firstSource: ChooseSource = (interfaces, iface, destination) => {
  if (isLoopback(destination)) return destination;
  if (isLinkLocal(destination)) return iface.linkLocal;
  if (iface.primary6 !== ANY) return iface.primary6;
  const other = interfaces.find((i) => !i.isLoopback && i.primary6 !== ANY);
  return other?.primary6 ?? iface.linkLocal;
};
