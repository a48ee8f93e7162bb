/**
 * Resets and challenges that we send. RFC 9293 §3.5.2 and §3.5.3, RFC 5961 §7.
 * @module
 */
import { type Micros, SECOND } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { type Seq, seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import type { Packet } from '../../ip/packet.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import { begun, finish, lengthTerm } from '../../wire/checksum.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as wire from '../../wire/tcp.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Shared, Tcb } from '../tcb/tcb.ts';
import { emit } from './emit.ts';

const { ACK, RST } = wire.Flag;

/**
 * Answer a segment of no connection by a reset, never a RST by a RST, and only so many a second.
 * RFC 9293 §3.5.2, group 1.
 */
export function refuse(tcp: Shared, packet: Packet, segment: Segment, now: Micros): void {
  if (segment.has(RST) || !packet.unicast) return;
  if (!tcp.mayReset(packet.source, now)) return;
  if (segment.has(ACK)) sendReset(tcp, packet, segment, segment.ack, seq(0), RST);
  else sendReset(tcp, packet, segment, seq(0), segment.end, RST | ACK);
}

function sendReset(
  tcp: Shared,
  packet: Packet,
  segment: Segment,
  from: Seq,
  ack: Seq,
  flags: number,
): void {
  const { ip } = tcp;
  const route = ip.provenRoute(packet.source, packet.destination);
  if (route === undefined) return;
  const { output } = ip;
  const at = output.reserve(route);
  if (at === NO_SLOT) return;
  const v = ip.slots.view;
  const { dstPort, srcPort } = segment;
  wire.write(v, at, dstPort, srcPort, from, ack, wire.MIN_LEN, flags, 0);
  const pseudo = packet.pseudo + lengthTerm(wire.MIN_LEN); // the same in both directions
  if (route.iface.offload.checksum) {
    wire.setChecksum(v, at, begun(pseudo));
    output.next.checksumAt = 16;
  } else {
    wire.setChecksum(v, at, finish(pseudo + ip.checksum.sum(at, wire.MIN_LEN)));
  }
  output.next.dontFragment = true;
  const failure = output.send(route, packet.destination, Protocol.TCP, at, wire.MIN_LEN);
  if (failure !== Failure.NONE) return;
  count(tcp.stats, Stat.TcpOutSegs);
  count(tcp.stats, Stat.TcpOutRsts);
}

/**
 * Reset a connection of ours: RFC 9293 §3.10.5, ABORT. In answer to a segment `from` is its ACK field
 * (§3.10.7): what the peer has, and so what it takes the reset for (RFC 5961 §3.2).
 */
export function sendAbort(tcb: Tcb, now: Micros, from: Seq = tcb.sndNxt): void {
  if (emit(tcb, from, 0, RST, now)) count(tcb.tcp.stats, Stat.TcpOutRsts);
}

/**
 * A challenge: an ACK that makes an honest peer prove itself. Its rate is this connection's own,
 * because a shared counter tells strangers about it. RFC 5961 §7, and the flaw found in it since.
 */
export function challenge(tcb: Tcb, now: Micros): void {
  if (sendLimited(tcb, now)) count(tcb.tcp.stats, Stat.TcpExtTCPChallengeACK);
}

/** An ACK that nobody in order has asked for, if this second's share is not used up. */
export function sendLimited(tcb: Tcb, now: Micros): boolean {
  const { tcp } = tcb;
  const second = Math.floor(now / SECOND);
  if (second !== tcb.challengeSecond) {
    tcb.challengeSecond = second;
    tcb.challenges = 0;
  }
  if (tcb.challenges >= tcp.limits.challengeAcks) {
    count(tcp.stats, Stat.TcpExtTCPACKSkippedChallenge);
    return false;
  }
  tcb.challenges++;
  return emit(tcb, tcb.sndNxt, 0, 0, now);
}
