/**
 * What `npm run docs` says of a site: links that lead nowhere, and what is asked of other hosts. Its packages have a lock
 * file of their own, which holds as much as the project's.
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { root } from '../support/root.ts';

interface Links {
  deadLinks(folder: string): string[];
}

interface Check {
  faults(lock: unknown): string[];
}

const script = (name: string): string => pathToFileURL(join(root, 'scripts', name)).href;
const { deadLinks } = (await import(script('links.mjs'))) as Links;
const { faults } = (await import(script('lockfile.mjs'))) as Check;

/** What is dead in a site of these files. */
function deadIn(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-links-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return deadLinks(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('docs: links to files, folders and headings that are there are good', (t) => {
  const page =
    '<h1 id="a b">x</h1><a class="x" href="#a%20b">1</a><a href="/sub/?q#c">2</a><img src="x.svg">';
  const files = {
    'index.html': page,
    'x.svg': '',
    'sub/index.html': '<p id="c"><a href="../index">up</a>',
  };
  t.deepEqual(deadIn(files), []);
});

test('docs: a dead link, a dead heading and another host are found', (t) => {
  t.deepEqual(deadIn({ 'index.html': '<a href="gone.html">x</a>' }), ['index.html: gone.html']);
  t.deepEqual(deadIn({ 'index.html': '<a href="#gone">x</a>' }), [
    'index.html: #gone, which index.html has not',
  ]);
  t.deepEqual(deadIn({ 'index.html': '<a href="https://example.org/">x</a>' }), []);
  for (const tag of [
    '<script src="https://example.org/x.js"></script>',
    '<link href="//example.org/x.css">',
  ]) {
    t.regex(deadIn({ 'index.html': tag }).join('\n'), /^index\.html: asks another host: /);
  }
  t.is(deadIn({ 'x.css': '@font-face { src: url(https://example.org/x.woff2) }' }).length, 1);
});

test('docs: what builds the site is locked by content, from one registry, and apart from the project', (t) => {
  const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));
  // It is installed with --ignore-scripts, so that those of its packages do not run.
  const found = faults(read('site/package-lock.json'));
  t.deepEqual(
    found.filter((fault) => !fault.endsWith(' runs a script when it is installed')),
    [],
  );
  t.regex(readFileSync(join(root, 'scripts/docs.mjs'), 'utf8'), /'ci', '--ignore-scripts'/);
  const { packages } = read('package-lock.json');
  for (const name of Object.keys(read('site/package.json').devDependencies)) {
    if (name !== 'typescript') t.false(`node_modules/${name}` in packages, name);
  }
});
