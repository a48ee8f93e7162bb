/**
 * What a stack knows of the MTU of paths, a line each. RFC 1191 §6.3, RFC 4821 §5.2.
 * @module
 */
import { format } from '../../base/address.ts';
import type { Core } from '../../stack.ts';

/** The path to one host that takes less than its device. */
export interface PathLine {
  /** Dotted decimal, or as RFC 5952 has it. */
  readonly destination: string;
  /** The longest packet, in bytes. */
  readonly mtu: number;
  /** `icmp`: a router said so. `probes`: longer packets went missing and nobody said why. */
  readonly learnt: 'icmp' | 'probes';
  /** Milliseconds until it is forgotten, or looked for again. */
  readonly left: number;
}

/** Those of whom we know, the one that was learnt first before the others. */
export const readPaths = ({ ip, tcp }: Core): PathLine[] =>
  [...ip.routes.paths.all()].map(([destination, { mtu, probed, until }]) => ({
    destination: format(destination),
    mtu,
    learnt: probed ? 'probes' : 'icmp',
    left: Math.max(0, until - tcp.now) / 1000,
  }));
