/**
 * What `npm run bench:loss` is told.
 * @module
 */
import { parseArgs } from 'node:util';
import type { TcpSettings } from '../../src/index.ts';

export interface Options {
  /** Parts of the keys of rows; empty: all. */
  readonly only: readonly string[];
  /** Undefined: what the row says. */
  readonly runs: number | undefined;
  readonly seconds: number | undefined;
  /** Of the first run; the others count on. */
  readonly seed: number;
  /** Mbit/s that run side by side. */
  readonly budget: number;
  /** Folder of results.json. */
  readonly out: string;
  /** Folder for a capture of each run, as the sender sees it. */
  readonly capture: string | undefined;
  readonly tcp: Partial<TcpSettings> | undefined;
  readonly docs: boolean;
  /** Write the page from these results, and measure nothing. */
  readonly from: string | undefined;
  readonly list: boolean;
  /** Say of each run what its sender tells. */
  readonly verbose: boolean;
}

export const USAGE = `npm run bench:loss -- [options]

  --only WORDS     rows with one of them in their names: 10ms, loss-1, reorder, burst, narrow, turn, shared
  --runs N         runs of each row (default: by row, 3 to 9)
  --seconds S      seconds of each run (default: by row)
  --quick          a look: one run of 4 s
  --seed N         of the first run (default 1)
  --budget MBIT    Mbit/s that may run side by side (default: 75 for each core)
  --out FOLDER     where results.json goes (default bench/results/loss)
  --docs           write the table into docs/tcp.md as well
  --from FILE      measure nothing: take these results (with --docs)
  --capture FOLDER a pcapng of each run, as its sender sees it
  --tcp JSON       settings for the stack, for trials
  --verbose        what each sender tells of its connection
  --list           say what would be run
`;

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0) return value;
  throw new RangeError(`--${name} ${text}: it must be a number above 0`);
}

/** Throws with a message for the user. `cores`: of this machine. */
export function readOptions(args: readonly string[], cores: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      budget: { type: 'string' },
      out: { type: 'string', default: 'bench/results/loss' },
      docs: { type: 'boolean', default: false },
      from: { type: 'string' },
      capture: { type: 'string' },
      tcp: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const { quick, docs, list, verbose, out } = values;
  return {
    only: values.only.split(',').filter((word) => word !== ''),
    runs: positive('runs', values.runs ?? (quick ? '1' : undefined)),
    seconds: positive('seconds', values.seconds ?? (quick ? '4' : undefined)),
    seed: positive('seed', values.seed) ?? 1,
    budget: positive('budget', values.budget) ?? 75 * cores,
    out,
    capture: values.capture,
    tcp: values.tcp === undefined ? undefined : JSON.parse(values.tcp),
    docs,
    from: values.from,
    list,
    verbose,
  };
}
