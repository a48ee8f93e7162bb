/**
 * NewReno's window: slow start and congestion avoidance. RFC 5681 §3.1, RFC 6582 for its name.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';
import type { CongestionControl, Tcb } from '../tcb/tcb.ts';
import { inSlowStart, MIN_SEGMENTS, slowStart } from './congestion.ts';

export class NewReno implements CongestionControl {
  readonly name = 'newreno';
  /** Bytes acknowledged towards the next segment of growth. RFC 3465 §2.1. */
  #credit: number = REAL_ZERO;

  onAck(tcb: Tcb, acked: number, _now: Micros): void {
    let left = acked;
    if (inSlowStart(tcb)) left = slowStart(tcb, acked);
    if (left === 0) return;
    this.#credit += left;
    if (this.#credit < tcb.cwnd) return;
    this.#credit -= tcb.cwnd;
    tcb.cwnd += tcb.mss;
  }

  onRound(): void {}

  onLoss(tcb: Tcb, flight: number, _now: Micros): void {
    // RFC 5681 (4): half the flight, two segments at the least.
    tcb.ssthresh = Math.max(flight / 2, MIN_SEGMENTS * tcb.mss);
    this.#credit = 0;
  }

  onTimeout(tcb: Tcb, flight: number, now: Micros): void {
    this.onLoss(tcb, flight, now);
  }

  onUndo(_tcb: Tcb): void {}

  onIdle(_tcb: Tcb, _idle: Micros, _now: Micros): void {}

  reset(): void {
    this.#credit = 0;
  }
}
