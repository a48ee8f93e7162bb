/**
 * The tables of docs/speed.md, by name: each made of a run's results and of profiles.
 * @module
 */

import type { Spread } from '../../support/spread.ts';
import type { Comparison, Row } from '../against.ts';
import type { Profile } from '../profile-file.ts';
import { type Results, summary, type Variant } from '../results.ts';
import { figure, withSpread } from './figures.ts';
import { GOALS, type Standing, standings } from './goals.ts';

export type Table = (results: Results) => string;

const cell = (text: string): string => text.replaceAll('|', '\\|');

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '_Not measured._';
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

interface Column {
  readonly head: string;
  readonly metric: string;
  readonly variant?: Variant;
  /** What the figure is divided by. */
  readonly per?: number;
}

const scaled = (value: Spread | undefined, per: number): Spread | undefined =>
  value && {
    n: value.n,
    median: value.median / per,
    min: value.min / per,
    max: value.max / per,
  };

/** A row a subject, those that have any of the columns. */
function bySubject(results: Results, measure: string, columns: readonly Column[]): string {
  const rows = results.subjects.flatMap(({ key, label }) => {
    const values = columns.map(({ metric, variant = {}, per = 1 }) =>
      scaled(summary(results, { measure, variant, subject: key }, metric), per),
    );
    return values.every((value) => value === undefined) ? [] : [[label, ...values.map(withSpread)]];
  });
  return table(['', ...columns.map(({ head }) => head)], rows);
}

function run(results: Results): string {
  const { machine, noise, runs, seconds, started, command, skipped } = results;
  const lines = [
    `- \`${command}\`, ${started.slice(0, 16).replace('T', ' ')} UTC, ${runs} runs of ${seconds} s`,
    `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`,
    `- Node ${machine.node}, V8 ${machine.v8}, tunstack ${machine.tunstack}`,
    `- the machine was ${noise.verdict}: the same piece of work took ${withSpread(noise.work)} ms, its ` +
      `95th percentile ${figure(noise.p95)} times its best; ${(noise.steal * 100).toFixed(1)} % stolen`,
    ...skipped.map((reason) => `- not measured: ${reason}`),
  ];
  return lines.join('\n');
}

function judged({ goal, target, value, met }: Standing): string {
  if (value === undefined) return '–';
  const unit = goal.unit === '' ? '' : ` ${goal.unit}`;
  const words = `${withSpread(value)}${unit}`;
  if (target === undefined || met === undefined) return words;
  const mark = met ? 'yes' : '**no**';
  return `${words}; ${goal.atLeast ? '≥' : '≤'} ${figure(target)}: ${mark}`;
}

function goals(results: Results): string {
  const all = standings(results);
  const rows = GOALS.map((goal) => [
    goal.name,
    ...all.filter((standing) => standing.goal === goal).map(judged),
  ]);
  return table(['', 'callback interface', 'net.Socket'], rows);
}

const LINKS = { on: 'offload', off: 'no offload' } as const;

function throughput(results: Results): string {
  const columns = (['on', 'off'] as const).flatMap((offload) =>
    (['recv', 'send'] as const).map((direction) => ({
      head: `${direction === 'recv' ? 'in' : 'out'}, ${LINKS[offload]}`,
      metric: 'gbits',
      variant: { direction, offload, streams: 1 },
    })),
  );
  return bySubject(results, 'throughput', columns);
}

const streamsTable =
  (direction: 'recv' | 'send', offload: 'on' | 'off'): Table =>
  (results) => {
    const counts = new Set(
      results.samples.flatMap(({ measure, variant }) =>
        measure === 'throughput' ? [Number(variant['streams'])] : [],
      ),
    );
    const columns = [...counts].map((streams) => ({
      head: `${streams}`,
      metric: 'gbits',
      variant: { direction, offload, streams },
    }));
    return bySubject(results, 'throughput', columns);
  };

const echoTable =
  (protocol: string, cores: string): Table =>
  (results) =>
    bySubject(
      results,
      'echo',
      ['p50', 'p99', 'p999'].map((metric) => ({
        head: `${metric === 'p999' ? 'p99.9' : metric}, µs`,
        metric,
        variant: { protocol, cores },
      })),
    );

function cpu(results: Results): string {
  const columns = (['on', 'off'] as const).flatMap((offload) =>
    (['recv', 'send'] as const).map((direction) => ({
      head: `${direction === 'recv' ? 'in' : 'out'}, ${LINKS[offload]}`,
      metric: 'cpuPerGB',
      variant: { direction, offload, streams: 1 },
    })),
  );
  return bySubject(results, 'throughput', columns);
}

function garbage(results: Results): string {
  const columns = (['on', 'off'] as const).flatMap((offload) =>
    (['recv', 'send'] as const).flatMap((direction): Column[] => {
      const head = `${direction === 'recv' ? 'in' : 'out'}, ${LINKS[offload]}`;
      const variant = { direction, offload };
      return [
        { head: `${head}: KiB a GB`, metric: 'bytesPerGB', variant, per: 1024 },
        { head: 'bytes a packet', metric: 'bytesPerPacket', variant },
      ];
    }),
  );
  return bySubject(results, 'garbage', columns);
}

/** Where the scheduler puts all, and the subject on one core with the client on the other. */
const FREE: Variant = { placed: 'free' };
const PINNED: Variant = { placed: 'pinned' };

/** A row a subject with columns of several measures. */
function uses(
  results: Results,
  columns: readonly (Column & { readonly measure: string })[],
): string {
  const rows = results.subjects.flatMap(({ key, label }) => {
    const values = columns.map(({ measure, metric, variant = {} }) =>
      summary(results, { measure, variant, subject: key }, metric),
    );
    return values.every((value) => value === undefined) ? [] : [[label, ...values.map(withSpread)]];
  });
  return table(['', ...columns.map(({ head }) => head)], rows);
}

const usesInGbits: Table = (results) =>
  uses(results, [
    { head: 'proxy', measure: 'proxy', metric: 'gbits' },
    { head: 'file of 100 MiB over http', measure: 'file', metric: 'gbits' },
    { head: 'TLS in', measure: 'tls', metric: 'gbits', variant: { direction: 'recv' } },
    { head: 'TLS out', measure: 'tls', metric: 'gbits', variant: { direction: 'send' } },
  ]);

const usesASecond: Table = (results) =>
  uses(results, [
    ...[1, 64, 1000].map((connections) => ({
      head: `JSON, ${connections} connection${connections > 1 ? 's' : ''}`,
      measure: 'json',
      metric: 'rate',
      variant: { connections },
    })),
    ...[64, 1].map((connections) => ({
      head: `WebSocket, ${connections > 1 ? `${connections} connections` : '64 on one'}`,
      measure: 'websocket',
      metric: 'rate',
      variant: { connections },
    })),
  ]);

/** Tables of the pages that commands of their own fill: `bench:tunnel`, `bench:gateway`. */
export const OTHERS: readonly string[] = ['tunnel', 'gateway'];

export const TABLES: Readonly<Record<string, Table>> = {
  run,
  goals,
  throughput,
  'streams-recv-on': streamsTable('recv', 'on'),
  'streams-send-on': streamsTable('send', 'on'),
  'streams-recv-off': streamsTable('recv', 'off'),
  'streams-send-off': streamsTable('send', 'off'),
  'echo-tcp-apart': echoTable('tcp', 'apart'),
  'echo-udp-apart': echoTable('udp', 'apart'),
  'echo-tcp-together': echoTable('tcp', 'together'),
  'echo-udp-together': echoTable('udp', 'together'),
  connections: (results) =>
    bySubject(results, 'connections', [
      { head: '1 at a time, /s', metric: 'rate', variant: { parallel: 1 } },
      { head: '32 at a time, /s', metric: 'rate', variant: { parallel: 32 } },
      { head: 'CPU for one, µs', metric: 'cpuEach', variant: { parallel: 32 } },
    ]),
  udp: (results) =>
    bySubject(results, 'udp', [
      { head: 'echoes a second', metric: 'rate' },
      { head: 'CPU for one, µs', metric: 'cpuEach' },
    ]),
  ping: (results) =>
    bySubject(results, 'ping', [
      { head: 'p50, µs', metric: 'p50' },
      { head: 'p99, µs', metric: 'p99' },
      { head: 'a second', metric: 'rate' },
    ]),
  http: (results) =>
    bySubject(results, 'http', [
      { head: 'requests a second', metric: 'rate' },
      { head: 'p99, ms', metric: 'p99', per: 1000 },
      { head: 'CPU for one, µs', metric: 'cpuEach' },
    ]),
  idle: (results) =>
    bySubject(results, 'idle', [
      { head: 'connections', metric: 'connections' },
      { head: 'bytes each, V8', metric: 'bytesPerConnection' },
      { head: 'bytes each, resident', metric: 'residentPerConnection' },
      { head: 'opened a second', metric: 'openRate' },
      { head: 'echo p50, µs', metric: 'p50' },
      { head: 'echo p99, µs', metric: 'p99' },
    ]),
  cpu,
  garbage,
  pauses: (results) =>
    bySubject(
      results,
      'throughput',
      (['recv', 'send'] as const).flatMap((direction) => {
        const way = direction === 'recv' ? 'in' : 'out';
        const variant = { direction, offload: 'on', streams: 1 };
        return [
          { head: `${way}: longest, ms`, metric: 'longestPause', variant },
          { head: `${way}: ms a second`, metric: 'pausedPerSecond', variant },
          { head: `${way}: ms a GB`, metric: 'pausedPerGB', variant },
        ];
      }),
    ),
  waiting: (results) =>
    bySubject(results, 'waiting', [
      { head: 'echo p50, µs', metric: 'p50' },
      { head: 'p99, µs', metric: 'p99' },
      { head: 'CPU for a round trip, µs', metric: 'cpuPerTrip' },
      { head: 'CPU when idle, % of a core', metric: 'idleCpu', per: 0.01 },
      { head: 'one stream in, Gbit/s', metric: 'gbits' },
      { head: 'CPU for a GB, s', metric: 'cpuPerGB' },
    ]),
  'uses-streams': usesInGbits,
  'uses-rates': usesASecond,
  queues: (results) =>
    bySubject(results, 'queues', [
      { head: 'connections a second', metric: 'rate', variant: FREE },
      { head: '64 streams in, Gbit/s', metric: 'recvGbits', variant: FREE },
      { head: '64 streams out, Gbit/s', metric: 'sendGbits', variant: FREE },
      { head: 'evenness', metric: 'evenness', variant: FREE },
    ]),
  'queues-cost': (results) =>
    bySubject(results, 'queues', [
      { head: 'connections a second', metric: 'rate', variant: PINNED },
      { head: 'CPU for one, µs', metric: 'cpuEach', variant: PINNED },
      { head: 'sleeps for 100', metric: 'sleepsEach', variant: PINNED, per: 0.01 },
      { head: 'in: CPU for a GB, s', metric: 'recvCpuPerGB', variant: PINNED },
      { head: 'out: CPU for a GB, s', metric: 'sendCpuPerGB', variant: PINNED },
    ]),
};

/** What `--families` leaves. */
export interface Families extends Comparison {
  readonly results: Results;
}

/** What part of IPv4's IPv6 is to reach, in every row. */
const FAMILY_GOAL = 0.95;

/** What part of IPv4 IPv6 reaches: of times and costs the inverse, so that more is better in every row. */
function shareOf({ ratio, isMore }: Row): Spread {
  if (isMore) return ratio;
  const { n, median, min, max } = ratio;
  return { n, median: 1 / median, min: 1 / max, max: 1 / min };
}

/** A row a figure: IPv4, IPv6, and what part of the one the other reaches. */
export function familiesTable({ rows, failed, results }: Families): string {
  const list = rows.map((row) => {
    const share = shareOf(row);
    const isReached = share.median >= FAMILY_GOAL;
    const words = `${withSpread(share)}${isReached ? '' : ' **below**'}`;
    return [`${row.name}: ${row.unit}`, withSpread(row.theirs), withSpread(row.ours), words];
  });
  const below = rows.filter((row) => shareOf(row).median < FAMILY_GOAL).length;
  return [
    table(['', 'IPv4', 'IPv6', 'IPv6 of IPv4, more is better'], list),
    '',
    `${rows.length - below} of ${rows.length} rows reach ${FAMILY_GOAL}.`,
    ...failed.map((reason) => `\n- not compared: ${reason}`),
    '',
    run(results),
  ].join('\n');
}

const MOST_FUNCTIONS = 12;

/** Where the time of one packet goes. */
export function profileTable(profile: Profile): string {
  const { work, packets, rate, busyMicros, rooms, functions } = profile;
  const unit = work === 'recv' || work === 'send' ? 'Gbit/s' : 'a second';
  const each = (micros: number): string => figure((micros * 1000) / packets);
  const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
  const list = rooms.map(({ name, part, micros }) => [name, share(part), each(micros)]);
  const most = functions
    .slice(0, MOST_FUNCTIONS)
    .map(({ name, room, part, micros }) => [`\`${name}\``, room, share(part), each(micros)]);
  return [
    `${figure(rate)} ${unit} while profiled, ${each(busyMicros)} ns a packet.`,
    '',
    table(['room', 'share', 'ns a packet'], list),
    '',
    table(['function', 'room', 'share', 'ns a packet'], most),
  ].join('\n');
}
