/**
 * The text of a segment: what is in order goes to the owner at once, as a view on the packet; what is
 * early, or what the owner does not want now, is kept in one ring. RFC 9293 §3.10.7.4, seventh.
 *
 * The ring's head is the first octet that the owner has not taken. In-order text ends `held` octets
 * behind it; ranges that came early lie further on, and `spans` says which. So memory is bounded by
 * the window that was offered, and an early segment costs one search and one copy.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import { add, diff, ge, gt, le, lt, min, type Seq } from '../base/seq.ts';
import { count, Stat } from '../base/stats.ts';
import { isSpare } from '../memory/pool.ts';
import { Ring } from '../memory/ring.ts';
import { Spans } from '../memory/spans.ts';
import { Flag as Header } from '../wire/tcp.ts';
import { tellData, tellEnd } from './close/notify.ts';
import { emit } from './emit/emit.ts';
import { reportDuplicate } from './emit/sack.ts';
import { growReceiveBuffer, measureReceiverRtt } from './emit/window.ts';
import { account } from './memory/kept.ts';
import { mayKeep } from './memory/reclaim.ts';
import { Flag, has } from './tcb/flags.ts';
import { Reported } from './tcb/reported.ts';
import { type Segment, trimLeft, trimRight } from './tcb/segment.ts';
import type { Tcb } from './tcb/tcb.ts';
import { echoAge } from './timing/timestamps.ts';

/** Segments that each get an ACK at once after one came early or twice: the sender may have a window of one. */
const QUICK_AFTER_HOLE = 8;
/** Segments after a sign of loss of which every second one gets an ACK of its own, batch or not. */
const APART_AFTER_LOSS = 32;
/**
 * How often in a batch early text may be given storage that is not there yet. To have it made costs more than all else of a
 * segment, and whatever comes behind would wait for it: of more than so many connections with their first hole in one batch
 * the rest is sent again.
 */
const MOST_FRESH = 32;
/** What was kept is handed over in pieces, as a packet has at most: the owner may want no more after each. */
const PIECE = 65_536;
/** Slack that the ring has beyond the buffer: rounding the window up to its scale may use it. */
const RING_SLACK = 65_536;

/**
 * Take the text and the FIN of an acceptable segment. `rcvNxt` moves over what is in order. Gives a
 * drop reason if nothing of it was new or kept.
 */
export function receive(tcb: Tcb, segment: Segment, now: Micros): Drop {
  if (segment.length === 0 && !segment.has(Header.FIN)) return Drop.NONE;
  if (has(tcb, Flag.ACK_NOW | Flag.ACK_SOON)) acknowledgeBefore(tcb, now);
  if (le(segment.end, tcb.rcvNxt)) return duplicate(tcb, segment);
  noteSegment(tcb, segment);
  const again = lt(segment.seq, tcb.rcvNxt);
  if (again) {
    // Partly old: RFC 2883 §4 reports the part that came twice.
    reportDuplicate(tcb, segment.seq, tcb.rcvNxt);
    trimLeft(segment, tcb.rcvNxt);
  }
  trimRight(segment, tcb.rcvAdv);
  if (gt(segment.seq, tcb.rcvNxt)) return early(tcb, segment);
  // RFC 2883 §4.2: of several parts that came twice the first is reported.
  if (!again && tcb.spans !== null) reportCovered(tcb, tcb.spans, add(segment.seq, segment.length));
  return inOrder(tcb, segment, now);
}

/**
 * One ACK for a batch is what MUST-58 wants. On a path that loses, a whole window may come in one batch,
 * and if its one ACK is lost only the sender's time-out tells of it: there, for a while, what came
 * before the next segment is acknowledged first. Without SACK each duplicate ACK counts by itself
 * (RFC 5681 §4.2).
 */
function acknowledgeBefore(tcb: Tcb, now: Micros): void {
  const holes = tcb.spans !== null && tcb.spans.count > 0;
  const counted = holes && !has(tcb, Flag.SACK);
  if (tcb.apartAcks <= 0 && !counted) return;
  tcb.apartAcks--;
  if (!counted && tcb.quickAcks <= 0 && tcb.unacked < 2 * tcb.rcvMss) return;
  if (tcb.quickAcks > 0) tcb.quickAcks--;
  emit(tcb, tcb.sndNxt, 0, 0, now);
}

/** All of it was received before: say so at once. RFC 9293 §3.10.7.4, first. */
function duplicate(tcb: Tcb, segment: Segment): Drop {
  if (segment.length > 0) {
    reportDuplicate(tcb, segment.seq, add(segment.seq, segment.length));
  }
  tcb.flags |= Flag.ACK_NOW;
  noteLoss(tcb);
  return Drop.TCP_DUPLICATE;
}

/** Something was lost: text, or the ACK of what has come again. */
export function noteLoss(tcb: Tcb): void {
  tcb.quickAcks = Math.max(tcb.quickAcks, QUICK_AFTER_HOLE);
  tcb.apartAcks = APART_AFTER_LOSS;
}

/** How large the peer's segments are, for delayed ACKs and window steps. */
function noteSegment(tcb: Tcb, segment: Segment): void {
  const size = segment.gsoSize > 0 ? Math.min(segment.gsoSize, segment.length) : segment.length;
  if (size > tcb.rcvMss) tcb.rcvMss = size;
}

function inOrder(tcb: Tcb, segment: Segment, now: Micros): Drop {
  const { length } = segment;
  const end = add(segment.seq, length);
  if (length > 0) {
    tcb.rcvNxt = end;
    const drop = takeText(tcb, segment, length);
    if (drop !== Drop.NONE) {
      tcb.rcvNxt = segment.seq;
      return drop;
    }
    const filled = tcb.spans !== null && tcb.spans.count > 0;
    if (filled) fillHole(tcb, end);
    tcb.unacked += length;
    // RFC 5681 §4.2: at once if a hole was filled, soon otherwise.
    tcb.flags |= filled ? Flag.ACK_NOW : Flag.ACK_SOON;
    tcb.receiveRound = tcb.tcp.receivers.note(tcb.receiveRound, now);
    growReceiveBuffer(tcb, now);
    measureReceiverRtt(tcb, echoAge(tcb, segment, now), now);
    if (filled) deliver(tcb);
  }
  if (segment.has(Header.FIN) && ge(tcb.rcvNxt, end)) tcb.flags |= Flag.FIN_RECEIVED;
  else if (tcb.hasFin && tcb.finSeq === tcb.rcvNxt) tcb.flags |= Flag.FIN_RECEIVED;
  return Drop.NONE;
}

/** Give in-order text to the owner, or keep it if it wants none now. */
function takeText(tcb: Tcb, segment: Segment, length: number): Drop {
  if (tcb.held === 0 && !has(tcb, Flag.PAUSED) && has(tcb, Flag.OPEN_TOLD)) {
    // Moves the head over what is handed out beside the ring; it may hold early text further on.
    if (tcb.ring !== null) tcb.ring.consume(length);
    tellData(tcb, textOf(tcb, segment), segment.text, length);
    return Drop.NONE;
  }
  const drop = keep(tcb, tcb.held, segment, length);
  if (drop === Drop.NONE) tcb.held += length;
  return drop;
}

/** The memory in which the segment's text begins at `text`. */
const textOf = (tcb: Tcb, { rest }: Segment): Uint8Array => rest ?? tcb.tcp.ip.slots.bytes;

/**
 * Keep the first `length` octets of the text, at `distance` from the ring's head, unless the ring may not be so long, or
 * there is no memory for it.
 */
function keep(tcb: Tcb, distance: number, segment: Segment, length: number): Drop {
  const lacks = tcb.ring?.lacks(distance, length) ?? Ring.storageFor(distance + length);
  if (lacks > 0 && !mayKeep(tcb, lacks)) {
    count(tcb.tcp.stats, Stat.TcpExtRcvPruned);
    return Drop.TCP_MEMORY;
  }
  tcb.ring ??= new Ring(tcb.settings.receiveBufferMax + RING_SLACK);
  if (!tcb.ring.put(distance, textOf(tcb, segment), segment.text, length))
    return Drop.TCP_NO_BUFFER;
  if (lacks > 0) account(tcb);
  return Drop.NONE;
}

/** True if the ring holds `end` octets, or may be made to in this batch. */
function hasStorage(tcb: Tcb, end: number): boolean {
  const storage = Ring.storageFor(end);
  if (tcb.ring !== null && tcb.ring.capacity >= storage) return true;
  return isSpare(storage) || tcb.tcp.freshStorage++ < MOST_FRESH;
}

/** Text that came early may follow now: move `rcvNxt` over it. */
function fillHole(tcb: Tcb, end: Seq): void {
  const { spans } = tcb;
  if (spans === null) return;
  const next = spans.advance(end);
  tcb.reported?.advance(next);
  const gained = diff(next, end);
  if (gained <= 0) return;
  tcb.held += gained;
  tcb.rcvNxt = next;
}

/** RFC 2883 §4: text in order, up to `end`, covers some that had come early. */
function reportCovered(tcb: Tcb, spans: Spans, end: Seq): void {
  if (spans.count === 0 || !lt(spans.start(0), end)) return;
  reportDuplicate(tcb, spans.start(0), min(spans.end(0), end));
}

/** A segment that leaves a hole: keep it, and ask for what is missing. RFC 5681 §4.2. */
function early(tcb: Tcb, segment: Segment): Drop {
  const { length } = segment;
  const end = add(segment.seq, length);
  tcb.flags |= Flag.ACK_NOW;
  noteLoss(tcb);
  if (segment.has(Header.FIN)) {
    tcb.hasFin = true;
    tcb.finSeq = end;
  }
  if (length === 0) return segment.has(Header.FIN) ? Drop.NONE : Drop.TCP_OUT_OF_WINDOW;
  if (tcb.spans !== null) {
    if (tcb.spans.covers(segment.seq, end)) {
      tcb.reported?.note(segment.seq, tcb.spans);
      reportDuplicate(tcb, segment.seq, end);
      return Drop.TCP_DUPLICATE;
    }
    reportOverlap(tcb, tcb.spans, segment.seq, end);
  }
  const distance = tcb.held + diff(segment.seq, tcb.rcvNxt);
  if (!hasStorage(tcb, distance + length)) return refuseEarly(tcb, Drop.TCP_NO_BUFFER);
  const drop = keep(tcb, distance, segment, length);
  if (drop !== Drop.NONE) return refuseEarly(tcb, drop);
  if (tcb.spans === null) {
    tcb.spans = new Spans(tcb.settings.outOfOrderRanges); // not before: `keep` may give them up
    tcb.reported = new Reported();
  }
  if (!tcb.spans.insert(segment.seq, end)) return refuseEarly(tcb, Drop.TCP_NO_BUFFER);
  tcb.reported?.note(segment.seq, tcb.spans);
  count(tcb.tcp.stats, Stat.TcpExtTCPOFOQueue);
  return Drop.NONE;
}

/** RFC 2883 §4.2: the part of an early segment that had come before, at its beginning or its end. */
function reportOverlap(tcb: Tcb, spans: Spans, start: Seq, end: Seq): void {
  const first = spans.find(start);
  if (first >= 0) {
    reportDuplicate(tcb, start, spans.end(first));
    return;
  }
  const last = spans.find(add(end, -1));
  if (last >= 0) reportDuplicate(tcb, spans.start(last), end);
}

function refuseEarly(tcb: Tcb, drop: Drop): Drop {
  count(tcb.tcp.stats, Stat.TcpExtTCPOFODrop);
  return drop;
}

/** Hand kept text to the owner for as long as it wants it, then the end if that was reached. */
export function deliver(tcb: Tcb): void {
  const { ring } = tcb;
  while (ring !== null && tcb.held > 0 && !has(tcb, Flag.PAUSED | Flag.CLOSE_TOLD)) {
    const n = Math.min(PIECE, ring.contiguous(0, tcb.held));
    const at = ring.indexOf(0);
    tcb.held -= n;
    const { bytes } = ring;
    // The head moves after the call: until then nothing may be written over the view.
    tellData(tcb, bytes, at, n);
    ring.consume(n);
  }
  if (ring !== null && tcb.held === 0 && (tcb.spans === null || tcb.spans.count === 0)) {
    ring.reset();
    tcb.ring = null;
    tcb.spans = null;
    tcb.reported = null;
  }
  if (!has(tcb, Flag.PAUSED)) tellEnd(tcb);
}
