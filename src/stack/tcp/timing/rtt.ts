/**
 * The round-trip estimate and the retransmission timeout, in microseconds. RFC 6298.
 *
 * SRTT is kept times 8 and RTTVAR times 4, so that the gains of (2.3) are shifts' worth of
 * arithmetic without rounding away a round trip of 30 microseconds. All of it is whole microseconds: V8 makes an
 * object of each number with a fraction that is kept, given on or passed.
 * @module
 */
import { MILLISECOND, MINUTE, type Micros, SECOND } from '../../base/clock.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** (2.1): before the first sample. */
export const INITIAL_RTO: Micros = SECOND;
/** (5.7): the same after a SYN had to be sent again. */
export const SYN_RETRANSMITTED_RTO: Micros = 3 * SECOND;
/** Round trips below it are those of a link, and of what lies in its queue. */
export const SHORT_PATH: Micros = 10 * MILLISECOND;
/** How long a minimum stands, as in Linux (tcp_min_rtt_wlen). */
const MIN_RTT_LIFE: Micros = 5 * MINUTE;
/** Longer samples, of more than any RTO, count as this: eight times it is an int32. */
const LONGEST: Micros = 2 ** 28 - 1;

/** Take one measurement, of something that was sent only once (Karn, §3). */
export function sampleRtt(tcb: Tcb, sample: Micros, now: Micros): void {
  const rtt = Math.min(Math.max(1, Math.round(sample)), LONGEST);
  tcb.lastRtt = rtt;
  if (rtt <= tcb.minRtt || now - tcb.minRttTime > MIN_RTT_LIFE) {
    tcb.minRtt = rtt;
    tcb.minRttTime = now;
  }
  if (tcb.srtt8 < 0) {
    tcb.srtt8 = rtt * 8; // (2.2)
    tcb.rttvar4 = rtt * 2;
  } else {
    const error = rtt - (tcb.srtt8 >> 3); // (2.3), against the SRTT before
    tcb.rttvar4 += Math.abs(error) - (tcb.rttvar4 >> 2);
    tcb.srtt8 += error;
  }
  tcb.backoff = 0;
  setRto(tcb);
}

/** RTO from the estimate, with its bounds; (2.2), (2.3), (2.4), (2.5). */
export function setRto(tcb: Tcb): void {
  const { minRto, maxRto } = tcb.settings;
  if (tcb.srtt8 < 0) {
    tcb.rto = Math.min(INITIAL_RTO, maxRto);
    return;
  }
  // As in Linux, the variance term and not the sum has the floor: a long path keeps its margin.
  tcb.rto = Math.min((tcb.srtt8 >> 3) + Math.max(minRto, tcb.rttvar4), maxRto);
}

/** The smoothed round-trip time; `otherwise` before the first sample. */
export const srtt = (tcb: Tcb, otherwise: Micros): Micros =>
  tcb.srtt8 < 0 ? otherwise : tcb.srtt8 >> 3;

/** The RTO with the back-off of (5.5): twice as long for each expiry in a row. */
export const backedOff = (tcb: Tcb): Micros =>
  Math.min(tcb.rto * 2 ** Math.min(tcb.backoff, 20), tcb.settings.maxRto);
