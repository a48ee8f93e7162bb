/**
 * The tail loss probe: when the last segments of a flight are lost nothing comes back, so one more
 * segment asks, after two round trips and not after an RTO. RFC 8985 §7.
 * @module
 */
import { MILLISECOND, type Micros, SECOND } from '../../base/clock.ts';
import { ge, gt, type Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { Flag, has } from '../tcb/flags.ts';
import { outstanding } from '../tcb/flight.ts';
import { Probe, Recovery } from '../tcb/phases.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { backedOff } from '../timing/rtt.ts';
import { dueTime, setTimer, Timer } from '../timing/timers.ts';
import { enterCwr } from './recovery.ts';

/** §7.2: how long a receiver may sit on the ACK of a lone segment. */
const MAX_ACK_DELAY: Micros = 200 * MILLISECOND;

/** A probe was sent, and nothing tells yet what became of it. */
const isProbeOut = (tcb: Tcb): boolean => tcb.probe >= Probe.NEW_TEXT;

/** §7.2: set the timer for the probe instead of the RTO, if a probe may be sent at all. */
export function armProbe(tcb: Tcb, now: Micros): void {
  const board = tcb.scoreboard;
  if (board === null || board.count === 0 || isProbeOut(tcb)) return;
  if (!has(tcb, Flag.SACK) || tcb.recovery !== Recovery.OPEN || board.sackedBytes > 0) return;
  let wait = SECOND;
  if (tcb.srtt8 >= 0) {
    wait = tcb.srtt8 / 4; // 2 SRTT
    if (outstanding(tcb) <= tcb.mss) wait += MAX_ACK_DELAY;
  }
  // The RTO counts from the oldest segment, the probe from the newest; the sooner one stands.
  const rto = tcb.probe === Probe.ARMED ? now + backedOff(tcb) : dueTime(tcb, Timer.RETRANSMIT);
  if (now + wait >= rto) return;
  tcb.probe = Probe.ARMED;
  setTimer(tcb, Timer.RETRANSMIT, now + wait);
}

/** §7.3: a probe was sent; `retransmitted` if it carried old text. */
export function startEpisode(tcb: Tcb, retransmitted: boolean): void {
  tcb.probe = retransmitted ? Probe.OLD_TEXT : Probe.NEW_TEXT;
  tcb.probeEnd = tcb.sndNxt;
  count(tcb.tcp.stats, Stat.TcpExtTCPLossProbes);
}

/**
 * §7.4: an ACK may end the episode. If the probe repaired a loss nobody else noticed, the
 * congestion window must still be reduced. `ack` is the segment's, `idle` if it brought nothing new.
 */
export function onProbeAck(tcb: Tcb, ack: Seq, duplicateReported: boolean, idle: boolean): void {
  if (!isProbeOut(tcb) || !ge(ack, tcb.probeEnd)) return;
  if (tcb.probe === Probe.NEW_TEXT || duplicateReported) {
    tcb.probe = Probe.NONE;
  } else if (gt(ack, tcb.probeEnd)) {
    tcb.probe = Probe.NONE;
    count(tcb.tcp.stats, Stat.TcpExtTCPLossProbeRecovery);
    enterCwr(tcb, tcb.tcp.now);
  } else if (idle) {
    tcb.probe = Probe.NONE;
  }
}
