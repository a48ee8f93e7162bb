/**
 * At the limit of what all connections keep together: who gives, and what.
 *
 * First text that came early, which may be given up (RFC 2018 §8: it comes again), and storage that is
 * longer than what it holds; then whole connections (RFC 6429 §3: to end one for want of memory is the
 * system's right). Each time the poorest use goes first: what would lie here for the longest at the rate
 * at which its connection has moved text so far, or has not moved for the longest. So much is taken back at
 * once that the next bytes do not ask again: it costs a constant for each byte that was kept.
 * @module
 */
import { MILLISECOND, type Micros, SECOND } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { Flag, has } from '../tcb/flags.ts';
import type { Shared, Tcb } from '../tcb/tcb.ts';
import { account } from './kept.ts';

/** What is left after taking back, of the limit; and what those fill who have something to send already. */
const LEFT = 7 / 8;
/** Any connection may keep so much to be sent, so that it goes on. Linux: the first of `tcp_wmem`. */
const LEAST = 4096;
/** A peer that takes nothing for so long stalls: a few persist timers (RFC 9293 §3.8.6.1) have had no answer that helps. */
const STALLED = 5 * SECOND;
/** How often such are looked for. */
const LOOK_EVERY = 100 * MILLISECOND;
/** How poor a use is: the logarithm of a time in milliseconds. */
const CLASSES = 32;
/** An orphan's use is so many classes poorer: nobody learns whether its text arrives. */
const ORPHAN = 3;
const ORPHAN_WEIGHT = 2 ** ORPHAN;

/** Bytes that could be taken back, by class: scratch. */
const found = new Float64Array(CLASSES);

/**
 * How many of `bytes` more `tcb` may keep to be sent. A writer can wait, and those who are served slowly because there are
 * many are no worse than he: for him only those give whom nobody serves. What is left of the limit is for
 * those who have nothing to send yet; for them others give as at the limit.
 */
export function sendable(tcb: Tcb, bytes: number): number {
  const { tcp } = tcb;
  const { budget } = tcp;
  const most = budget.limit * LEFT;
  if (budget.total + bytes > most) endStalled(tcp, most - bytes);
  if (has(tcb, Flag.ABORT)) return 0;
  if (budget.total + bytes <= most) return bytes;
  const least = Math.min(bytes, Math.max(0, LEAST - tcb.chunks.length));
  if (least > 0) mayKeep(tcb, least);
  return has(tcb, Flag.ABORT) ? 0 : least;
}

/** Give up whose text the peer has not taken for long, until no more than `goal` is kept. */
function endStalled(tcp: Shared, goal: number): void {
  const { budget, now } = tcp;
  if (now - budget.lookedAt < LOOK_EVERY) return; // each look goes through all of them
  budget.lookedAt = now;
  budget.sweep();
  for (const tcb of budget.holders) {
    if (budget.total <= goal) return;
    const patience = has(tcb, Flag.DETACHED) ? STALLED / ORPHAN_WEIGHT : STALLED;
    if (tcb.kept > 0 && waitsFor(tcb, now) >= patience) giveUp(tcb);
  }
}

/** For how long nothing of what is to be sent was acknowledged. */
const waitsFor = (tcb: Tcb, now: Micros): Micros =>
  tcb.chunks.length > 0 ? now - Math.max(tcb.firstSent, tcb.sent.lastProgress) : 0;

/** True if `tcb` may keep `bytes` more, perhaps because others gave. It may have lost what came early. */
export function mayKeep(tcb: Tcb, bytes: number): boolean {
  const { budget } = tcb.tcp;
  if (budget.fits(bytes)) return true;
  if (bytes <= budget.limit) reclaim(tcb.tcp, bytes);
  return budget.fits(bytes) && !has(tcb, Flag.ABORT);
}

/** See that `bytes` more are within the limit. */
function reclaim(tcp: Shared, bytes: number): void {
  const { budget } = tcp;
  count(tcp.stats, Stat.TcpExtPruneCalled);
  budget.sweep();
  const goal = Math.min(budget.limit * LEFT, budget.limit - bytes);
  take(tcp, goal, earlyBytes, giveUpEarly);
  if (budget.total > goal) take(tcp, goal, allBytes, giveUp);
}

/** Take back what is used most poorly, until no more than `goal` is kept, or nothing is left to take. */
function take(
  tcp: Shared,
  goal: number,
  bytesOf: (tcb: Tcb) => number,
  giveBack: (tcb: Tcb) => void,
): void {
  const { budget, now } = tcp;
  const { holders } = budget;
  found.fill(0);
  for (const tcb of holders) {
    const use = classOf(tcb, now);
    found[use] = (found[use] as number) + bytesOf(tcb); // `classOf` gives an index inside
  }
  let last = CLASSES;
  for (let excess = budget.total - goal; excess > 0 && last > 0; )
    excess -= found[--last] as number;
  // All that are poorer than `last`, and of that class as many as it takes.
  for (const tcb of holders) if (bytesOf(tcb) > 0 && classOf(tcb, now) > last) giveBack(tcb);
  for (const tcb of holders) {
    if (budget.total <= goal) return;
    if (bytesOf(tcb) > 0 && classOf(tcb, now) === last) giveBack(tcb);
  }
}

/** How poor a use `tcb` makes of what it keeps: 0 to 31. */
function classOf(tcb: Tcb, now: Micros): number {
  const moved = tcb.bytesIn + tcb.bytesAcked + 1;
  const lies = (tcb.kept * (now - tcb.opened)) / moved;
  const milliseconds = Math.min(Math.max(lies, waitsFor(tcb, now), 0) / 1000, 0x7fff_ffff);
  const use = 32 - Math.clz32(milliseconds) + (has(tcb, Flag.DETACHED) ? ORPHAN : 0);
  return Math.min(use, CLASSES - 1);
}

/** What it keeps beyond the text that is in order. */
const earlyBytes = (tcb: Tcb): number =>
  tcb.ring === null ? 0 : tcb.ring.excess(tcb.held) + (tcb.spans === null ? 0 : tcb.spans.kept);

const allBytes = (tcb: Tcb): number => tcb.kept;

/** RFC 2018 §8: the peer sends it again, though it has heard that it arrived. */
function giveUpEarly(tcb: Tcb): void {
  const { ring, spans } = tcb;
  const { stats } = tcb.tcp;
  if (spans !== null) {
    if (spans.count > 0) count(stats, Stat.TcpExtOfoPruned);
    spans.clear();
    tcb.spans = null;
  }
  if (ring !== null) {
    ring.shrink(tcb.held);
    if (tcb.held === 0) tcb.ring = null;
    else count(stats, Stat.TcpExtTCPRcvCollapsed);
  }
  account(tcb);
}

/** The connection ends with the batch, and its owner learns why. */
function giveUp(tcb: Tcb): void {
  count(tcb.tcp.stats, Stat.TcpExtTCPAbortOnMemory);
  tcb.cause = Failure.NO_BUFFERS;
  tcb.flags |= Flag.ABORT;
  tcb.ring?.reset();
  tcb.ring = null;
  tcb.spans?.clear();
  tcb.spans = null;
  tcb.held = 0;
  tcb.tcp.dirty(tcb);
  account(tcb);
}
