/**
 * What `npm pack` holds, and that a program with nothing but the package, its dependencies and
 * `@types/node` compiles and runs. `npm run test:pack` does the same from a registry.
 *
 * npm documentation: package.json "files"; Node documentation: "Packages"; TypeScript: "skipLibCheck".
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';
import { compilerWords, WAYS, writePrograms } from './programs.ts';
import { emptyFolder, node, pack, unpack } from './tarball.ts';

interface Manifest {
  readonly main: string;
  readonly types: string;
  readonly bin: Record<string, string>;
  readonly exports: Record<string, string | Record<string, string>>;
  readonly dependencies: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const { folder, remove } = emptyFolder();
const tarball = pack(folder);
const held = new Set(tarball.files);
const text = (file: string): string => readFileSync(join(root, file), 'utf8');

unpack(tarball, folder, [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']);
writePrograms(folder);
test.after.always(remove);

test('package: the tarball holds every file that package.json names', (t) => {
  const doors = Object.values(manifest.exports).flatMap((door) =>
    typeof door === 'string' ? [door] : Object.values(door),
  );
  const named = [manifest.main, manifest.types, ...Object.values(manifest.bin), ...doors];
  const missing = named.map((name) => normalize(name)).filter((name) => !held.has(name));
  t.deepEqual(missing, []);
});

test('package: the tarball holds code, its sources, examples and pages, and nothing else', (t) => {
  const wanted = [
    /^dist\/(src|examples)\/.+\.(js|js\.map|d\.ts)$/,
    /^(src|examples)\/.+\.ts$/,
    /^src\/page\/assets\/[\w-]+\.(css|html|js)$/,
    /^docs\/((tutorial\/|howto\/)?[\w-]+\.md|diagrams\/[\w-]+\.svg|grafana\.json)$/,
    /^(README|CHANGELOG|SECURITY)\.md$/,
    /^(LICENSE|package\.json)$/,
  ];
  t.deepEqual(
    tarball.files.filter((file) => !wanted.some((rule) => rule.test(file))),
    [],
  );
  // A compiled file without its source is left over from one that is gone.
  const sourceOf = (file: string): string => file.slice('dist/'.length).replace(/\.js$/, '.ts');
  const orphans = tarball.files.filter(
    (file) => /^dist\/.*\.js$/.test(file) && !existsSync(join(root, sourceOf(file))),
  );
  t.deepEqual(orphans, []);
});

/** As GitHub and npm make them: in lower case, without punctuation, with hyphens. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchors = (page: string): Set<string> => {
  const headings = text(page).matchAll(/^#+ (.+)$/gm);
  return new Set([...headings].map(([, heading = '']) => anchor(heading)));
};

/** Links of a page that are not to the web, outside of code. */
function linksOf(page: string): string[] {
  const prose = text(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  const found = prose.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)/gm);
  return [...found]
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link));
}

test('package: every relative link of its pages leads to a file, and a heading, that it holds', (t) => {
  const pages = tarball.files.filter((file) => file.endsWith('.md'));
  t.true(pages.length > 5);
  const dead: string[] = [];
  for (const page of pages) {
    for (const link of linksOf(page)) {
      const [path = '', heading] = link.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      const isFolder = tarball.files.some((name) => name.startsWith(`${file}/`));
      const there = held.has(file) || isFolder;
      if (!there || (heading && !anchors(file).has(heading))) dead.push(`${page}: ${link}`);
    }
  }
  t.deepEqual(dead, []);
});

test('package: declarations name only Node and the dependencies', (t) => {
  const known = new Set(Object.keys(manifest.dependencies));
  const strange: string[] = [];
  for (const file of tarball.files.filter((name) => /^dist\/src\/.*\.d\.ts$/.test(name))) {
    const code = text(file).replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, name = ''] of code.matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)) {
      if (!/^(\.|node:)/.test(name) && !known.has(name)) strange.push(`${file}: ${name}`);
    }
  }
  t.deepEqual(strange, []);
});

const compiler = join(root, 'node_modules/typescript/bin/tsc');

for (const [way, files] of Object.entries(WAYS)) {
  test(`package: a program with nothing else installed compiles, by ${way}`, async (t) => {
    const { code, out } = await node(folder, compiler, ...compilerWords(way, files));
    t.is(out, '');
    t.is(code, 0);
  });
}

test('package: a CommonJS program requires it', async (t) => {
  const { out, err } = await node(folder, 'required.cjs');
  t.is(out, 'closed 20\n', err);
});

test('package: the command runs from it', async (t) => {
  const main = join('node_modules/tunstack', manifest.bin['tunstack'] ?? '');
  const { code, out, err } = await node(folder, main, '--help');
  t.is(code, 0, err);
  t.regex(out, /^Usage: tunstack/);
});

test('package: an example runs from it as it is, on a Node that reads no TypeScript', async (t) => {
  const example = 'node_modules/tunstack/dist/examples/reliable-messages.js';
  const { code, out, err } = await node(folder, example);
  t.is(code, 0, err);
  t.regex(out, /: 500000 /);
});
