/**
 * What happens when a timer is due. RFC 9293 §3.8, RFC 6298 §5, RFC 8985 §7.3.
 *
 * Nothing is sent from here that `send` can decide on: a timer changes what is known, and marks the
 * connection to be served. Probes are the exception; they are sent against the rules by their nature.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { add, diff, seq } from '../base/seq.ts';
import { count, Stat } from '../base/stats.ts';
import { isStuck, remove, watchOrphan } from './close/close.ts';
import { onKeepAlive } from './close/keepalive.ts';
import { emit } from './emit/emit.ts';
import { sendAbort } from './emit/reset.ts';
import { detectLoss } from './loss/rack.ts';
import { enterRecoveryByTimer, onTimeout } from './loss/recovery.ts';
import { armRto, withinUserTimeout } from './loss/rto.ts';
import { startEpisode } from './loss/tlp.ts';
import { acceptNow } from './open/open.ts';
import { isProbeLoss, suspectBlackHole } from './path/plpmtu.ts';
import { overrideSend, retransmit, sendBeyond } from './send.ts';
import { Flag, has } from './tcb/flags.ts';
import { outstanding, unsent } from './tcb/flight.ts';
import { Fate } from './tcb/scoreboard.ts';
import { isIn, SENDING, State } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';
import { dueTime, reschedule, setTimer, Timer, takeDue } from './timing/timers.ts';

/** RFC 9293 §3.8.3, R1: after so many retransmissions the way itself is in doubt. */
const R1 = 3;
/** A timer that has gone off does not go off again within it. */
const SHORTEST: Micros = 1;

/** `tcb` was taken out of the heap at `now`: serve every timer that is due, and put it back. */
export function expire(tcb: Tcb, now: Micros): void {
  for (let timer = takeDue(tcb, now); timer >= 0; timer = takeDue(tcb, now)) {
    onTimer(tcb, timer as Timer, now);
    if (has(tcb, Flag.GONE)) return;
    tcb.tcp.dirty(tcb);
    // Whatever it has set itself to comes later: one that is due at the same time again would be so for ever.
    if (dueTime(tcb, timer as Timer) <= now) setTimer(tcb, timer as Timer, now + SHORTEST);
  }
  reschedule(tcb);
}

function onTimer(tcb: Tcb, timer: Timer, now: Micros): void {
  switch (timer) {
    case Timer.PROBE:
      onProbe(tcb, now);
      return;
    case Timer.RETRANSMIT:
      onRetransmit(tcb, now);
      return;
    case Timer.REORDER:
      onReorder(tcb, now);
      return;
    case Timer.PERSIST:
      onPersist(tcb, now);
      return;
    case Timer.DELAYED_ACK:
      if (!has(tcb, Flag.ACK_SOON)) return;
      tcb.flags |= Flag.ACK_NOW;
      count(tcb.tcp.stats, Stat.TcpExtDelayedACKs);
      return;
    case Timer.KEEP_ALIVE:
      onKeepAlive(tcb, now);
      return;
    case Timer.CLOSE:
      onClose(tcb, now);
      return;
    default: // Timer.PACE: that it is time to serve the connection is all it says
  }
}

function onRetransmit(tcb: Tcb, now: Micros): void {
  if (tcb.state === State.SYN_SENT || tcb.state === State.SYN_RECEIVED) {
    onSynTimeout(tcb, now);
    return;
  }
  if (!isIn(tcb.state, SENDING) && tcb.state !== State.FIN_WAIT_2) return;
  const board = tcb.scoreboard;
  if (board === null || board.count === 0) return;
  const shut = tcb.sndWnd === 0;
  if (isTooLong(tcb, now) || (shut && isAbandoned(tcb, tcb.backoff))) {
    giveUp(tcb, now);
    return;
  }
  count(tcb.tcp.stats, Stat.TcpExtTCPTimeouts);
  tcb.retries++;
  tcb.backoff++; // RFC 6298 (5.5)
  if (tcb.retries === R1) tcb.tcp.doubtRoute(tcb);
  if (shut) {
    // The window shut over what is in flight: this is a probe (MUST-36), not a sign of congestion.
    board.markLost(0);
    const first = Math.min(diff(board.end(0), board.start(0)), tcb.mss);
    retransmit(tcb, board, 0, first, now);
  } else {
    onTimeout(tcb, board, now); // (5.4); `send` does it
    suspectBlackHole(tcb, board);
  }
  armRto(tcb, now); // (5.6)
}

/** No answer to a SYN or SYN-ACK. RFC 9293 MUST-23, RFC 6298 §5. */
function onSynTimeout(tcb: Tcb, now: Micros): void {
  if (tcb.deferred) {
    acceptNow(tcb, now); // nothing was said for `deferAccept`
    return;
  }
  const { settings } = tcb;
  const passive = has(tcb, Flag.PASSIVE);
  const most = passive ? settings.synAckRetries : settings.synRetries;
  if (tcb.retries >= most || hasUserTimeout(tcb, tcb.opened, now)) {
    giveUp(tcb, now);
    return;
  }
  tcb.retries++;
  count(tcb.tcp.stats, Stat.TcpExtTCPSynRetrans);
  count(tcb.tcp.stats, Stat.TcpRetransSegs);
  tcb.flags |= Flag.SYN_DUE;
}

const hasUserTimeout = (tcb: Tcb, since: Micros, now: Micros): boolean =>
  tcb.userTimeout > 0 && now - since >= tcb.userTimeout;

/** R2 of RFC 9293 §3.8.3, or the user's own limit (RFC 5482). */
const isTooLong = (tcb: Tcb, now: Micros): boolean =>
  tcb.userTimeout > 0
    ? hasUserTimeout(tcb, Math.max(tcb.firstSent, tcb.sent.lastProgress), now)
    : tcb.retries >= tcb.settings.retries;

/** RFC 6429 §3: nobody is there to end it, and the peer could keep it here for ever by its answers. */
const isAbandoned = (tcb: Tcb, asked: number): boolean =>
  has(tcb, Flag.DETACHED) && asked >= tcb.settings.orphanProbes;

/** Nothing was heard for too long. RFC 1122 §4.2.3.9: an ICMP error seen meanwhile says why. */
function giveUp(tcb: Tcb, now: Micros): void {
  count(tcb.tcp.stats, Stat.TcpExtTCPAbortOnTimeout);
  if (tcb.state !== State.SYN_SENT) sendAbort(tcb, now);
  remove(tcb, tcb.softError !== Failure.NONE ? tcb.softError : Failure.TIMED_OUT);
}

/** The end of TIME-WAIT, of the wait for a FIN, or of the time that an orphan has for its text. */
function onClose(tcb: Tcb, now: Micros): void {
  if (tcb.state === State.TIME_WAIT || tcb.state === State.FIN_WAIT_2) remove(tcb, Failure.NONE);
  else if (isStuck(tcb)) giveUp(tcb, now);
  else watchOrphan(tcb, now);
}

/** RFC 8985 §7.3: send new text if there is any, else the last segment once more. */
function onProbe(tcb: Tcb, now: Micros): void {
  const board = tcb.scoreboard;
  if (!isIn(tcb.state, SENDING) || board === null || board.count === 0) return;
  if (isTooLong(tcb, now)) {
    giveUp(tcb, now); // the user timeout is what the RTO was cut to
    return;
  }
  if (sendBeyond(tcb, now)) {
    startEpisode(tcb, false);
  } else {
    const last = board.count - 1;
    const start = board.start(last);
    const length = diff(board.end(last), start);
    const tail = length % tcb.mss === 0 ? tcb.mss : length % tcb.mss;
    const i = board.split(last, add(start, length - tail));
    const plain = (board.fate(i) & (Fate.SACKED | Fate.LOST)) === 0;
    if (plain && retransmit(tcb, board, i, tail, now)) startEpisode(tcb, true);
  }
  armRto(tcb, now); // "the sender MUST re-arm the RTO timer", probe or not
}

/** RFC 8985 §6.2, step 5: the reordering window has passed without news. */
function onReorder(tcb: Tcb, now: Micros): void {
  const board = tcb.scoreboard;
  if (board === null || !detectLoss(tcb, board, now) || isProbeLoss(tcb, board)) return;
  enterRecoveryByTimer(tcb, now);
}

/** The peer's window is shut, or too small to be worth it: ask. RFC 9293 §3.8.6.1, §3.8.6.2.1 (4). */
function onPersist(tcb: Tcb, now: Micros): void {
  if (!isIn(tcb.state, SENDING) || outstanding(tcb) > 0) return;
  const finWaits = (tcb.flags & (Flag.FIN_QUEUED | Flag.FIN_SENT)) === Flag.FIN_QUEUED;
  if (unsent(tcb) === 0 && !finWaits) return;
  if (overrideSend(tcb, now)) {
    tcb.probes = 0;
    return;
  }
  // MUST-37: as long as the peer answers, for ever; `retries` counts what it left unanswered.
  if (tcb.retries === 0) tcb.firstSent = now;
  if (isTooLong(tcb, now) || isAbandoned(tcb, tcb.probes)) {
    giveUp(tcb, now);
    return;
  }
  tcb.retries++;
  tcb.probes++;
  count(tcb.tcp.stats, Stat.TcpExtTCPWinProbe);
  // An octet that was acknowledged long ago is unacceptable, and so must be answered.
  emit(tcb, seq(tcb.sndUna - 1), 0, 0, now);
  const wait = Math.min(tcb.rto * 2 ** Math.min(tcb.probes, 20), tcb.settings.maxRto);
  const since = Math.max(tcb.firstSent, tcb.sent.lastProgress);
  setTimer(tcb, Timer.PERSIST, now + withinUserTimeout(tcb, wait, since, now)); // SHLD-30
}
