/**
 * Where ICMP messages are counted, by their type, under the names of Linux's nstat. RFC 792.
 * @module
 */
import { count, Stat, type Stats } from '../../base/stats.ts';
import * as icmp from '../../wire/icmp.ts';

type Counted = readonly (Stat | undefined)[];

/** Where messages of each type are counted, those that come in and those that leave. */
const IN: Counted = table([
  [icmp.Type.ECHO_REPLY, Stat.IcmpInEchoReps],
  [icmp.Type.UNREACHABLE, Stat.IcmpInDestUnreachs],
  [icmp.Type.SOURCE_QUENCH, Stat.IcmpInSrcQuenchs],
  [icmp.Type.REDIRECT, Stat.IcmpInRedirects],
  [icmp.Type.ECHO, Stat.IcmpInEchos],
  [icmp.Type.TIME_EXCEEDED, Stat.IcmpInTimeExcds],
  [icmp.Type.PARAMETER_PROBLEM, Stat.IcmpInParmProbs],
  [icmp.Type.TIMESTAMP, Stat.IcmpInTimestamps],
  [icmp.Type.TIMESTAMP_REPLY, Stat.IcmpInTimestampReps],
]);
const OUT: Counted = table([
  [icmp.Type.ECHO_REPLY, Stat.IcmpOutEchoReps],
  [icmp.Type.UNREACHABLE, Stat.IcmpOutDestUnreachs],
  [icmp.Type.ECHO, Stat.IcmpOutEchos],
  [icmp.Type.TIME_EXCEEDED, Stat.IcmpOutTimeExcds],
  [icmp.Type.PARAMETER_PROBLEM, Stat.IcmpOutParmProbs],
  [icmp.Type.TIMESTAMP, Stat.IcmpOutTimestamps],
  [icmp.Type.TIMESTAMP_REPLY, Stat.IcmpOutTimestampReps],
]);

function table(entries: readonly (readonly [number, Stat])[]): Counted {
  const stats: (Stat | undefined)[] = new Array(256).fill(undefined);
  for (const [type, stat] of entries) stats[type] = stat;
  return stats;
}

/** A message of `type` came in whole. */
export function countIn(stats: Stats, type: number): void {
  const stat = IN[type];
  if (stat !== undefined) count(stats, stat);
}

/** A message of `type` is about to leave. */
export function countOut(stats: Stats, type: number): void {
  count(stats, Stat.IcmpOutMsgs);
  const stat = OUT[type];
  if (stat !== undefined) count(stats, stat);
}
