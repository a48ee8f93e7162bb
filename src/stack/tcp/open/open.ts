/**
 * Opening: the SYN out, the SYN in, both at once, and what the two sides agree on.
 * RFC 9293 §3.5, §3.7.1, §3.10.1; RFC 6691, RFC 7323 §1.3.
 * @module
 */
import { MILLISECOND, type Micros, SECOND } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { type Seq, seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { Flag as Header } from '../../wire/tcp.ts';
import { become, remove } from '../close/close.ts';
import { armKeepAlive } from '../close/keepalive.ts';
import { tellOpen } from '../close/notify.ts';
import { initialWindow } from '../congestion/cwv.ts';
import { isAgreed, isSetup } from '../congestion/ecn.ts';
import { emitSyn } from '../emit/emit.ts';
import { sendAbort } from '../emit/reset.ts';
import { scaleFor, synWindow } from '../emit/window.ts';
import { withinUserTimeout } from '../loss/rto.ts';
import { DEFAULT_MSS, defaultMss, MIN_MSS, offeredMss, setMss } from '../path/mss.ts';
import { Flag, has } from '../tcb/flags.ts';
import type { Owner } from '../tcb/owner.ts';
import { type Segment, trimLeft } from '../tcb/segment.ts';
import { State } from '../tcb/state.ts';
import type { Backlog, Tcb } from '../tcb/tcb.ts';
import { INITIAL_RTO, SYN_RETRANSMITTED_RTO, sampleRtt } from '../timing/rtt.ts';
import { clearTimer, isSet, setTimer, Timer } from '../timing/timers.ts';
import { echoAge, startStamps } from '../timing/timestamps.ts';
import type { Secrets } from './isn.ts';

/** `firstSent` of a SYN that left more than once: its answer measures nothing (Karn). */
const AMBIGUOUS: Micros = -1;

/** A connection of ours begins: its numbers are set, its SYN is due. */
export function openActive(tcb: Tcb, secrets: Secrets, now: Micros): void {
  const { tcp, settings } = tcb;
  prepare(tcb, secrets, now);
  tcb.flags |=
    (settings.sack ? Flag.SACK : 0) |
    (settings.timestamps ? Flag.TIMESTAMPS : 0) |
    (settings.windowScaling ? Flag.SCALING : 0) |
    (settings.ecn ? Flag.ECN : 0) |
    Flag.SYN_DUE;
  count(tcp.stats, Stat.TcpActiveOpens);
  become(tcb, State.SYN_SENT);
  tcp.dirty(tcb);
}

/** The numbers that are ours alone: sequence numbers, timestamps, window scale. */
export function prepare(tcb: Tcb, secrets: Secrets, now: Micros): void {
  const { localAddress, localPort, remoteAddress, remotePort } = tcb;
  tcb.iss = secrets.isn(localAddress, localPort, remoteAddress, remotePort, now);
  setSendSequence(tcb, tcb.iss);
  tcb.tsOffset = secrets.stampOffset(localAddress, localPort, remoteAddress, remotePort);
  tcb.rcvScale = scaleFor(tcb.settings.receiveBufferMax);
  tcb.opened = now;
  tcb.rto = Math.min(INITIAL_RTO, tcb.settings.maxRto);
}

/** Every mark in our sequence space starts at the SYN. */
export function setSendSequence(tcb: Tcb, iss: Seq): void {
  tcb.iss = iss;
  tcb.sndUna = iss;
  tcb.sndNxt = seq(iss + 1);
  tcb.smallEnd = iss;
  tcb.recoverySeq = iss;
  tcb.fack = iss;
  tcb.cwndRound = iss;
  tcb.rackEnd = iss;
  tcb.otherMssEnd = iss;
}

/** Every mark in the peer's sequence space starts behind its SYN. */
function setReceiveSequence(tcb: Tcb, irs: Seq): void {
  tcb.irs = irs;
  tcb.rcvNxt = seq(irs + 1);
  tcb.rcvAdv = tcb.rcvNxt;
  tcb.lastAckSent = tcb.rcvNxt;
}

/** A first sequence number above all that `old` used of the same four. RFC 1122 §4.2.2.13. */
export const firstAbove = (old: Tcb): Seq => seq(old.sndNxt + 0x10000);

/**
 * May a connection of ours take the place of `old`? Out of TIME-WAIT, where timestamps tell the peer
 * the two apart and the clock has moved on: RFC 6191's reasons, from the side that opens.
 */
export const isReplaceable = (old: Tcb, now: Micros): boolean =>
  old.state === State.TIME_WAIT && has(old, Flag.TIMESTAMPS) && now - old.tsRecentAge >= SECOND;

/** The SYN, or the SYN-ACK, leaves (again). RFC 6298 §5, with 5.7's first RTO of a second. */
export function sendSyn(tcb: Tcb, now: Micros): void {
  tcb.flags &= ~Flag.SYN_DUE;
  // The peer's SYN again does not put the timer off: the end must come some time.
  if (!isSet(tcb, Timer.RETRANSMIT)) {
    const wait = Math.min(tcb.rto * 2 ** tcb.retries, tcb.settings.maxRto);
    setTimer(tcb, Timer.RETRANSMIT, now + withinUserTimeout(tcb, wait, tcb.opened, now));
  }
  const route = tcb.tcp.routeOf(tcb);
  if (route === null) return; // the timer tries again
  const answering = tcb.state === State.SYN_RECEIVED;
  let flags = answering ? Header.ACK : 0;
  // RFC 3168 §6.1.1: ECE and CWR ask, ECE alone agrees; §6.1.1.1: a retry does without.
  if (has(tcb, Flag.ECN) && tcb.retries === 0) {
    flags |= answering ? Header.ECE : Header.ECE | Header.CWR;
  }
  tcb.firstSent = tcb.firstSent === 0 ? now : AMBIGUOUS;
  emitSyn(tcb, flags, offeredMss(tcb, route), now);
}

/** What the peer's SYN says; options that only one side wants are off. */
export function takeSyn(tcb: Tcb, segment: Segment, now: Micros): void {
  const { settings } = tcb;
  const { options } = segment;
  setReceiveSequence(tcb, segment.seq);
  tcb.peerMss = options.mss === 0 ? defaultMss(tcb) : Math.max(MIN_MSS, options.mss);
  const agreed =
    (settings.sack && options.sackPermitted ? Flag.SACK : 0) |
    (settings.timestamps && options.hasTimestamps ? Flag.TIMESTAMPS : 0) |
    (settings.windowScaling && options.windowScale >= 0 ? Flag.SCALING : 0) |
    (settings.ecn && (isSetup(segment) || isAgreed(segment)) ? Flag.ECN : 0);
  tcb.flags = (tcb.flags & ~(Flag.SACK | Flag.TIMESTAMPS | Flag.SCALING | Flag.ECN)) | agreed;
  if (has(tcb, Flag.TIMESTAMPS)) {
    tcb.tsRecent = options.tsVal;
    tcb.tsRecentAge = now;
    startStamps(tcb);
  }
  tcb.sndScale = has(tcb, Flag.SCALING) ? options.windowScale : 0;
  if (!has(tcb, Flag.SCALING)) tcb.rcvScale = 0;
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  tcb.sndWnd = segment.window;
  tcb.maxSndWnd = segment.window;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  setMss(tcb, tcb.route?.mtu ?? defaultMss(tcb) + tcb.headers);
  tcb.rcvMss = Math.min(DEFAULT_MSS, tcb.mss);
}

/** Our SYN is answered by a SYN-ACK. §3.10.7.3, fourth. */
export function onSynAck(tcb: Tcb, segment: Segment, now: Micros): void {
  takeSyn(tcb, segment, now);
  tcb.rcvAdv = seq(tcb.rcvNxt + synWindow(tcb)); // what our SYN offered
  trimLeft(segment, tcb.rcvNxt);
  firstSample(tcb, segment, now);
  establish(tcb, now);
  tcb.flags |= Flag.ACK_NOW;
  tellOpen(tcb);
}

/** Both sides sent a SYN at once. §3.5, figure 7. */
export function onSimultaneousSyn(tcb: Tcb, segment: Segment, now: Micros): void {
  takeSyn(tcb, segment, now);
  become(tcb, State.SYN_RECEIVED);
  tcb.retries = 0;
  tcb.flags |= Flag.SYN_DUE;
}

/** Our SYN-ACK is acknowledged: the connection has an owner, or is refused. §3.10.7.4, fifth. */
export function accepted(tcb: Tcb, segment: Segment, now: Micros): Drop {
  firstSample(tcb, segment, now);
  return acceptNow(tcb, now);
}

/** The same, of a handshake that was complete before. */
export function acceptNow(tcb: Tcb, now: Micros): Drop {
  const { listener } = tcb;
  if (listener !== null) {
    listener.halfOpen--;
    tcb.listener = null;
    const owner = adopt(tcb, listener);
    if (owner === undefined) {
      sendAbort(tcb, now);
      remove(tcb, Failure.REFUSED);
      return Drop.TCP_REFUSED;
    }
    tcb.owner = owner;
  }
  establish(tcb, now);
  tellOpen(tcb);
  return Drop.NONE;
}

/** Ask the listener's owner; what it throws refuses the connection. */
function adopt(tcb: Tcb, listener: Backlog): Owner | undefined {
  try {
    return listener.accept(tcb);
  } catch (error) {
    tcb.tcp.thrown(error);
    return undefined;
  }
}

/** The handshake is complete, from either side: the connection may carry text. */
function establish(tcb: Tcb, now: Micros): void {
  become(tcb, State.ESTABLISHED);
  if (has(tcb, Flag.PASSIVE)) count(tcb.tcp.stats, Stat.TcpPassiveOpens);
  tcb.sndUna = seq(tcb.iss + 1);
  tcb.fack = tcb.sndUna;
  tcb.cwndRound = tcb.sndUna;
  tcb.flags &= ~Flag.SYN_DUE;
  clearTimer(tcb, Timer.RETRANSMIT);
  // The path may have turned out narrower since the SYN came: for somebody else, or by ICMP.
  const route = tcb.tcp.routeOf(tcb);
  if (route !== null) setMss(tcb, route.mtu);
  // RFC 6928 §2: one segment if a SYN or SYN-ACK was lost twice over, as RFC 5681 §3.1 wants it.
  tcb.cwnd = tcb.retries > 1 ? tcb.mss : initialWindow(tcb);
  tcb.retries = 0;
  tcb.backoff = 0;
  tcb.lastSent = now;
  tcb.lastHeard = now;
  tcb.spaceTime = now;
  armKeepAlive(tcb, now);
}

/** RFC 6298 (2.2) and (5.7): the handshake's round trip, or three seconds if a SYN was lost. Once. */
export function firstSample(tcb: Tcb, segment: Segment, now: Micros): void {
  if (tcb.deferred) return; // it was taken when the handshake's ACK came
  if (tcb.firstSent > 0) {
    sampleRtt(tcb, now - tcb.firstSent, now);
    return;
  }
  const age = echoAge(tcb, segment, now);
  if (age >= 0) sampleRtt(tcb, Math.max(age, MILLISECOND), now);
  else if (tcb.retries > 0) tcb.rto = Math.min(SYN_RETRANSMITTED_RTO, tcb.settings.maxRto);
}
