/**
 * What a connection keeps in memory: text that came early or is not read, text that is not acknowledged, and
 * what is known of it. RFC 9293 §3.8.6 leaves the sizes to us; over all connections they have a limit,
 * `limits.memory`, with pressure from `limits.memoryPressure` on, as Linux's `tcp_mem` has.
 *
 * Capacity counts, not content: an octet at the far end of a window keeps a ring as long as the window.
 * @module
 */
import { Flag, has } from '../tcb/flags.ts';
import { outstanding, unsent } from '../tcb/flight.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** Under pressure, bytes of text that a connection may have waiting each way: one packet with offload. */
const PRESSED: number = 64 * 1024;

/** Bytes that `tcb` keeps. One that is given up counts no more: what it kept goes with the batch. */
export function keptBy(tcb: Tcb): number {
  if (has(tcb, Flag.ABORT)) return 0;
  const { ring, spans, scoreboard } = tcb;
  return (
    tcb.chunks.kept +
    (ring === null ? 0 : ring.capacity) +
    (spans === null ? 0 : spans.kept) +
    (scoreboard === null ? 0 : scoreboard.kept)
  );
}

/** What `tcb` keeps may have changed. */
export const account = (tcb: Tcb): void => tcb.tcp.budget.set(tcb, keptBy(tcb));

/**
 * The send buffer's size now: no more than the share that is this connection's. Under pressure what is in flight
 * is useful, and as much again may wait; the rest is what a peer that shuts its window makes us keep.
 */
export function sendSize(tcb: Tcb): number {
  const { budget, spares } = tcb.tcp;
  const size = Math.min(tcb.sendBuffer, spares.share);
  return budget.pressed ? Math.min(size, Math.max(PRESSED, 2 * outstanding(tcb))) : size;
}

/** How many octets an owner may write while none waits. */
export function sendLimit(tcb: Tcb): number {
  const size = sendSize(tcb);
  return tcb.lowWater === 0 ? size : Math.min(size, lowWater(tcb));
}

/** How many octets an owner may write now. */
export function sendRoom(tcb: Tcb): number {
  const room = sendSize(tcb) - tcb.chunks.length;
  return Math.max(0, tcb.lowWater === 0 ? room : Math.min(room, lowWater(tcb) - unsent(tcb)));
}

/** True if there is so much room again that it is worth a call: a third of the buffer, half of the low water. */
export function hasRoom(tcb: Tcb): boolean {
  const size = sendSize(tcb);
  if (size - tcb.chunks.length < size / 3) return false;
  return tcb.lowWater === 0 || 2 * unsent(tcb) < lowWater(tcb);
}

/** Less than a segment would have a writer send silly ones. */
const lowWater = (tcb: Tcb): number => Math.max(tcb.lowWater, tcb.mss);

/** The receive buffer's. Who has something lying here is offered no more than a little. */
export function receiveSize(tcb: Tcb): number {
  if (!tcb.tcp.budget.pressed || tcb.ring === null) return tcb.receiveBuffer;
  return Math.min(tcb.receiveBuffer, PRESSED);
}
