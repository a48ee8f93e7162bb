/**
 * Accepting any address and port: who decides about flows that no listener of ours is for.
 *
 * The decision falls before the SYN is answered, so a flow that is refused looks refused to the peer.
 * It may also be put off: the connection then waits half-open, its SYN unanswered, until `admit` or
 * `reject`. Half-open ones are bounded by the gate's backlog; past it SYNs are dropped and come again.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Micros } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import type { Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { unreachableAfterwards } from '../../ip/internet/quote.ts';
import type { Packet } from '../../ip/packet.ts';
import { Code } from '../../wire/icmp.ts';
import { Protocol } from '../../wire/protocol.ts';
import { remove } from '../close/close.ts';
import { refuse, sendAbort } from '../emit/reset.ts';
import { Flag } from '../tcb/flags.ts';
import type { Segment } from '../tcb/segment.ts';
import { State } from '../tcb/state.ts';
import type { Shared, Tcb } from '../tcb/tcb.ts';
import type { Listener } from './listener.ts';
import { answerSyn, type Passive } from './passive.ts';

/** What may become of a flow. */
export const Verdict = {
  /** As if nobody had been asked: the listeners decide. */
  PASS: 0,
  /** Answer the SYN; `Listener.accept` of the gate is asked for the owner. */
  ACCEPT: 1,
  /** Answer with a reset. */
  RESET: 2,
  /** Answer with ICMP: destination unreachable, administratively prohibited. */
  PROHIBIT: 3,
  /** Do not answer. */
  DROP: 4,
  /** Keep the flow until `admit` or `reject` is called for it. */
  LATER: 5,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface Gate {
  /** Limits, settings and owner of what is accepted; in no table of listeners. */
  readonly listener: Listener;
  /** Asked for every SYN that belongs to no connection, with the addresses as the peer sees them. */
  decide(remote: Address, remotePort: number, local: Address, localPort: number): Verdict;
  /**
   * After `LATER`: the half-open connection that is to be admitted or rejected, whose owner may be set
   * so that it hears of the end; null if there are too many connections.
   */
  wait(tcb: Tcb | null): void;
}

/** A SYN for nobody in particular. Null: the listeners decide. `iss`: see `answerSyn`. */
export function atGate(
  tcp: Passive,
  gate: Gate,
  packet: Packet,
  segment: Segment,
  iss: Seq | null,
  now: Micros,
): Drop | null {
  const { listener } = gate;
  switch (decide(tcp, gate, packet, segment)) {
    case Verdict.PASS:
      return null;
    case Verdict.ACCEPT:
      if (listener.halfOpen >= listener.backlog) return overflow(tcp);
      return answerSyn(tcp, listener, packet, segment, iss, now);
    case Verdict.RESET:
      refuse(tcp, packet, segment, now);
      return Drop.TCP_REFUSED;
    case Verdict.PROHIBIT:
      tcp.ip.errors.unreachable(packet, Code.PROHIBITED);
      return Drop.TCP_REFUSED;
    case Verdict.LATER:
      if (listener.halfOpen >= listener.backlog) return overflow(tcp);
      return keep(tcp, gate, packet, segment, iss, now);
    default:
      return Drop.TCP_REFUSED;
  }
}

function decide(tcp: Passive, gate: Gate, packet: Packet, segment: Segment): Verdict {
  try {
    const { source, destination } = packet;
    return gate.decide(source, segment.srcPort, destination, segment.dstPort);
  } catch (error) {
    tcp.thrown(error);
    return Verdict.DROP;
  }
}

function overflow(tcp: Shared): Drop {
  count(tcp.stats, Stat.TcpExtListenDrops);
  return Drop.TCP_SYN_QUEUE_FULL;
}

/** Half-open, and silent for now. */
function keep(
  tcp: Passive,
  gate: Gate,
  packet: Packet,
  segment: Segment,
  iss: Seq | null,
  now: Micros,
): Drop {
  let drop = answerSyn(tcp, gate.listener, packet, segment, iss, now);
  const { source, destination } = packet;
  const { srcPort, dstPort } = segment;
  const tcb = drop === Drop.NONE ? tcp.demux.find(destination, dstPort, source, srcPort) : null;
  if (tcb !== null) tcb.flags = (tcb.flags & ~Flag.SYN_DUE) | Flag.UNDECIDED;
  else if (drop === Drop.NONE) drop = Drop.TCP_LIMIT;
  try {
    gate.wait(tcb);
  } catch (error) {
    tcp.thrown(error);
    if (tcb !== null) reject(tcb, Verdict.RESET);
  }
  return drop;
}

/** The flow is wanted: answer its SYN. Nothing happens if it has gone meanwhile. */
export function admit(tcb: Tcb): void {
  if (tcb.state !== State.SYN_RECEIVED) return;
  tcb.flags = (tcb.flags & ~Flag.UNDECIDED) | Flag.SYN_DUE;
  tcb.tcp.dirty(tcb);
}

/**
 * The flow is not wanted: `RESET`, `PROHIBIT` or `DROP` it. `code` is what ICMP says in the second case.
 */
export function reject(tcb: Tcb, how: Verdict, code: number = Code.PROHIBITED): void {
  if (tcb.state !== State.SYN_RECEIVED) return;
  const { tcp, remoteAddress, localAddress, remotePort, localPort, irs } = tcb;
  if (how === Verdict.RESET) sendAbort(tcb, tcp.now);
  if (how === Verdict.PROHIBIT) {
    const ports = (remotePort << 16) | localPort;
    const { TCP } = Protocol;
    unreachableAfterwards(tcp.ip, remoteAddress, localAddress, TCP, ports, irs, code);
  }
  remove(tcb, Failure.REFUSED);
}
