/**
 * The window of a connection whose text goes into another one: what that has room for. See `Relays`.
 * @module
 */
import type { Tcb } from '../tcb/tcb.ts';
import { sendLimit, sendRoom } from './kept.ts';

/**
 * Bytes that `tcb` may keep and be offered; `otherwise`, if its text goes nowhere that is known. Where that has room for
 * less than makes two useful steps (MUST-39) even when it is empty, such as where the sender's segments are the longer ones, the
 * rest waits here: else nothing would be offered again.
 */
export function roomBeyond(tcb: Tcb, otherwise: number): number {
  const into = tcb.tcp.relays.into(tcb);
  if (into === undefined) return otherwise;
  return sendRoom(into) + Math.max(0, leastOffer(tcb) - sendLimit(into));
}

/** An update is two segments; the field counts in units of the scale. */
const leastOffer = (tcb: Tcb): number => Math.max(4 * tcb.rcvMss, 2 << tcb.rcvScale);

/** `tcb` has room again: it is offered to whoever sends what goes into it. */
export function offerRoom(tcb: Tcb): void {
  const from = tcb.tcp.relays.from(tcb);
  if (from !== undefined) tcb.tcp.dirty(from);
}

/** `tcb` is over. Who sent what went into it is offered what there is room for here. */
export function endRelays(tcb: Tcb): void {
  const { relays } = tcb.tcp;
  offerRoom(tcb);
  relays.part(tcb);
  const from = relays.from(tcb);
  if (from !== undefined) relays.part(from);
}
