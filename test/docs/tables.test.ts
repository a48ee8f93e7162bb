/**
 * Tables of the pages: an empty line ends a table, and rows that follow without a head are text. GFM, "Tables".
 * @module
 */
import test from 'ava';
import { pages, readPage } from './pages.ts';

/** Where a row stands without a head above it. */
function torn(page: string): string[] {
  const found: string[] = [];
  let fenced = false;
  let within = false;
  const lines = readPage(page).split('\n');
  lines.forEach((line, index) => {
    if (/^\s*```/.test(line)) fenced = !fenced;
    const row = !fenced && line.startsWith('|');
    const head = row && /^\|[-: |]+\|$/.test(lines[index + 1] ?? '');
    if (row && !within && !head) found.push(`${page}:${index + 1}`);
    within = row;
  });
  return found;
}

test('docs: each row of a table has a head above it', (t) => {
  t.deepEqual(pages.flatMap(torn), []);
});
