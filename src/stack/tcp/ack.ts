/**
 * The acknowledgment of a segment: what it moves, what it says of the path, and the peer's window.
 * RFC 9293 §3.10.7.4, fifth; RFC 5681 §3; RFC 2018 §5.
 * @module
 */
import { MILLISECOND, type Micros, NEVER, SECOND } from '../base/clock.ts';
import { diff, ge, gt, le, lt, max, type Seq, seq } from '../base/seq.ts';
import { count, Stat } from '../base/stats.ts';
import { Flag as Header } from '../wire/tcp.ts';
import { releaseChunks } from './close/notify.ts';
import { noteReordering, onDuplicateReport, rackUpdate } from './loss/rack.ts';
import { onAck } from './loss/recovery.ts';
import { armRto, stopRto } from './loss/rto.ts';
import { armProbe, onProbeAck } from './loss/tlp.ts';
import * as undo from './loss/undo.ts';
import { offerRoom } from './memory/relay.ts';
import { onProbedAck } from './path/plpmtu.ts';
import { Flag, has } from './tcb/flags.ts';
import { outstanding } from './tcb/flight.ts';
import { Recovery } from './tcb/phases.ts';
import type { Scoreboard } from './tcb/scoreboard.ts';
import type { Segment } from './tcb/segment.ts';
import type { Tcb } from './tcb/tcb.ts';
import { SHORT_PATH, sampleRtt } from './timing/rtt.ts';
import { clearTimer, Timer } from './timing/timers.ts';
import { echoAge } from './timing/timestamps.ts';

const MAX_SACK_BLOCKS = 4;

/** So many times what is delivered in the least round trip; slow start needs four, a hole to mend some more. */
const ROOM = 8;
/** Octets that it may have whatever is delivered. */
const AMPLE = 1024 * 1024;
/** And where those are delivered in a millisecond: a proxy had 14 to 16 Gbit/s with 1 MiB, 17 to 23 with two, 16 to 22 with four. */
const QUICK = 2 * AMPLE;

/**
 * Process the ACK field of a segment whose ACK is acceptable: `sndUna - maxSndWnd <= ack <= sndNxt`.
 * An old one still may carry SACKs and a D-SACK, but moves nothing.
 */
export function processAck(tcb: Tcb, segment: Segment, now: Micros): void {
  const { delivery, report } = tcb.tcp;
  const before = tcb.sndUna;
  const advanced = gt(segment.ack, before);
  const windowBefore = tcb.sndWnd;
  delivery.reset();
  updateWindow(tcb, segment);
  // MUST-20 counts what was not acknowledged; at a shut window any answer will do (MUST-37).
  if (advanced || tcb.sndWnd === 0) tcb.retries = 0;

  const board = tcb.scoreboard;
  if (board === null || board.count === 0) {
    tcb.retries = 0;
    if (tcb.sndWnd > 0) tcb.probes = 0; // the answer to a window probe, if to anything
    if (has(tcb, Flag.SACK)) onLateReport(tcb, segment);
    return;
  }
  // Reordering is judged by what was delivered before this ACK: it may well move and SACK at once.
  const fack = max(tcb.fack, before);
  const duplicateReported = has(tcb, Flag.SACK) && readSacks(tcb, board, segment);
  report.advanced = advanced;
  report.duplicate =
    !advanced &&
    segment.ack === before &&
    segment.length === 0 &&
    !segment.has(Header.SYN | Header.FIN) &&
    tcb.sndWnd === windowBefore &&
    windowBefore > 0; // at a shut window it answers a probe
  report.marked = has(tcb, Flag.ECN) && segment.has(Header.ECE);
  report.rtt = -1;
  if (advanced) advance(tcb, board, segment.ack, fack);
  let clear = advanced;
  // Karn: what was sent once tells the round trip, but not if a resend after it brought the ACK.
  if (delivery.rttTime >= 0 && !delivery.resent && (advanced || delivery.sacked > 0)) {
    report.rtt = Math.max(1, Math.round(now - delivery.rttTime));
    sampleRtt(tcb, report.rtt, now);
  } else if (advanced) {
    clear = sampleFromEcho(tcb, segment, now);
  }
  if (clear) tcb.backoff = 0;
  if (advanced) tcb.sent.lastProgress = now;
  measureDelivery(tcb, now);
  if (has(tcb, Flag.SACK)) {
    if (delivery.reordered) noteReordering(tcb);
    rackUpdate(tcb, delivery, segment, now);
  }
  const idle = !advanced && delivery.sacked === 0 && report.duplicate;
  onProbeAck(tcb, segment.ack, duplicateReported, idle);
  onAck(tcb, board, segment, delivery, report, now);
  if (tcb.search !== null) onProbedAck(tcb, board, advanced);
  followUna(tcb);
  growSendBuffer(tcb);
  if (board.count === 0) {
    stopRto(tcb);
    clearTimer(tcb, Timer.REORDER);
    tcb.tcp.rest(tcb);
  } else if (advanced || delivery.sacked > 0) {
    if (advanced && !isImpatient(tcb)) armRto(tcb, now); // RFC 6298 (5.3)
    armProbe(tcb, now);
  }
  tcb.trace?.acked(now, tcb.sndUna, tcb.cwnd, tcb.ssthresh);
}

/**
 * RFC 6582 §4: without SACK a round trip repairs one hole. Only the first partial ACK restarts the timer,
 * so that where there are many, slow start after a time-out takes over.
 */
const isImpatient = (tcb: Tcb): boolean =>
  !has(tcb, Flag.SACK) && tcb.recovery === Recovery.RECOVERY && tcb.partialAcks > 1;

/** RFC 9293 §3.10.7.4: the window of a segment that is newer than the one that gave the last. */
export function updateWindow(tcb: Tcb, segment: Segment): void {
  if (lt(segment.ack, tcb.sndUna)) return;
  const newer =
    lt(tcb.sndWl1, segment.seq) || (tcb.sndWl1 === segment.seq && le(tcb.sndWl2, segment.ack));
  if (!newer) return;
  tcb.sndWnd = segment.window << tcb.sndScale;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  if (tcb.sndWnd > tcb.maxSndWnd) tcb.maxSndWnd = tcb.sndWnd;
}

/**
 * Nothing is in flight: the ACK may still report what came twice. For a probe of the tail that is how
 * it ends without a cost; the ACK of the original came before (RFC 8985 §7.4).
 */
function onLateReport(tcb: Tcb, segment: Segment): void {
  const { sackCount, sackLeft, sackRight } = segment.options;
  const left = sackLeft[0] as Seq; // counts only with `sackCount`
  const right = sackRight[0] as Seq;
  const reported = sackCount > 0 && lt(left, right) && lt(left, segment.ack);
  if (reported) onDuplicateSack(tcb, left, right);
  if (undo.wasNeedless(tcb)) undo.undo(tcb);
  onProbeAck(tcb, segment.ack, reported, segment.length === 0);
}

/** Enter the SACK blocks into the scoreboard. True if the first one is a D-SACK. RFC 2883 §5. */
function readSacks(tcb: Tcb, board: Scoreboard, segment: Segment): boolean {
  const { sackCount, sackLeft, sackRight } = segment.options;
  if (sackCount === 0) return false;
  const { delivery } = tcb.tcp;
  // What left before the segment size changed has its edges elsewhere.
  const unit = gt(tcb.otherMssEnd, tcb.sndUna) ? 1 : tcb.mss;
  let fack = max(tcb.fack, tcb.sndUna);
  const first = fack;
  let duplicate = false;
  for (let i = 0; i < sackCount && i < MAX_SACK_BLOCKS; i++) {
    const left = sackLeft[i] as Seq; // filled from the wire up to `sackCount`
    const right = sackRight[i] as Seq;
    if (!lt(left, right) || gt(right, tcb.sndNxt)) continue;
    if (i === 0 && isDuplicateReport(segment, left, right)) {
      duplicate = true;
      onDuplicateSack(tcb, left, right);
      continue;
    }
    // RFC 2018 §4: a block at or below the ACK field is stale.
    if (!gt(right, segment.ack) || !gt(right, tcb.sndUna)) continue;
    board.sack(max(left, tcb.sndUna), right, unit, delivery, first);
    fack = max(fack, right);
  }
  tcb.fack = fack;
  return duplicate;
}

/** RFC 2883 §4: below the ACK field, or inside the second block. */
function isDuplicateReport(segment: Segment, left: Seq, right: Seq): boolean {
  if (lt(left, segment.ack)) return true;
  const { sackCount, sackLeft, sackRight } = segment.options;
  if (sackCount < 2) return false;
  return ge(left, sackLeft[1] as Seq) && le(right, sackRight[1] as Seq);
}

function onDuplicateSack(tcb: Tcb, left: Seq, right: Seq): void {
  count(tcb.tcp.stats, Stat.TcpExtTCPDSACKRecv);
  onDuplicateReport(tcb);
  undo.onDuplicate(tcb, left, right);
}

/** `sndUna` moves: drop what is acknowledged, from the scoreboard and the buffer. */
function advance(tcb: Tcb, board: Scoreboard, ack: Seq, fack: Seq): void {
  const moved = diff(ack, tcb.sndUna);
  const finAcked = has(tcb, Flag.FIN_SENT) && ack === tcb.sndNxt;
  const text = finAcked ? moved - 1 : moved;
  board.acknowledge(ack, fack, tcb.tcp.delivery);
  tcb.sndUna = ack;
  tcb.bytesAcked += text;
  if (text >= tcb.mss) tcb.fullAcked = true;
  releaseChunks(tcb, text);
  if (has(tcb, Flag.RELAY)) offerRoom(tcb);
}

/**
 * Karn's rule forbids a sample from a resent segment, unless it echoes a timestamp (RFC 7323 §4.1).
 * False if there is none all the same, so that the back-off stays: an ACK that comes a round trip or
 * more after the resend may answer that, and yet echo the original, whose own ACK was lost. The
 * sample would be the time-out itself, and each time-out would make the next one longer.
 */
function sampleFromEcho(tcb: Tcb, segment: Segment, now: Micros): boolean {
  const { delivery } = tcb.tcp;
  const age = echoAge(tcb, segment, now);
  if (age <= 0) return age === 0; // less than a tick; or no stamp, and the back-off stays (Karn)
  const since = now - delivery.time;
  if (delivery.resent && age > since + MILLISECOND && since >= tcb.minRtt) return false;
  sampleRtt(tcb, age, now);
  return true;
}

/** Delivery rate: what arrived between the sending and the arrival of the newest, by the time. */
function measureDelivery(tcb: Tcb, now: Micros): void {
  const { delivery } = tcb.tcp;
  const bytes = delivery.acked + delivery.sacked;
  if (bytes === 0) return;
  tcb.sent.delivered += bytes;
  tcb.sent.deliveredTime = now;
  count(tcb.tcp.stats, Stat.TcpExtTCPDelivered, Math.ceil(bytes / tcb.mss));
  const span = now - delivery.priorTime;
  if (delivery.time < 0 || span <= 0) return;
  const rate = ((tcb.sent.delivered - delivery.priorDelivered) * 1e6) / span;
  tcb.sent.deliveryRate = rate;
}

/**
 * Marks that compare with `sndUna` must not fall so far behind that the sequence space wraps
 * between them: each is carried along once it has done its work.
 */
function followUna(tcb: Tcb): void {
  const una = tcb.sndUna;
  tcb.fack = max(tcb.fack, una);
  tcb.smallEnd = max(tcb.smallEnd, una);
  tcb.otherMssEnd = max(tcb.otherMssEnd, una);
  if (tcb.recovery <= Recovery.DISORDER && gt(una, tcb.recoverySeq)) tcb.recoverySeq = seq(una - 1);
  if (tcb.dsackRound && gt(una, tcb.reoRound)) tcb.dsackRound = false;
}

/**
 * The send buffer is two congestion windows, so that the owner never holds the network up. While a hole
 * is mended a window leaves each round trip, and all of it stays here: the owner, told when a third is
 * free, must then be told before all has left.
 */
function growSendBuffer(tcb: Tcb): void {
  const { cwnd } = tcb;
  const out = outstanding(tcb);
  if (out * 2 <= tcb.sendBuffer) return;
  // `cwnd` has a fraction, a buffer must not: what it takes is counted in whole octets.
  const wanted = Math.floor(1.5 * Math.max(out, cwnd) + cwnd / 2);
  const size = Math.min(wanted, tcb.settings.sendBufferMax);
  if (size <= tcb.sendBuffer || tcb.tcp.budget.pressed) return;
  const useful = isShort(tcb) ? Math.min(size, usefulBuffer(tcb)) : size;
  if (useful > tcb.sendBuffer) tcb.sendBuffer = useful;
}

/** Where the round trip is long it may have become so: there a least one of before is no measure. */
const isShort = (tcb: Tcb): boolean => tcb.srtt8 < 8 * SHORT_PATH;

/**
 * A link that never drops, as this host's own to a TUN, sets the congestion window no end; all of it would lie here,
 * beyond what the caches hold, and wait in a queue. So a short path has some times what it delivers in its
 * least round trip.
 */
function usefulBuffer(tcb: Tcb): number {
  if (tcb.minRtt === NEVER) return AMPLE;
  const rate = tcb.sent.deliveryRate;
  const quick = Math.min((rate * MILLISECOND) / SECOND, QUICK);
  return Math.max(AMPLE, Math.floor(Math.max(quick, (ROOM * rate * tcb.minRtt) / SECOND)));
}
