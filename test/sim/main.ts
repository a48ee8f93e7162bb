/**
 * `npm run sim`: every case, or one; with `--seed` one run of one case, and a capture of it.
 * @module
 */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Progress } from '../../src/cli/progress.ts';
import { type CaptureDevice, capture } from '../../src/device/wrap/capture.ts';
import { Trace, type TraceEvent } from '../../src/stack/tcp/tcb/trace.ts';
import type { Watch } from '../support/world.ts';
import { CASES, type Case, runCase } from './cases.ts';

const USAGE = `npm run sim -- [--long] [--case NAME] [--from N] [--count N]
npm run sim -- --case NAME --seed N [--long] [--pcap FILE] [--trace FILE]

Without a case: all of them. With a seed: that one run again, its packets in a pcapng file
(sim-NAME-N.pcapng unless said; none with --long unless said), and the events of the first
connection that is opened in a file for \`npm run plot\`.`;

interface Choice {
  readonly case?: string;
  readonly seed?: string;
  readonly from?: string;
  readonly count?: string;
  readonly pcap?: string;
  readonly trace?: string;
  readonly long: boolean;
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

async function main(): Promise<boolean> {
  const text = { type: 'string' } as const;
  const options = {
    case: text,
    seed: text,
    from: text,
    count: text,
    pcap: text,
    trace: text,
    long: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ options });
  const known = values.case === undefined || CASES.some(({ name }) => name === values.case);
  if (values.help || !known || (values.seed !== undefined && values.case === undefined)) {
    say(`${USAGE}\n\n${CASES.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n')}`);
    return values.help;
  }
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
