/**
 * docs/security.md and SECURITY.md name tests for what they claim, and commands: those must be there.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const pages = ['docs/security.md', 'SECURITY.md'];

test('docs: every test that the pages on security name is there', (t) => {
  for (const page of pages) {
    const paths = [...read(page).matchAll(/\b(?:dist\/)?(test\/[\w./-]*\w)/g)];
    t.true(paths.length > 0, page);
    for (const [, path = ''] of paths) {
      t.true(existsSync(join(root, path.replace(/\.js$/, '.ts'))), `${page}: ${path}`);
    }
  }
});

test('docs: every test that is quoted by its title has it', (t) => {
  const quoted =
    /`(test\/[\w./-]+\.ts)` \("([^"]+?)( \.\.\.)?"\)|"([^"]+?)( \.\.\.)?" in\s+`(test\/[\w./-]+\.ts)`/g;
  const found = [...read('docs/security.md').matchAll(quoted)];
  t.true(found.length > 0);
  for (const [, file, title, , other, , place] of found) {
    const path = file ?? place ?? '';
    t.true(read(path).includes((title ?? other ?? '').trim()), `${path}: ${title ?? other}`);
  }
});

test('docs: every npm script that the pages on security name is there', (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of pages) {
    for (const [, name = ''] of read(page).matchAll(/`npm run ([\w:]+)/g)) {
      t.true(name in scripts, `${page}: npm run ${name}`);
    }
  }
});
