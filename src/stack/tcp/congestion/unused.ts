/**
 * The congestion control of a connection that has sent nothing yet, or has had no loss and nothing in
 * flight: a stand-in, one for each algorithm and stack, that lends the real one when an acknowledgment of
 * text comes. What a first slow start has learned of its rounds is void when no round goes on. It saves
 * an idle connection 390 bytes.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Shelf } from '../../memory/shelf.ts';
import type { CongestionControl, Tcb } from '../tcb/tcb.ts';
import { isFirst } from './congestion.ts';

/** Kept for connections that become busy again. */
const SPARES = 256;

export class Unused implements CongestionControl {
  readonly name: string;
  readonly #make: () => CongestionControl;
  readonly #spare: Shelf<CongestionControl> = new Shelf();

  constructor(make: () => CongestionControl) {
    this.name = make().name;
    this.#make = make;
  }

  /** Nothing of `tcb` is in flight: take back what it was lent, if that is as good as new. */
  takeBack(tcb: Tcb): void {
    const { congestion } = tcb;
    if (congestion === this || !isFirst(tcb)) return;
    tcb.congestion = this;
    if (this.#spare.count >= SPARES) return;
    congestion.reset();
    this.#spare.put(congestion);
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

  reset(): void {}

  #begin(tcb: Tcb): CongestionControl {
    tcb.congestion = this.#spare.take() ?? this.#make();
    return tcb.congestion;
  }
}
