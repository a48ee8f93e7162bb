/**
 * What a stack tells `node:diagnostics_channel` of packets that it drops. While nobody subscribes it
 * costs a look at `hasSubscribers` a turn.
 *
 *     import { subscribe } from 'node:diagnostics_channel';
 *     subscribe('tunstack:packet:drop', ({ reason, packet }) => ...);
 *
 * Node documentation: "Diagnostics Channel".
 * @module
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { type Drop, dropName } from '../base/drop.ts';
import type { DropWatcher } from '../ip/ip.ts';
import type { Slots } from '../memory/slots.ts';

/** `tunstack:packet:drop`. */
export interface PacketDropMessage {
  /** The name that `stack.stats()` has for it among `drops` or `ignored`: `tcpChecksum`, `ipNoRoute`, `outNoSlot`, ... */
  readonly reason: string;
  /** How many packets; more than one if fragments are given up together. */
  readonly packets: number;
  /** The device that it came from; undefined for what was to be sent, or came in pieces. */
  readonly device: string | undefined;
  /** The IP packet as it came, yours to keep; undefined where `device` is. */
  readonly packet: Buffer | undefined;
}

const dropped: Channel = channel('tunstack:packet:drop');

/** What `Internet.onDrop` is while somebody subscribes to drops; null while nobody does. */
export function dropWatcher(tell: DropWatcher): DropWatcher | null {
  return dropped.hasSubscribers ? tell : null;
}

/** Publishes drops of the stack with these slots. */
export const makeDropWatcher =
  (slots: Slots): DropWatcher =>
  (reason: Drop, packets, iface, at, length) => {
    const start = at + (iface?.lead ?? 0);
    dropped.publish({
      reason: dropName(reason),
      packets,
      device: iface?.name,
      packet: iface ? Buffer.from(slots.bytes.subarray(start, at + length)) : undefined,
    } satisfies PacketDropMessage);
  };
