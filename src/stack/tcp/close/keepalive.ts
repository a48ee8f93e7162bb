/**
 * Keep-alives: is a silent peer still there? Off unless asked for. RFC 9293 §3.8.4.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { emit } from '../emit/emit.ts';
import { sendAbort } from '../emit/reset.ts';
import { Flag, has } from '../tcb/flags.ts';
import { outstanding, unsent } from '../tcb/flight.ts';
import { isIn, State, SYNCHRONIZED } from '../tcb/state.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { clearTimer, setTimer, Timer } from '../timing/timers.ts';
import { remove } from './close.ts';

/** Start to watch the connection, if it is to be watched. MUST-24, MUST-25. */
export function armKeepAlive(tcb: Tcb, now: Micros): void {
  const open = isIn(tcb.state, SYNCHRONIZED) && tcb.state !== State.TIME_WAIT;
  if (!has(tcb, Flag.KEEP_ALIVE) || !open) clearTimer(tcb, Timer.KEEP_ALIVE);
  else setTimer(tcb, Timer.KEEP_ALIVE, Math.max(now, tcb.lastHeard) + tcb.keepAlive.keepAliveIdle);
}

/** The timer fired: was anything heard meanwhile? If not, probe, and in the end give up. */
export function onKeepAlive(tcb: Tcb, now: Micros): void {
  if (!has(tcb, Flag.KEEP_ALIVE) || !isIn(tcb.state, SYNCHRONIZED)) return;
  // MUST-26: only when nothing else is under way that would notice a dead peer.
  const busy = outstanding(tcb) > 0 || unsent(tcb) > 0;
  const since = busy ? now : tcb.lastHeard;
  const due = since + tcb.keepAlive.keepAliveIdle;
  // The sum is compared, as it was set: of a difference of fractions too little may be left, at the same time for ever.
  if (busy || (tcb.keepAliveProbes === 0 && now < due)) {
    setTimer(tcb, Timer.KEEP_ALIVE, due);
    return;
  }
  const quiet = now - tcb.lastHeard;
  const tooLong = tcb.userTimeout > 0 && quiet >= tcb.userTimeout && tcb.keepAliveProbes > 0;
  if (tooLong || tcb.keepAliveProbes >= tcb.keepAlive.keepAliveCount) {
    sendAbort(tcb, now);
    remove(tcb, tcb.softError !== Failure.NONE ? tcb.softError : Failure.TIMED_OUT);
    return;
  }
  tcb.keepAliveProbes++;
  count(tcb.tcp.stats, Stat.TcpExtTCPKeepAlive);
  // §3.8.4: SEG.SEQ = SND.NXT - 1, no text: unacceptable, so the peer must answer.
  emit(tcb, seq(tcb.sndUna - 1), 0, 0, now);
  setTimer(tcb, Timer.KEEP_ALIVE, now + tcb.keepAlive.keepAliveInterval);
}
