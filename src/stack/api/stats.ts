/**
 * The stack's counters, for people and dashboards: under the names of Linux's `nstat`, and the
 * packets that were dropped or ignored by reason.
 * @module
 */
import { DROP_COUNT, type Drop, dropName, isIgnored } from '../base/drop.ts';
import { Stat } from '../base/stats.ts';
import type { Core } from '../stack.ts';

/** Counts since the stack was made, but for `TcpCurrEstab`, which is of now. */
export type StackStats = Readonly<Record<keyof typeof Stat, number>> & {
  /** Packets that came in: in = used + ignored + the drops that are not `out…` or `loopback…`. */
  readonly packetsIn: number;
  readonly packetsUsed: number;
  /** Packets that were made to be sent or passed on, of both families, before fragmentation. */
  readonly packetsOut: number;
  /** TCP connections of now, in whatever state. */
  readonly connections: number;
  /** Those of them whose program has closed them and left, and those in TIME-WAIT. */
  readonly orphans: number;
  readonly timeWaits: number;
  /** Bytes of memory that all connections keep, the most that they did, and `limits.memory`. */
  readonly tcpMemory: number;
  readonly tcpMemoryMost: number;
  readonly tcpMemoryLimit: number;
  /** True while that is so much that windows and buffers do not grow: `limits.memoryPressure`. */
  readonly tcpMemoryPressed: boolean;
  /** Packet slots, and those of them that no packet is in. */
  readonly slots: number;
  readonly slotsFree: number;
  /** Packets dropped, by reason, those that are above 0: `{ tcpBadAck: 2 }`. */
  readonly drops: Readonly<Record<string, number>>;
  /** Packets that were for others, by reason: groups that nobody here joined, other stations: `{ ipNotMember: 3 }`. */
  readonly ignored: Readonly<Record<string, number>>;
};

/** A snapshot; allocates. */
export function readStats(core: Core): StackStats {
  const counters: Record<string, number> = {};
  for (const [name, index] of Object.entries(Stat)) {
    counters[name] = core.stats[index] as number; // `Stat` holds only such indices
  }
  const drops: Record<string, number> = {};
  const ignored: Record<string, number> = {};
  for (let reason = 1; reason < DROP_COUNT; reason++) {
    const count = core.drops[reason] as number; // below the number of reasons
    const of = isIgnored(reason as Drop) ? ignored : drops;
    if (count > 0) of[dropName(reason as Drop)] = count;
  }
  const all = counters as Record<keyof typeof Stat, number>; // filled from its keys
  return {
    packetsIn: core.ip.packetsIn,
    packetsUsed: core.ip.packetsUsed,
    packetsOut:
      all.IpOutRequests + all.IpForwDatagrams + all.Ip6OutRequests + all.Ip6OutForwDatagrams,
    connections: core.tcp.table.length,
    orphans: core.tcp.orphans,
    timeWaits: core.tcp.timeWaits,
    tcpMemory: core.tcp.budget.total,
    tcpMemoryMost: core.tcp.budget.most,
    tcpMemoryLimit: core.tcp.budget.limit,
    tcpMemoryPressed: core.tcp.budget.pressed,
    slots: core.ip.slots.count,
    slotsFree: core.ip.slots.free,
    ...all,
    ...{ drops, ignored },
  };
}
