/**
 * The tables of docs/internet.md, and one of docs/security.md, between two marks; what stands around them is written by hand.
 * @module
 */
import { cpus, release } from 'node:os';
import type { Campaign, Outcome } from './campaign.ts';
import type { Finding } from './finding.ts';
import type { Echoes } from './watch.ts';

/** The parts that a run may be of, each between marks of its own. */
export const PARTS = ['storms', 'ipv6', 'forward', 'bounds'] as const;
export type Part = (typeof PARTS)[number];

/** Reasons of drops that a line has room for. */
const MOST_REASONS = 2;

export interface Report {
  /** Undefined if it was not wanted. */
  readonly campaign: Campaign | undefined;
  readonly sizes: readonly Finding[];
  /** The same over IPv6, its longest packets among it. */
  readonly campaign6: Campaign | undefined;
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
export function faults({ campaign, campaign6, sizes, ways, hostile }: Report): string[] {
  const findings = [
    ...sizes,
    ...(campaign6?.sizes ?? []),
    ...hostile,
    ...ways.flatMap((way) => way.findings),
  ];
  const bad = findings.filter((one) => !one.good).map(({ what, found }) => `${what}: ${found}`);
  return [...(campaign?.wrong ?? []), ...(campaign6?.wrong ?? []), ...bad];
}

/** The tables of one part; none if it was not wanted. */
export function tablesOf(
  part: Part,
  { campaign, campaign6, sizes, ways, hostile }: Report,
): string[] {
  const lines: string[] = [];
  if (part === 'storms') {
    if (campaign !== undefined) lines.push(...stormTable(campaign), '');
    if (sizes.length > 0) lines.push(...findingTable('the longest packets', sizes), '');
  } else if (part === 'ipv6') {
    if (campaign6 !== undefined) {
      lines.push(...stormTable(campaign6), '');
      lines.push(...findingTable('the longest packets', campaign6.sizes), '');
    }
  } else if (part === 'forward') {
    for (const { name, findings } of ways) {
      lines.push(...findingTable(`\`tunstack forward\`, ${name}`, findings), '');
    }
  } else if (hostile.length > 0) lines.push(...findingTable('a hostile host', hostile), '');
  return lines;
}

/** Where and when they were made. */
export const imprint = ({ command, started, seconds }: Report): string =>
  `\`${command}\` on ${started.slice(0, 10)}, ${(seconds / 60).toFixed(1)} minutes, ${machine()}.`;

/** All tables, and where and when they were made. */
export const tables = (report: Report): string =>
  [...PARTS.flatMap((part) => tablesOf(part, report)), imprint(report)].join('\n');

const machine = (): string =>
  `Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`;

/** `page` with these tables of a part in place of those it has. Throws where it has no place for them. */
export function fill(page: string, part: Part, text: string): string {
  const [first, last] = [`<!-- siege:${part} -->`, `<!-- /siege:${part} -->`];
  const begin = page.indexOf(first);
  const end = page.indexOf(last);
  if (begin < 0 || end < begin) throw new Error(`the page has no "${first}" and "${last}"`);
  return `${page.slice(0, begin)}${first}\n\n${text}\n\n${page.slice(end)}`;
}

/** `page` with the tables of every part of `report` that it has a place for and that was wanted. */
export function fillAll(page: string, report: Report): string {
  let filled = page;
  for (const part of PARTS) {
    const lines = tablesOf(part, report);
    if (lines.length === 0 || !page.includes(`<!-- siege:${part} -->`)) continue;
    filled = fill(filled, part, [...lines, imprint(report)].join('\n'));
  }
  return filled;
}
