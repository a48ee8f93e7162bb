/**
 * `npm run bench:link`: tunstack end to end on a TUN, against the C ceiling, Node's own net and such
 * peers as are installed. scripts/bench-link.mjs starts it in a network namespace of its own.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { Progress } from '../../src/cli/progress.ts';
import { compare, compareFamilies, paired, tell } from './against.ts';
import { checksumRate } from './checksum.ts';
import { hasWrk } from './client.ts';
import { describeMachine, NoiseMeter } from './machine.ts';
import type { Context, Measure } from './measure.ts';
import { choose } from './measures.ts';
import { buildGvisor, buildLwip, buildTools } from './native.ts';
import { fileLimit, setUpNetwork } from './network.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { root } from './paths.ts';
import { writePage } from './report/page.ts';
import type { Results } from './results.ts';
import { Runner } from './runner.ts';
import { canPin } from './subject.ts';

/** One that is said and left out beats one that fails for hours. */
function findOut(options: Options, skipped: string[]): Context {
  const isWanted = (key: string): boolean =>
    options.subjects.length === 0 || options.subjects.some((word) => key.includes(word));
  const lwip = isWanted('lwip') ? buildLwip() : 'lwIP was not asked for';
  const gvisor = isWanted('gvisor') ? buildGvisor() : 'gVisor was not asked for';
  for (const reason of [lwip, gvisor]) if (reason !== undefined) skipped.push(reason);
  if (!hasWrk()) skipped.push('http: wrk is not installed (Debian: wrk)');
  const files = fileLimit();
  if (options.idle > files - 1000) {
    skipped.push(`idle: of Node's own sockets ${files - 1000}, not more: ${files} descriptors`);
  }
  return {
    options,
    hasLwip: lwip === undefined,
    hasGvisor: gvisor === undefined,
    hasWrk: hasWrk(),
    canPin: canPin(),
    cores: cpus().length,
    files,
  };
}

/** The measures that are wanted; of two by turns those that a stack has a part in. */
function wanted({ only, against, families }: Options): Measure[] {
  const chosen = choose(only);
  if (families) return chosen.map((measure) => paired(measure, { ipv6: true }));
  if (against === undefined) return chosen;
  if (!existsSync(join(against, 'dist/src/index.js'))) {
    throw new RangeError(`--against ${against}: no checkout that is built`);
  }
  return chosen.map((measure) => paired(measure, { tree: resolve(against) }));
}

/** What both came to, on the terminal and in a file of its own. */
function leaveComparison(results: Results, options: Options, folder: string): void {
  const { runs, families, against = '' } = options;
  const other = process.env['BENCH_AGAINST'] ?? against;
  const what = families ? 'IPv6 against IPv4' : `this checkout against ${other}`;
  const compared = families ? compareFamilies(results.samples) : compare(results.samples);
  const path = join(folder, families ? 'families.json' : 'against.json');
  writeFileSync(path, `${JSON.stringify({ other, ...compared, results }, undefined, 1)}\n`);
  console.log(`${tell(compared, what, runs)}\n${path}`);
}

function list(measures: readonly Measure[], context: Context): void {
  for (const measure of measures) {
    const cells = measure.cells(context);
    const samples = cells.reduce((sum, cell) => sum + cell.subjects.length, 0);
    console.log(`${measure.name.padEnd(12)} ${measure.about}`);
    console.log(`${''.padEnd(12)} ${cells.length} x ${samples / cells.length} subjects`);
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  const measures = wanted(options);
  const missing = buildTools();
  if (missing !== undefined) {
    console.error(`nothing can be measured: ${missing}`);
    process.exitCode = 1;
    return;
  }
  const started = new Date();
  const skipped = setUpNetwork(options.families);
  const context = findOut(options, skipped);
  for (const reason of skipped) console.error(`skipped: ${reason}`);
  if (options.list) return list(measures, context);
  const noise = new NoiseMeter();
  const runner = new Runner(context, noise, (line) => console.error(line));
  const stop = (): void => {
    void runner.stop().then(() => process.exit(1));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const progress = new Progress({
    what: 'bench:link',
    total: runner.count(measures),
    unit: 'samples',
  });
  runner.begun = (name) => progress.at(runner.samples.length, name);
  for (const measure of measures) await runner.measure(measure);
  progress.end();
  const isAlone = options.only.length === 0 && !options.isPaired;
  if (isAlone) runner.note('checksum', () => ({ gigabytes: checksumRate() }));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const results: Results = {
    version: 1,
    command: `npm run bench:link -- ${process.argv.slice(2).join(' ')}`.trim(),
    started: started.toISOString(),
    took: (Date.now() - started.getTime()) / 1000,
    machine: describeMachine(version),
    noise: noise.read(),
    runs: options.runs,
    seconds: options.seconds,
    subjects: [...runner.subjects.values()],
    samples: runner.samples,
    skipped,
  };
  const folder = resolve(root, options.out);
  mkdirSync(folder, { recursive: true });
  if (options.isPaired) return leaveComparison(results, options, folder);
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, undefined, 1)}\n`);
  writePage(results, join(folder, 'index.html'));
  console.log(`${join(folder, 'results.json')}\n${join(folder, 'index.html')}`);
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  if (!(error instanceof Error) || error instanceof RangeError) console.error(USAGE);
  process.exitCode = 1;
}
