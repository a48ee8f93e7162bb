/**
 * What a stack has carried, for people: one line at the end, a shorter one while it runs.
 * @module
 */
import type { StackStats } from '../../index.ts';
import type { Carried, Service } from '../serve/services.ts';
import { plural, size } from '../words.ts';

/** What of a stack's counters is told here. */
export interface Counted {
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Packets that were discarded, and those that were for others, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  readonly ignored: Readonly<Record<string, number>>;
}

/** The same, out of all of them. */
export function counted(stats: StackStats): Counted {
  return {
    packetsIn: stats.packetsIn,
    packetsOut: stats.packetsOut,
    bytesIn: stats.IpExtInOctets + stats.Ip6InOctets,
    bytesOut: stats.IpExtOutOctets + stats.Ip6OutOctets,
    drops: stats.drops,
    ignored: stats.ignored,
  };
}

/**
 * The drops, the most frequent first; and what was for others, such as the kernel's search for routers on every
 * TUN (RFC 4861 §6.3.7), which is no loss.
 */
function dropped({ drops, ignored }: Counted): string[] {
  const others = Object.values(ignored).reduce((sum, count) => sum + count, 0);
  const found = Object.entries(drops).filter(([, count]) => count > 0);
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  const each = found.sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`);
  return [
    found.length === 0 ? 'dropped none' : `dropped ${total} (${each.join(', ')})`,
    ...(others > 0 ? [`${others} for others`] : []),
  ];
}

/** The last line of `serve`. */
export function carriedLine(stack: Counted, services: Readonly<Record<Service, Carried>>): string {
  const all = Object.values(services);
  const connections = all.reduce((sum, service) => sum + service.connections, 0);
  const datagrams = all.reduce((sum, service) => sum + service.datagramsIn, 0);
  return [
    `carried ${plural(stack.packetsIn, 'packet')} in (${size(stack.bytesIn)})`,
    `${plural(stack.packetsOut, 'packet')} out (${size(stack.bytesOut)})`,
    plural(connections, 'connection'),
    plural(datagrams, 'datagram'),
    ...dropped(stack),
  ].join(', ');
}

/** The status line of `serve`: what passes in a second. */
export function statusLine(now: Counted, before: Counted, seconds: number, open: number): string {
  const rate = (bytes: number): string => `${size(bytes / seconds)}/s`;
  const packets = now.packetsIn + now.packetsOut - before.packetsIn - before.packetsOut;
  return [
    `in ${rate(now.bytesIn - before.bytesIn)}`,
    `out ${rate(now.bytesOut - before.bytesOut)}`,
    `${plural(Math.round(packets / seconds), 'packet')}/s`,
    plural(open, 'open connection'),
  ].join('  ');
}
