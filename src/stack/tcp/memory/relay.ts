/**
 * The window of a connection whose text goes into another one: what that has room for. See `Relays`.
 * @module
 */
import type { Tcb } from '../tcb/tcb.ts';
import { sendRoom } from './kept.ts';

/** Bytes that `tcb` may keep and be offered; `otherwise`, if its text goes nowhere that is known. */
export function roomBeyond(tcb: Tcb, otherwise: number): number {
  const into = tcb.tcp.relays.into(tcb);
  return into === undefined ? otherwise : sendRoom(into);
}

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
