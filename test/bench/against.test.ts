/** Tests of `bench:link -- --against`: what is run, and what is made of it. @module */
import test from 'ava';
import {
  chance,
  compare,
  compareFamilies,
  GAUGES,
  judge,
  paired,
  tell,
} from '../../bench/link/against.ts';
import type { Context, Measure } from '../../bench/link/measure.ts';
import { choose, MEASURES } from '../../bench/link/measures.ts';
import { readOptions } from '../../bench/link/options.ts';
import { familiesTable } from '../../bench/link/report/tables.ts';
import type { Results, Sample } from '../../bench/link/results.ts';
import { nodeSpec, placeOf, SIX, stackSpec, TWIN } from '../../bench/link/subject.ts';
import type { Spread } from '../../bench/support/spread.ts';

const range = (min: number, max: number): Spread => ({ n: 3, median: (min + max) / 2, min, max });

function samples(subject: string, figures: readonly number[], measure = 'http'): Sample[] {
  return figures.map((rate, run) => ({
    measure,
    variant: { connections: 64 },
    subject,
    run,
    at: run,
    metrics: { rate },
  }));
}

test('against: runs that overlap are alike, whatever their medians say', (t) => {
  t.is(judge(range(10, 20), range(19, 40), true), 'alike');
  t.is(
    judge(range(10, 20), range(20, 40), true),
    'alike',
    'a run that is the same is no difference',
  );
});

test('against: more of a rate is better, more of a time is worse', (t) => {
  t.is(judge(range(21, 22), range(10, 20), true), 'better');
  t.is(judge(range(21, 22), range(10, 20), false), 'worse');
  t.is(judge(range(1, 2), range(10, 20), true), 'worse');
  t.is(judge(range(1, 2), range(10, 20), false), 'better');
});

test('against: what chance alone tells apart is two of all ways to choose n runs of 2n', (t) => {
  t.is(chance(1), 1);
  t.is(chance(3), 2 / 20);
  t.true(Math.abs(chance(5) - 2 / 252) < 1e-12);
});

test('against: ratios are taken within one run, and a run that one of them lacks has none', (t) => {
  const { rows } = compare([...samples('net', [10, 90, 50]), ...samples(`net${TWIN}`, [20, 100])]);
  t.is(rows.length, 1);
  t.deepEqual(rows[0]?.ratio, { n: 2, median: 0.7, min: 0.5, max: 0.9 });
  t.is(rows[0]?.name, 'http, connections 64, net');
});

test('against: faces and variants are rows of their own', (t) => {
  const other = samples('net', [3]).map((sample) => ({ ...sample, variant: { connections: 1 } }));
  const theirs = other.map((sample) => ({ ...sample, subject: `net${TWIN}` }));
  const found = compare([
    ...samples('net', [1]),
    ...samples(`net${TWIN}`, [1]),
    ...samples('callback', [2]),
    ...samples(`callback${TWIN}`, [1]),
    ...other,
    ...theirs,
  ]);
  t.deepEqual(
    found.rows.map(({ name, ratio }) => [name, ratio.median]),
    [
      ['http, connections 64, net', 1],
      ['http, connections 64, callback', 2],
      ['http, connections 1, net', 1],
    ],
  );
});

test('against: what failed in one of them is told, and is in no row', (t) => {
  const broken = samples(`net${TWIN}`, [0]).map((sample) => ({
    ...sample,
    metrics: {},
    error: 'it does not start',
  }));
  const found = compare([...samples('net', [10]), ...broken]);
  t.is(found.rows.length, 0);
  t.deepEqual(found.failed, [
    'http, connections 64, net, run 0, the other checkout: it does not start',
  ]);
});

test('against: the end names the rows that differ, and how many would by chance', (t) => {
  const found = compare([
    ...samples('net', [10, 11, 12]),
    ...samples(`net${TWIN}`, [20, 21, 22]),
    ...samples('callback', [10, 20, 30]),
    ...samples(`callback${TWIN}`, [11, 19, 31]),
  ]);
  const text = tell(found, 'this checkout against main~5', 3);
  t.true(text.startsWith('this checkout against main~5'));
  t.regex(text, /1 of 2 rows differ by more than the spread, 1 of them for the worse/);
  t.regex(text, /of two that are alike 0\.20 would with 3 runs/);
  t.regex(text, /\nworse: http, connections 64, net, \/s: 0\.52 \(0\.50–0\.55\)$/);
});

test('against: each measure has figures that are compared', (t) => {
  t.deepEqual(
    MEASURES.filter(({ name }) => (GAUGES[name] ?? []).length === 0),
    [],
  );
});

test('against: a stack is followed by its twin of the other checkout, and others are left out', (t) => {
  const measure: Measure = {
    name: 'http',
    about: '',
    cells: () => [
      {
        variant: {},
        subjects: [stackSpec('net', { offload: true }), nodeSpec()],
        take: async () => ({}),
      },
      { variant: {}, subjects: [nodeSpec()], take: async () => ({}) },
    ],
  };
  const [cell, ...more] = paired(measure, { tree: '/elsewhere' }).cells({} as Context);
  t.deepEqual(
    cell?.subjects.map(({ key }) => key),
    ['net', `net${TWIN}`],
  );
  t.is(new Set(cell?.subjects.map(({ id }) => id)).size, 2, 'each has a process of its own');
  t.is(more.length, 0, 'no stack, no row');
});

test('families: a stack is followed by its twin over IPv6, on the same device', (t) => {
  const measure: Measure = {
    ...{ name: 'http', about: '' },
    cells: () => [
      { variant: {}, subjects: [stackSpec('net', { offload: true })], take: async () => ({}) },
    ],
  };
  const [cell] = paired(measure, { ipv6: true }).cells({} as Context);
  t.deepEqual(
    cell?.subjects.map(({ key, label }) => [key, label]),
    [
      ['net', 'tunstack, net.Socket'],
      [`net${SIX}`, 'tunstack, net.Socket, IPv6'],
    ],
  );
  t.deepEqual(placeOf(101), {
    ...{ device: 'bench101', kernel: '10.101.0.1', subject: '10.101.0.2' },
    ipv6: { kernel: 'fd00:101::1', subject: 'fd00:101::2' },
  });
});

test('families: the table has what part of IPv4 IPv6 reaches, of rates and of times alike', (t) => {
  const timed = (subject: string, figures: readonly number[]): Sample[] =>
    figures.map((p50, run) => ({
      ...{ measure: 'ping', variant: {}, subject, run, at: run },
      metrics: { p50 },
    }));
  const list = [
    ...samples('net', [100, 100]),
    ...samples(`net${SIX}`, [90, 98]),
    ...timed('callback', [10, 10]),
    ...timed(`callback${SIX}`, [10, 8]),
  ];
  const results = {
    ...{ machine: {}, noise: { steal: 0 }, runs: 2, seconds: 1, started: '', command: 'c' },
    ...{ samples: list, skipped: [] },
  } as unknown as Results; // of a table's foot no more is asked
  const lines = familiesTable({ ...compareFamilies(list), results }).split('\n');
  t.is(
    lines[2],
    '| http, connections 64, net: /s | 100 (100–100) | 94.0 (90.0–98.0) | 0.94 (0.90–0.98) **below** |',
  );
  t.is(
    lines[3],
    '| ping, callback: µs p50 | 10.0 (10.0–10.0) | 9.00 (8.00–10.0) | 1.11 (1.00–1.25) |',
  );
  t.is(lines[5], '1 of 2 rows reach 0.95.');
});

test('bench options: --families is by turns as --against is, and not with it', (t) => {
  t.true(readOptions(['--families']).isPaired);
  t.is(readOptions(['--families', '--quick']).runs, 3);
  t.throws(() => readOptions(['--families', '--against', 'x']), { instanceOf: RangeError });
});

test('bench options: --against takes at least three runs, and --quick keeps to that', (t) => {
  t.is(readOptions(['--against', 'x', '--quick']).runs, 3);
  t.is(readOptions(['--against', 'x', '--runs', '4']).runs, 4);
  t.throws(() => readOptions(['--against', 'x', '--runs', '2']), { message: /at least 3/ });
});

test('bench options: --only a row that is none names those that are', (t) => {
  t.deepEqual(
    choose(['udp', 'echo']).map(({ name }) => name),
    ['echo', 'udp'],
  );
  t.throws(() => choose(['ecko']), { instanceOf: RangeError, message: /ecko.*throughput, echo/ });
});
