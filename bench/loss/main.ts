/**
 * `npm run bench:loss`: the stack against Linux over the same emulated links. In a network namespace
 * of its own, as root: scripts/bench-loss.mjs starts it there.
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Progress } from '../../src/cli/progress.ts';
import { Bench } from './bench.ts';
import { type Cell, type CellOptions, runPair, runShare } from './cell.ts';
import { measureEcho } from './echo.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { conditions, fill, pairTable, shareTable, turnTable } from './page.ts';
import { describeMachine, type Results, type Sample } from './results.ts';
import { PAIRS, ROWS, type Row, SHARED_ROWS, SHARES, TURN_ROWS } from './rows.ts';
import { estimate, type Job, runAll } from './schedule.ts';

/** From dist/bench/loss. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const PAGE = join(root, 'docs/tcp.md');

interface Work extends Job {
  readonly row: Row;
}

class Session {
  readonly samples: Sample[] = [];
  readonly #options: Options;
  readonly #bench: Bench;

  constructor(options: Options, bench: Bench) {
    this.#options = options;
    this.#bench = bench;
  }

  /** Run by run, so that a noisy minute hits all pairs of a row alike. */
  jobs(): Work[] {
    const { only } = this.#options;
    const wanted = ({ key }: Row): boolean =>
      only.length === 0 || only.some((word) => `-${key}-`.includes(`-${word}-`));
    const rows = [...ROWS, ...TURN_ROWS, ...SHARED_ROWS].filter(wanted);
    const runs = ({ runs: own }: Row): number => this.#options.runs ?? own;
    const most = Math.max(0, ...rows.map(runs));
    const jobs: Work[] = [];
    for (let run = 0; run < most; run++) {
      for (const row of rows) if (run < runs(row)) jobs.push(...this.#jobsOf(row, run));
    }
    return jobs;
  }

  #jobsOf(row: Row, run: number): Work[] {
    const seconds = this.#options.seconds ?? row.seconds;
    const job = (pair: string, go: (o: CellOptions) => Promise<Cell>): Work => ({
      row,
      load: row.load,
      seconds,
      run: () => this.#run(row, pair, run, seconds, go),
    });
    return row.group === 'shared'
      ? SHARES.map((share) => job(share, (o) => runShare(this.#bench, row, share, o)))
      : PAIRS.map((pair) => job(pair, (o) => runPair(this.#bench, row, pair, o)));
  }

  async #run(
    row: Row,
    pair: string,
    run: number,
    seconds: number,
    go: (o: CellOptions) => Promise<Cell>,
  ): Promise<void> {
    const { capture, tcp, verbose } = this.#options;
    const seed = this.#options.seed + run;
    const file = capture && join(capture, `${row.key}.${pair}.${seed}.pcapng`);
    const cell = await go({ seed, seconds, ...(file && { capture: file }), ...(tcp && { tcp }) });
    const { goodput, link } = cell;
    this.samples.push({ row: row.key, pair, run, seed, seconds, goodput, link });
    const { lost, dropped } = link.forth;
    const flows = goodput.map((value) => value.toFixed(2)).join(' + ');
    console.error(`${row.key} ${pair} ${seed}: ${flows} Mbit/s, ${lost} lost, ${dropped} dropped`);
    if (!verbose) return;
    for (const told of cell.told) console.error(`  ${told}`);
    if (cell.stats !== undefined) console.error(`  ${countersOf(cell.stats)}`);
  }
}

/** Those that are not 0. */
const countersOf = (stats: object): string =>
  JSON.stringify(Object.fromEntries(Object.entries(stats).filter(([, value]) => value !== 0)));

function report(results: Results, options: Options): void {
  const folder = resolve(root, options.out);
  if (options.from === undefined) {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'results.json');
    writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
    console.error(file);
  }
  for (const table of [pairTable(results), turnTable(results), shareTable(results)]) {
    if (table.length > 2) console.log(`\n${table.join('\n')}`); // a heading of two lines
  }
  console.log(`\n${conditions(results)}`);
  if (!options.docs) return;
  writeFileSync(PAGE, fill(readFileSync(PAGE, 'utf8'), results));
  console.error(PAGE);
}

async function measure(options: Options): Promise<Results | undefined> {
  const started = new Date();
  const bench = new Bench();
  try {
    const session = new Session(options, bench);
    const jobs = session.jobs();
    if (jobs.length === 0) throw new RangeError(`--only ${options.only.join(',')}: no such row`);
    const minutes = estimate(jobs, options.budget) / 60;
    console.error(`${jobs.length} runs, about ${minutes.toFixed(1)} minutes`);
    if (options.list) {
      for (const row of new Set(jobs.map((one) => one.row))) {
        const { key, label, runs, seconds } = row;
        console.log(`${key.padEnd(16)} ${runs} x ${seconds} s  ${label}`);
      }
      return undefined;
    }
    if (options.capture !== undefined) mkdirSync(options.capture, { recursive: true });
    await bench.setUp();
    const echo = await measureEcho(bench);
    console.error(
      `a link of ${echo.told} ms: ${echo.shortest.toFixed(2)} to ${echo.p99.toFixed(2)} ms, ` +
        `median ${echo.median.toFixed(2)}`,
    );
    await bench.lateness();
    const progress = new Progress({ what: 'bench:loss', total: jobs.length, unit: 'runs' });
    let done = 0;
    const counted = jobs.map((one) => ({
      ...one,
      run: async () => {
        await one.run();
        progress.at(++done, one.row.key);
      },
    }));
    await runAll(counted, options.budget).finally(() => progress.end());
    return {
      version: 1,
      command: `npm run bench:loss -- ${process.argv.slice(2).join(' ')}`.replace(/ --\s*$/, ''),
      started: started.toISOString(),
      took: (Date.now() - started.getTime()) / 1000,
      machine: describeMachine(),
      lateness: await bench.lateness(),
      echo,
      samples: session.samples,
    };
  } finally {
    await bench.end();
  }
}

try {
  const options = readOptions(process.argv.slice(2), cpus().length);
  const { from } = options;
  const results: Results | undefined =
    from === undefined ? await measure(options) : JSON.parse(readFileSync(from, 'utf8'));
  if (results !== undefined) report(results, options);
} catch (error) {
  console.error(`bench:loss: ${(error as Error).message}`);
  if (error instanceof RangeError || error instanceof TypeError) console.error(USAGE);
  process.exitCode = 1;
}
