/**
 * One look at all there is, a second after the last while somebody looks, and none else.
 *
 * Looking shall take a hundredth of the time: where connections are so many that it takes longer, the next look is later.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { StackStats } from '../../index.ts';
import { diagnose, type Finding } from './diagnosis.ts';
import { learned } from './learned.ts';
import { Rows } from './rows.ts';
import type { Facts, Watched } from './watched.ts';

/** What all readers are told. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Seconds since the command began. */
  readonly uptime: number;
  /** A second: bytes and packets. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly packetsIn: number | undefined;
  readonly packetsOut: number | undefined;
  /** Of the stack; undefined where there is none. */
  readonly whole: Whole | undefined;
  readonly findings: readonly Finding[];
  readonly facts: readonly Facts[];
}

/** Of the stack. */
export interface Whole {
  readonly connections: number;
  /** Segments sent again, a second. */
  readonly resent: number;
  /** Packets dropped, a second, by reason; and since it began. */
  readonly drops: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
  /** Milliseconds: half, and nine tenths, of the connections that move text are below; undefined: none does. */
  readonly rtt: readonly [median: number, high: number] | undefined;
  readonly memory: number;
  readonly memoryLimit: number;
}

const EVERY = 1000; // milliseconds
const SHARE = 100;
/** But not later than this, in milliseconds: who looks wants to see. */
const LATEST = 10_000;
/** Looks back over which rates of the diagnosis go. */
const WINDOW = 10;
/** Facts change slowly: every so many looks. */
const FACTS_EVERY = 3;

interface Snapshot {
  readonly at: number;
  readonly stats: StackStats | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly packetsIn: number | undefined;
  readonly packetsOut: number | undefined;
}

export class Sampler {
  readonly rows: Rows = new Rows();
  readonly #watched: Watched;
  readonly #snapshots: Snapshot[] = [];
  #facts: readonly Facts[] = [];
  #round = 0;
  /** Milliseconds that the last look took. */
  #cost = 0;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** Look. */
  sample(): Sample {
    const began = performance.now();
    const { stack, about } = this.#watched;
    const now = this.#snapshot(began);
    const last = this.#snapshots.at(-1) ?? now;
    this.#snapshots.push(now);
    if (this.#snapshots.length > WINDOW) this.#snapshots.shift();
    if (stack !== undefined) this.rows.look(stack, began);
    if (this.#round++ % FACTS_EVERY === 0) this.#facts = learned(this.#watched);
    const seconds = (now.at - last.at) / 1000;
    const rate = (a = 0, b = 0): number => (seconds > 0 ? Math.max(0, b - a) / seconds : 0);
    return {
      ...{ time: Date.now(), uptime: about().uptime },
      ...{ bytesIn: rate(last.bytesIn, now.bytesIn), bytesOut: rate(last.bytesOut, now.bytesOut) },
      packetsIn: now.packetsIn === undefined ? undefined : rate(last.packetsIn, now.packetsIn),
      packetsOut: now.packetsOut === undefined ? undefined : rate(last.packetsOut, now.packetsOut),
      whole: this.#whole(last.stats, now.stats, rate),
      ...{ findings: this.#findings(now), facts: this.#facts },
    };
  }

  /** Milliseconds until the next look should be, when this one and the telling of it took `cost`. */
  waitAfter(cost: number): number {
    // Of two looks the quicker one tells what it costs: the other was interrupted.
    const usual = Math.min(cost, this.#cost);
    this.#cost = cost;
    return Math.min(LATEST, Math.max(EVERY, usual * SHARE));
  }

  #snapshot(at: number): Snapshot {
    const { stack, totals } = this.#watched;
    if (stack === undefined) {
      const { bytesIn = 0, bytesOut = 0, packetsIn, packetsOut } = totals?.() ?? {};
      return { at, stats: undefined, bytesIn, bytesOut, packetsIn, packetsOut };
    }
    const stats = stack.stats();
    return {
      ...{ at, stats, packetsIn: stats.packetsIn, packetsOut: stats.packetsOut },
      bytesIn: stats.IpExtInOctets + stats.Ip6InOctets,
      bytesOut: stats.IpExtOutOctets + stats.Ip6OutOctets,
    };
  }

  #whole(
    last: StackStats | undefined,
    now: StackStats | undefined,
    rate: (a?: number, b?: number) => number,
  ): Whole | undefined {
    if (now === undefined) return undefined;
    const drops: Record<string, number> = {};
    for (const [reason, count] of Object.entries(now.drops)) {
      const grown = rate(last?.drops[reason], count);
      if (grown > 0) drops[reason] = grown;
    }
    return {
      ...{ connections: now.connections, drops, dropped: now.drops },
      resent: rate(last?.TcpRetransSegs, now.TcpRetransSegs),
      rtt: this.#roundTrips(),
      ...{ memory: now.tcpMemory, memoryLimit: now.tcpMemoryLimit },
    };
  }

  #roundTrips(): readonly [number, number] | undefined {
    const moving: number[] = [];
    for (const { rtt, rateIn, rateOut } of this.rows) {
      if (rtt > 0 && rateIn + rateOut > 0) moving.push(rtt);
    }
    if (moving.length === 0) return undefined;
    moving.sort((a, b) => a - b);
    const at = (share: number): number =>
      moving[Math.min(moving.length - 1, Math.floor(moving.length * share))] as number; // not empty
    return [at(0.5), at(0.9)];
  }

  #findings(now: Snapshot): readonly Finding[] {
    const { stack } = this.#watched;
    const before = this.#snapshots[0];
    if (stack === undefined || now.stats === undefined || before?.stats === undefined) return [];
    return diagnose({
      ...{ before: before.stats, now: now.stats, seconds: (now.at - before.at) / 1000 },
      ...{ rows: this.rows, halfOpen: this.rows.halfOpen, paths: stack.paths },
    });
  }
}
