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
import { clearTimer, startTimer, Timer } from '../timing/timers.ts';
import { enterCwr } from './recovery.ts';

/** §7.2: how long a receiver may sit on the ACK of a lone segment. */
const MAX_ACK_DELAY: Micros = 200 * MILLISECOND;
/** How long most sit on the ACK of less than two full-sized segments (RFC 5681 §4.2): 40 ms, and a tick of theirs. */
const USUAL_ACK_DELAY: Micros = 50 * MILLISECOND;
/** The host's timers tick in milliseconds, and a busy peer answers with its next turn. */
const SHORTEST: Micros = 10 * MILLISECOND;

/** A probe was sent, and nothing tells yet what became of it. */
const isProbeOut = (tcb: Tcb): boolean => tcb.probe !== Probe.NONE;

/** §7.2, conditions 1 to 4. Text beyond a window that shrank is not sent again (RFC 9293 §3.8.6). */
function mayProbe(tcb: Tcb): boolean {
  const board = tcb.scoreboard;
  if (board === null || board.count === 0 || isProbeOut(tcb)) return false;
  if (!has(tcb, Flag.SACK) || tcb.recovery !== Recovery.OPEN || board.sackedBytes > 0) return false;
  return outstanding(tcb) <= tcb.sndWnd;
}

/** §7.2: how long the ACK of what left last may take. */
function probeTimeout(tcb: Tcb): Micros {
  if (tcb.srtt8 < 0) return SECOND;
  const rtt = tcb.srtt8 >> 3;
  const flight = outstanding(tcb);
  if (flight <= tcb.mss) return 2 * rtt + MAX_ACK_DELAY;
  // Two segments may wait like one, where they are not full; the RFC thinks of one only.
  const delayed = flight < 2 * tcb.mss ? rtt + USUAL_ACK_DELAY : 0;
  return Math.max(2 * rtt, delayed, SHORTEST);
}

/**
 * §7.2: set the timer for the probe, counted from what left last, or clear it where none may be sent. The
 * RTO keeps its own time, which the probe never outlasts.
 */
export function armProbe(tcb: Tcb, now: Micros): void {
  if (!mayProbe(tcb)) {
    clearTimer(tcb, Timer.PROBE);
    return;
  }
  startTimer(tcb, Timer.PROBE, now, probeTimeout(tcb), Timer.RETRANSMIT);
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
    const { now, delivery } = tcb.tcp;
    enterCwr(tcb, delivery.acked + delivery.sacked, now);
  } else if (idle) {
    tcb.probe = Probe.NONE;
  }
}
