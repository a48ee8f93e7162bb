/**
 * How many descriptors flows may hold together: fewer than the process may open, so that there is room
 * for the rest of it (the TUN, a capture, look-ups, and what is being closed). And which flow has room among them.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { FlowQuestion } from './judge.ts';
import type { UdpFlows } from './udp-flows.ts';

/** For the rest of the process; of few descriptors a quarter. */
const ROOM = 128;
/** What a process gets where nobody says: Linux's own default. */
const USUAL = 1024;

/** The process's limit as `/proc/self/limits` has it (Node raises it to the hard one as it starts). */
export function descriptorLimit(limits: string = readLimits()): number {
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? USUAL : Number(soft);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}

/** Of a limit, what flows may have. */
export const shareOf = (limit: number): number =>
  Math.max(1, limit - Math.min(ROOM, Math.ceil(limit / 4)));

/** Descriptors that may be taken, and are given back. */
export class Descriptors {
  readonly most: number;
  #taken = 0;

  constructor(most: number = shareOf(descriptorLimit())) {
    this.most = most;
  }

  get taken(): number {
    return this.#taken;
  }

  get free(): number {
    return this.most - this.#taken;
  }

  /** Take `count` if there are so many. */
  take(count: number): boolean {
    if (this.#taken + count > this.most) return false;
    this.#taken += count;
    return true;
  }

  give(count: number): void {
    this.#taken -= count;
  }
}

/** A port may have so many times what is free: three quarters of all where it is alone, 3/7 each where two want all. */
const TIMES_FREE = 3;

/** TCP flows of each port of a switch: one that takes all that it can leaves a part to those that come later. */
export class Shares {
  readonly #counts: Map<string, number> = new Map();

  /** Take one of `free` places; false if the port has enough. Who is at no port shares with nobody. */
  take(port: string | undefined, free: number): boolean {
    if (port === undefined) return true;
    const count = this.#counts.get(port) ?? 0;
    if (count >= TIMES_FREE * free) return false;
    this.#counts.set(port, count + 1);
    return true;
  }

  give(port: string | undefined): void {
    if (port === undefined) return;
    const count = (this.#counts.get(port) ?? 0) - 1;
    if (count > 0) this.#counts.set(port, count);
    else this.#counts.delete(port);
  }
}

/** The places of flows, those that are being dialled included. */
export class Room {
  readonly #flows: number;
  readonly #descriptors: Descriptors;
  readonly #rows: UdpFlows;
  readonly #displaced: () => void;
  readonly #open = { tcp: 0, udp: 0 };
  readonly #shares: Shares = new Shares();

  /** So many of each protocol; of `rows` a silent flow of the port that has the most gives way, and `displaced` is called. */
  constructor(flows: number, descriptors: Descriptors, rows: UdpFlows, displaced: () => void) {
    this.#flows = flows;
    this.#descriptors = descriptors;
    this.#rows = rows;
    this.#displaced = displaced;
  }

  /** Take a place and the descriptors for one flow more, from a silent UDP flow if need be. */
  take({ protocol, guest: { port } }: FlowQuestion, descriptors: number): boolean {
    if (protocol === 'udp' && this.#open.udp >= this.#flows) this.#displace(port);
    const free = this.#flows - this.#open[protocol];
    if (free <= 0) return false;
    // Datagrams need no share: of who has the most they give way, to those of others and to connections.
    const within = Math.min(free, this.#descriptors.free + this.#rows.size);
    if (protocol === 'tcp' && !this.#shares.take(port, within)) return false;
    while (!this.#descriptors.take(descriptors)) {
      if (this.#displace(port)) continue;
      if (protocol === 'tcp') this.#shares.give(port);
      return false;
    }
    this.#open[protocol]++;
    return true;
  }

  /** A flow that had room is over. */
  give({ protocol, guest: { port } }: FlowQuestion, descriptors: number): void {
    this.#open[protocol]--;
    if (protocol === 'tcp') this.#shares.give(port);
    this.#descriptors.give(descriptors);
  }

  /** What is to be raised for more. */
  boundOf({ protocol }: FlowQuestion): string {
    const few = this.#flows - this.#open[protocol] > this.#descriptors.free;
    return few ? 'descriptors: raise ulimit -n' : `--flows ${this.#flows}`;
  }

  #displace(port: string | undefined): boolean {
    if (!this.#rows.endOne(port)) return false;
    this.#displaced();
    return true;
  }
}
