/**
 * What a page may look at: a command says what it has, and the page shows that much.
 * @module
 */
import type { Stack, TapDevice } from '../../index.ts';

/** What is told of the command itself. */
export interface About {
  /** `serve`, `forward`, ... */
  readonly command: string;
  /** The device's name and what it carries. */
  readonly device: string;
  readonly medium: 'ip' | 'ethernet';
  readonly addresses: readonly string[];
  /** Seconds since it began. */
  readonly uptime: number;
}

/** A table of what was learnt, a text or a number a cell. */
export interface Facts {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** What has passed in all, where there is no stack to ask. */
export interface Totals {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly packetsIn?: number;
  readonly packetsOut?: number;
}

/** What is looked at. */
export interface Watched {
  about(): About;
  /** A tunnel on a TUN of the host has none. */
  readonly stack?: Stack;
  /** Whose packets are looked at for a connection's life and for a capture. */
  readonly device?: TapDevice;
  /** Asked for where there is no stack. */
  totals?(): Totals;
  /** What `/stats.json` gives; default the counters of the stack, or the totals. */
  numbers?(): unknown;
  /** What this command knows beside routes, neighbours and paths: leases, peers. */
  facts?(): readonly Facts[];
}
