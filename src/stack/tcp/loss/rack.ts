/**
 * RACK: what was sent before something that has arrived, by more than a reordering window, is lost.
 * RFC 8985 §6.
 *
 * The RFC walks all outstanding segments on every ACK. Here first transmissions are judged in the
 * order of their sequence numbers, which is the order of their times, from where the last pass
 * stopped, and retransmissions from a queue of their own: an ACK costs what it judges.
 * @module
 */
import { MILLISECOND, type Micros, NEVER } from '../../base/clock.ts';
import { gt, type Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import type { Delivery } from '../tcb/delivery.ts';
import { Flag, has } from '../tcb/flags.ts';
import { Recovery } from '../tcb/phases.ts';
import { Fate, type Scoreboard } from '../tcb/scoreboard.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { srtt } from '../timing/rtt.ts';
import { clearTimer, setTimer, Timer } from '../timing/timers.ts';
import { stampNow } from '../timing/timestamps.ts';

const DUP_THRESH = 3;
const MAX_MULTIPLIER = 255;
const PERSIST_RECOVERIES = 16;

const sentAfter = (time: Micros, end: Seq, time2: Micros, end2: Seq): boolean =>
  time > time2 || (time === time2 && gt(end, end2));

/** §6.2, steps 1 to 4: what an ACK delivered moves RACK's newest delivered segment. */
export function rackUpdate(tcb: Tcb, delivery: Delivery, segment: Segment, now: Micros): void {
  let { time, end } = delivery;
  if (delivery.resent && isTooSoon(tcb, now - time, segment, now)) {
    // What was sent once and came with it still counts.
    time = delivery.rttTime;
    end = delivery.originalEnd;
  }
  if (time < 0) return;
  tcb.sent.rackRtt = now - time;
  if (sentAfter(time, end, tcb.sent.rackTime, tcb.rackEnd)) {
    tcb.sent.rackTime = time;
    tcb.rackEnd = end;
  }
}

/** Step 2: an ACK that comes too soon is for the original, and says nothing about the resend. */
function isTooSoon(tcb: Tcb, rtt: Micros, segment: Segment, now: Micros): boolean {
  if (has(tcb, Flag.TIMESTAMPS) && segment.options.hasTimestamps) {
    const sentStamp = (stampNow(tcb, now) - Math.floor(rtt / MILLISECOND)) | 0;
    if (((segment.options.tsEcr - sentStamp) | 0) < -1) return true;
  }
  return rtt < tcb.minRtt;
}

/** §6.2, step 3: something never sent again was delivered after what was sent behind it. */
export function noteReordering(tcb: Tcb): void {
  tcb.reorderingSeen = true;
  count(tcb.tcp.stats, Stat.TcpExtTCPSACKReorder);
}

/** §6.2, step 4: how much later than its successors a segment may come without being lost. */
export function reorderingWindow(tcb: Tcb, board: Scoreboard): Micros {
  if (!tcb.reorderingSeen) {
    if (tcb.recovery >= Recovery.RECOVERY) return 0;
    if (board.sackedBytes >= DUP_THRESH * tcb.mss) return 0;
  }
  if (tcb.minRtt === NEVER) return 0;
  return Math.min((tcb.reoMultiplier * tcb.minRtt) / 4, srtt(tcb, tcb.minRtt));
}

/** A D-SACK: some retransmission was needless. At most once a round trip, widen the window. */
export function onDuplicateReport(tcb: Tcb): void {
  if (tcb.dsackRound) return;
  tcb.dsackRound = true;
  tcb.reoRound = tcb.sndNxt;
  tcb.reoMultiplier = Math.min(tcb.reoMultiplier + 1, MAX_MULTIPLIER);
  tcb.reoPersist = PERSIST_RECOVERIES;
}

/** A recovery ended: after 16 of them without a D-SACK the window is narrow again. */
export function onRecovered(tcb: Tcb): void {
  if (--tcb.reoPersist > 0) return;
  tcb.reoMultiplier = 1;
  tcb.reoPersist = PERSIST_RECOVERIES;
}

/**
 * §6.2, step 5: mark what is lost, and set the timer for what will be if nothing comes before.
 * True if something was marked.
 */
export function detectLoss(tcb: Tcb, board: Scoreboard, now: Micros): boolean {
  if (tcb.sent.rackTime === 0) return false;
  const patience = tcb.sent.rackRtt + reorderingWindow(tcb, board);
  const wait = Math.min(
    judgeFirst(tcb, board, patience, now),
    judgeResent(tcb, board, patience, now),
  );
  if (wait === NEVER) clearTimer(tcb, Timer.REORDER);
  else setTimer(tcb, Timer.REORDER, wait);
  return board.owed > 0;
}

/** First transmissions; when the next of them would be lost, or `NEVER`. */
function judgeFirst(tcb: Tcb, board: Scoreboard, patience: Micros, now: Micros): Micros {
  for (let i = board.after(board.scanned); i < board.count; i++) {
    const fate = board.fate(i);
    if ((fate & (Fate.SACKED | Fate.LOST)) === 0) {
      const time = board.time(i);
      const end = board.end(i);
      if (!sentAfter(tcb.sent.rackTime, tcb.rackEnd, time, end)) return NEVER;
      if (time + patience > now) return time + patience;
      board.markLost(i);
    }
    board.scanned = board.end(i);
  }
  return NEVER;
}

/** Retransmissions; likewise. */
function judgeResent(tcb: Tcb, board: Scoreboard, patience: Micros, now: Micros): Micros {
  for (let i = board.oldestResent(); i >= 0; i = board.oldestResent()) {
    const time = board.time(i);
    if (!sentAfter(tcb.sent.rackTime, tcb.rackEnd, time, board.end(i))) return NEVER;
    if (time + patience > now) return time + patience;
    board.markLost(i);
    count(tcb.tcp.stats, Stat.TcpExtTCPLostRetransmit);
  }
  return NEVER;
}

/** §6.3: at a timeout, what was sent a reordering window before now is lost, and the oldest is. */
export function markOnTimeout(tcb: Tcb, board: Scoreboard, now: Micros): void {
  const patience = tcb.sent.rackRtt + reorderingWindow(tcb, board);
  for (let i = 0; i < board.count; i++) {
    if ((board.fate(i) & Fate.SACKED) !== 0) continue;
    if (i === 0 || board.time(i) + patience <= now) board.markLost(i);
  }
}
