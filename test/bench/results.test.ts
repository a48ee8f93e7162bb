/** Tests of what the bench makes of its samples. @module */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { standings } from '../../bench/link/report/goals.ts';
import { page } from '../../bench/link/report/page.ts';
import { OTHERS, TABLES } from '../../bench/link/report/tables.ts';
import { type Results, ratios, type Sample, summary } from '../../bench/link/results.ts';
import { spread } from '../../bench/support/spread.ts';
import { root } from '../support/root.ts';

function sample(subject: string, run: number, gbits: number, streams = 1): Sample {
  const variant = { direction: 'recv', offload: 'on', streams };
  return { measure: 'throughput', variant, subject, run, at: run, metrics: { gbits } };
}

function results(...samples: Sample[]): Results {
  const keys = [...new Set(samples.map(({ subject }) => subject))];
  return {
    version: 1,
    command: 'npm run bench:link -- <quick>',
    started: '2026-01-01T00:00:00.000Z',
    took: 1,
    machine: {
      cpu: 'a CPU',
      cores: 2,
      memoryGiB: 24,
      system: 'linux',
      node: 'v20.20.2',
      v8: '11.3',
      tunstack: '0.1.0',
    },
    noise: {
      work: undefined,
      p95: 1,
      steal: 0,
      loadBefore: [0, 0, 0],
      loadAfter: [0, 0, 0],
      verdict: 'quiet',
    },
    runs: 2,
    seconds: 1,
    subjects: keys.map((key) => ({ key, label: key, family: 'stack' })),
    samples,
    skipped: [],
  };
}

test('results: the spread has the median, the lowest and the highest', (t) => {
  t.deepEqual(spread([3, 1, 2]), { n: 3, median: 2, min: 1, max: 3 });
  t.deepEqual(spread([4, 1, 2, 3]), { n: 4, median: 2.5, min: 1, max: 4 });
  t.is(spread([Number.NaN]), undefined);
});

test('results: ratios are taken within one run', (t) => {
  const all = results(
    sample('callback', 0, 10),
    sample('ceiling', 0, 20),
    sample('callback', 1, 90),
    sample('ceiling', 1, 100),
    sample('callback', 2, 50), // the ceiling failed in that one
  );
  const query = (subject: string) => ({ measure: 'throughput', subject, metric: 'gbits' });
  t.deepEqual(ratios(all, query('callback'), query('ceiling')), {
    n: 2,
    median: 0.7,
    min: 0.5,
    max: 0.9,
  });
});

test('results: a query takes only samples of its variant', (t) => {
  const all = results(sample('callback', 0, 10), sample('callback', 0, 3, 1000));
  const query = { measure: 'throughput', variant: { streams: 1000 }, subject: 'callback' };
  t.is(summary(all, query, 'gbits')?.median, 3);
});

test('goals: a ratio above its goal is met, one below is not, and what is not measured is neither', (t) => {
  const all = results(
    sample('callback', 0, 90),
    sample('net', 0, 30),
    sample('ceiling', 0, 100),
    sample('callback', 0, 30, 1000),
  );
  const found = standings(all)
    .filter(({ goal }) =>
      /kernel → stack, offload|1000 streams against one, offload, in/.test(goal.name),
    )
    .map(({ face, met }) => [face, met]);
  t.deepEqual(found, [
    ['callback', true],
    ['net', false],
    ['callback', false],
    ['net', undefined],
  ]);
});

test('page: shows each subject, and nothing of a label as markup', (t) => {
  const html = page(results(sample('callback', 0, 90), sample('ceiling', 0, 100)));
  t.true(html.includes('&lt;quick>'));
  t.true(html.includes('Kernel to subject, one stream, with offload'));
  t.regex(html, /<title>ceiling: 100 Gbit\/s, 1 runs<\/title>/);
  t.false(html.includes('NaN'));
  t.false(/https?:\/\//.test(html), 'it needs nothing from elsewhere');
});

test('tables: every one can be made of any results', (t) => {
  const all = results(sample('callback', 0, 90));
  for (const [name, make] of Object.entries(TABLES)) t.true(make(all).length > 0, name);
  t.regex(TABLES['throughput']?.(all) ?? '', /\| callback \| 90\.0 \| – \| – \| – \|/);
});

test('docs: every table that is to be filled in is known', (t) => {
  const pages = ['docs/speed.md', 'README.md'].map((page) =>
    readFileSync(join(root, page), 'utf8'),
  );
  const names = [...pages.join('').matchAll(/<!-- bench:([\w-]+) -->/g)].map(
    ([, name = '']) => name,
  );
  t.true(names.length > 20);
  const known = [...Object.keys(TABLES), ...OTHERS, 'families'];
  t.deepEqual(
    names.filter((name) => !known.includes(name) && !name.startsWith('profile-')),
    [],
  );
});
