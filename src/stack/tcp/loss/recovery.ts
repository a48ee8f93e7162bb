/**
 * Loss recovery: when it begins, what each ACK does to it, and how it ends.
 * RFC 5681 §3.2, RFC 6582, RFC 6675, RFC 5682, and RFC 3168 §6.1.2 for congestion marks.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { add, ge, gt } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { isLimited } from '../congestion/cwv.ts';
import { beginPrr, onRecoveryAck } from '../congestion/prr.ts';
import { isProbeLoss } from '../path/plpmtu.ts';
import type { Delivery } from '../tcb/delivery.ts';
import { Flag, has } from '../tcb/flags.ts';
import { outstanding, pipe, unsent } from '../tcb/flight.ts';
import { Frto, Probe, Recovery } from '../tcb/phases.ts';
import type { AckReport } from '../tcb/report.ts';
import { Fate, type Scoreboard } from '../tcb/scoreboard.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { clearTimer, Timer } from '../timing/timers.ts';
import { detectLoss, markOnTimeout, onRecovered } from './rack.ts';
import { expectReports, forget, isSpurious, remember, undo, wasNeedless } from './undo.ts';

const DUP_THRESH = 3;

/** The ACK has been entered into the scoreboard; now judge, and set the window. */
export function onAck(
  tcb: Tcb,
  board: Scoreboard,
  segment: Segment,
  delivery: Delivery,
  report: AckReport,
  now: Micros,
): void {
  const delivered = delivery.acked + delivery.sacked;
  if (tcb.recovery === Recovery.LOSS) {
    inLoss(tcb, board, segment, delivery, report, now);
  } else if (tcb.recovery === Recovery.RECOVERY) {
    inRecovery(tcb, board, segment, delivered, report, now);
  } else {
    inOpen(tcb, board, delivered, report, now);
  }
}

/** OPEN, DISORDER and CWR: nothing is being repaired yet. */
function inOpen(
  tcb: Tcb,
  board: Scoreboard,
  delivered: number,
  report: AckReport,
  now: Micros,
): void {
  if (wasNeedless(tcb)) undo(tcb);
  if (report.marked && tcb.recovery !== Recovery.CWR) enterCwr(tcb, delivered, now);
  // The CWR goes out with what follows `recoverySeq`: until that is acknowledged echoes are old.
  const over = gt(tcb.sndUna, tcb.recoverySeq) || board.count === 0;
  if (tcb.recovery === Recovery.CWR && over) {
    tcb.cwnd = Math.min(tcb.cwnd, tcb.ssthresh);
    tcb.recovery = Recovery.OPEN;
  }
  if (findLoss(tcb, board, report, now)) {
    enterRecovery(tcb, delivered, now);
    onRecoveryAck(tcb, delivered, false);
    return;
  }
  if (tcb.recovery === Recovery.CWR) {
    onRecoveryAck(tcb, delivered, report.advanced);
    return;
  }
  const disorder = board.sackedBytes > 0 || tcb.dupAcks > 0;
  tcb.recovery = disorder ? Recovery.DISORDER : Recovery.OPEN;
  tcb.congestion.onRound(tcb, report.rtt, now);
  // Duplicate ACKs alone open no window (RFC 5681 §3.2), unless the path is known to reorder.
  const grows = report.advanced || tcb.reorderingSeen;
  if (grows && delivered > 0 && isLimited(tcb)) tcb.congestion.onAck(tcb, delivered, now);
}

/** Mark what is lost by RACK, or by the third duplicate ACK where there is no SACK. */
function findLoss(tcb: Tcb, board: Scoreboard, report: AckReport, now: Micros): boolean {
  if (has(tcb, Flag.SACK)) return detectLoss(tcb, board, now) && !isProbeLoss(tcb, board);
  if (report.advanced) tcb.dupAcks = 0;
  else if (report.duplicate) tcb.dupAcks++;
  if (tcb.dupAcks < DUP_THRESH || board.count === 0) return false;
  // RFC 6582 §3.2 (2): not for what was outstanding when the last recovery ended.
  if (!gt(tcb.sndUna, tcb.recoverySeq)) return false;
  markFirst(tcb, board);
  return true;
}

/** The oldest segment is lost: all that can be said without SACK. */
function markFirst(tcb: Tcb, board: Scoreboard): void {
  if (board.count === 0) return;
  board.split(0, add(board.start(0), tcb.mss));
  if ((board.fate(0) & (Fate.LOST | Fate.RESENT)) !== Fate.LOST) board.markLost(0);
}

/** `delivered`: what the ACK that found the loss brought, by ACK field and SACK. */
function enterRecovery(tcb: Tcb, delivered: number, now: Micros): void {
  const sack = has(tcb, Flag.SACK);
  count(tcb.tcp.stats, sack ? Stat.TcpExtTCPSackRecovery : Stat.TcpExtTCPRenoRecovery);
  reduce(tcb, delivered, now);
  tcb.partialAcks = 0;
  tcb.recovery = Recovery.RECOVERY;
  tcb.trace?.recovery(now, Recovery.RECOVERY);
}

/** RACK's timer found a loss. RFC 8985 §6.2, step 5. */
export function enterRecoveryByTimer(tcb: Tcb, now: Micros): void {
  // In a recovery, or after a timeout, the window stands: what was lost has made room in it.
  if (tcb.recovery >= Recovery.RECOVERY) return;
  enterRecovery(tcb, 0, now);
  clearTimer(tcb, Timer.PROBE); // RFC 8985 §7.2: none while a loss is repaired
  onRecoveryAck(tcb, 0, false);
}

/**
 * The window is reduced without a loss to repair: a congestion mark, or a repaired tail. `delivered`: what the
 * ACK that tells of it brought.
 */
export function enterCwr(tcb: Tcb, delivered: number, now: Micros): void {
  if (tcb.recovery >= Recovery.CWR) return;
  reduce(tcb, delivered, now);
  forget(tcb);
  tcb.recovery = Recovery.CWR;
  tcb.trace?.recovery(now, Recovery.CWR);
}

/**
 * FlightSize of RFC 5681 (4), without what limited transmit or a probe sent beyond the window, which
 * §3.2 forbids to count. Where the window is being reduced it says nothing of the flight any more.
 */
const flightSize = (tcb: Tcb): number =>
  tcb.recovery < Recovery.CWR ? Math.min(outstanding(tcb), tcb.cwnd) : outstanding(tcb);

/** Once a window: a new threshold, and the way there by PRR. */
function reduce(tcb: Tcb, delivered: number, now: Micros): void {
  if (tcb.recovery < Recovery.CWR) {
    remember(tcb);
    tcb.congestion.onLoss(tcb, flightSize(tcb), now);
    // RFC 9937 §6.1, RecoverFS: all that this recovery will see delivered, with what this ACK brought.
    beginPrr(tcb, outstanding(tcb) - (tcb.scoreboard?.sackedBytes ?? 0) + delivered);
  }
  tcb.recoverySeq = tcb.sndNxt;
  if (has(tcb, Flag.ECN)) tcb.flags |= Flag.CWR_DUE;
}

function inRecovery(
  tcb: Tcb,
  board: Scoreboard,
  segment: Segment,
  delivered: number,
  report: AckReport,
  now: Micros,
): void {
  if (report.advanced && isSpurious(tcb, segment)) {
    undo(tcb);
    return;
  }
  if (ge(tcb.sndUna, tcb.recoverySeq)) {
    if (isSpurious(tcb, segment)) undo(tcb);
    else leave(tcb);
    return;
  }
  const lost = board.lostBytes;
  if (has(tcb, Flag.SACK)) {
    detectLoss(tcb, board, now);
  } else if (report.advanced) {
    // RFC 6582 §3.2 (3): a partial ACK shows the next hole. What had left stays gone.
    tcb.partialAcks++;
    tcb.dupAcks = Math.max(0, tcb.dupAcks - Math.ceil(delivered / tcb.mss) + 1);
    markFirst(tcb, board);
  } else if (report.duplicate) {
    tcb.dupAcks++;
  }
  const arrived = has(tcb, Flag.SACK) ? delivered : renoDelivered(tcb, delivered, report);
  onRecoveryAck(tcb, arrived, report.advanced && board.lostBytes <= lost);
}

/** RFC 9937 §6.2: without SACK a duplicate ACK stands for one segment delivered. */
const renoDelivered = (tcb: Tcb, delivered: number, report: AckReport): number =>
  report.duplicate ? tcb.mss : Math.min(delivered, tcb.mss);

/** Recovery is over: RFC 6675 §5 (A), RFC 6582 §3.2 (3). */
function leave(tcb: Tcb): void {
  tcb.cwnd = Math.max(tcb.mss, Math.min(tcb.cwnd, tcb.ssthresh));
  if (tcb.ssthresh !== Number.POSITIVE_INFINITY) tcb.cwnd = Math.max(tcb.cwnd, tcb.ssthresh);
  tcb.recovery = (tcb.scoreboard?.sackedBytes ?? 0) > 0 ? Recovery.DISORDER : Recovery.OPEN;
  tcb.dupAcks = 0;
  tcb.frto = Frto.OFF;
  expectReports(tcb);
  onRecovered(tcb);
  tcb.trace?.recovery(tcb.tcp.now, tcb.recovery);
}

/** The retransmission timer expired. RFC 6298 (5.4) to (5.6), RFC 5681 (4), RFC 5682 §2. */
export function onTimeout(tcb: Tcb, board: Scoreboard, now: Micros): void {
  const again = tcb.recovery === Recovery.LOSS && !gt(tcb.sndUna, tcb.undoMarker);
  if (!again) {
    remember(tcb);
    tcb.congestion.onTimeout(tcb, flightSize(tcb), now);
    // RFC 5682 §2.1 (1): not on a timeout that follows another for the same segment.
    const allowed = has(tcb, Flag.SACK) || tcb.recovery !== Recovery.RECOVERY;
    tcb.frto = allowed ? Frto.WAITING : Frto.OFF;
  } else {
    tcb.frto = Frto.OFF;
  }
  // RFC 2018 §8: a peer may drop what it reported, and the head being SACKed is how that shows.
  if (board.count > 0 && (board.fate(0) & Fate.SACKED) !== 0) {
    board.forgetSacks();
    count(tcb.tcp.stats, Stat.TcpExtTCPSACKReneging);
  }
  if (has(tcb, Flag.SACK) && tcb.frto !== Frto.OFF) markOnTimeout(tcb, board, now);
  else board.markAllLost();
  tcb.cwnd = pipe(tcb) + tcb.mss;
  tcb.dupAcks = 0;
  tcb.probe = Probe.NONE;
  clearTimer(tcb, Timer.PROBE);
  tcb.recoverySeq = tcb.sndNxt;
  tcb.recovery = Recovery.LOSS;
  if (has(tcb, Flag.ECN)) tcb.flags |= Flag.CWR_DUE;
  tcb.trace?.recovery(now, Recovery.LOSS);
}

/** After a timeout: slow start through what is lost, unless the timeout was spurious. */
function inLoss(
  tcb: Tcb,
  board: Scoreboard,
  segment: Segment,
  delivery: Delivery,
  report: AckReport,
  now: Micros,
): void {
  const delivered = delivery.acked + delivery.sacked;
  const over = ge(tcb.sndUna, tcb.recoverySeq);
  if (tcb.frto === Frto.SEND_NEW) tcb.frto = Frto.WAITING;
  if (report.advanced && isSpurious(tcb, segment)) {
    count(tcb.tcp.stats, Stat.TcpExtTCPSpuriousRTOs);
    undo(tcb);
    return;
  }
  if (tcb.frto !== Frto.OFF) {
    // RFC 5682 §3.1 (3.b): something sent before the timeout, and only once, arrived. Without SACK
    // it may have arrived long ago, and the retransmission only filled the hole before it.
    const proof = delivery.original && (has(tcb, Flag.SACK) || !delivery.again);
    if (proof && !gt(delivery.originalEnd, tcb.recoverySeq) && tcb.prior !== null) {
      count(tcb.tcp.stats, Stat.TcpExtTCPSpuriousRTOs);
      undo(tcb);
      return;
    }
    if (gt(tcb.sndNxt, tcb.recoverySeq)) {
      if (delivery.sacked > 0 || report.duplicate) giveUpFrto(tcb); // (3.a): a real loss
      if (report.duplicate && !has(tcb, Flag.SACK)) tcb.cwnd += tcb.mss; // what asked has arrived
    } else if (report.advanced && !over && unsent(tcb) > 0) {
      tcb.recoverySeq = tcb.sndNxt;
      tcb.frto = Frto.SEND_NEW; // (2.b): ask with new text
      return;
    } else if (report.duplicate || delivery.sacked > 0) {
      giveUpFrto(tcb); // (2.a)
    }
  }
  if (over) {
    // RFC 5681 §3.1: slow start goes on with this ACK, as with any. By a
    // segment at most: what else it covers may have arrived before the timeout (RFC 3465 §2.3).
    if (delivered > 0) tcb.congestion.onAck(tcb, Math.min(delivered, tcb.mss), now);
    leaveLoss(tcb);
    return;
  }
  if (has(tcb, Flag.SACK)) detectLoss(tcb, board, now);
  if (delivered > 0) tcb.congestion.onAck(tcb, delivered, now);
}

/** The timeout was right: what was out then is marked already. */
function giveUpFrto(tcb: Tcb): void {
  tcb.frto = Frto.OFF;
}

function leaveLoss(tcb: Tcb): void {
  tcb.recovery = Recovery.OPEN;
  tcb.dupAcks = 0;
  tcb.frto = Frto.OFF;
  expectReports(tcb);
  onRecovered(tcb);
  tcb.trace?.recovery(tcb.tcp.now, Recovery.OPEN);
}
