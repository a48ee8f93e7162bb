/**
 * The tables of docs/tcp.md, between two marks; what stands around them is written by hand.
 * @module
 */
import type { Spread } from '../support/spread.ts';
import { fairness, goodput, type Results, ratio } from './results.ts';
import { PAIRS, ROWS, SHARED_ROWS, SHARES, TURN_ROWS } from './rows.ts';

const BEGIN = '<!-- bench:loss -->';
const END = '<!-- /bench:loss -->';

const LINUX = 'kernel-kernel';

function figures(value: number): string {
  if (value >= 99.5) return value.toFixed(0);
  return value >= 9.95 ? value.toFixed(1) : value.toFixed(2);
}

/** `94.5 (94.1–94.6)`. */
function withSpread(found: Spread | undefined): string {
  if (found === undefined) return '–';
  const { median, min, max } = found;
  return `${figures(median)} (${figures(min)}–${figures(max)})`;
}

const cells = (list: readonly string[]): string => `| ${list.join(' | ')} |`;

/** Goodput of each pair, and of the stack divided by that of Linux. */
export function pairTable({ samples }: Results): string[] {
  const lines = [
    cells([
      'link',
      'n',
      'Linux to Linux',
      'tunstack to Linux',
      'ratio',
      'Linux to tunstack',
      'ratio',
    ]),
    '|---|--:|--:|--:|--:|--:|--:|',
  ];
  for (const { key, label } of ROWS) {
    const [linux, sending, receiving] = PAIRS.map((pair) => goodput(samples, key, pair));
    if (linux === undefined) continue;
    const ratios = PAIRS.map((pair) => ratio(samples, key, pair, LINUX)?.toFixed(2) ?? '–');
    const [, over, under] = ratios as [string, string, string]; // one a pair
    const n = String(linux.n);
    const row = [withSpread(linux), withSpread(sending), over, withSpread(receiving), under];
    lines.push(cells([label, n, ...row]));
  }
  return lines;
}

/** Milliseconds that a turn takes in the mean of a run, the answer included; the ratio is one of times. */
export function turnTable({ samples }: Results): string[] {
  const lines = [
    cells([
      'a turn',
      'n',
      'Linux to Linux',
      'tunstack to Linux',
      'ratio',
      'Linux to tunstack',
      'ratio',
    ]),
    '|---|--:|--:|--:|--:|--:|--:|',
  ];
  for (const { key, label, turn = 0 } of TURN_ROWS) {
    const found = PAIRS.map((pair) => goodput(samples, key, pair));
    const [linux, sending, receiving] = found.map((one) => one && timesOf(one, turn * 8));
    if (linux === undefined) continue;
    const over = (one: Spread | undefined): string =>
      one === undefined ? '–' : (one.median / linux.median).toFixed(2);
    const row = [withSpread(linux), withSpread(sending), over(sending)];
    lines.push(cells([label, String(linux.n), ...row, withSpread(receiving), over(receiving)]));
  }
  return lines;
}

/** Milliseconds for so many bits, from Mbit/s. */
const timesOf = ({ n, median, min, max }: Spread, bits: number): Spread => ({
  n,
  median: bits / median / 1000,
  min: bits / max / 1000,
  max: bits / min / 1000,
});

const NAMES = {
  'stack-stack': 'tunstack and tunstack',
  'stack-kernel': 'tunstack and Linux',
  'kernel-kernel': 'Linux and Linux',
} as const;

/** Jain's index of two flows. */
export function shareTable({ samples }: Results): string[] {
  const lines = [
    cells(['link', 'flows', 'n', "Jain's index", 'Mbit/s of both']),
    '|---|---|--:|--:|--:|',
  ];
  for (const { key, label } of SHARED_ROWS) {
    for (const share of SHARES) {
      const found = fairness(samples, key, share);
      if (found === undefined) continue;
      const index = `${found.median.toFixed(3)} (${found.min.toFixed(3)}–${found.max.toFixed(3)})`;
      const both = withSpread(goodput(samples, key, share));
      lines.push(cells([label, NAMES[share], String(found.n), index, both]));
    }
  }
  return lines;
}

/** Where, when and how truly it was measured. */
export function conditions(results: Results): string {
  const { machine, started, took, lateness, echo, command } = results;
  const micros = (value: number): string => `${Math.round(value)} µs`;
  return [
    `\`${command}\` on ${started.slice(0, 10)}, ${Math.round(took / 60)} minutes,`,
    `${machine.system}, ${machine.cores} cores (${machine.cpu}), Node ${machine.node}.`,
    `The emulator did what was due ${micros(lateness.median)} late in the median,`,
    `${micros(lateness.p99)} at the 99th percentile; over an idle link of ${echo.told} ms datagrams`,
    `took ${echo.median.toFixed(2)} ms in the median (from ${echo.shortest.toFixed(2)}, 99th`,
    `percentile ${echo.p99.toFixed(2)}), the programs at both ends included.`,
  ].join('\n');
}

/** `page` with the tables of `results` in place of those it has. */
export function fill(page: string, results: Results): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no "${BEGIN}" and "${END}"`);
  const heading = ['Goodput in Mbit/s: median (least–most) of n runs.', '', ...pairTable(results)];
  const turns = [
    'Milliseconds of a turn: so much is sent, and the answer of one byte awaited. Below 1 is faster.',
    ...['', ...turnTable(results)],
  ];
  const shared = ['Two flows share a link.', '', ...shareTable(results)];
  const block = [
    BEGIN,
    '',
    ...heading,
    '',
    ...turns,
    '',
    ...shared,
    '',
    conditions(results),
    '',
  ].join('\n');
  return page.slice(0, begin) + block + page.slice(end);
}
