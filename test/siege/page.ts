/**
 * The tables of docs/internet.md, and one of docs/security.md, between two marks; what stands around them is written by hand.
 * @module
 */
import { cpus, release } from 'node:os';
import type { Campaign, Outcome } from './campaign.ts';
import type { Finding } from './finding.ts';
import type { Echoes } from './watch.ts';

const BEGIN = '<!-- siege -->';
const END = '<!-- /siege -->';
/** Reasons of drops that a line has room for. */
const MOST_REASONS = 2;

export interface Report {
  /** Undefined if it was not wanted. */
  readonly campaign: Campaign | undefined;
  readonly sizes: readonly Finding[];
  readonly ways: readonly { readonly name: string; readonly findings: readonly Finding[] }[];
  /** What a hostile host makes it keep, cost and tell. */
  readonly hostile: readonly Finding[];
  readonly command: string;
  /** ISO 8601. */
  readonly started: string;
  readonly seconds: number;
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const thousands = (n: number): string =>
  n < 10_000 ? `${Math.round(n)}` : `${Math.round(n / 1000)} k`;

const milliseconds = (n: number): string =>
  Number.isFinite(n) ? n.toFixed(n < 0.995 ? 2 : 1) : '–';

/** `0.06 / 0.31 / 1.2`, and what was lost of how many. */
function echoCell({ p50, p99, max, lost, sent }: Echoes): string {
  const times = [p50, p99, max].map(milliseconds).join(' / ');
  return lost > 0 ? `${times}, ${lost} of ${sent} lost` : times;
}

function dropCell(drops: Readonly<Record<string, number>>): string {
  const found = Object.entries(drops).sort(([, a], [, b]) => b - a);
  const most = found.slice(0, MOST_REASONS).map(([name, n]) => `${name} ${thousands(n)}`);
  const rest = found.slice(MOST_REASONS).reduce((sum, [, n]) => sum + n, 0);
  return [...most, ...(rest > 0 ? [`others ${thousands(rest)}`] : [])].join(', ') || 'none';
}

const mebibytes = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(0)} MiB`;

function stormRow(outcome: Outcome): string {
  const { storm, seconds, packets, overflowed, drops, during, after, looks, resident } = outcome;
  return row([
    storm.name,
    storm.about,
    seconds.toFixed(0),
    thousands(packets),
    thousands(packets / seconds),
    thousands(overflowed),
    dropCell(drops),
    echoCell(during),
    echoCell(after) + (looks > 1 ? `, look ${looks}` : ''),
    mebibytes(resident),
    outcome.wrong === '' ? 'yes' : `**${outcome.wrong}**`,
  ]);
}

const STORM_HEAD = [
  ...['storm', 'what it is', 's', 'packets', 'a second', 'queue full', 'dropped by the stack'],
  ...['echo in it, ms', 'echo after it, ms', 'memory', 'good'],
];

function stormTable({ outcomes, before, after, wrong }: Campaign): string[] {
  const packets = outcomes.reduce((sum, one) => sum + one.packets, 0);
  const slowest = Math.max(...outcomes.map((one) => one.after.max));
  return [
    row(STORM_HEAD),
    '|---|---|--:|--:|--:|--:|---|---|---|--:|---|',
    ...outcomes.map(stormRow),
    '',
    `${thousands(packets)} packets in ${outcomes.length} storms. ` +
      `Memory: ${mebibytes(before)} before, ${mebibytes(after)} after. ` +
      `The slowest echo after a storm: ${milliseconds(slowest)} ms. ` +
      (wrong.length === 0 ? 'All counters add up, all slots are free.' : wrong.join('; ')),
  ];
}

const findingTable = (title: string, findings: readonly Finding[]): string[] => [
  row([title, 'found', 'good']),
  '|---|---|---|',
  ...findings.map(({ what, found, good }) => row([what, found, good ? 'yes' : '**no**'])),
];

/** What is wrong in all of it. */
export function faults({ campaign, sizes, ways, hostile }: Report): string[] {
  const findings = [...sizes, ...hostile, ...ways.flatMap((way) => way.findings)];
  const bad = findings.filter((one) => !one.good).map(({ what, found }) => `${what}: ${found}`);
  return [...(campaign?.wrong ?? []), ...bad];
}

/** The tables, and where and when they were made. */
export function tables(report: Report): string {
  const { campaign, sizes, ways, hostile, command, started, seconds } = report;
  const lines: string[] = [];
  if (campaign !== undefined) lines.push(...stormTable(campaign), '');
  if (sizes.length > 0) lines.push(...findingTable('the longest packets', sizes), '');
  for (const { name, findings } of ways) {
    lines.push(...findingTable(`\`tunstack forward\`, ${name}`, findings), '');
  }
  if (hostile.length > 0) lines.push(...findingTable('a hostile host', hostile), '');
  lines.push(
    `\`${command}\` on ${started.slice(0, 10)}, ${(seconds / 60).toFixed(1)} minutes, ${machine()}.`,
  );
  return lines.join('\n');
}

/** What one host can make of it, for the page on security. */
export const hostileTable = ({ hostile, started }: Report): string =>
  [
    ...findingTable('a hostile host', hostile),
    '',
    `\`npm run siege -- --only bounds\` on ${started.slice(0, 10)}, ${machine()}.`,
  ].join('\n');

const machine = (): string =>
  `Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`;

/** `page` with these tables in place of those it has. Throws where it has no place for them. */
export function fill(page: string, text: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no "${BEGIN}" and "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${text}\n\n${page.slice(end)}`;
}
