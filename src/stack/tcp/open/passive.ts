/**
 * A SYN comes to a listener. RFC 9293 §3.10.7.2, third.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import type { Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import type { Packet } from '../../ip/packet.ts';
import { become } from '../close/close.ts';
import { Flag } from '../tcb/flags.ts';
import type { Segment } from '../tcb/segment.ts';
import { State } from '../tcb/state.ts';
import type { Cookies } from './cookies.ts';
import type { Listener } from './listener.ts';
import { prepare, setSendSequence, takeSyn } from './open.ts';
import type { Opening } from './opening.ts';

/** A stack that takes SYNs in. */
export interface Passive extends Opening {
  readonly cookies: Cookies;
}

/** A SYN for a listener. §3.10.7.2, third. `iss`: where to begin, or null to choose. */
export function answerSyn(
  tcp: Passive,
  listener: Listener,
  packet: Packet,
  segment: Segment,
  iss: Seq | null,
  now: Micros,
): Drop {
  if (!listener.hasRoom()) {
    count(tcp.stats, Stat.TcpExtListenOverflows);
    count(tcp.stats, Stat.TcpExtListenDrops);
    return Drop.TCP_ACCEPT_QUEUE_FULL;
  }
  if (listener.halfOpen >= listener.backlog) {
    listener.noteOverflow(now);
    return tcp.cookies.answer(tcp, listener, packet, segment, now);
  }
  const tcb = tcp.makeFor(listener, packet, segment);
  if (tcb === null) return tcp.isFull ? Drop.TCP_LIMIT : Drop.IP_NO_ROUTE;
  tcb.flags |= Flag.SYN_DUE;
  tcb.listener = listener;
  listener.halfOpen++;
  prepare(tcb, tcp.secrets, now);
  if (iss !== null) setSendSequence(tcb, iss);
  takeSyn(tcb, segment, now);
  tcb.segmentsIn = 1;
  become(tcb, State.SYN_RECEIVED);
  tcp.dirty(tcb);
  return Drop.NONE;
}
