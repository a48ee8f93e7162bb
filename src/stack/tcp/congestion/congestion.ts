/**
 * Congestion control: one narrow interface, an algorithm a file behind it. RFC 5681.
 *
 * An algorithm owns `tcb.cwnd` while nothing is being recovered and `tcb.ssthresh` always; between
 * the two, proportional rate reduction (`prr.ts`) sets the window. All sizes are bytes.
 * @module
 */
import { type Micros, NEVER } from '../../base/clock.ts';
import type { Tcb } from '../tcb/tcb.ts';

export interface CongestionControl {
  readonly name: string;
  /**
   * `acked` bytes were newly acknowledged outside of recovery, while the window was what limited
   * the flight. Raises `tcb.cwnd`.
   */
  onAck(tcb: Tcb, acked: number, now: Micros): void;
  /** Every ACK outside of recovery, with the round-trip sample that came with it or -1. */
  onRound(tcb: Tcb, rtt: Micros, now: Micros): void;
  /** A loss or a congestion mark begins a recovery: set `tcb.ssthresh`. Once a window. */
  onLoss(tcb: Tcb, flight: number, now: Micros): void;
  /** The retransmission timer expired: set `tcb.ssthresh`; the window is set by the caller. */
  onTimeout(tcb: Tcb, flight: number, now: Micros): void;
  /** The recovery turned out to be needless: whatever `onLoss` changed goes back. RFC 4015. */
  onUndo(tcb: Tcb): void;
  /** Nothing was sent for `idle` microseconds. */
  onIdle(tcb: Tcb, idle: Micros, now: Micros): void;
  /** Be as new, for another connection. */
  reset(): void;
}

/** Least window that a reduction leaves, in segments. RFC 5681 (4). */
export const MIN_SEGMENTS = 2;

/** RFC 5681 §3.1, equation 2 with RFC 3465's L unlimited, as RFC 9438 and Linux have it. */
export function slowStart(tcb: Tcb, acked: number): number {
  const room = Math.max(0, tcb.ssthresh - tcb.cwnd);
  const used = Math.min(acked, room);
  tcb.cwnd += used;
  return acked - used;
}

/** True in the first slow start: nothing has said yet where it is to end. */
export const isFirst = (tcb: Tcb): boolean => tcb.ssthresh === NEVER;

export const inSlowStart = (tcb: Tcb): boolean => tcb.cwnd < tcb.ssthresh;
