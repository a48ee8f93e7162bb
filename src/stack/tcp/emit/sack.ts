/**
 * Selective acknowledgments that we send. RFC 2018 §3 and §4, RFC 2883.
 *
 * The first block is the range that the segment just received fell into (or, before it, a duplicate
 * to report), then those that were reported last, so that each is told as often as there are blocks. Where
 * these are fewer, others follow.
 * @module
 */
import { lt, type Seq, seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import * as options from '../../wire/tcp-options.ts';
import { Flag, has } from '../tcb/flags.ts';
import { MAX_BLOCKS, type Reported } from '../tcb/reported.ts';
import type { Tcb } from '../tcb/tcb.ts';

const HEADER = 4;
const BLOCK = 8;

/** Bytes that the SACK option will take, if at most `space` may be used; 0: none is due. */
export function sackLength(tcb: Tcb, space: number): number {
  if (!has(tcb, Flag.SACK)) return 0;
  const ranges = tcb.spans === null ? 0 : tcb.spans.count;
  const wanted = ranges + (has(tcb, Flag.DSACK_DUE) ? 1 : 0);
  if (wanted === 0) return 0;
  const blocks = Math.min(wanted, MAX_BLOCKS, Math.floor((space - HEADER) / BLOCK));
  return blocks > 0 ? HEADER + blocks * BLOCK : 0;
}

/** Write the option in `length` bytes, which `sackLength` gave; gives `length`. */
export function writeSack(tcb: Tcb, v: DataView, at: number, length: number): number {
  let blocks = (length - HEADER) / BLOCK;
  let to = at + options.writeSackHeader(v, at, blocks);
  if (has(tcb, Flag.DSACK_DUE)) {
    to += options.writeSackBlock(v, to, tcb.dsackStart, tcb.dsackEnd); // RFC 2883 §4, first
    blocks--;
  }
  const { spans, reported } = tcb;
  if (spans === null || reported === null) return length;
  const known = Math.min(reported.count, blocks);
  for (let i = 0; i < known; i++) {
    to += options.writeSackBlock(v, to, reported.start(i), reported.end(i));
  }
  let left = blocks - known;
  // Those above the newest come first; there are as many as blocks at least (`sackLength`).
  let range = left > 0 && known > 0 ? spans.find(reported.start(0)) : -1;
  for (let i = 0; i < spans.count && left > 0; i++) {
    range = (range + 1) % spans.count;
    if (isKnown(reported, known, spans.start(range))) continue;
    to += options.writeSackBlock(v, to, spans.start(range), spans.end(range));
    left--;
  }
  return length;
}

/** True if the range that begins at `start` is among the first `known`. */
function isKnown(reported: Reported, known: number, start: Seq): boolean {
  for (let i = 0; i < known; i++) if (reported.start(i) === start) return true;
  return false;
}

/** A segment that brought nothing new: report `start..end` once. RFC 2883 §4. */
export function reportDuplicate(tcb: Tcb, start: Seq, end: Seq): void {
  if (!has(tcb, Flag.SACK)) return;
  tcb.dsackStart = start;
  tcb.dsackEnd = seq(end);
  tcb.flags |= Flag.DSACK_DUE;
  const old = lt(start, tcb.rcvNxt);
  count(tcb.tcp.stats, old ? Stat.TcpExtTCPDSACKOldSent : Stat.TcpExtTCPDSACKOfoSent);
}
