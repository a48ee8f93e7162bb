/**
 * What opening a connection needs of the stack, beyond what connections share.
 * @module
 */
import type { Packet } from '../../ip/packet.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Shared, Tcb } from '../tcb/tcb.ts';
import type { Demux } from './demux.ts';
import type { Secrets } from './isn.ts';
import type { Listener } from './listener.ts';

export interface Opening extends Shared {
  readonly demux: Demux;
  readonly secrets: Secrets;
  /** True if there are as many connections as may be. */
  readonly isFull: boolean;
  /**
   * A connection for a SYN that came to `listener`, in the table; null if there are too many, or no way
   * leads back.
   */
  makeFor(listener: Listener, packet: Packet, segment: Segment): Tcb | null;
  /** The same, in no table: for an answer that keeps no state. */
  scratchFor(listener: Listener, packet: Packet, segment: Segment): Tcb | null;
}
