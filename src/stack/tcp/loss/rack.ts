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
import { clearTimer, startTimer, Timer } from '../timing/timers.ts';
import { stampNow } from '../timing/timestamps.ts';

const DUP_THRESH = 3;
const MAX_MULTIPLIER = 255;
const PERSIST_RECOVERIES = 16;

/** The first is that old and ends there: is the second younger than that? §5.1, RACK_sent_after. */
const sentAfter = (age: Micros, end: Seq, age2: Micros, end2: Seq): boolean =>
  age2 < age || (age === age2 && gt(end2, end));

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
  if (sentAfter(now - tcb.sent.rackTime, tcb.rackEnd, now - time, end)) {
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
  return Math.min(Math.ceil((tcb.reoMultiplier * tcb.minRtt) / 4), srtt(tcb, tcb.minRtt));
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
 *
 * Ages are compared and not times: they are small integers, which V8 hands on without making an object.
 */
export function detectLoss(tcb: Tcb, board: Scoreboard, now: Micros): boolean {
  if (tcb.sent.rackTime === 0) return false;
  const patience = tcb.sent.rackRtt + reorderingWindow(tcb, board);
  const first = judgeFirst(tcb, board, patience, now);
  const resent = judgeResent(tcb, board, patience, now);
  if (first < 0 && resent < 0) clearTimer(tcb, Timer.REORDER);
  else startTimer(tcb, Timer.REORDER, now, sooner(first, resent));
  return board.owed > 0;
}

/** What `judgeFirst` and `judgeResent` give where nothing waits. */
const NOTHING = -1;

const sooner = (a: Micros, b: Micros): Micros => (a < 0 || (b >= 0 && b < a) ? b : a);

/** First transmissions; in how long the next of them would be lost, or `NOTHING`. */
function judgeFirst(tcb: Tcb, board: Scoreboard, patience: Micros, now: Micros): Micros {
  const newest = now - tcb.sent.rackTime;
  for (let i = board.after(board.scanned); i < board.count; i++) {
    const fate = board.fate(i);
    if ((fate & (Fate.SACKED | Fate.LOST)) === 0) {
      const age = board.age(i, now);
      if (!sentAfter(age, board.end(i), newest, tcb.rackEnd)) return NOTHING;
      if (age < patience) return patience - age;
      board.markLost(i);
    }
    board.scanned = board.end(i);
  }
  return NOTHING;
}

/** Retransmissions; likewise. */
function judgeResent(tcb: Tcb, board: Scoreboard, patience: Micros, now: Micros): Micros {
  const newest = now - tcb.sent.rackTime;
  for (let i = board.oldestResent(); i >= 0; i = board.oldestResent()) {
    const age = board.age(i, now);
    if (!sentAfter(age, board.end(i), newest, tcb.rackEnd)) return NOTHING;
    if (age < patience) return patience - age;
    board.markLost(i);
    count(tcb.tcp.stats, Stat.TcpExtTCPLostRetransmit);
  }
  return NOTHING;
}

/** §6.3: at a timeout, what was sent a reordering window before now is lost, and the oldest is. */
export function markOnTimeout(tcb: Tcb, board: Scoreboard, now: Micros): void {
  const patience = tcb.sent.rackRtt + reorderingWindow(tcb, board);
  for (let i = 0; i < board.count; i++) {
    if ((board.fate(i) & Fate.SACKED) !== 0) continue;
    if (i === 0 || board.age(i, now) >= patience) board.markLost(i);
  }
}
