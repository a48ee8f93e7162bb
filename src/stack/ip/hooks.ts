/**
 * Hooks: what a firewall or an address translator hangs itself into. A hook that is not set costs
 * one comparison a packet.
 *
 * A packet passes `input` when it came in whole and valid, before it is decided where it goes;
 * `forward` when it is to leave by another interface; `output` when it leaves, whoever made it.
 * @module
 */
import type { Interface } from './interface.ts';
import type { Packet } from './packet.ts';

/** What a hook says of a packet. */
export const Verdict = {
  PASS: 0,
  DROP: 1,
  /** Go on, but read the header again: it was changed in place, its checksums with it. */
  REWRITTEN: 2,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/**
 * Looks at a packet, which is valid during the call only, and may change its bytes. `out`: where it is
 * to leave, null on input, where nobody knows yet.
 */
export type Hook = (packet: Packet, out: Interface | null) => Verdict;

export interface Hooks {
  input: Hook | null;
  forward: Hook | null;
  output: Hook | null;
}
