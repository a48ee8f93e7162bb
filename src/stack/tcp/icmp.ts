/**
 * ICMP errors about our segments. RFC 9293 §3.9.2.2, RFC 1122 §4.2.3.9, RFC 5927.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import { Failure } from '../base/failure.ts';
import { ge, gt } from '../base/seq.ts';
import type { IcmpError } from '../ip/ip.ts';
import * as wire from '../wire/tcp.ts';
import { remove } from './close.ts';
import { State } from './state.ts';
import type { Tcp } from './tcp.ts';

/** Ports and sequence number: what RFC 792 promises of the segment. */
const QUOTED = 8;

/** Believe an error only if it quotes something in flight (RFC 5927 §4). */
export function onIcmp(tcp: Tcp, error: IcmpError, _now: Micros): Drop {
  if (error.bodyLength < QUOTED) return Drop.ICMP_MALFORMED;
  const v = tcp.ip.slots.view;
  const local = wire.srcPort(v, error.body);
  const remote = wire.dstPort(v, error.body);
  const tcb = tcp.demux.find(error.source, local, error.destination, remote);
  if (tcb === null) return Drop.ICMP_NO_MATCH;
  const quoted = wire.seq(v, error.body);
  if (!ge(quoted, tcb.sndUna) || !gt(tcb.sndNxt, quoted)) return Drop.ICMP_NO_MATCH;
  if (error.mtu > 0) {
    // RFC 1191 §6.4: what was too big goes again, smaller, without waiting for the timer.
    tcb.route = null;
    if (tcb.scoreboard !== null && tcb.scoreboard.count > 0) tcb.scoreboard.markLost(0);
    tcp.dirty(tcb);
    return Drop.NONE;
  }
  if (error.failure === Failure.NONE) return Drop.NONE;
  // RFC 5927 §5.2: an error kills only what is not yet open; later it is a hint (soft).
  const opening = tcb.state === State.SYN_SENT || tcb.state === State.SYN_RECEIVED;
  if (opening && (error.hard || tcb.state === State.SYN_SENT)) remove(tcb, error.failure);
  else tcb.softError = error.failure;
  return Drop.NONE;
}
