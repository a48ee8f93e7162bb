/**
 * Two by turns: each measure with this stack and another in place of all subjects, and what their figures say of each
 * other. The other is that of another checkout, with the programs of this one around it, or the same over IPv6.
 *
 * A row differs if the runs of the one and of the other do not overlap. Of two that are alike that happens by
 * chance too: with n runs each, twice in as many rows as there are ways to choose n of 2n.
 * @module
 */
import { type Spread, spread } from '../support/spread.ts';
import type { Measure } from './measure.ts';
import { figure } from './report/figures.ts';
import type { Sample, Variant } from './results.ts';
import { SIX, type Spec, type StackOptions, TWIN } from './subject.ts';

/** A metric that tells whether something was lost. */
interface Gauge {
  readonly metric: string;
  readonly unit: string;
  /** Whether more of it is better. */
  readonly isMore: boolean;
}

const more = (metric: string, unit: string): Gauge => ({ metric, unit, isMore: true });
const less = (metric: string, unit: string): Gauge => ({ metric, unit, isMore: false });

const RATE: readonly Gauge[] = [more('rate', '/s'), less('cpuEach', 'µs of CPU each')];
const STREAM: readonly Gauge[] = [more('gbits', 'Gbit/s'), less('cpuPerGB', 's of CPU a GB')];

/** What is compared, by measure. */
export const GAUGES: Readonly<Record<string, readonly Gauge[]>> = {
  throughput: STREAM,
  echo: [less('p50', 'µs p50'), less('p99', 'µs p99')],
  connections: RATE,
  udp: RATE,
  ping: [less('p50', 'µs p50')],
  http: RATE,
  proxy: STREAM,
  file: STREAM,
  json: RATE,
  websocket: RATE,
  tls: STREAM,
  idle: [less('bytesPerConnection', 'bytes each')],
  garbage: [less('bytesPerPacket', 'bytes a packet')],
  waiting: [less('p50', 'µs p50'), less('cpuPerTrip', 'µs of CPU a trip'), ...STREAM],
  queues: [
    more('rate', '/s'),
    less('cpuEach', 'µs of CPU each'),
    more('recvGbits', 'Gbit/s in'),
    less('recvCpuPerGB', 's of CPU a GB in'),
    more('sendGbits', 'Gbit/s out'),
    less('sendCpuPerGB', 's of CPU a GB out'),
  ],
};

/** The measure with stacks only, each followed by its twin: of another checkout, or over IPv6. */
export function paired(measure: Measure, other: Pick<StackOptions, 'tree' | 'ipv6'>): Measure {
  const both = (spec: Spec): Spec[] => (spec.twin ? [spec, spec.twin(other)] : []);
  return {
    ...measure,
    cells: (context) =>
      measure
        .cells(context)
        .map((cell) => ({ ...cell, subjects: cell.subjects.flatMap(both) }))
        .filter(({ subjects }) => subjects.length > 0),
  };
}

export type Verdict = 'better' | 'worse' | 'alike';

/** One figure of both. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly ours: Spread;
  readonly theirs: Spread;
  /** Of ours to theirs, each within one run. */
  readonly ratio: Spread;
  readonly verdict: Verdict;
  /** Whether more of it is better. */
  readonly isMore: boolean;
}

export interface Comparison {
  readonly rows: readonly Row[];
  /** What failed with either, and so is in no row. */
  readonly failed: readonly string[];
}

/** `worse` and `better` only where no run of the one reaches into the runs of the other. */
export function judge(ours: Spread, theirs: Spread, isMore: boolean): Verdict {
  if (ours.min > theirs.max) return isMore ? 'better' : 'worse';
  if (ours.max < theirs.min) return isMore ? 'worse' : 'better';
  return 'alike';
}

/** How likely two that are alike are told apart by `judge`, with so many runs of each. */
export function chance(runs: number): number {
  let ways = 1;
  for (let i = 1; i <= runs; i++) ways = (ways * (runs + i)) / i;
  return 2 / ways;
}

const nameOf = (measure: string, variant: Variant, subject: string): string =>
  [measure, ...Object.entries(variant).map(([name, value]) => `${name} ${value}`), subject].join(
    ', ',
  );

function row(
  name: string,
  ours: readonly Sample[],
  theirs: readonly Sample[],
  { metric, unit, isMore }: Gauge,
): Row | undefined {
  const figures = (samples: readonly Sample[]): Spread | undefined =>
    spread(samples.map(({ metrics }) => metrics[metric] ?? Number.NaN));
  const [left, right] = [figures(ours), figures(theirs)];
  const ratio = spread(
    ours.map(({ run, metrics }) => {
      const under = theirs.find((sample) => sample.run === run)?.metrics[metric] ?? Number.NaN;
      return (metrics[metric] ?? Number.NaN) / under;
    }),
  );
  if (!left || !right || !ratio) return undefined;
  const verdict = judge(left, right, isMore);
  return { name, unit, ours: left, theirs: right, ratio, verdict, isMore };
}

/** Rows of all samples that both checkouts have. */
export const compare = (samples: readonly Sample[]): Comparison =>
  compareBy(samples, (subject) =>
    subject.endsWith(TWIN)
      ? { key: subject.slice(0, -TWIN.length), isOurs: false, side: 'the other checkout' }
      : { key: subject, isOurs: true, side: 'this checkout' },
  );

/** Rows of all samples that there are over IPv6, which are "ours", and over IPv4. */
export const compareFamilies = (samples: readonly Sample[]): Comparison =>
  compareBy(samples, (subject) =>
    subject.endsWith(SIX)
      ? { key: subject.slice(0, -SIX.length), isOurs: true, side: 'IPv6' }
      : { key: subject, isOurs: false, side: 'IPv4' },
  );

function compareBy(
  samples: readonly Sample[],
  read: (subject: string) => { readonly key: string; isOurs: boolean; side: string },
): Comparison {
  const groups = new Map<string, { measure: string; ours: Sample[]; theirs: Sample[] }>();
  const failed: string[] = [];
  for (const sample of samples) {
    const { measure, variant, subject, error, run } = sample;
    const { key, isOurs, side } = read(subject);
    const name = nameOf(measure, variant, key);
    const group = groups.get(name) ?? { measure, ours: [], theirs: [] };
    groups.set(name, group);
    if (error === undefined) (isOurs ? group.ours : group.theirs).push(sample);
    else failed.push(`${name}, run ${run}, ${side}: ${error}`);
  }
  const rows = [...groups].flatMap(([name, { measure, ours, theirs }]) =>
    (GAUGES[measure] ?? []).flatMap((gauge) => row(name, ours, theirs, gauge) ?? []),
  );
  return { rows, failed };
}

const range = ({ median, min, max }: Spread): string =>
  `${figure(median)} (${figure(min)}–${figure(max)})`;

/** For a terminal: a line a row, then those that differ; `what` against what. */
export function tell({ rows, failed }: Comparison, what: string, runs: number): string {
  const line = ({ name, unit, ours, theirs, ratio, verdict }: Row): string => {
    const sign = { better: '+', worse: '-', alike: ' ' }[verdict];
    return `${sign} ${name}: ${range(ours)} against ${range(theirs)} ${unit}, ratio ${range(ratio)}`;
  };
  const differ = rows.filter(({ verdict }) => verdict !== 'alike');
  const worse = differ.filter(({ verdict }) => verdict === 'worse').length;
  const expected = rows.length * chance(runs);
  return [
    `${what}: medians (least–most), ratios within each run`,
    ...rows.map(line),
    '',
    `${differ.length} of ${rows.length} rows differ by more than the spread, ${worse} of them for the worse;` +
      ` of two that are alike ${figure(expected)} would with ${runs} runs`,
    ...differ.map(
      (found) => `${found.verdict}: ${found.name}, ${found.unit}: ${range(found.ratio)}`,
    ),
    ...failed.map((reason) => `not compared: ${reason}`),
  ].join('\n');
}
