/**
 * What a run of the bench leaves behind: samples, and what they come to.
 * @module
 */
import { type Spread, spread } from '../support/spread.ts';
import type { Machine, Noise } from './machine.ts';

/** One measurement of one subject, once. */
export interface Sample {
  readonly measure: string;
  /** What was varied: `{ direction: 'recv', offload: 'on', streams: 1 }`. */
  readonly variant: Variant;
  /** Key of the subject. */
  readonly subject: string;
  /** From 0; the samples of one run stand side by side in time. */
  readonly run: number;
  /** Seconds since the start. */
  readonly at: number;
  /** What was measured; empty if it failed. */
  readonly metrics: Metrics;
  readonly error?: string;
}

export type Variant = Readonly<Record<string, string | number>>;
export type Metrics = Readonly<Record<string, number>>;

export interface SubjectInfo {
  readonly key: string;
  readonly label: string;
  readonly family: string;
}

export interface Results {
  readonly version: 1;
  readonly command: string;
  /** ISO 8601. */
  readonly started: string;
  /** How long it took, in seconds. */
  readonly took: number;
  readonly machine: Machine;
  readonly noise: Noise;
  readonly runs: number;
  readonly seconds: number;
  readonly subjects: readonly SubjectInfo[];
  readonly samples: readonly Sample[];
  /** What was not measured, and why. */
  readonly skipped: readonly string[];
}

/** Which samples are meant; a subject and a variant match if they hold all that is given. */
export interface Query {
  readonly measure: string;
  readonly variant?: Variant;
  readonly subject: string;
}

const holds = (variant: Variant, wanted: Variant): boolean =>
  Object.entries(wanted).every(([name, value]) => variant[name] === value);

export function select(results: Results, query: Query): Sample[] {
  return results.samples.filter(
    (sample) =>
      sample.measure === query.measure &&
      sample.subject === query.subject &&
      holds(sample.variant, query.variant ?? {}),
  );
}

/** Median and spread of one metric; undefined if it was never measured. */
export function summary(results: Results, query: Query, metric: string): Spread | undefined {
  return spread(select(results, query).map((sample) => sample.metrics[metric] ?? Number.NaN));
}

/** Ratios of `a` to `b`, each taken within one run, so that a slow minute hits both. */
export function ratios(
  results: Results,
  a: Query & { metric: string },
  b: Query & { metric: string },
): Spread | undefined {
  const below = new Map<number, number>();
  for (const { run, metrics } of select(results, b)) {
    const value = metrics[b.metric];
    if (value !== undefined && value > 0) below.set(run, value);
  }
  const found: number[] = [];
  for (const { run, metrics } of select(results, a)) {
    const over = metrics[a.metric];
    const under = below.get(run);
    if (over !== undefined && under !== undefined) found.push(over / under);
  }
  return spread(found);
}
