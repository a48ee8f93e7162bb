/**
 * HyStart++: leave slow start when the round trip grows, before the queue overflows. RFC 9406.
 *
 * Rounds are counted in sequence numbers. After the delay has risen, conservative slow start grows the
 * window four times as slowly for five rounds; if the delay falls again it was a false alarm.
 *
 * The RFC compares the least delays of two rounds: it expects bursts, which wait for themselves, so
 * that only the first of a round tell of the path. Where segments are paced the queue grows in the
 * course of a round, twice as fast as it empties, and the next round begins too late. There every
 * eight samples are compared with the round before.
 * @module
 */
import { MILLISECOND, type Micros, NEVER } from '../../base/clock.ts';
import { ge, type Seq, seq } from '../../base/seq.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { isPaced } from './pacing.ts';

// RFC 9406 §4.3's recommended constants.
const MIN_RTT_THRESH: Micros = 4 * MILLISECOND;
const MAX_RTT_THRESH: Micros = 16 * MILLISECOND;
const MIN_RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;
/** A rise by this part of the least round trip there was, and by this time, is no jitter any more. */
const CERTAIN_RISE = 0.25;
const CERTAIN_RTT_THRESH: Micros = 8 * MILLISECOND;

export class HyStart {
  #windowEnd: Seq = seq(0);
  #started = false;
  #lastMinRtt: Micros = NEVER;
  #currentMinRtt: Micros = NEVER;
  /** The least of the eight samples that are being taken. */
  #recentMinRtt: Micros = NEVER;
  #samples = 0;
  #cssBaseline: Micros = NEVER;
  #cssRounds = 0;
  /** In conservative slow start. */
  #css = false;

  /** Begin again: at the start, and after a timeout. */
  reset(): void {
    this.#started = false;
    this.#css = false;
    this.#lastMinRtt = NEVER;
    this.#currentMinRtt = NEVER;
    this.#samples = 0;
    this.#cssBaseline = NEVER;
  }

  /** By how much slow start must divide its growth now. */
  get divisor(): number {
    return this.#css ? CSS_GROWTH_DIVISOR : 1;
  }

  /** An ACK in slow start, with its round-trip sample or -1. True: leave slow start now. */
  onAck(tcb: Tcb, rtt: Micros): boolean {
    if (!this.#started || ge(tcb.sndUna, this.#windowEnd)) {
      if (this.#css && this.#started && ++this.#cssRounds >= CSS_ROUNDS) return true;
      this.#started = true;
      this.#windowEnd = tcb.sndNxt;
      this.#lastMinRtt = this.#currentMinRtt;
      this.#currentMinRtt = NEVER;
      this.#samples = 0;
    }
    if (rtt < 0) return false;
    this.#currentMinRtt = Math.min(this.#currentMinRtt, rtt);
    this.#recentMinRtt =
      this.#samples % RTT_SAMPLES === 0 ? rtt : Math.min(this.#recentMinRtt, rtt);
    this.#samples++;
    if (this.#samples < RTT_SAMPLES) return false;
    if (this.#css) {
      if (this.#samples % RTT_SAMPLES === 0 && isCertain(tcb, this.#recentMinRtt)) return true;
      // §4.2: the round trip shrank below the baseline, so the rise before was jitter.
      if (this.#currentMinRtt < this.#cssBaseline) {
        this.#css = false;
        this.#cssBaseline = NEVER;
      }
      return false;
    }
    if (this.#lastMinRtt === NEVER) return false;
    if (isPaced(tcb) && this.#samples % RTT_SAMPLES !== 0) return false;
    const least = isPaced(tcb) ? this.#recentMinRtt : this.#currentMinRtt;
    const threshold = Math.max(
      MIN_RTT_THRESH,
      Math.min(this.#lastMinRtt / MIN_RTT_DIVISOR, MAX_RTT_THRESH),
    );
    if (least >= this.#lastMinRtt + threshold) {
      this.#css = true;
      this.#cssRounds = 0;
      this.#cssBaseline = least;
      this.#currentMinRtt = least; // what came before in this round says nothing of the rounds to come
    }
    return false;
  }
}

/**
 * §4.2 waits for five rounds, in which the window trebles: more than a queue of one round trip holds.
 * When even the least of eight samples has waited for a quarter of one, the path is full.
 */
const isCertain = (tcb: Tcb, rtt: Micros): boolean =>
  rtt >= tcb.minRtt + Math.max(tcb.minRtt * CERTAIN_RISE, CERTAIN_RTT_THRESH);
