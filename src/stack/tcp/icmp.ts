/**
 * ICMP errors about our segments. RFC 9293 §3.9.2.2, RFC 1122 §4.2.3.9, RFC 5927.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import { Failure } from '../base/failure.ts';
import { diff, ge, gt } from '../base/seq.ts';
import type { IcmpError } from '../ip/ip.ts';
import * as wire from '../wire/tcp.ts';
import { remove } from './close/close.ts';
import type { Opening } from './open/opening.ts';
import { usualOptions } from './path/mss.ts';
import { effectiveMtu, onReportedMtu } from './path/plpmtu.ts';
import { Fate } from './tcb/scoreboard.ts';
import { State } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';

/** Ports and sequence number: what RFC 792 promises of the segment. */
const QUOTED = 8;

/**
 * RFC 1191 §6.4: what was too long goes again, shorter, without waiting for the timer, and without a
 * word to congestion control. All of it was: one report stands for the others.
 */
function tooLong(tcb: Tcb, mtu: number): void {
  tcb.route = null;
  const board = tcb.scoreboard;
  if (board === null) return;
  const fits = Math.min(mtu - tcb.headers - usualOptions(tcb), tcb.mss - 1);
  for (let i = 0; i < board.count; i++) {
    const isLong = diff(board.end(i), board.start(i)) > fits;
    if (isLong && (board.fate(i) & (Fate.SACKED | Fate.LOST)) === 0) board.markLost(i);
  }
}

/** Believe an error only if it quotes something in flight (RFC 5927 §4). */
export function onIcmp(tcp: Opening, error: IcmpError, _now: Micros): Drop {
  if (error.bodyLength < QUOTED) return Drop.ICMP_MALFORMED;
  const v = tcp.ip.slots.view;
  const local = wire.srcPort(v, error.body);
  const remote = wire.dstPort(v, error.body);
  const tcb = tcp.demux.find(error.source, local, error.destination, remote);
  if (tcb === null) return Drop.ICMP_NO_MATCH;
  const quoted = wire.seq(v, error.body);
  if (!ge(quoted, tcb.sndUna) || !gt(tcb.sndNxt, quoted)) return Drop.ICMP_NO_MATCH;
  if (error.mtu > 0) {
    if (error.mtu < effectiveMtu(tcb)) tooLong(tcb, error.mtu);
    onReportedMtu(tcb, error.mtu);
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
