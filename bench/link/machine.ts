/**
 * Where it ran, and how quiet it was there: a figure without these is worth nothing.
 * @module
 */
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type Spread, spread } from '../support/spread.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  readonly tunstack: string;
}

/** How evenly the machine ran while it was measured. */
export interface Noise {
  /** Milliseconds that one fixed piece of work took, once before each sample. */
  readonly work: Spread | undefined;
  /** 95th percentile of these over their minimum: 1 is a machine of our own. */
  readonly p95: number;
  /** Part of the CPU time that the hypervisor gave to others, 0 to 1. */
  readonly steal: number;
  /** Load averages before and after. */
  readonly loadBefore: readonly number[];
  readonly loadAfter: readonly number[];
  /** In words. */
  readonly verdict: 'quiet' | 'uneasy' | 'noisy';
}

export function describeMachine(version: string): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    v8: process.versions.v8,
    tunstack: version,
  };
}

interface Jiffies {
  readonly steal: number;
  readonly all: number;
}

/** From the first line of /proc/stat; proc_stat(5). */
function jiffies(): Jiffies {
  try {
    const line = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '';
    const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
    return { steal: fields[7] ?? 0, all: fields.reduce((sum, field) => sum + field, 0) };
  } catch {
    return { steal: 0, all: 0 };
  }
}

/** About 15 ms of work that touches memory and the caches, always the same. */
function work(area: Uint32Array): number {
  let sum = 1;
  for (let round = 0; round < 32; round++) {
    for (let i = 0; i < area.length; i++) {
      sum = (Math.imul(sum, 31) + (area[i] as number)) | 0; // `i` is below the length
      area[i] = sum;
    }
  }
  return sum;
}

export class NoiseMeter {
  readonly #area = new Uint32Array(256 * 1024);
  readonly #times: number[] = [];
  readonly #before = jiffies();
  readonly #load = loadavg();
  #kept = 0;

  constructor() {
    for (let i = 0; i < 5; i++) this.#kept ^= work(this.#area); // compiled from here on
  }

  /** Before each sample. */
  tick(): void {
    const start = performance.now();
    this.#kept ^= work(this.#area);
    this.#times.push(performance.now() - start);
  }

  read(): Noise {
    const after = jiffies();
    const all = after.all - this.#before.all;
    const steal = all > 0 ? (after.steal - this.#before.steal) / all : 0;
    const sorted = [...this.#times].sort((a, b) => a - b);
    const p95 = (sorted[Math.floor(sorted.length * 0.95)] ?? 1) / (sorted[0] ?? 1);
    const verdict =
      p95 > 1.5 || steal > 0.05 ? 'noisy' : p95 > 1.15 || steal > 0.01 ? 'uneasy' : 'quiet';
    return {
      work: spread(this.#times),
      p95,
      steal,
      loadBefore: this.#load,
      loadAfter: loadavg(),
      verdict,
    };
  }
}
