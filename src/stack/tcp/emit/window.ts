/**
 * The window that we offer: its size, its growth, and when to say so. RFC 9293 §3.8.6.2.2,
 * RFC 7323 §2.
 * @module
 */
import { isIPv6 } from '../../base/address.ts';
import { MILLISECOND, type Micros } from '../../base/clock.ts';
import { add, diff, gt } from '../../base/seq.ts';
import { cuts } from '../../ip/interface.ts';
import { receiveSize } from '../memory/kept.ts';
import { roomBeyond } from '../memory/relay.ts';
import { Flag, has } from '../tcb/flags.ts';
import { isIn, RECEIVING } from '../tcb/state.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { SHORT_PATH } from '../timing/rtt.ts';
import { isSet, Timer } from '../timing/timers.ts';

const MAX_UNSCALED = 65_535;
const MAX_SCALE = 14;
/** The longest text of one packet: RFC 791 §3.1, with the longest header of TCP. */
const LONGEST_TEXT = 65_535 - 20 - 60;
/** Room beyond what a round trip brings, so that a small window can grow at all. */
const SPARE_SEGMENTS = 16;

/** The shift that lets a 16-bit field offer `bytes`. RFC 7323 §2.3. */
export function scaleFor(bytes: number): number {
  let shift = 0;
  while (shift < MAX_SCALE && MAX_UNSCALED << shift < bytes) shift++;
  return shift;
}

/** The buffer, or the share of the stack's that is this connection's among those that receive now. */
const buffer = (tcb: Tcb): number => Math.min(receiveSize(tcb), share(tcb));

/**
 * What a packet of the peer's may hold, by a path that ends before a queue of ours: as many segments as there is room for where
 * the device takes them together (offload), else one. 0 on other paths.
 */
function packetText(tcb: Tcb): number {
  if (tcb.minRtt >= SHORT_PATH || tcb.route === null) return 0;
  const isCut = cuts(tcb.route.iface.offload, isIPv6(tcb.remoteAddress), true);
  return isCut ? Math.max(1, Math.trunc(LONGEST_TEXT / tcb.rcvMss)) * tcb.rcvMss : tcb.rcvMss;
}

/**
 * On a short path all that is offered may lie in one queue, which counts packets: without offload each holds one segment. With
 * it a share is of whole packets, since its sender would fill what is over with a small one in each round.
 */
function share(tcb: Tcb): number {
  const { share: bytes, segments } = tcb.tcp.receivers;
  const text = packetText(tcb);
  if (text === 0) return bytes;
  return text === tcb.rcvMss
    ? Math.min(bytes, segments * text)
    : Math.max(text, bytes - (bytes % text));
}

/**
 * By how much the right edge is to move at least: MUST-39, half the buffer, of which no more counts than the field can say, or a
 * segment. Where the sender hands over long packets one of those is what RFC 9293 §3.8.6.2.2 means by a segment: less of it
 * would make two of one.
 */
function usefulStep(tcb: Tcb, whole: number, segment: number): number {
  const step = has(tcb, Flag.RELAY) ? segment : Math.max(segment, packetText(tcb));
  return Math.min(Math.min(whole, MAX_UNSCALED << tcb.rcvScale) >>> 1, step);
}

/** What may be offered now: the free part of the `whole` buffer, as far as the field can say it. */
function room(tcb: Tcb, whole: number): number {
  const free = Math.min(whole, has(tcb, Flag.RELAY) ? roomBeyond(tcb, whole) : whole) - tcb.held;
  return Math.min(Math.max(0, free), MAX_UNSCALED << tcb.rcvScale);
}

/** What of the last offer is left. */
const offered = (tcb: Tcb): number => Math.max(0, diff(tcb.rcvAdv, tcb.rcvNxt));

/**
 * The window field for a segment that leaves now, and the new right edge. The edge never moves back
 * (SHLD-14), and moves on only by a useful step (MUST-39).
 */
export function offerWindow(tcb: Tcb): number {
  const left = offered(tcb);
  const whole = buffer(tcb);
  let window = room(tcb, whole);
  if (window < left + usefulStep(tcb, whole, tcb.rcvMss)) window = left;
  if (!has(tcb, Flag.SCALING)) {
    tcb.rcvAdv = add(tcb.rcvNxt, window);
    return window;
  }
  let field = Math.min(window >>> tcb.rcvScale, MAX_UNSCALED);
  const rounded = field << tcb.rcvScale;
  // Rounding down takes back a little of what was offered, rounding up offers what there may be no
  // room for, with every small segment anew: so up, but never by more than one unit in all. What
  // was offered before is taken all the same (RFC 7323 §2.4).
  if (rounded < left && rounded <= tcb.receiveBuffer - tcb.held && field < MAX_UNSCALED) field++;
  const edge = add(tcb.rcvNxt, field << tcb.rcvScale);
  if (gt(edge, tcb.rcvAdv)) tcb.rcvAdv = edge;
  return field;
}

/** The window field of a SYN, which is never scaled. RFC 7323 §2.2. */
export const synWindow = (tcb: Tcb): number => Math.min(tcb.receiveBuffer, MAX_UNSCALED);

export function offerSynWindow(tcb: Tcb): number {
  const window = synWindow(tcb);
  tcb.rcvAdv = add(tcb.rcvNxt, window);
  return window;
}

/** True if the peer should be told of a wider window without being asked. */
export function wantsUpdate(tcb: Tcb): boolean {
  // Before the first text the window of the SYN is whole; the ACK of that text will widen it.
  if (!isIn(tcb.state, RECEIVING) || tcb.bytesIn === 0) return false;
  const left = offered(tcb);
  // An acknowledgment that is to leave before long carries the news: until then the peer may send, and two segments bring it.
  if (left >= 2 * tcb.rcvMss && isSet(tcb, Timer.DELAYED_ACK)) return false;
  const whole = buffer(tcb);
  const gain = room(tcb, whole) - left;
  if (gain < usefulStep(tcb, whole, 2 * tcb.rcvMss)) return false;
  // While much is still on offer the ACKs of the text will carry the news.
  return left < whole / 4 || gain >= whole / 2;
}

/**
 * Once a round trip, if the owner took more in it than in any before: make room for twice that, and
 * more by as much as it had grown. Dynamic right-sizing: a sender that doubles its window every round
 * trip must not wait for a buffer that the owner empties. What is only kept for an owner that reads
 * nothing is no reason to keep more.
 */
export function growReceiveBuffer(tcb: Tcb, now: Micros): void {
  const rtt = receiverRtt(tcb);
  if (now - tcb.spaceTime < rtt) return;
  const taken = (tcb.bytesIn - tcb.spaceFrom) | 0;
  const most = tcb.spaceMost;
  if (taken > most) {
    const growth = most > 0 ? Math.min(1, (taken - most) / most) : 1;
    const wanted = Math.floor((2 * taken + SPARE_SEGMENTS * tcb.rcvMss) * (1 + growth));
    const size = Math.min(wanted, tcb.settings.receiveBufferMax);
    if (size > tcb.receiveBuffer && !tcb.tcp.budget.pressed) tcb.receiveBuffer = size;
    tcb.spaceMost = taken;
  }
  tcb.spaceFrom = tcb.bytesIn;
  tcb.spaceTime = now;
}

/** The round trip as a receiver sees it; the handshake's until there is better. */
const receiverRtt = (tcb: Tcb): Micros =>
  tcb.receiverRtt > 0 ? tcb.receiverRtt : Math.max(0, tcb.srtt8 / 8);

/**
 * Measure the round trip from text that arrived: `echoed` is the age of the timestamp it echoes, in
 * microseconds (RFC 7323 §4.1), -1 where there is none. Without timestamps it is the time in which
 * one offered window fills, which is the round trip whenever the window is what limits the sender.
 */
export function measureReceiverRtt(tcb: Tcb, echoed: Micros, now: Micros): void {
  if (echoed >= 0) {
    // The timestamp clock ticks in milliseconds; below one, one is as good as the truth.
    const sample = Math.max(MILLISECOND, echoed);
    tcb.receiverRtt =
      tcb.receiverRtt === 0 ? sample : tcb.receiverRtt + (sample - tcb.receiverRtt) / 8;
    return;
  }
  if (tcb.rttTime !== 0 && diff(tcb.rcvNxt, tcb.rttSeq) < 0) return;
  if (tcb.rttTime !== 0) tcb.receiverRtt = Math.max(1, now - tcb.rttTime);
  tcb.rttSeq = tcb.rcvAdv;
  tcb.rttTime = Math.max(1, now);
}
