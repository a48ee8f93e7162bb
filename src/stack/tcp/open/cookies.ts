/**
 * SYN cookies: when a listener's half-open connections are too many, what a SYN said is kept in the
 * sequence number and the timestamp of the answer, and in no memory of ours. RFC 4987 §3.6.
 *
 * Sequence number = hash(addresses, ports) + the peer's + (minute << 24)
 *                 + (hash(addresses, ports, minute) + MSS index) mod 2^24.
 * The low six bits of the timestamp hold window scale (4; 15: none), SACK (1) and ECN (1).
 * @module
 */
import { isIPv6 } from '../../base/address.ts';
import { type Micros, SECOND } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import type { Random } from '../../base/random.ts';
import { type Seq, seq } from '../../base/seq.ts';
import { makeKey, type SipKey, siphash, siphashAddresses } from '../../base/siphash.ts';
import { count, Stat } from '../../base/stats.ts';
import type { Packet } from '../../ip/packet.ts';
import { Flag as Header } from '../../wire/tcp.ts';
import { become } from '../close/close.ts';
import { isSetup } from '../congestion/ecn.ts';
import { emitSyn } from '../emit/emit.ts';
import { offeredMss } from '../path/mss.ts';
import { Flag, has } from '../tcb/flags.ts';
import { Segment } from '../tcb/segment.ts';
import { State } from '../tcb/state.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { echoedAge } from '../timing/timestamps.ts';
import type { Listener } from './listener.ts';
import { setSendSequence, takeSyn } from './open.ts';
import type { Opening } from './opening.ts';

const TICK: Micros = 64 * SECOND;
/** A cookie is good for this tick and the one before. */
const MAX_AGE = 1;
const LOW = 0xffffff;
/** RFC 4987 leaves the table open: the sizes that are met most, least first. */
const SIZES: readonly number[] = [64, 512, 536, 1220, 1300, 1400, 1440, 1460];
const OPTION_BITS = 6;
const OPTION_MASK = (1 << OPTION_BITS) - 1;
const NO_SCALE = 15;

export class Cookies {
  readonly #key: SipKey;
  readonly #tickKey: SipKey;
  /** The SYN that a cookie stands for, put together again: one a stack. */
  readonly #syn: Segment = new Segment();

  constructor(random: Random) {
    this.#key = makeKey(random);
    this.#tickKey = makeKey(random);
  }

  /** Answer a SYN without keeping anything of it. */
  answer(tcp: Opening, listener: Listener, packet: Packet, segment: Segment, now: Micros): Drop {
    const tcb = tcp.scratchFor(listener, packet, segment);
    if (tcb === null) return Drop.IP_NO_ROUTE;
    takeSyn(tcb, segment, now);
    // Only a timestamp can carry what was agreed; without one, nothing is.
    if (!has(tcb, Flag.TIMESTAMPS)) tcb.flags &= ~(Flag.SACK | Flag.SCALING | Flag.ECN);
    const asked = isSetup(segment) && has(tcb, Flag.ECN);
    setSendSequence(tcb, this.#make(packet, segment, segment.seq, now, tcb.peerMss));
    tcb.tsOffset = stampWith(tcp, packet, segment, tcb, now);
    const route = tcp.routeOf(tcb);
    if (route === null) return Drop.IP_NO_ROUTE;
    emitSyn(tcb, Header.ACK | (asked ? Header.ECE : 0), offeredMss(tcb, route), now);
    count(tcp.stats, Stat.TcpExtSyncookiesSent);
    return Drop.NONE;
  }

  /** An ACK at a listener: if it answers a cookie of ours, the connection it stands for, open. */
  open(
    tcp: Opening,
    listener: Listener,
    packet: Packet,
    segment: Segment,
    now: Micros,
  ): Tcb | null {
    if (!listener.mayHaveCookies(now) || segment.has(Header.SYN)) return null;
    const mss = this.#check(packet, segment, now);
    if (mss === 0) {
      count(tcp.stats, Stat.TcpExtSyncookiesFailed);
      return null;
    }
    const tcb = tcp.makeFor(listener, packet, segment);
    if (tcb === null) return null;
    count(tcp.stats, Stat.TcpExtSyncookiesRecv);
    restore(tcp, this.#syn, tcb, packet, segment, mss, now);
    tcb.segmentsIn = 1; // its SYN
    become(tcb, State.SYN_RECEIVED);
    tcb.listener = listener;
    listener.halfOpen++; // `accepted` takes it back
    // No clock saw the SYN-ACK leave: the first sample comes from the timestamp or from text.
    tcb.firstSent = 0;
    tcb.opened = now - Math.min(Math.max(0, echoedAge(tcb, segment, now)), (MAX_AGE + 1) * TICK);
    return tcb;
  }

  #make(packet: Packet, segment: Segment, irs: Seq, now: Micros, peerMss: number): Seq {
    const tick = Math.floor(now / TICK);
    let index = SIZES.length - 1;
    while (index > 0 && (SIZES[index] as number) > peerMss) index--; // inside the table
    const low = (this.#hashTick(packet, segment, tick) + index) & LOW;
    return seq(this.#hash(packet, segment) + irs + (((tick & 0xff) << 24) | low));
  }

  /** The MSS in the cookie that `segment` acknowledges, or 0 if it is none of ours. */
  #check(packet: Packet, segment: Segment, now: Micros): number {
    const irs = seq(segment.seq - 1);
    const cookie = seq(segment.ack - 1);
    const value = (cookie - this.#hash(packet, segment) - irs) | 0;
    const tick = Math.floor(now / TICK);
    const age = (tick - (value >>> 24)) & 0xff;
    if (age > MAX_AGE) return 0;
    const index = ((value & LOW) - this.#hashTick(packet, segment, tick - age)) & LOW;
    return SIZES[index] ?? 0;
  }

  #hash(packet: Packet, segment: Segment): number {
    const ports = (segment.dstPort << 16) | segment.srcPort;
    return siphashAddresses(this.#key, packet.destination, packet.source, ports);
  }

  #hashTick(packet: Packet, segment: Segment, tick: number): number {
    const ports = (segment.dstPort << 16) | segment.srcPort;
    const { source, destination } = packet;
    const both = isIPv6(source)
      ? siphashAddresses(this.#tickKey, source, destination, ports)
      : source ^ destination;
    return siphash(this.#tickKey, both, ports, tick);
  }
}

/** A timestamp offset for the scratch connection, so that its TSval ends in the options' bits. */
function stampWith(tcp: Opening, packet: Packet, segment: Segment, tcb: Tcb, now: Micros): number {
  const scale = has(tcb, Flag.SCALING) ? tcb.sndScale : NO_SCALE;
  const bits = scale | (has(tcb, Flag.SACK) ? 16 : 0) | (has(tcb, Flag.ECN) ? 32 : 0);
  const ticks = Math.floor(now / 1000) | 0;
  let value = (ticks & ~OPTION_MASK) | bits;
  if (((value - ticks) | 0) > 0) value -= 1 << OPTION_BITS; // never ahead of the clock
  return (offsetOf(tcp, packet, segment) + value - ticks) | 0;
}

const offsetOf = (tcp: Opening, packet: Packet, segment: Segment): number =>
  tcp.secrets.stampOffset(packet.destination, segment.dstPort, packet.source, segment.srcPort);

/** Put the connection together again from the cookie and the timestamp. */
function restore(
  tcp: Opening,
  syn: Segment,
  tcb: Tcb,
  packet: Packet,
  ack: Segment,
  mss: number,
  now: Micros,
): void {
  const { options } = ack;
  const offset = offsetOf(tcp, packet, ack);
  const stamped = options.hasTimestamps && tcb.settings.timestamps;
  const bits = stamped ? (options.tsEcr - offset) & OPTION_MASK : NO_SCALE;
  const scale = bits & 15;
  syn.seq = seq(ack.seq - 1);
  syn.ack = ack.ack;
  syn.window = ack.window;
  syn.flags = (bits & 32) !== 0 && stamped ? Header.SYN | Header.ECE | Header.CWR : Header.SYN;
  syn.options.mss = mss;
  syn.options.windowScale = scale === NO_SCALE ? -1 : scale;
  syn.options.sackPermitted = stamped && (bits & 16) !== 0;
  syn.options.hasTimestamps = stamped;
  syn.options.tsVal = options.tsVal;
  takeSyn(tcb, syn, now);
  setSendSequence(tcb, seq(ack.ack - 1));
  tcb.tsOffset = offset;
  // A cookie without timestamps could not carry our scale either: the peer saw none.
  tcb.rcvAdv = seq(tcb.rcvNxt + Math.min(tcb.receiveBuffer, 65_535));
}
