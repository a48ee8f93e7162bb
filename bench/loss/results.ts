/**
 * What a run of the bench leaves behind, and what it comes to.
 * @module
 */
import { cpus, loadavg, release } from 'node:os';
import { type Spread, spread } from '../support/spread.ts';
import type { Lateness } from './clock.ts';
import type { EchoTimes } from './echo.ts';
import type { LinkCounters } from './emulator.ts';

/** One run of one pair (or share) over one link. */
export interface Sample {
  readonly row: string;
  readonly pair: string;
  readonly run: number;
  readonly seed: number;
  readonly seconds: number;
  /** Mbit/s of each flow. */
  readonly goodput: readonly number[];
  readonly link: LinkCounters;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
  /** Load averages when it was over. */
  readonly load: readonly number[];
}

export interface Results {
  readonly version: 1;
  readonly command: string;
  /** ISO 8601. */
  readonly started: string;
  /** In seconds. */
  readonly took: number;
  readonly machine: Machine;
  /** How late the emulator was, in microseconds. */
  readonly lateness: Lateness;
  /** Round trips over an idle link of 10 ms, in milliseconds. */
  readonly echo: EchoTimes;
  readonly samples: readonly Sample[];
}

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  system: `Linux ${release()}`,
  node: process.version,
  load: loadavg(),
});

const select = (samples: readonly Sample[], row: string, pair: string): Sample[] =>
  samples.filter((sample) => sample.row === row && sample.pair === pair);

/** Mbit/s of all flows together. */
export const goodput = (
  samples: readonly Sample[],
  row: string,
  pair: string,
): Spread | undefined =>
  spread(select(samples, row, pair).map((one) => one.goodput.reduce((sum, x) => sum + x, 0)));

/** Median of `pair` divided by that of `base`. */
export function ratio(
  samples: readonly Sample[],
  row: string,
  pair: string,
  base: string,
): number | undefined {
  const over = goodput(samples, row, pair);
  const under = goodput(samples, row, base);
  if (over === undefined || under === undefined || under.median === 0) return undefined;
  return over.median / under.median;
}

/** Jain's index: 1 when all have the same, 1/n when one has all. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((total, x) => total + x, 0);
  const squares = values.reduce((total, x) => total + x * x, 0);
  return squares === 0 ? 0 : (sum * sum) / (values.length * squares);
}

export const fairness = (
  samples: readonly Sample[],
  row: string,
  pair: string,
): Spread | undefined => spread(select(samples, row, pair).map((one) => jain(one.goodput)));
