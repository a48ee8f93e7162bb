/**
 * What the suites share: benny underneath, results in nanoseconds a turn (and in GB/s where bytes are
 * moved) beside the first case, which is ours.
 *
 * A case runs `TURNS` turns in a loop of its own, since a call costs more than what is measured; it
 * varies where it reads, and gives a number made of all it read, which is kept.
 * @module
 */
import { cpus } from 'node:os';
import b from 'benny';

/** Turns in one run of a case. */
export const TURNS = 1_000;

export interface SuiteOptions {
  /** Turns in one run of a case, where they take long. */
  turns?: number;
  /** Bytes that a turn goes over. */
  bytes?: number;
}

let kept = 0;

/** Say where this runs: a figure without it is worth nothing. */
export function announce(): void {
  const cores = cpus();
  console.log(`Node ${process.version} on ${cores.length} x ${cores[0]?.model ?? 'unknown CPU'}`);
}

/** Run the cases, and print what a turn of each takes. The first one is what the stack does. */
export async function suite(
  name: string,
  cases: Record<string, () => number>,
  { turns = TURNS, bytes = 0 }: SuiteOptions = {},
): Promise<void> {
  let ours = 0;
  const runs = Object.entries(cases).map(([label, run]) =>
    b.add(
      label,
      () => {
        kept = (kept + run()) | 0;
      },
      { maxTime: 1 }, // seconds, after what it takes to warm up
    ),
  );
  const print = b.cycle((result: { name: string; ops: number; margin: number }) => {
    const ns = 1e9 / (result.ops * turns);
    if (ours === 0) ours = ns;
    const rate = bytes === 0 ? '' : `${(bytes / ns).toFixed(1)} GB/s`;
    const columns = [
      result.name.padEnd(52),
      `${ns.toFixed(ns < 100 ? 2 : 0)} ns`.padStart(11),
      `±${result.margin.toFixed(1)} %`.padStart(9),
      rate.padStart(11),
      `x ${(ns / ours).toFixed(2)}`.padStart(9),
    ];
    console.log(`  ${columns.join('')}`);
  });
  await b.suite(name, ...runs, print);
  if (kept === 0.5) console.log(kept); // never: it keeps the results alive
}
