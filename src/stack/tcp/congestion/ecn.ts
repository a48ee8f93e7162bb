/**
 * Explicit congestion notification. RFC 3168 §6.1.
 * @module
 */
import { diff, type Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import * as wire from '../../wire/tcp.ts';
import { Flag, has } from '../tcb/flags.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Tcb } from '../tcb/tcb.ts';

const { CWR, ECE, SYN, ACK } = wire.Flag;

/** The codepoints of the IP header, RFC 3168 §5. */
export const Codepoint = { NOT_ECT: 0, ECT1: 1, ECT0: 2, CE: 3 } as const;

/** Header flags to add (low byte) and the IP codepoint (next byte) of a segment that leaves now. */
export function takeCodepoint(tcb: Tcb, flags: number, length: number, from: Seq): number {
  if (!has(tcb, Flag.ECN)) return 0;
  let bits = has(tcb, Flag.ECE_DUE) ? ECE : 0; // §6.1.3: on every ACK until CWR comes
  if (length === 0 || (flags & SYN) !== 0) return bits;
  // §6.1.5: a retransmission must not be marked as capable.
  if (diff(from, tcb.sndNxt) < 0) return bits;
  if (has(tcb, Flag.CWR_DUE)) {
    bits |= CWR; // §6.1.2: once, on the first new text
    tcb.flags &= ~Flag.CWR_DUE;
  }
  return bits | (Codepoint.ECT0 << 8);
}

/** A segment of a connection that uses ECN arrived: note its marks. §6.1.3. */
export function noteMarks(tcb: Tcb, segment: Segment): void {
  if (segment.has(CWR) && segment.length > 0) tcb.flags &= ~Flag.ECE_DUE;
  if (segment.ecn !== Codepoint.CE) return;
  tcb.flags |= Flag.ECE_DUE | Flag.ACK_NOW;
  count(tcb.tcp.stats, Stat.TcpExtTCPDeliveredCE);
}

/** True if the peer's SYN asks for ECN (§6.1.1: ECE and CWR both). */
export const isSetup = (segment: Segment): boolean =>
  (segment.flags & (SYN | ACK | ECE | CWR)) === (SYN | ECE | CWR);

/** True if the peer's SYN-ACK agrees (§6.1.1: ECE without CWR). */
export const isAgreed = (segment: Segment): boolean =>
  (segment.flags & (SYN | ACK | ECE | CWR)) === (SYN | ACK | ECE);
