/**
 * Writing a segment: header, options, text, checksum, in a slot of its own. RFC 9293 §3.1.
 *
 * Everything that leaves for a connection leaves through `emit`, so the acknowledgment, the window
 * and the timestamp of every segment are the newest there are (RFC 9293 §3.8.6.2).
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { add, diff, type Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import type { Route } from '../../ip/route.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import { begun, finish, lengthTerm, odd } from '../../wire/checksum.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as wire from '../../wire/tcp.ts';
import * as options from '../../wire/tcp-options.ts';
import { takeCodepoint } from '../congestion/ecn.ts';
import { Flag, has } from '../tcb/flags.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { clearTimer, Timer } from '../timing/timers.ts';
import { stampNow } from '../timing/timestamps.ts';
import { sackLength, writeSack } from './sack.ts';
import { offerSynWindow, offerWindow } from './window.ts';

const { FIN, SYN, ACK, PSH } = wire.Flag;
/** Where the checksum stands in the header: what an offloading device is told. */
const CHECKSUM_AT = 16;
const DSCP = 0xfc;
/** With room for SACK blocks the most options take, RFC 9293 §3.1. */
const MAX_OPTIONS = 40;

/**
 * Send `length` bytes of text from sequence number `from`, with `flags` (ACK is added). False if
 * there was no slot or no route for it; nothing has changed then.
 */
export function emit(tcb: Tcb, from: Seq, length: number, flags: number, now: Micros): boolean {
  if (length > 0 && !tcb.chunks.isWhole(diff(from, tcb.sndUna), length)) return failForMemory(tcb);
  const route = tcb.tcp.routeOf(tcb);
  if (route === null) return false;
  const at = reserve(tcb, route);
  if (at === NO_SLOT) return false;
  const v = tcb.tcp.ip.slots.view;
  let header = wire.MIN_LEN;
  if (has(tcb, Flag.TIMESTAMPS)) {
    header += options.writeTimestamps(v, at + header, stampNow(tcb, now), tcb.tsRecent);
  }
  // SACK goes where it fits: with every ACK, and with text that leaves room for it (RFC 2018 §3).
  const free = length === 0 ? MAX_OPTIONS : tcb.mss - length;
  const sack = sackLength(tcb, Math.min(free, wire.MIN_LEN + MAX_OPTIONS - header));
  if (sack > 0) header += writeSack(tcb, v, at + header, sack);
  const codepoint = takeCodepoint(tcb, flags, length, from);
  const window = offerWindow(tcb);
  if ((window === 0) !== has(tcb, Flag.OFFER_SHUT)) turnOffer(tcb);
  wire.write(
    v,
    at,
    tcb.localPort,
    tcb.remotePort,
    from,
    tcb.rcvNxt,
    header,
    flags | ACK | (codepoint & 0xff),
    window,
  );
  const again = from !== tcb.sndNxt && (length > 0 || (flags & FIN) !== 0);
  // The low two bits of the octet are ours, RFC 3168 §5.
  tcb.tcp.ip.output.next.tos = (tcb.tos & DSCP) | (codepoint >> 8);
  if (!transmit(tcb, route, at, header, from, length, again)) return false;
  acknowledged(tcb, length > 0 && sack === 0);
  if (length > 0) tcb.lastSent = now;
  return true;
}

/** What was to be sent is gone, so the stream has a hole that nothing can fill: it ends here, with a reset. */
function failForMemory(tcb: Tcb): false {
  tcb.cause = Failure.FAULT;
  tcb.flags |= Flag.ABORT;
  tcb.tcp.dirty(tcb);
  return false;
}

/** The window that we offer shuts, or opens again. */
function turnOffer(tcb: Tcb): void {
  tcb.flags ^= Flag.OFFER_SHUT;
  const shut = has(tcb, Flag.OFFER_SHUT);
  const stat = shut ? Stat.TcpExtTCPToZeroWindowAdv : Stat.TcpExtTCPFromZeroWindowAdv;
  count(tcb.tcp.stats, stat);
}

/** Send a SYN, or a SYN-ACK if the peer's SYN has come. RFC 9293 §3.5, RFC 7323 §1.3. */
export function emitSyn(tcb: Tcb, flags: number, mss: number, now: Micros): boolean {
  const route = tcb.tcp.routeOf(tcb);
  if (route === null) return false;
  const at = reserve(tcb, route);
  if (at === NO_SLOT) return false;
  const v = tcb.tcp.ip.slots.view;
  let header = wire.MIN_LEN;
  header += options.writeMss(v, at + header, mss);
  if (has(tcb, Flag.SACK)) header += options.writeSackPermitted(v, at + header);
  if (has(tcb, Flag.TIMESTAMPS)) {
    header += options.writeTimestamps(v, at + header, stampNow(tcb, now), tcb.tsRecent);
  }
  if (has(tcb, Flag.SCALING)) header += options.writeWindowScale(v, at + header, tcb.rcvScale);
  const answering = (flags & ACK) !== 0;
  const ack = answering ? tcb.rcvNxt : (0 as Seq); // the field means nothing without ACK
  wire.write(
    v,
    at,
    tcb.localPort,
    tcb.remotePort,
    tcb.iss,
    ack,
    header,
    SYN | flags,
    offerSynWindow(tcb),
  );
  tcb.tcp.ip.output.next.tos = tcb.tos & DSCP; // RFC 3168 §6.1.1: no SYN is marked as capable of ECN
  if (!transmit(tcb, route, at, header, tcb.iss, 0, tcb.retries > 0)) return false;
  if (answering) acknowledged(tcb, false);
  return true;
}

/** A place for a segment, or `NO_SLOT`. */
function reserve(tcb: Tcb, route: Route): number {
  const at = tcb.tcp.ip.output.reserve(route);
  if (at === NO_SLOT) tcb.tcp.starve(tcb, route.iface);
  return at;
}

/**
 * Text, checksum, and off it goes: false if it did not. `at` is a reserved place whose header of `header` octets is
 * written; `again`: all of it was sent before.
 */
function transmit(
  tcb: Tcb,
  route: Route,
  at: number,
  header: number,
  from: Seq,
  length: number,
  again: boolean,
): boolean {
  const { tcp } = tcb;
  const { ip } = tcp;
  const { output } = ip;
  const { next } = output;
  const offload = route.iface.offload.checksum;
  const v = ip.slots.view;
  const pseudo = tcb.pseudo + lengthTerm(header + length);
  let segments = 1;
  if (offload) {
    wire.setChecksum(v, at, begun(pseudo));
    next.checksumAt = CHECKSUM_AT;
    if (length > 0) {
      next.text = tcb.chunks;
      next.textFrom = diff(from, tcb.sndUna);
      next.textLength = length;
    }
    if (length > tcb.mss && !has(tcb, Flag.PATH_PROBE)) {
      next.gsoSize = tcb.mss;
      segments = Math.ceil(length / tcb.mss);
    }
  } else {
    const text = length > 0 ? copyText(tcb, from, length, at + header) : 0;
    wire.setChecksum(v, at, finish(pseudo + text + ip.checksum.sum(at, header)));
  }
  if (tcb.ttl !== 0) next.ttl = tcb.ttl;
  next.beyondPath = tcb.search !== null;
  next.dontFragment = true; // path MTU discovery, RFC 1191 §3
  const failure = output.send(route, tcb.localAddress, Protocol.TCP, at, header + length);
  tcb.segmentsOut += segments;
  if (!again) count(tcp.stats, Stat.TcpOutSegs, segments); // RFC 4022: without what is only sent again
  return failure === Failure.NONE;
}

/** Copy text from the send buffer to `to`; its partial checksum. */
function copyText(tcb: Tcb, from: Seq, length: number, to: number): number {
  const { chunks } = tcb;
  const { checksum } = tcb.tcp.ip;
  const start = diff(from, tcb.sndUna);
  let done = 0;
  let sum = 0;
  while (done < length) {
    chunks.seek(start + done);
    const n = Math.min(chunks.available, length - done);
    const part = checksum.copy(chunks.bytes, chunks.at, to + done, n);
    // One's-complement sums of pieces add up only at even offsets (RFC 1071 §2 (B)).
    sum += (done & 1) === 0 ? part : odd(part);
    done += n;
  }
  return sum;
}

/** A segment with the newest ACK left: nothing is owed, unless a SACK did not fit into it. */
function acknowledged(tcb: Tcb, withoutSack: boolean): void {
  if (withoutSack && sackLength(tcb, MAX_OPTIONS) > 0 && has(tcb, Flag.ACK_NOW)) return;
  tcb.flags &= ~(Flag.ACK_NOW | Flag.ACK_SOON | Flag.DSACK_DUE);
  tcb.unacked = 0;
  tcb.lastAckSent = tcb.rcvNxt;
  clearTimer(tcb, Timer.DELAYED_ACK);
}

/** PSH where the text ends what the owner has written (RFC 9293 §3.9.1.2, SHLD-28). */
export const pushFlag = (tcb: Tcb, from: Seq, length: number): number =>
  diff(add(from, length), tcb.sndUna) >= tcb.chunks.length ? PSH : 0;
