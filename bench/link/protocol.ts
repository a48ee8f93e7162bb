/**
 * Between the bench and the servers that it measures: what a server is told when it starts, and what
 * it answers.
 * @module
 */

/** The ports of the services that every server has; the ceiling and peers have some of them. */
export const Port = {
  /** Takes what it gets. */
  DISCARD: 5001,
  /** Sends without end. */
  SOURCE: 5002,
  /** TCP and UDP echo. */
  ECHO: 5003,
  HTTP: 5080,
  /** Of the programs: programs.ts. */
  PROXY: 5010,
  /** What the proxy passes on to, on the kernel. */
  UPSTREAM: 5009,
  WEB: 5081,
  WEBSOCKET: 5082,
  TLS_DISCARD: 5011,
  TLS_SOURCE: 5012,
} as const;

export type Face = 'callback' | 'net';

export interface StackSetup {
  readonly kind: 'stack';
  readonly face: Face;
  readonly offload: boolean;
  /** Packets or frames; default `tun`. */
  readonly link?: 'tun' | 'tap';
  readonly waiting: 'event' | 'adaptive' | 'busy';
  readonly device: string;
  readonly hostAddress: string;
  readonly address: string;
  readonly gateway: string;
  /** Above 0: so many workers, each with a queue of the device and a stack of its own. */
  readonly queues: number;
  /** Root of the built checkout whose stack is taken; none: this one. */
  readonly tree?: string;
  /** Whether the programs are served too; they are on the kernel's side of the gateway. */
  readonly programs?: boolean;
}

/** Node's own net and dgram. */
export interface NodeSetup {
  readonly kind: 'node';
  readonly address: string;
  /** Where the programs have their upstream; none: no programs. */
  readonly upstream?: string;
}

export type Setup = StackSetup | NodeSetup;

/** `mark`: how things stand. `collect`: the same after the garbage was collected. `stop`: end in order. */
export interface Question {
  readonly ask: 'mark' | 'collect' | 'stop';
}

/** How a server stands. Times in ms, sizes in bytes, counts since its start. */
export interface Mark {
  readonly now: number;
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
  readonly collections: number;
  /** Pauses by the collector: all, and the longest since the last mark. */
  readonly paused: number;
  readonly longestPause: number;
  /** Packets of the stack, in and out; 0 for others. */
  readonly packets: number;
  readonly retransmits: number;
  /** Connections that each worker has accepted, where there are workers. */
  readonly accepted: readonly number[];
}
