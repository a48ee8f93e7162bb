/**
 * The congestion control of a connection that has sent nothing yet: a stand-in, one for each algorithm
 * and stack, that makes the real one when the first acknowledgment of text comes. It saves an idle
 * connection 390 bytes.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import type { CongestionControl } from './congestion.ts';
import type { Tcb } from './tcb.ts';

export class Unused implements CongestionControl {
  readonly name: string;
  readonly #make: () => CongestionControl;

  constructor(make: () => CongestionControl) {
    this.name = make().name;
    this.#make = make;
  }

  onAck(tcb: Tcb, acked: number, now: Micros): void {
    this.#begin(tcb).onAck(tcb, acked, now);
  }

  onRound(tcb: Tcb, rtt: Micros, now: Micros): void {
    this.#begin(tcb).onRound(tcb, rtt, now);
  }

  onLoss(tcb: Tcb, flight: number, now: Micros): void {
    this.#begin(tcb).onLoss(tcb, flight, now);
  }

  onTimeout(tcb: Tcb, flight: number, now: Micros): void {
    this.#begin(tcb).onTimeout(tcb, flight, now);
  }

  onUndo(): void {}

  onIdle(): void {}

  #begin(tcb: Tcb): CongestionControl {
    tcb.congestion = this.#make();
    return tcb.congestion;
  }
}
