/**
 * What a stack has carried, for people: one line at the end, a shorter one while it runs.
 * @module
 */
import type { StackStats } from '../../index.ts';
import type { Carried, Service } from '../serve/services.ts';

/** What of a stack's counters is told here. */
export interface Counted {
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Packets that were discarded, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}

/** The same, out of all of them. */
export function counted(stats: StackStats): Counted {
  return {
    packetsIn: stats.packetsIn,
    packetsOut: stats.packetsOut,
    bytesIn: stats.IpExtInOctets,
    bytesOut: stats.IpExtOutOctets,
    drops: stats.drops,
  };
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size as people say it: 999 B, 1.5 kB, 12 MB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** 1 packet, 2 packets. */
export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The drops, the most frequent first. */
function dropped(drops: Readonly<Record<string, number>>): string {
  const found = Object.entries(drops).filter(([, count]) => count > 0);
  if (found.length === 0) return 'dropped none';
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  const each = found.sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`);
  return `dropped ${total} (${each.join(', ')})`;
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
    dropped(stack.drops),
  ].join(', ');
}

/** The status line of `serve`: what passes in a second. */
export function statusLine(now: Counted, before: Counted, seconds: number, open: number): string {
  const rate = (bytes: number): string => `${size(bytes / seconds)}/s`;
  const packets = now.packetsIn + now.packetsOut - before.packetsIn - before.packetsOut;
  return [
    `in ${rate(now.bytesIn - before.bytesIn)}`,
    `out ${rate(now.bytesOut - before.bytesOut)}`,
    `${Math.round(packets / seconds)} packets/s`,
    plural(open, 'open connection'),
  ].join('  ');
}
