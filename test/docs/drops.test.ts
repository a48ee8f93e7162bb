/**
 * docs/drops.md is whole: every drop reason and every counter there is, and none that there is not.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Drop, dropName } from '../../src/stack/base/drop.ts';
import { Stat } from '../../src/stack/base/stats.ts';
import { root } from '../support/root.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/drops.md');
const [reasonsPart = '', countersPart = ''] = page.split('\n## Counters\n');

/** The cells of the lines of all tables in a part of the page, the first without its quotes. */
const rows = (part: string): string[][] =>
  [...part.matchAll(/^\| (`.*) \|$/gm)].map(([, line = '']) =>
    line.split(' | ').map((cell, i) => (i === 0 ? cell.replaceAll('`', '') : cell)),
  );

test('docs: every drop reason is explained, and no other', (t) => {
  const reasons = Object.values(Drop).filter((reason) => reason !== Drop.NONE);
  t.deepEqual(
    rows(reasonsPart).map(([name]) => name),
    reasons.toSorted((a, b) => order(a) - order(b)).map(dropName),
  );
});

/** As they are numbered, but for those of IGMP, MLD and Neighbour Discovery, which stand with ICMP's. */
const order = (reason: Drop): number =>
  reason >= Drop.IGMP_MALFORMED && reason <= Drop.ND_REDIRECT
    ? Drop.ICMP_NO_MATCH + reason / 1000
    : reason;

test('docs: every reason has its meaning, RFC and remedy', (t) => {
  for (const cells of rows(reasonsPart)) {
    t.is(cells.length, 4, cells[0]);
    t.true(
      cells.every((cell) => cell.trim() !== ''),
      cells[0],
    );
  }
});

test('docs: every counter is explained, and no other', (t) => {
  const names = rows(countersPart).map(([name]) => name);
  t.deepEqual(names.toSorted(), Object.keys(Stat).toSorted());
  t.true(rows(countersPart).every((cells) => cells.length === 2 && cells[1] !== ''));
});

test("docs: every counter has a name of Linux's nstat", (t) => {
  const known = new Set(read('test/docs/nstat.txt').split('\n'));
  t.deepEqual(
    Object.keys(Stat).filter((name) => !known.has(name)),
    [],
  );
});

test('docs: every counter and every reason but those of the link layer is used', (t) => {
  const sources = readdirSync(join(root, 'src/stack'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/^base.(drop|stats)\.ts$/.test(name))
    .map((name) => read(join('src/stack', name)));
  const isUsed = (name: string): boolean =>
    sources.some((text) => new RegExp(`${name}\\b`).test(text));
  const link = ['LINK_UNKNOWN', 'LINK_MALFORMED', 'OUT_UNRESOLVED'];
  t.deepEqual(
    Object.keys(Drop).filter((name) => !isUsed(`Drop.${name}`) && !link.includes(name)),
    [],
  );
  t.deepEqual(
    Object.keys(Stat).filter((name) => !isUsed(`Stat.${name}`)),
    [],
  );
});
