/**
 * Needless retransmissions: noticed by timestamps (Eifel, RFC 3522), by D-SACK (RFC 3708) or by
 * F-RTO (RFC 5682), and their reduction of the window taken back (RFC 4015).
 * @module
 */
import type { Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { Flag, has } from '../tcb/flags.ts';
import { Frto, Probe, Recovery } from '../tcb/phases.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { noteReordering } from './rack.ts';

/** A recovery begins: keep what it will change. */
export function remember(tcb: Tcb): void {
  tcb.undoMarker = tcb.sndUna;
  // A probe of the tail may be reported, too, whose original has arrived meanwhile.
  const probe = tcb.probe === Probe.OLD_TEXT ? tcb.mss : 0;
  tcb.undoRetransmits = Math.max(probe, resent(tcb));
  tcb.prior = { cwnd: tcb.cwnd, ssthresh: tcb.ssthresh };
  if (tcb.undoRetransmits === 0) tcb.retransmitStamp = 0;
}

export function forget(tcb: Tcb): void {
  tcb.prior = null;
  if (resent(tcb) === 0) tcb.retransmitStamp = 0;
}

/**
 * Octets that were sent again and are still out. One recovery may end, and the next begin, before they
 * arrive: the ACK of theirs echoes an older stamp than the new recovery's, and yet proves nothing.
 */
const resent = (tcb: Tcb): number => tcb.scoreboard?.resentBytes ?? 0;

/** A D-SACK for `start..end`: one retransmission of this recovery was needless. */
export function onDuplicate(tcb: Tcb, start: Seq, end: Seq): void {
  if (tcb.prior === null || tcb.undoRetransmits <= 0) return;
  if (((start - tcb.undoMarker) | 0) < 0) return;
  tcb.undoRetransmits = Math.max(0, tcb.undoRetransmits - ((end - start) | 0));
  if (tcb.undoRetransmits === 0) tcb.undoRetransmits = ALL_NEEDLESS;
}

/** Every retransmission of this recovery was reported as a duplicate. */
const ALL_NEEDLESS = -1;

/** True if the recovery, which may have ended meanwhile, is known to be needless by D-SACKs. */
export const wasNeedless = (tcb: Tcb): boolean =>
  tcb.prior !== null && tcb.undoRetransmits === ALL_NEEDLESS;

/** The recovery is over. A D-SACK for what it sent again takes a round trip, and may still come. */
export function expectReports(tcb: Tcb): void {
  if (resent(tcb) === 0) tcb.retransmitStamp = 0;
  if (!has(tcb, Flag.SACK)) forget(tcb);
}

/** True if the recovery is known to be needless, by what `segment` echoes or by D-SACKs. */
export function isSpurious(tcb: Tcb, segment: Segment): boolean {
  if (tcb.prior === null) return false;
  if (wasNeedless(tcb)) return true;
  // RFC 3522 §3.2 (4): the ACK was caused by a segment older than the first retransmission.
  return (
    tcb.retransmitStamp !== 0 &&
    has(tcb, Flag.TIMESTAMPS) &&
    segment.options.hasTimestamps &&
    segment.options.tsEcr !== 0 &&
    ((segment.options.tsEcr - tcb.retransmitStamp) | 0) < 0
  );
}

/** Take the reduction back, and what is thought lost with it. */
export function undo(tcb: Tcb): void {
  const { prior } = tcb;
  if (prior === null) return;
  const stat = tcb.recovery === Recovery.LOSS ? Stat.TcpExtTCPLossUndo : Stat.TcpExtTCPFullUndo;
  // What was taken for lost came late: from now on RACK is patient. RFC 8985 §6.2, step 3, sees this
  // only in what was not sent again, and would repeat the mistake for ever.
  if (tcb.recovery === Recovery.RECOVERY && has(tcb, Flag.SACK)) noteReordering(tcb);
  count(tcb.tcp.stats, stat);
  tcb.cwnd = Math.max(tcb.cwnd, prior.cwnd);
  tcb.ssthresh = Math.max(tcb.ssthresh, prior.ssthresh);
  tcb.congestion.onUndo(tcb);
  tcb.scoreboard?.clearLost();
  tcb.recovery = Recovery.OPEN;
  tcb.frto = Frto.OFF;
  tcb.dupAcks = 0;
  forget(tcb);
}
