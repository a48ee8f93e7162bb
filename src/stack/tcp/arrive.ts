/**
 * SEGMENT ARRIVES: the checks in the order in which RFC 9293 §3.10.7 has them.
 *
 * Each function takes one group of states; each branch names its step. Nothing here throws, and every
 * segment ends in `Drop.NONE` or a named reason.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import { Failure } from '../base/failure.ts';
import { add, diff, gt, le, lt, min, type Seq, seq, within } from '../base/seq.ts';
import { count, Stat } from '../base/stats.ts';
import type { Packet } from '../ip/packet.ts';
import * as wire from '../wire/tcp.ts';
import { processAck, updateWindow } from './ack.ts';
import { enterTimeWait, finAcknowledged, finReached, remove } from './close/close.ts';
import { tellEnd } from './close/notify.ts';
import { noteMarks } from './congestion/ecn.ts';
import { challenge, refuse, sendAbort, sendLimited } from './emit/reset.ts';
import { reportDuplicate } from './emit/sack.ts';
import { defer, isDeferred } from './open/deferral.ts';
import { atGate, type Gate } from './open/intercept.ts';
import { accepted, firstAbove, onSimultaneousSyn, onSynAck } from './open/open.ts';
import { answerSyn, type Passive } from './open/passive.ts';
import { noteLoss, receive } from './receive.ts';
import { Flag, has } from './tcb/flags.ts';
import { type Segment, trimLeft } from './tcb/segment.ts';
import { isIn, RECEIVING, State } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';
import { isOld, lacksStamp, remember } from './timing/timestamps.ts';

const { ACK, FIN, RST, SYN } = wire.Flag;

/** A stack that takes segments in. */
export interface Arriving extends Passive {
  /** The segment that is being taken in: one a stack. */
  readonly segment: Segment;
  /** Who is asked about flows to any address and port; null: nobody. */
  readonly gate: Gate | null;
}

/** A segment for a connection that is in the table. */
export function arrive(
  tcp: Arriving,
  tcb: Tcb,
  packet: Packet,
  segment: Segment,
  now: Micros,
): Drop {
  tcb.segmentsIn++;
  if (tcb.state === State.SYN_SENT) return inSynSent(tcb, packet, segment, now);
  if (tcb.state === State.TIME_WAIT) return inTimeWait(tcp, tcb, packet, segment, now);
  const drop = inOtherStates(tcb, packet, segment, now);
  tcb.tcp.dirty(tcb);
  return drop;
}

/** A segment came that only the peer can have sent. */
function heard(tcb: Tcb, now: Micros): void {
  tcb.lastHeard = now;
  tcb.keepAliveProbes = 0;
}

/** §3.10.7.3. */
function inSynSent(tcb: Tcb, packet: Packet, segment: Segment, now: Micros): Drop {
  // First: an ACK for what we did not send is answered by a reset.
  const hasAck = segment.has(ACK);
  if (hasAck && (le(segment.ack, tcb.iss) || gt(segment.ack, tcb.sndNxt))) {
    refuse(tcb.tcp, packet, segment, now);
    return Drop.TCP_BAD_ACK;
  }
  // Second: a reset counts only with a good ACK. RFC 5961 §3.2.
  if (segment.has(RST)) {
    if (!hasAck || segment.ack !== tcb.sndNxt) return Drop.TCP_BAD_RST;
    remove(tcb, Failure.REFUSED);
    return Drop.NONE;
  }
  // Fourth: the SYN. (Third is security, which we do not have: docs/deviations.md.)
  if (!segment.has(SYN)) return Drop.TCP_NO_ACK;
  tcb.tcp.dirty(tcb);
  if (!hasAck) {
    onSimultaneousSyn(tcb, segment, now);
    return Drop.NONE;
  }
  onSynAck(tcb, segment, now);
  // Text and a FIN that came with it are processed as in step six and after. MUST-66.
  return textAndFin(tcb, segment, now);
}

/** §3.10.7.4, for every state from SYN-RECEIVED on but TIME-WAIT. */
function inOtherStates(tcb: Tcb, packet: Packet, segment: Segment, now: Micros): Drop {
  if (tcb.state === State.SYN_RECEIVED && isSynAgain(tcb, segment)) {
    // The peer's SYN once more: our SYN-ACK was lost. Not a challenge: nothing is open yet.
    if (!has(tcb, Flag.UNDECIDED)) tcb.flags |= Flag.SYN_DUE;
    return Drop.NONE;
  }
  if (tcb.state === State.SYN_RECEIVED && isCrossing(tcb, segment)) takeCrossing(tcb, segment);
  // RFC 7323 §3.2 and §5.3 R1 come before the sequence number.
  if (lacksStamp(tcb, segment)) return Drop.TCP_PAWS;
  if (isOld(tcb, segment, now)) {
    // Only what had come before is a duplicate: the rest, if merely late, was thrown away just now.
    const known = min(textEnd(segment), tcb.rcvNxt);
    if (gt(known, segment.seq)) reportDuplicate(tcb, segment.seq, known);
    answer(tcb, segment, now);
    return Drop.TCP_PAWS;
  }
  // First: the sequence number.
  if (!isAcceptable(tcb, segment)) return unacceptable(tcb, segment, now);
  // Second: the RST bit.
  if (segment.has(RST)) return onReset(tcb, segment, now);
  // Fourth: the SYN bit. RFC 5961 §4.2: never an abort, always a challenge.
  if (segment.has(SYN)) {
    count(tcb.tcp.stats, Stat.TcpExtTCPSYNChallenge);
    challenge(tcb, now);
    return Drop.TCP_BAD_SYN;
  }
  // Fifth: the ACK field.
  if (!segment.has(ACK)) return Drop.TCP_NO_ACK;
  const drop = onAckField(tcb, packet, segment, now);
  if (drop !== Drop.NONE || has(tcb, Flag.GONE)) return drop;
  if (has(tcb, Flag.ECN)) noteMarks(tcb, segment);
  return textAndFin(tcb, segment, now);
}

/** The SYN that began a half-open connection of ours, again. */
const isSynAgain = (tcb: Tcb, segment: Segment): boolean =>
  (segment.flags & (SYN | ACK | RST | FIN)) === SYN && segment.seq === tcb.irs;

/** The other's SYN-ACK in a simultaneous open: its SYN came before. §3.5, figure 7. */
const isCrossing = (tcb: Tcb, segment: Segment): boolean =>
  (segment.flags & (SYN | ACK | RST | FIN)) === (SYN | ACK) &&
  segment.seq === tcb.irs &&
  segment.ack === tcb.sndNxt &&
  !has(tcb, Flag.PASSIVE);

/** What is left of it is an ACK whose window is not scaled yet (RFC 7323 §2.2). */
function takeCrossing(tcb: Tcb, segment: Segment): void {
  trimLeft(segment, tcb.rcvNxt);
  segment.window >>>= tcb.sndScale;
  tcb.flags |= Flag.ACK_NOW; // ours may have been lost, and theirs waits for it
}

/** §3.10.7.4, first: the table of four cases; the window is the one that was offered. */
function isAcceptable(tcb: Tcb, segment: Segment): boolean {
  const window = Math.max(0, diff(tcb.rcvAdv, tcb.rcvNxt));
  // SHLD-2: a reset may carry text, and counts whether there is room for it or not (MUST-66).
  const length = segment.has(RST) ? 0 : diff(segment.end, segment.seq);
  if (length === 0) {
    if (window === 0) return segment.seq === tcb.rcvNxt;
    return within(segment.seq, tcb.rcvNxt, window);
  }
  if (window === 0) return segment.seq === tcb.rcvNxt && onlyControl(segment, length);
  return (
    within(segment.seq, tcb.rcvNxt, window) || within(seq(segment.end - 1), tcb.rcvNxt, window)
  );
}

/**
 * With a zero window text is refused, but ACK, URG and RST count (MUST-66). A FIN without text takes
 * no buffer: it is taken, so that a reader that stopped still learns of the end.
 */
const onlyControl = (segment: Segment, length: number): boolean =>
  segment.length === 0 && length === 1 && segment.has(FIN);

/**
 * An unacceptable segment is answered by an ACK: text with the batch, what has none only so often, so
 * that two sides who disagree do not answer each other for ever.
 */
function answer(tcb: Tcb, segment: Segment, now: Micros): void {
  const opening = tcb.state === State.SYN_RECEIVED; // nothing is sent with the batch yet
  if (segment.end === segment.seq || opening) sendLimited(tcb, now);
  else tcb.flags |= Flag.ACK_NOW;
}

/** Answer with an ACK, and drop. Its ACK field still counts where the text is old. */
function unacceptable(tcb: Tcb, segment: Segment, now: Micros): Drop {
  if (segment.has(RST)) return Drop.TCP_BAD_RST;
  const old = le(segment.end, tcb.rcvNxt);
  if (segment.has(SYN)) {
    challenge(tcb, now);
    return Drop.TCP_BAD_SYN;
  }
  if (old && segment.length > 0) {
    reportDuplicate(tcb, segment.seq, add(segment.seq, segment.length));
    noteLoss(tcb);
  }
  answer(tcb, segment, now);
  if (tcb.state === State.SYN_RECEIVED) return Drop.TCP_OUT_OF_WINDOW;
  // A zero window takes no text, but its ACK and window must be taken (MUST-66): a probe carries them.
  if (segment.has(ACK) && segment.seq === tcb.rcvNxt && ackInRange(tcb, segment)) {
    heard(tcb, now);
    processAck(tcb, segment, now);
    if (has(tcb, Flag.FIN_SENT) && tcb.sndUna === tcb.sndNxt) finAcknowledged(tcb, now);
    count(tcb.tcp.stats, Stat.TcpExtTCPZeroWindowDrop);
  }
  return old ? Drop.TCP_DUPLICATE : Drop.TCP_OUT_OF_WINDOW;
}

/** §3.10.7.4, second, with RFC 5961 §3.2: only the exact sequence number resets. */
function onReset(tcb: Tcb, segment: Segment, now: Micros): Drop {
  if (segment.seq !== tcb.rcvNxt) {
    challenge(tcb, now);
    return Drop.TCP_BAD_RST;
  }
  if (tcb.state === State.SYN_RECEIVED) {
    remove(tcb, has(tcb, Flag.PASSIVE) ? Failure.RESET : Failure.REFUSED);
  } else if (tcb.state === State.CLOSING || tcb.state === State.LAST_ACK) {
    // Both sides have closed. If only our FIN was left to be acknowledged, nothing is lost.
    remove(tcb, tcb.chunks.length === 0 ? Failure.NONE : Failure.RESET);
  } else {
    remove(tcb, Failure.RESET);
  }
  return Drop.NONE;
}

/** RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT. */
const ackInRange = (tcb: Tcb, segment: Segment): boolean =>
  !gt(segment.ack, tcb.sndNxt) && diff(tcb.sndUna, segment.ack) <= Math.max(tcb.maxSndWnd, 1);

/** §3.10.7.4, fifth. */
function onAckField(tcb: Tcb, packet: Packet, segment: Segment, now: Micros): Drop {
  if (tcb.state === State.SYN_RECEIVED) {
    if (!within(segment.ack, seq(tcb.sndUna + 1), diff(tcb.sndNxt, tcb.sndUna))) {
      refuse(tcb.tcp, packet, segment, now);
      return Drop.TCP_BAD_ACK;
    }
    if (isDeferred(tcb, segment, now)) {
      remember(tcb, segment, now);
      heard(tcb, now);
      updateWindow(tcb, segment);
      defer(tcb, segment, now);
      return Drop.NONE;
    }
    const drop = accepted(tcb, segment, now);
    if (drop !== Drop.NONE) return drop;
  } else if (!ackInRange(tcb, segment)) {
    challenge(tcb, now);
    return Drop.TCP_BAD_ACK;
  }
  // Not before: a stranger who hits the window must not set the timestamp that others are held to.
  remember(tcb, segment, now);
  heard(tcb, now);
  if (segment.length === 0 && !segment.has(SYN | FIN)) count(tcb.tcp.stats, Stat.TcpExtTCPPureAcks);
  processAck(tcb, segment, now);
  if (has(tcb, Flag.FIN_SENT) && tcb.sndUna === tcb.sndNxt) finAcknowledged(tcb, now);
  return Drop.NONE;
}

/** §3.10.7.4, seventh and eighth: the text, and the FIN behind it. */
function textAndFin(tcb: Tcb, segment: Segment, now: Micros): Drop {
  if (segment.length === 0 && !segment.has(FIN)) return Drop.NONE;
  if (!isIn(tcb.state, RECEIVING)) {
    // CLOSE-WAIT and after: the peer has sent its FIN, so this is old, or wrong.
    if (gt(segment.end, tcb.rcvNxt)) return Drop.TCP_AFTER_CLOSE;
    tcb.flags |= Flag.ACK_NOW;
    return Drop.TCP_DUPLICATE;
  }
  // §3.6.1, SHLD-3: text for an owner that has closed both ways is answered by a reset.
  if (has(tcb, Flag.DETACHED) && gt(textEnd(segment), tcb.rcvNxt)) {
    count(tcb.tcp.stats, Stat.TcpExtTCPAbortOnClose);
    sendAbort(tcb, now, segment.ack);
    remove(tcb, Failure.RESET);
    return Drop.TCP_AFTER_CLOSE;
  }
  const drop = receive(tcb, segment, now);
  if (has(tcb, Flag.FIN_RECEIVED) && isIn(tcb.state, RECEIVING)) {
    tcb.rcvNxt = seq(tcb.rcvNxt + 1);
    if (lt(tcb.rcvAdv, tcb.rcvNxt)) tcb.rcvAdv = tcb.rcvNxt;
    tcb.flags |= Flag.ACK_NOW;
    finReached(tcb, now);
    // With the batch's other news, so that an end that answers it leaves with its ACK.
    if (has(tcb, Flag.OPEN_TOLD) && !has(tcb, Flag.PAUSED)) tellEnd(tcb);
  }
  return drop;
}

const textEnd = (segment: Segment): Seq => add(segment.seq, segment.length);

/** §3.10.7.4 in TIME-WAIT, RFC 1122 §4.2.2.13, RFC 6191 and RFC 1337. */
function inTimeWait(tcp: Arriving, tcb: Tcb, packet: Packet, segment: Segment, now: Micros): Drop {
  // RFC 1337, fix (F1): a reset does not cut TIME-WAIT short.
  if (segment.has(RST)) return Drop.TCP_TIME_WAIT;
  if ((segment.flags & (SYN | ACK)) === SYN && isReusable(tcb, segment)) {
    const listener = tcp.demux.listener(tcb.localAddress, tcb.localPort);
    if (listener !== undefined || tcp.gate !== null) {
      count(tcp.stats, Stat.TcpExtTWRecycled);
      const above = firstAbove(tcb);
      remove(tcb, Failure.NONE);
      return atListener(tcp, packet, segment, above, now);
    }
  }
  if (isOld(tcb, segment, now)) {
    tcb.flags |= Flag.ACK_NOW;
    tcp.dirty(tcb);
    return Drop.TCP_PAWS;
  }
  // The peer did not get our last ACK: send it again, and wait the whole time anew.
  if (segment.has(FIN) && segment.end === tcb.rcvNxt) enterTimeWait(tcb, now);
  if (segment.end !== segment.seq) tcb.flags |= Flag.ACK_NOW;
  tcp.dirty(tcb);
  return segment.has(FIN) ? Drop.NONE : Drop.TCP_TIME_WAIT;
}

/** RFC 6191 §2: newer by the timestamps, or by the sequence number where there are none. */
function isReusable(tcb: Tcb, segment: Segment): boolean {
  if (has(tcb, Flag.TIMESTAMPS) && segment.options.hasTimestamps) {
    const age = (segment.options.tsVal - tcb.tsRecent) | 0;
    if (age !== 0) return age > 0;
  }
  return gt(segment.seq, tcb.rcvNxt);
}

/** A segment for a listener. §3.10.7.2. `iss`: where a connection is to begin, or null to choose. */
export function atListener(
  tcp: Arriving,
  packet: Packet,
  segment: Segment,
  iss: Seq | null,
  now: Micros,
): Drop {
  if (tcp.gate !== null && (segment.flags & (SYN | ACK | RST)) === SYN) {
    const drop = atGate(tcp, tcp.gate, packet, segment, iss, now);
    if (drop !== null) return drop;
  }
  const listener = tcp.demux.listener(packet.destination, segment.dstPort);
  if (listener === undefined) {
    refuse(tcp, packet, segment, now);
    return Drop.TCP_NO_CONNECTION;
  }
  // First: a reset is ignored.
  if (segment.has(RST)) return Drop.TCP_NO_CONNECTION;
  // Second: an ACK may be the answer to a SYN cookie; else it is refused.
  if (segment.has(ACK)) {
    if (listener.mayHaveCookies(now) && !listener.hasRoom()) {
      count(tcp.stats, Stat.TcpExtListenOverflows);
      return Drop.TCP_ACCEPT_QUEUE_FULL; // the peer's text will bring it again
    }
    const tcb = tcp.cookies.open(tcp, listener, packet, segment, now);
    if (tcb === null) {
      refuse(tcp, packet, segment, now);
      return Drop.TCP_NO_CONNECTION;
    }
    return arrive(tcp, tcb, packet, segment, now);
  }
  // Third: the SYN.
  if (!segment.has(SYN)) return Drop.TCP_NO_ACK;
  return answerSyn(tcp, listener, packet, segment, iss, now);
}
