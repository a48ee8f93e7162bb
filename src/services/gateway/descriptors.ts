/**
 * How many descriptors flows may hold together: fewer than the process may open, so that there is room
 * for the rest of it (the TUN, a capture, look-ups, and what is being closed).
 * @module
 */
import { readFileSync } from 'node:fs';

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
