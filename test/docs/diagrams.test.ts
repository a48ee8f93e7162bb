/**
 * The pictures in docs/diagrams are what is drawn of the tables that they show, and each is shown somewhere.
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';
import { diagrams, rooms } from './diagrams.ts';
import { pages, readPage } from './pages.ts';

test('docs: each picture is what its code draws', (t) => {
  t.deepEqual(readdirSync(join(root, 'docs/diagrams')).sort(), Object.keys(diagrams).sort());
  for (const [name, draw] of Object.entries(diagrams)) {
    t.is(readPage(`docs/diagrams/${name}`), draw(), `${name}: run npm run docs:api`);
  }
});

test('docs: each picture stands on a page, and asks nothing of the web', (t) => {
  const all = pages.map(readPage).join('\n');
  for (const [name, draw] of Object.entries(diagrams)) {
    t.true(all.includes(`diagrams/${name})`), name);
    t.notRegex(draw(), /https?:(?!\/\/www\.w3\.org\/2000\/svg")|<script|@import|url\((?!#)/, name);
    t.true(draw().includes('prefers-color-scheme: dark'), name);
  }
});

test('docs: the picture of the house has every room of the table', (t) => {
  t.true(rooms().length > 40);
  const drawn = diagrams['rooms.svg']?.() ?? '';
  for (const { name } of rooms()) t.true(drawn.includes(`>${name.replace(/^stack\//, '')}<`), name);
});
