/**
 * What `npm run bench:link` is told: which measurements, how often, how long.
 * @module
 */
import { parseArgs } from 'node:util';

export interface Options {
  /** Names of measures; empty: all. */
  readonly only: readonly string[];
  /** Runs of each measurement, interleaved. */
  readonly runs: number;
  /** Seconds of each run, warm-up not counted. */
  readonly seconds: number;
  /** Runs that do not count, before the others; undefined: what each measure takes. */
  readonly warm: number | undefined;
  /** How many streams at a time. */
  readonly streams: readonly number[];
  /** Connections that are held open, idle. */
  readonly idle: number;
  /** Folder of the results. */
  readonly out: string;
  /** Words that the label of a subject must hold, any of them; empty: all. */
  readonly subjects: readonly string[];
  readonly quick: boolean;
  /** A built checkout whose stack is measured by turns with this one's; none: the usual subjects. */
  readonly against: string | undefined;
  /** The stack over IPv4 and over IPv6 by turns, in place of the usual subjects. */
  readonly families: boolean;
  /** Whether it is by turns, one or the other way. */
  readonly isPaired: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run bench:link -- [options]

  --only ROWS       some of the measures that --list tells; of --against too
  --subjects WORDS  only those whose key holds one of them: callback, net, ceiling, node, lwip, gvisor
  --runs N          runs of each measurement, interleaved: A B A B (default 5)
  --seconds S       seconds of each run (default 2)
  --warm N          runs before them that do not count (default what makes 2 to 8 seconds by measure; --quick: two)
  --streams LIST    streams at a time (default 1,10,100,1000)
  --idle N          idle connections (default 100000)
  --out FOLDER      where the results go (default bench/results)
  --against REV     the stack of a commit, or of a folder with a built checkout, by turns with this one's: ratios,
                    and which differ by more than the spread; at least 3 runs; the results
                    in against.json
  --families        the stack over IPv4 and over IPv6 by turns, as --against does; the results in families.json, from
                    which bench:docs fills the column of docs/speed.md
  --quick           a look: 2 runs (3 of --against, --families) of 0.4 s, 1 and 100 streams, 2000 idle connections
  --list            say what would be run
`;

const words = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new RangeError(`--${name} ${text}: it must be a number above 0`);
}

/** Fewer runs than these tell no spread. */
const RUNS_AGAINST = 3;

function runsOf(text: string | undefined, quick: boolean, isPaired: boolean): number {
  const usual = quick ? (isPaired ? RUNS_AGAINST : 2) : 5;
  const runs = Math.ceil(positive('runs', text ?? String(usual)));
  if (runs >= RUNS_AGAINST || !isPaired) return runs;
  throw new RangeError(`--runs ${runs}: --against and --families take at least ${RUNS_AGAINST}`);
}

/**
 * For so long runs do not count: V8 compiles what a program does as it does it, and what it compiled for the first packets it
 * gives up for the later ones. Node under wrk, by a stack: 36 thousand requests in the first second, 56 in the second, 70 in
 * each from the third on. Some measures say more.
 */
const WARM_SECONDS = 2;
const QUICK_WARM = 2;

function warmOf(text: string | undefined, quick: boolean): number | undefined {
  if (text === '0') return 0;
  if (text !== undefined) return Math.ceil(positive('warm', text));
  return quick ? QUICK_WARM : undefined;
}

/** Runs of a measure that do not count, if it is warm in `seconds`. */
export const warmRuns = (options: Options, seconds: number = WARM_SECONDS): number =>
  options.warm ?? Math.ceil(seconds / options.seconds);

/** Throws with a message for the user. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      subjects: { type: 'string' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      warm: { type: 'string' },
      streams: { type: 'string' },
      idle: { type: 'string' },
      out: { type: 'string', default: 'bench/results' },
      against: { type: 'string' },
      families: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick, list, help, out, against, families } = values;
  const isPaired = families || against !== undefined;
  if (families && against !== undefined) {
    throw new RangeError('--families and --against: one of them at a time');
  }
  const seconds = positive('seconds', values.seconds ?? (quick ? '0.4' : '2'));
  return {
    only: words(values.only),
    subjects: words(values.subjects),
    runs: runsOf(values.runs, quick, isPaired),
    seconds,
    warm: warmOf(values.warm, quick),
    streams: words(values.streams ?? (quick ? '1,100' : '1,10,100,1000')).map((word) =>
      positive('streams', word),
    ),
    idle: positive('idle', values.idle ?? (quick ? '2000' : '100000')),
    out,
    against,
    families,
    isPaired,
    quick,
    list,
    help,
  };
}
