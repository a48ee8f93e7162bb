/**
 * Neighbours on links that carry frames, as a stack shows them: what `ip neighbour` shows of a kernel's.
 * RFC 826, RFC 4861 §7.3.2, RFC 5227.
 * @module
 */
import { type Address, format } from '../../base/address.ts';
import type { Interface } from '../../ip/interface.ts';
import { EthernetLink } from '../../link/ethernet.ts';
import { Reach } from '../../link/neighbour.ts';
import type { Core } from '../../stack.ts';
import * as ethernet from '../../wire/ethernet.ts';

/** A neighbour. */
export interface NeighbourLine {
  /** Dotted decimal. */
  readonly address: string;
  /** Its hardware address, `02:00:5e:00:53:01`; undefined while it is not known. */
  readonly mac: string | undefined;
  /** As RFC 4861 §7.3.2 has it. A `REACHABLE` one may be due to be asked at its next use. */
  readonly state: 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE';
  /** The device whose link it is on. */
  readonly device: string;
}

/** Another station has claimed an address of ours, which we keep. RFC 5227 §2.4. */
export interface AddressConflict {
  /** Ours, dotted decimal. */
  readonly address: string;
  /** The hardware address of the other one. */
  readonly mac: string;
  /** The device whose link it is on. */
  readonly device: string;
}

/** All that are known or asked for. */
export function readNeighbours({ ip }: Core): NeighbourLine[] {
  const lines: NeighbourLine[] = [];
  for (const { link, name } of ip.interfaces) {
    if (!(link instanceof EthernetLink)) continue;
    for (const { address, hi, lo, reach } of link.neighbours.list()) {
      const mac = reach === Reach.INCOMPLETE ? undefined : ethernet.format(hi, lo);
      lines.push({ address: format(address), mac, state: nameOf(reach), device: name });
    }
  }
  return lines;
}

export const readConflict = (
  { name }: Interface,
  address: Address,
  hi: number,
  lo: number,
): AddressConflict => ({ address: format(address), mac: ethernet.format(hi, lo), device: name });

const STATES: Readonly<Record<Reach, NeighbourLine['state']>> = {
  [Reach.INCOMPLETE]: 'INCOMPLETE',
  [Reach.REACHABLE]: 'REACHABLE',
  [Reach.STALE]: 'STALE',
  [Reach.DELAY]: 'DELAY',
  [Reach.PROBE]: 'PROBE',
};

const nameOf = (reach: Reach): NeighbourLine['state'] => STATES[reach];
