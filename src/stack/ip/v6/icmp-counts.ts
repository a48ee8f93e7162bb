/**
 * Where ICMPv6 messages are counted, by their type, under the names of Linux's nstat. RFC 4443.
 * @module
 */
import { count, Stat, type Stats } from '../../base/stats.ts';
import { Type } from '../../wire/icmp6.ts';

type Counted = readonly (Stat | undefined)[];

/** Where messages of each type are counted, those that come in and those that leave. */
const IN: Counted = table([
  [Type.UNREACHABLE, Stat.Icmp6InDestUnreachs],
  [Type.PACKET_TOO_BIG, Stat.Icmp6InPktTooBigs],
  [Type.TIME_EXCEEDED, Stat.Icmp6InTimeExcds],
  [Type.PARAMETER_PROBLEM, Stat.Icmp6InParmProblems],
  [Type.ECHO, Stat.Icmp6InEchos],
  [Type.ECHO_REPLY, Stat.Icmp6InEchoReplies],
  [Type.LISTENER_QUERY, Stat.Icmp6InGroupMembQueries],
  [Type.LISTENER_REPORT, Stat.Icmp6InGroupMembResponses],
  [Type.LISTENER_DONE, Stat.Icmp6InGroupMembReductions],
  [Type.ROUTER_SOLICITATION, Stat.Icmp6InRouterSolicits],
  [Type.ROUTER_ADVERTISEMENT, Stat.Icmp6InRouterAdvertisements],
  [Type.NEIGHBOUR_SOLICITATION, Stat.Icmp6InNeighborSolicits],
  [Type.NEIGHBOUR_ADVERTISEMENT, Stat.Icmp6InNeighborAdvertisements],
  [Type.REDIRECT, Stat.Icmp6InRedirects],
  [Type.LISTENER_REPORT_V2, Stat.Icmp6InMLDv2Reports],
]);
const OUT: Counted = table([
  [Type.UNREACHABLE, Stat.Icmp6OutDestUnreachs],
  [Type.PACKET_TOO_BIG, Stat.Icmp6OutPktTooBigs],
  [Type.TIME_EXCEEDED, Stat.Icmp6OutTimeExcds],
  [Type.PARAMETER_PROBLEM, Stat.Icmp6OutParmProblems],
  [Type.ECHO, Stat.Icmp6OutEchos],
  [Type.ECHO_REPLY, Stat.Icmp6OutEchoReplies],
  [Type.LISTENER_QUERY, Stat.Icmp6OutGroupMembQueries],
  [Type.LISTENER_REPORT, Stat.Icmp6OutGroupMembResponses],
  [Type.LISTENER_DONE, Stat.Icmp6OutGroupMembReductions],
  [Type.ROUTER_SOLICITATION, Stat.Icmp6OutRouterSolicits],
  [Type.ROUTER_ADVERTISEMENT, Stat.Icmp6OutRouterAdvertisements],
  [Type.NEIGHBOUR_SOLICITATION, Stat.Icmp6OutNeighborSolicits],
  [Type.NEIGHBOUR_ADVERTISEMENT, Stat.Icmp6OutNeighborAdvertisements],
  [Type.REDIRECT, Stat.Icmp6OutRedirects],
  [Type.LISTENER_REPORT_V2, Stat.Icmp6OutMLDv2Reports],
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
  count(stats, Stat.Icmp6OutMsgs);
  const stat = OUT[type];
  if (stat !== undefined) count(stats, stat);
}
