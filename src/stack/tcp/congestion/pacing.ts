/**
 * Pacing: segments spread over the round trip instead of sent in a burst, for paths whose queue is
 * shorter than a window. The rate is Linux's: 2 windows a round trip in slow start, 1.2 after it.
 *
 * The host's timers tick in milliseconds, so what may go at once is at least what the rate gives in
 * one, and a path whose round trip is shorter than a few of them is not paced.
 * @module
 */
import { MILLISECOND, type Micros } from '../../base/clock.ts';
import { outstanding } from '../tcb/flight.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { srtt } from '../timing/rtt.ts';
import { startTimer, Timer } from '../timing/timers.ts';
import { inSlowStart } from './congestion.ts';

const SHORTEST: Micros = 4 * MILLISECOND;
const QUANTUM: Micros = MILLISECOND;
const BURST_SEGMENTS = 10;

/** True if this connection's segments are spread over its round trip. */
export const isPaced = (tcb: Tcb): boolean =>
  tcb.settings.pacing && tcb.srtt8 / 8 >= SHORTEST && tcb.route?.tso !== true;

const gain = (tcb: Tcb): number => (inSlowStart(tcb) ? 2 : 1.2);

/**
 * Octets a microsecond. What is out counts where it is more than the window: in recovery the window
 * follows the flight down, and a rate made of it would hold the repair back.
 */
export const pacingRate = (tcb: Tcb): number =>
  (gain(tcb) * Math.max(tcb.cwnd, outstanding(tcb))) / srtt(tcb, MILLISECOND);

/** More than 0 if something may go now; otherwise the pace timer is set. */
export function paceRoom(tcb: Tcb, now: Micros): number {
  if (!isPaced(tcb)) return 1;
  if (tcb.sent.paceNext <= now) return 1;
  // Whole microseconds: a number with a fraction is an object to V8.
  startTimer(tcb, Timer.PACE, now, Math.ceil(tcb.sent.paceNext - now));
  return 0;
}

/** `length` octets went out: when may the next go? */
export function paced(tcb: Tcb, length: number, now: Micros): void {
  if (!isPaced(tcb)) return;
  // As `pacingRate`, which would give back an object for each segment, as any function that is not inlined.
  const rate = (gain(tcb) * Math.max(tcb.cwnd, outstanding(tcb))) / (tcb.srtt8 / 8);
  // What was not used of the time before is worth one burst, no more.
  const credit = Math.max(QUANTUM, (BURST_SEGMENTS * tcb.mss) / rate);
  tcb.sent.paceNext = Math.max(tcb.sent.paceNext, now - credit) + length / rate;
}
