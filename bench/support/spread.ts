/**
 * What n runs of one measurement come to: their median and their spread.
 * @module
 */

/** n runs: their median and their spread. */
export interface Spread {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of those of `values` that are numbers; undefined if none is. */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0) return undefined;
  const at = (i: number): number => sorted[i] as number; // callers stay below n
  const median = n % 2 === 1 ? at((n - 1) / 2) : (at(n / 2 - 1) + at(n / 2)) / 2;
  return { n, median, min: at(0), max: at(n - 1) };
}
