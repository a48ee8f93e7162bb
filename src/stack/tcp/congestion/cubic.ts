/**
 * CUBIC: the window as a cubic function of the time since the last reduction. RFC 9438.
 *
 * Windows are counted in segments inside the formulas, as the RFC does, and in bytes in the `Tcb`;
 * times in seconds inside the formulas.
 * @module
 */
import { type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { REAL_ZERO } from '../../base/real.ts';
import { count, Stat } from '../../base/stats.ts';
import type { CongestionControl, Tcb } from '../tcb/tcb.ts';
import { srtt } from '../timing/rtt.ts';
import { inSlowStart, isFirst, MIN_SEGMENTS, slowStart } from './congestion.ts';
import { HyStart } from './hystart.ts';

/** §4.1.2: the aggressiveness, segments per second cubed. */
const C = 0.4;
/** §4.6: what a loss leaves of the window. */
const BETA = 0.7;
/** §4.3: AIMD's increase that is as aggressive as Reno's with this `BETA`. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
const NO_EPOCH: Micros = -NEVER;

export class Cubic implements CongestionControl {
  readonly name = 'cubic';
  /** RFC 9406 §4.3: only the first slow start is watched, the one that knows no threshold. */
  readonly #hystart = new HyStart();
  /** The plateau: the window before the last reduction, in segments, or less by fast convergence. */
  #wMax: number = REAL_ZERO;
  /** The window before the last reduction as it was. */
  #cwndPrior: number = REAL_ZERO;
  /** Seconds from the start of the epoch to the plateau. */
  #k: number = REAL_ZERO;
  #epoch: Micros = NO_EPOCH;
  /** What Reno's window would be, in segments. */
  #wEst: number = REAL_ZERO;
  #lastLimited: Micros = REAL_ZERO;
  #priorWMax: number = REAL_ZERO;
  #priorCwndPrior: number = REAL_ZERO;
  #priorEpoch: Micros = NO_EPOCH;
  #priorK: number = REAL_ZERO;
  #priorWEst: number = REAL_ZERO;

  onAck(tcb: Tcb, acked: number, now: Micros): void {
    let left = acked;
    if (inSlowStart(tcb)) {
      const divisor = isFirst(tcb) ? this.#hystart.divisor : 1;
      left = divisor === 1 ? slowStart(tcb, acked) : this.#conservative(tcb, acked / divisor);
      if (left === 0) return;
    }
    const cwnd = tcb.cwnd / tcb.mss;
    if (this.#epoch === NO_EPOCH) this.#begin(cwnd, now);
    this.#lastLimited = now;
    const t = (now - this.#epoch) / SECOND;
    const ahead = t + srtt(tcb, 0) / SECOND; // §4.2: where the curve will be a round trip from now
    const target = Math.min(Math.max(this.#curve(ahead), cwnd), 1.5 * cwnd);
    const segments = left / tcb.mss;
    // §4.3: alpha becomes 1 once the estimate has passed the window before the loss.
    this.#wEst += (this.#wEst >= this.#cwndPrior ? 1 : ALPHA) * (segments / cwnd);
    if (this.#curve(t) < this.#wEst) {
      tcb.cwnd = Math.max(tcb.cwnd, this.#wEst * tcb.mss);
    } else {
      // §4.4 and §4.5: a fraction of the way to the target for each segment acknowledged.
      tcb.cwnd += ((target - cwnd) / cwnd) * left;
    }
  }

  onRound(tcb: Tcb, rtt: Micros, _now: Micros): void {
    if (!isFirst(tcb) || !this.#hystart.onAck(tcb, rtt)) return;
    tcb.ssthresh = tcb.cwnd;
    count(tcb.tcp.stats, Stat.TcpExtTCPHystartDelayDetect);
  }

  onLoss(tcb: Tcb, flight: number, _now: Micros): void {
    this.#remember();
    const cwnd = tcb.cwnd / tcb.mss;
    this.#cwndPrior = cwnd;
    // §4.7, fast convergence: a flow whose plateau falls leaves room for others.
    this.#wMax = cwnd < this.#wMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
    // §4.6: by the window, not by the flight; the latter only where it was the smaller by far.
    const basis = flight > 0 && flight < tcb.cwnd / 2 ? Math.max(flight, tcb.cwnd / 2) : tcb.cwnd;
    tcb.ssthresh = Math.max(basis * BETA, MIN_SEGMENTS * tcb.mss);
    this.#epoch = NO_EPOCH;
  }

  onTimeout(tcb: Tcb, flight: number, now: Micros): void {
    this.onLoss(tcb, flight, now);
    this.#wMax = 0; // §4.8: the curve begins, flat, where congestion avoidance does
    this.#hystart.reset();
  }

  onUndo(_tcb: Tcb): void {
    this.#wMax = this.#priorWMax; // §4.9.1
    this.#cwndPrior = this.#priorCwndPrior;
    this.#epoch = this.#priorEpoch;
    this.#k = this.#priorK;
    this.#wEst = this.#priorWEst;
  }

  /** §5.8: time in which the window was not the limit does not move the curve. */
  onIdle(_tcb: Tcb, _idle: Micros, now: Micros): void {
    if (this.#epoch !== NO_EPOCH) this.#epoch += Math.max(0, now - this.#lastLimited);
    this.#lastLimited = now;
  }

  reset(): void {
    this.#hystart.reset();
    this.#epoch = NO_EPOCH;
    this.#wMax = 0;
    this.#cwndPrior = 0;
    this.#lastLimited = 0;
  }

  #begin(cwnd: number, now: Micros): void {
    this.#epoch = now;
    this.#wEst = cwnd;
    if (cwnd < this.#wMax) {
      this.#k = Math.cbrt((this.#wMax - cwnd) / C); // §4.2, figure 2
    } else {
      this.#k = 0;
      this.#wMax = cwnd;
    }
  }

  #curve(t: number): number {
    return C * (t - this.#k) ** 3 + this.#wMax; // §4.2, figure 1
  }

  #conservative(tcb: Tcb, growth: number): number {
    slowStart(tcb, growth);
    return 0;
  }

  #remember(): void {
    this.#priorWMax = this.#wMax;
    this.#priorCwndPrior = this.#cwndPrior;
    this.#priorEpoch = this.#epoch;
    this.#priorK = this.#k;
    this.#priorWEst = this.#wEst;
  }
}
