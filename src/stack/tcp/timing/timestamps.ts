/**
 * Timestamps: our clock, the peer's, and what an old one means. RFC 7323 §3 to §5.
 *
 * The clock ticks in milliseconds (§5.4 allows 1 ms to 1 s) from an offset that is random for each
 * connection, so that it tells nothing about the host.
 * @module
 */
import { MILLISECOND, type Micros, SECOND } from '../../base/clock.ts';
import { diff, le } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import * as wire from '../../wire/tcp.ts';
import { Flag, has } from '../tcb/flags.ts';
import type { Segment } from '../tcb/segment.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** §5.5: after 24 days without a segment the peer's clock may have gone half round. */
const TS_RECENT_LIFE: Micros = 24 * 24 * 3600 * SECOND;

/** TSval for a segment that leaves at `now`; an int32. */
export const stampNow = (tcb: Tcb, now: Micros): number =>
  (Math.floor(now / MILLISECOND) + tcb.tsOffset) | 0;

/**
 * How long ago the timestamp that the segment echoes was sent; -1 if it echoes none, or one that is older
 * than the connection. Such a sample, of up to 24 days, would make the round trip that long for the pacing,
 * and the connection silent.
 */
export function echoAge(tcb: Tcb, segment: Segment, now: Micros): Micros {
  const age = echoedAge(tcb, segment, now);
  return age <= now - tcb.opened + MILLISECOND ? age : -1; // the clock's tick may be half over
}

/** The same by what the segment says, of a connection of which nothing is known. */
export function echoedAge(tcb: Tcb, segment: Segment, now: Micros): Micros {
  if (!has(tcb, Flag.TIMESTAMPS) || !segment.options.hasTimestamps) return -1;
  if (segment.options.tsEcr === 0) return -1;
  const ticks = (stampNow(tcb, now) - segment.options.tsEcr) | 0;
  return ticks < 0 ? -1 : ticks * MILLISECOND;
}

/** So many ticks late a segment may be, if it cannot be from before a wrap. */
const LATE: number = 16;
/** How much text goes between two marks of the clock. */
const MARK: number = 2 ** 30;

/**
 * Merely late: a segment that was on its way when the one that set TS.Recent was sent, a
 * retransmission say, and came after it. What precedes a wrap is 2^32 octets older, and so not newer
 * than TS.Recent was 2^30 octets ago. R1 would have it dropped, and each loss on a path that reorders
 * would cause others.
 */
const isLate = (tcb: Tcb, age: number, value: number): boolean =>
  age <= LATE && ((value - tcb.tsFloor) | 0) >= 0;

const isOutdated = (tcb: Tcb, now: Micros): boolean => now - tcb.tsRecentAge > TS_RECENT_LIFE;

/**
 * §5.3, R1: protection against wrapped sequence numbers. True if the segment is older than what was
 * received, and is to be answered by an ACK and dropped. A RST is never refused so (§5.2).
 */
export function isOld(tcb: Tcb, segment: Segment, now: Micros): boolean {
  if (!has(tcb, Flag.TIMESTAMPS) || !segment.options.hasTimestamps) return false;
  if (segment.has(wire.Flag.RST)) return false;
  const { tsVal } = segment.options;
  const age = (tcb.tsRecent - tsVal) | 0;
  if (age <= 0 || isLate(tcb, age, tsVal) || isOutdated(tcb, now)) return false;
  count(tcb.tcp.stats, Stat.TcpExtPAWSEstab);
  return true;
}

/** §3.2: a connection that agreed on timestamps takes no segment without one, but for a RST. */
export const lacksStamp = (tcb: Tcb, segment: Segment): boolean =>
  has(tcb, Flag.TIMESTAMPS) && !segment.options.hasTimestamps && !segment.has(wire.Flag.RST);

/** §4.3, (2): remember the timestamp to echo, from a segment that covers Last.ACK.sent. */
export function remember(tcb: Tcb, segment: Segment, now: Micros): void {
  if (!segment.options.hasTimestamps || !has(tcb, Flag.TIMESTAMPS)) return;
  if (!le(segment.seq, tcb.lastAckSent)) return;
  const older = ((segment.options.tsVal - tcb.tsRecent) | 0) < 0;
  if (older && !isOutdated(tcb, now)) return;
  tcb.tsRecent = segment.options.tsVal;
  tcb.tsRecentAge = now;
  if (older) startStamps(tcb);
  else if (diff(tcb.rcvNxt, tcb.tsMarkSeq) >= MARK) mark(tcb);
}

/** The peer's clock is known, by `tsRecent`, from here on. */
export function startStamps(tcb: Tcb): void {
  tcb.tsFloor = tcb.tsRecent;
  tcb.tsMark = tcb.tsRecent;
  tcb.tsMarkSeq = tcb.rcvNxt;
}

/** What TS.Recent is now will be the floor when as much text again has come. */
function mark(tcb: Tcb): void {
  tcb.tsFloor = tcb.tsMark;
  tcb.tsMark = tcb.tsRecent;
  tcb.tsMarkSeq = tcb.rcvNxt;
}
