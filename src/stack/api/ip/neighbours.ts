/**
 * Neighbours on links that carry frames, as a stack shows them: what `ip neighbour` shows of a kernel's.
 * RFC 826, RFC 4861 §7.3.2, RFC 5227.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Interface } from '../../ip/interface.ts';
import { EthernetLink } from '../../link/ethernet.ts';
import { Reach } from '../../link/neighbour.ts';
import type { Core } from '../../stack.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { textOf } from '../door/text.ts';

/** A neighbour. */
export interface NeighbourLine {
  /** Dotted decimal, or as RFC 5952 has it; a link-local one with its device: `fe80::1%tap0`. */
  readonly address: string;
  /** Its hardware address, `02:00:5e:00:53:01`; undefined while it is not known. */
  readonly mac: string | undefined;
  /** As RFC 4861 §7.3.2 has it. A `REACHABLE` one may be due to be asked at its next use. */
  readonly state: 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'UNREACHABLE';
  /** The device whose link it is on. */
  readonly device: string;
}

/** Another station has claimed an address of ours. RFC 5227 §2.4, RFC 4862 §5.4. */
export interface AddressConflict {
  /** Ours, dotted decimal, or as RFC 5952 has it; a link-local one with its device: `fe80::1%tap0`. */
  readonly address: string;
  /** The hardware address of the other one. */
  readonly mac: string;
  /** The device whose link it is on. */
  readonly device: string;
  /** False for an address that was not ours yet: it is the other's, and we do without. */
  readonly kept: boolean;
}

/** All that are known or asked for. */
export function readNeighbours({ ip }: Core): NeighbourLine[] {
  const lines: NeighbourLine[] = [];
  for (const { link, name } of ip.interfaces) {
    if (!(link instanceof EthernetLink)) continue;
    const all = [...link.neighbours.list(), ...link.neighbours6.list()];
    for (const { address, hi, lo, reach } of all) {
      const mac = reach === Reach.INCOMPLETE ? undefined : ethernet.format(hi, lo);
      lines.push({ address: textOf(ip, address), mac, state: nameOf(reach), device: name });
    }
  }
  return lines;
}

export const readConflict = (
  iface: Interface,
  address: Address,
  hi: number,
  lo: number,
  kept: boolean,
): AddressConflict => {
  const text = textOf({ interfaces: [iface] }, address);
  return { address: text, mac: ethernet.format(hi, lo), device: iface.name, kept };
};

const STATES: Readonly<Record<Reach, NeighbourLine['state']>> = {
  [Reach.INCOMPLETE]: 'INCOMPLETE',
  [Reach.REACHABLE]: 'REACHABLE',
  [Reach.STALE]: 'STALE',
  [Reach.DELAY]: 'DELAY',
  [Reach.PROBE]: 'PROBE',
  [Reach.UNREACHABLE]: 'UNREACHABLE',
};

const nameOf = (reach: Reach): NeighbourLine['state'] => STATES[reach];
