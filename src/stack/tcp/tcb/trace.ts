/**
 * A connection's events as they happen, for time-sequence plots. Off unless somebody hangs one on.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { diff, type Seq } from '../../base/seq.ts';
import type { Recovery } from './phases.ts';
import type { State } from './state.ts';

/** One event; sequence numbers are counted from the initial one, sizes are bytes. */
export type TraceEvent =
  | {
      readonly at: Micros;
      readonly kind: 'sent' | 'resent';
      readonly seq: number;
      readonly length: number;
    }
  | {
      readonly at: Micros;
      readonly kind: 'acked';
      readonly seq: number;
      readonly cwnd: number;
      readonly ssthresh: number;
    }
  | { readonly at: Micros; readonly kind: 'recovery'; readonly recovery: Recovery }
  | { readonly at: Micros; readonly kind: 'state'; readonly state: State };

export class Trace {
  readonly #iss: Seq;
  readonly #record: (event: TraceEvent) => void;

  /** `record` is called for each event, from inside the stack: it must not throw. */
  constructor(iss: Seq, record: (event: TraceEvent) => void) {
    this.#iss = iss;
    this.#record = record;
  }

  sent(at: Micros, seq: Seq, length: number): void {
    this.#record({ at, kind: 'sent', seq: diff(seq, this.#iss) >>> 0, length });
  }

  resent(at: Micros, seq: Seq, length: number): void {
    this.#record({ at, kind: 'resent', seq: diff(seq, this.#iss) >>> 0, length });
  }

  acked(at: Micros, seq: Seq, cwnd: number, ssthresh: number): void {
    this.#record({ at, kind: 'acked', seq: diff(seq, this.#iss) >>> 0, cwnd, ssthresh });
  }

  recovery(at: Micros, recovery: Recovery): void {
    this.#record({ at, kind: 'recovery', recovery });
  }

  state(at: Micros, state: State): void {
    this.#record({ at, kind: 'state', state });
  }
}
