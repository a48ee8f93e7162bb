/**
 * What may be sent now, once a connection and batch: first what was lost, then new text, then a FIN,
 * then an acknowledgment if one is still owed. RFC 9293 §3.7, §3.8.6.2.1; RFC 6675 §5.
 * @module
 */
import { type Micros, SECOND } from '../base/clock.ts';
import { add, diff, ge, gt, type Seq, seq } from '../base/seq.ts';
import { count, Stat } from '../base/stats.ts';
import { Flag as Header } from '../wire/tcp.ts';
import { noteFlight, restartAfterIdle } from './congestion/cwv.ts';
import { paced, paceRoom } from './congestion/pacing.ts';
import { emit, pushFlag } from './emit/emit.ts';
import { wantsUpdate } from './emit/window.ts';
import { armRto } from './loss/rto.ts';
import { armProbe } from './loss/tlp.ts';
import { HOLD, onProbeResent, probeLength, probeSent } from './path/plpmtu.ts';
import { Flag, has } from './tcb/flags.ts';
import { congestionRoom, outstanding, sentOf, unsent } from './tcb/flight.ts';
import { Frto, Limit, Recovery } from './tcb/phases.ts';
import { ALONE, Fate, type Scoreboard } from './tcb/scoreboard.ts';
import { isIn, SENDING } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';
import { noteLimit } from './timing/limits.ts';
import { backedOff } from './timing/rtt.ts';
import { clearTimer, dueTime, isSet, setTimer, startTimer, Timer } from './timing/timers.ts';
import { stampNow } from './timing/timestamps.ts';

/** IP's longest packet less the most options: what one offloaded segment may carry, and its fixed headers. */
const MAX_TEXT = 65_535 - 40;
/**
 * Octets that one connection sends before the others of a flush have their turn. Without it the first
 * in line fills the device with its whole window, and its ACKs bring it back first. With half
 * of it one stream with offload had 0.8 of the throughput (0.6 to 1.0, six runs), as fewer leave by one call.
 */
const TURN = 512 * 1024;

/** §3.8.6.2.1: the override of silly-window avoidance comes after 0.1 to 1 s. */
const OVERRIDE: Micros = SECOND;

/** Send what may go. The connection is synchronized. */
export function send(tcb: Tcb, now: Micros): void {
  if (isIn(tcb.state, SENDING)) {
    const limited = tcb.flags & Flag.CWND_LIMITED;
    tcb.flags &= ~Flag.CWND_LIMITED;
    if (resend(tcb, now)) sendNew(tcb, now);
    noteFlight(tcb, limited);
    noteLimit(tcb, limitOf(tcb), now);
  }
  acknowledge(tcb, now);
}

/** What holds text back, after all has left that may. */
function limitOf(tcb: Tcb): Limit {
  const left = unsent(tcb);
  if (left === 0 && outstanding(tcb) === 0) return Limit.NONE;
  if (has(tcb, Flag.CWND_LIMITED)) return Limit.NETWORK;
  if (left > 0) return windowHolds(tcb, left) ? Limit.WINDOW : Limit.NETWORK;
  if (tcb.recovery >= Recovery.RECOVERY) return Limit.NETWORK; // the receiver waits for what is lost
  return tcb.chunks.length >= tcb.sendBuffer ? Limit.BUFFER : Limit.WRITER;
}

const finDue = (tcb: Tcb): boolean =>
  (tcb.flags & (Flag.FIN_QUEUED | Flag.FIN_SENT)) === Flag.FIN_QUEUED;

/** Most text that one packet may carry on the way this connection takes. */
function chunkSize(tcb: Tcb): number {
  if (tcb.route?.tso !== true) return tcb.mss;
  return Math.max(1, Math.floor((MAX_TEXT - tcb.headers) / tcb.mss)) * tcb.mss;
}

/** Send again what is lost, oldest first, as far as the window goes. False: nothing new may follow. */
function resend(tcb: Tcb, now: Micros): boolean {
  const board = tcb.scoreboard;
  if (board === null || board.owed <= 0) return true;
  if (tcb.frto === Frto.SEND_NEW) return true; // RFC 5682 §2.1 (2b): new text tells more than old
  while (true) {
    const i = board.nextLost();
    if (i < 0) return true;
    const room = congestionRoom(tcb);
    const wanted = diff(board.end(i), board.start(i));
    if (room < Math.min(wanted, tcb.mss)) {
      tcb.flags |= Flag.CWND_LIMITED;
      return false;
    }
    // RFC 9293 §3.8.6, MUST-34: beyond a window that shrank only the oldest octet is sent again.
    const start = board.start(i);
    if (ge(start, add(tcb.sndUna, tcb.sndWnd)) && start !== tcb.sndUna) return false;
    if (!tcb.tcp.ready(tcb) || paceRoom(tcb, now) <= 0) return false;
    let length = Math.min(wanted, chunkSize(tcb), room);
    if (length < wanted && length > tcb.mss) length -= length % tcb.mss;
    if (!retransmit(tcb, board, i, length, now)) return false;
    const inLoss = tcb.recovery === Recovery.LOSS;
    const stat = inLoss ? Stat.TcpExtTCPSlowStartRetrans : Stat.TcpExtTCPFastRetrans;
    count(tcb.tcp.stats, stat, Math.ceil(length / tcb.mss));
  }
}

/** Send the first `length` octets of extent `i` again. */
export function retransmit(
  tcb: Tcb,
  board: Scoreboard,
  i: number,
  length: number,
  now: Micros,
): boolean {
  const from = board.start(i);
  const to = add(from, length);
  const fin = has(tcb, Flag.FIN_SENT) && to === tcb.sndNxt;
  const text = fin ? length - 1 : length;
  const flags = (fin ? Header.FIN : 0) | (text > 0 ? pushFlag(tcb, from, text) : 0);
  if (!emit(tcb, from, text, flags, now)) return false;
  if (tcb.search !== null) onProbeResent(tcb.search, from);
  board.split(i, to);
  if ((board.fate(i) & Fate.RESENT) !== 0) board.markLost(i); // sent once more before it was judged
  noteDelivered(board, tcb);
  board.resend(i, now);
  if (tcb.retransmitStamp === 0) tcb.retransmitStamp = stampNow(tcb, now) || 1;
  tcb.undoRetransmits += length;
  tcb.prrOut += length;
  tcb.retransmits += Math.ceil(length / tcb.mss);
  tcb.sent.bytesRetransmitted += text;
  count(tcb.tcp.stats, Stat.TcpRetransSegs, Math.ceil(length / tcb.mss));
  paced(tcb, length, now);
  // RFC 6675 §6: what the timer watches has just left anew, so its time begins anew.
  const again = from === tcb.sndUna && has(tcb, Flag.SACK); // without it see `isImpatient`
  if (again || !isSet(tcb, Timer.RETRANSMIT)) armRto(tcb, now);
  tcb.trace?.resent(now, from, length);
  return true;
}

/** New text, as far as both windows, Nagle and silly-window avoidance let it. */
function sendNew(tcb: Tcb, now: Micros): void {
  tcb.tcp.routeOf(tcb); // first: a path that has changed changes the segment size
  let left = unsent(tcb);
  let sent = false;
  const most = chunkSize(tcb);
  // Only if it ends the idle time: what a shut window keeps back does not.
  if (left > 0 && outstanding(tcb) === 0 && sendable(tcb, left, most) > 0) {
    restartAfterIdle(tcb, now);
  }
  if (tcb.search !== null && left > 0) {
    const probe = sendPathProbe(tcb, left, now);
    if (probe === HOLD) return;
    left -= probe;
    sent = probe > 0;
  }
  let turn = TURN;
  // Nothing is let go of before the last of them is out, so they may leave at once.
  const out = left > most && tcb.route !== null ? tcb.route.iface.out : null;
  out?.cork?.();
  while (left > 0) {
    if (!tcb.tcp.ready(tcb) || paceRoom(tcb, now) <= 0 || isFull(tcb)) break;
    const length = sendable(tcb, left, most);
    if (length <= 0) break;
    if (turn <= 0) {
      tcb.tcp.dirty(tcb); // others have theirs first
      break;
    }
    turn -= length;
    if (!sendText(tcb, length, length === left && finDue(tcb), now)) break;
    left -= length;
    sent = true;
  }
  if (out?.cork !== undefined) out.flush();
  if (left === 0 && finDue(tcb) && diff(windowEdge(tcb), tcb.sndNxt) > 0) {
    sent = sendText(tcb, 0, true, now) || sent;
  }
  if (sent) {
    clearTimer(tcb, Timer.PERSIST);
    armProbe(tcb, now);
  } else if (left === 0 && !finDue(tcb)) {
    clearTimer(tcb, Timer.PERSIST);
  } else if (outstanding(tcb) === 0) {
    armPersist(tcb, left, now); // no ACK will come for anything
  }
}

/**
 * The peer's window keeps the rest back: ask for a shut one after an RTO (MUST-36), use a small one before
 * long (§3.8.6.2.1 (4)). So is a way out that is gone: it may come back. Whatever comes meanwhile, the time
 * that is set stands, or a sooner one.
 */
function armPersist(tcb: Tcb, left: number, now: Micros): void {
  const held = windowHolds(tcb, left);
  if (!held && tcb.route !== null) return;
  const small = held && diff(windowEdge(tcb), tcb.sndNxt) > 0;
  if (isSet(tcb, Timer.PERSIST) && !small) return;
  const at = now + (small ? Math.min(backedOff(tcb), OVERRIDE) : backedOff(tcb));
  if (at < dueTime(tcb, Timer.PERSIST)) setTimer(tcb, Timer.PERSIST, at);
}

/** RFC 4821 §7: new text as one segment that is longer than others. Its length, or `HOLD`. */
function sendPathProbe(tcb: Tcb, left: number, now: Micros): number {
  const from = tcb.sndNxt;
  const length = probeLength(tcb, left, diff(windowEdge(tcb), from));
  if (length <= 0) return length;
  if (!tcb.tcp.ready(tcb) || paceRoom(tcb, now) <= 0) return HOLD;
  tcb.flags |= Flag.PATH_PROBE;
  const sent = sendText(tcb, length, false, now);
  tcb.flags &= ~Flag.PATH_PROBE;
  if (!sent) return 0;
  probeSent(tcb, from, tcb.sndNxt);
  return length;
}

/** So many bursts are out that no more can be told apart: the ACKs of some come first. */
const isFull = (tcb: Tcb): boolean => tcb.scoreboard?.isFull === true;

const windowEdge = (tcb: Tcb): Seq => add(tcb.sndUna, tcb.sndWnd);

/** True if the peer's window is what keeps the next octets back. */
const windowHolds = (tcb: Tcb, left: number): boolean =>
  diff(windowEdge(tcb), tcb.sndNxt) < Math.min(Math.max(left, 1), tcb.mss);

/** How much of `left` unsent octets may go now; 0: none. */
function sendable(tcb: Tcb, left: number, most: number): number {
  const byPeer = diff(windowEdge(tcb), tcb.sndNxt);
  if (byPeer <= 0) return 0;
  const byNetwork = congestionRoom(tcb);
  if (byNetwork < Math.min(tcb.mss, left)) {
    tcb.flags |= Flag.CWND_LIMITED;
    return 0;
  }
  const length = Math.min(left, byPeer, byNetwork, most);
  const whole = length - (length % tcb.mss);
  if (whole === length) return length;
  if (length === left && mayEndShort(tcb)) return length;
  if (whole > 0) return whole;
  // §3.8.6.2.1 (3): less than a segment only if it is half of the widest window there was.
  return byPeer < left && length >= tcb.maxSndWnd / 2 && byPeer <= byNetwork ? length : 0;
}

/**
 * Nagle's question (§3.7.4) in Minshall's form: a short segment waits while another short one is
 * unacknowledged, not while anything is. See docs/deviations.md.
 */
const mayEndShort = (tcb: Tcb): boolean =>
  (tcb.flags & (Flag.NO_DELAY | Flag.FIN_QUEUED)) !== 0 || !gt(tcb.smallEnd, tcb.sndUna);

/** One segment of new text (none: a bare FIN) goes out, and is remembered. */
function sendText(tcb: Tcb, length: number, fin: boolean, now: Micros): boolean {
  const from = tcb.sndNxt;
  const flags = (fin ? Header.FIN : 0) | (length > 0 ? pushFlag(tcb, from, length) : 0);
  const idle = outstanding(tcb) === 0;
  if (!emit(tcb, from, length, flags, now)) return false;
  const to = seq(from + length + (fin ? 1 : 0));
  tcb.scoreboard ??= tcb.tcp.spares.takeScoreboard();
  const sent = sentOf(tcb);
  if (idle) {
    tcb.firstSent = now;
    sent.deliveredTime = now;
    tcb.restarted = false;
  }
  const probe = has(tcb, Flag.PATH_PROBE);
  const unit = probe ? ALONE : tcb.mss;
  noteDelivered(tcb.scoreboard, tcb);
  tcb.scoreboard.append(from, to, now, unit);
  tcb.sndNxt = to;
  if (length % tcb.mss !== 0 && !probe) tcb.smallEnd = to;
  if (fin) tcb.flags |= Flag.FIN_SENT;
  if (tcb.recovery >= Recovery.CWR) tcb.prrOut += length;
  tcb.bytesOut += length;
  paced(tcb, length, now);
  if (!isSet(tcb, Timer.RETRANSMIT)) armRto(tcb, now); // RFC 6298 (5.1)
  tcb.trace?.sent(now, from, length);
  return true;
}

/** As fields: a number that is no int32 costs an object when it is an argument. */
function noteDelivered(board: Scoreboard, tcb: Tcb): void {
  board.delivered = tcb.sent.delivered;
  board.deliveredTime = tcb.sent.deliveredTime;
}

/** Less than all that fits a silly window, or an octet to be sent whatever the rules: on a timer. */
export function overrideSend(tcb: Tcb, now: Micros): boolean {
  const length = Math.min(unsent(tcb), diff(windowEdge(tcb), tcb.sndNxt), tcb.mss);
  if (length <= 0) return false;
  restartAfterIdle(tcb, now);
  return sendText(tcb, length, false, now);
}

/** New text whatever the congestion window says: RFC 8985 §7.3's probe of the tail. */
export function sendBeyond(tcb: Tcb, now: Micros): boolean {
  const left = unsent(tcb);
  const length = Math.min(left, diff(windowEdge(tcb), tcb.sndNxt), tcb.mss);
  if (length <= 0 || isFull(tcb)) return false;
  return sendText(tcb, length, length === left && finDue(tcb), now);
}

/** The acknowledgment that is still owed when all text has gone. RFC 9293 §3.8.6.3, RFC 5681 §4.2. */
function acknowledge(tcb: Tcb, now: Micros): void {
  if (has(tcb, Flag.ACK_SOON)) {
    // Every second full segment, and every one while the connection is young.
    if (tcb.unacked >= 2 * tcb.rcvMss || tcb.quickAcks > 0) {
      tcb.flags |= Flag.ACK_NOW;
      if (tcb.quickAcks > 0) tcb.quickAcks--;
    } else if (!isSet(tcb, Timer.DELAYED_ACK)) {
      startTimer(tcb, Timer.DELAYED_ACK, now, tcb.settings.delayedAck);
    }
  }
  if (!has(tcb, Flag.ACK_NOW) && wantsUpdate(tcb)) tcb.flags |= Flag.ACK_NOW;
  if (has(tcb, Flag.ACK_NOW)) emit(tcb, tcb.sndNxt, 0, 0, now);
}
