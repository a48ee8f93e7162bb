/**
 * `npm run sim`: every case, or one; with `--seed` one run of one case, and a capture of it.
 * @module
 */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Progress } from '../../src/cli/progress.ts';
import { type CaptureDevice, capture } from '../../src/device/wrap/capture.ts';
import { Trace, type TraceEvent } from '../../src/stack/tcp/tcb/trace.ts';
import type { Watch } from '../support/world.ts';
import { CASES, type Case, runCase } from './cases.ts';
import { type Makers, measureRow, OURS, rowsOf } from './goodput.ts';

const USAGE = `npm run sim -- [--long] [--case NAME] [--from N] [--count N]
npm run sim -- --case NAME --seed N [--long] [--pcap FILE] [--trace FILE]
npm run sim -- --goodput [--only WORD,...] [--count N] [--against REV]

Without a case: all of them. With a seed: that one run again, its packets in a pcapng file
(sim-NAME-N.pcapng unless said; none with --long unless said), and the events of the first
connection that is opened in a file for \`npm run plot\`. Goodput: the rows of bench:loss between
two stacks, the mean of N seeds (8 unless said) and its standard error; beside another commit too.`;

/** Seeds of a row of goodput. */
const SEEDS = 8;

interface Choice {
  readonly case?: string;
  readonly seed?: string;
  readonly from?: string;
  readonly count?: string;
  readonly pcap?: string;
  readonly trace?: string;
  readonly long: boolean;
  readonly goodput: boolean;
  readonly only?: string;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One run again, captured. */
async function repeat(name: string, seed: number, { long, pcap, trace }: Choice): Promise<boolean> {
  const file = pcap ?? (long ? undefined : `sim-${name}-${seed}.pcapng`);
  for (const one of [trace, file]) if (one !== undefined) closeSync(openSync(one, 'a')); // or say so now
  let captured: CaptureDevice | undefined;
  let settle = (): void => {};
  const events: TraceEvent[] = [];
  const wrap: Watch['wrap'] = (device, line) => {
    if (file === undefined) return device;
    settle = () => line.run(1); // a device closes in its own time, which is virtual
    captured = capture(device, file, { now: () => line.now(), limit: 2 ** 40 });
    return captured;
  };
  const opened: Watch['opened'] = (tcb) => {
    if (trace === undefined || events.length > 0) return;
    tcb.trace = new Trace(tcb.iss, (event) => events.push(event));
    tcb.trace.state(tcb.tcp.now, tcb.state);
  };
  let good = true;
  try {
    say(`${name} ${seed}: ${runCase(name, seed, long, { wrap, opened })}`);
  } catch (error) {
    good = false;
    say(`FAILED: ${name} ${seed}: ${error instanceof Error ? error.stack : error}`);
  }
  const closed = captured?.close();
  settle();
  await closed;
  if (captured !== undefined) say(`packets in ${file}: ${captured.captured}`);
  if (trace !== undefined) {
    writeFileSync(trace, JSON.stringify({ title: `${name} ${seed}`, events }));
    say(`events in ${trace}: ${events.length}`);
  }
  return good;
}

/** The seeds of the cases that were chosen; true if all went well. */
function runAll(choice: Choice): boolean {
  let failed = 0;
  const from = Number(choice.from ?? 1);
  const countOf = ({ seeds }: Case): number => Number(choice.count ?? seeds[choice.long ? 1 : 0]);
  const chosen = CASES.filter(({ name }) => choice.case === undefined || choice.case === name);
  const total = chosen.reduce((sum, one) => sum + countOf(one), 0);
  const progress = new Progress({ what: 'sim', total, unit: 'seeds' });
  let done = 0;
  for (const one of chosen) {
    const { name, about } = one;
    const count = countOf(one);
    const began = performance.now();
    let told = '';
    let bad = 0;
    for (let seed = from; seed < from + count; seed++) {
      progress.at(done++, `${name} ${seed}`);
      try {
        told = runCase(name, seed, choice.long);
      } catch (error) {
        bad++;
        say(`FAILED: ${name} ${seed}: ${error instanceof Error ? error.message : error}`);
      }
    }
    failed += bad;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const many = count === 1 ? told : `seeds: ${count}, failed: ${bad}`;
    say(`${name}: ${about}\n  ${many}; ${seconds} s`);
  }
  progress.end();
  return failed === 0;
}

/** Another checkout, built, that scripts/sim.mjs has made: its worlds. */
async function makersOf(folder: string): Promise<Makers> {
  const load = (name: string): Promise<unknown> =>
    import(pathToFileURL(join(folder, 'dist/test', name)).href);
  const { World } = (await load('support/world.js')) as Makers;
  const { Flow } = (await load('sim/flow.js')) as Makers;
  return { World, Flow };
}

/** A line for each row: Mbit/s, or milliseconds of a turn. */
async function tellGoodput({ only, count }: Choice): Promise<boolean> {
  const rows = rowsOf(only?.split(',') ?? []);
  const seeds = Number(count ?? SEEDS);
  const folder = process.env['SIM_AGAINST'];
  const other = folder === undefined ? undefined : await makersOf(folder);
  const told = ([mean, error]: [number, number]): string =>
    `${mean.toPrecision(4)} ±${error.toPrecision(2)}`.padEnd(18);
  const progress = new Progress({ what: 'sim', total: rows.length, unit: 'rows' });
  for (const [i, row] of rows.entries()) {
    progress.at(i, row.key);
    const unit = row.turn === undefined ? 'Mbit/s' : 'ms';
    const those = other === undefined ? '' : `${told(measureRow(row, seeds, other))} before`;
    say(
      `${row.key.padEnd(28)} ${unit.padEnd(7)} ${told(measureRow(row, seeds, OURS))} ${those}`.trimEnd(),
    );
  }
  progress.end();
  return rows.length > 0;
}

async function main(): Promise<boolean> {
  const text = { type: 'string' } as const;
  const options = {
    case: text,
    seed: text,
    from: text,
    count: text,
    pcap: text,
    trace: text,
    only: text,
    long: { type: 'boolean', default: false },
    goodput: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ options });
  const known = values.case === undefined || CASES.some(({ name }) => name === values.case);
  if (values.help || !known || (values.seed !== undefined && values.case === undefined)) {
    say(`${USAGE}\n\n${CASES.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n')}`);
    return values.help;
  }
  if (values.goodput) return tellGoodput(values);
  const { case: name, seed } = values;
  if (name !== undefined && seed !== undefined) return repeat(name, Number(seed), values);
  return runAll(values);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  // What was asked for cannot be: cases that fail are told where they do.
  process.stderr.write(`sim: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
