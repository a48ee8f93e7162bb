/**
 * What every algorithm of congestion control does alike: slow start. RFC 5681 §3.1. The interface that
 * they have in common is `CongestionControl` in `tcb/tcb.ts`.
 * @module
 */
import { NEVER } from '../../base/clock.ts';
import type { Tcb } from '../tcb/tcb.ts';

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
