/**
 * The rules of the house: who may import whom, and what a file may and may not hold. STYLE: the
 * table in docs/architecture.md is what counts, this test reads it.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import { root } from './support/root.ts';

interface File {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Without comments, strings emptied: what a rule about code looks at. */
  readonly code: string;
  /** What it imports, as written; type-only imports too. */
  readonly imports: readonly string[];
}

const LONGEST_FILE = 420; // "about 400"

/** Files below api/ get time and chance as arguments. */
const CLOCK_OR_CHANCE =
  /\b(Date\.now|new Date|Math\.random|performance|hrtime|setTimeout|setInterval|setImmediate|queueMicrotask|nextTick|getRandomValues|randomBytes|randomFillSync)\b/;
/** The same in api/, where methods may be called setTimeout: only calls of the global count. */
const GLOBAL_CLOCK_OR_CHANCE =
  /(?<![.\w#])(Date\.now|new Date|Math\.random|performance\.|process\.hrtime|set(?:Timeout|Interval|Immediate)\s*\((?!\s*\w+\??\s*:))/;
/** The one file with a clock, timers and randomness. */
const HOST = 'src/stack/host/host.ts';

/** Blanks comments and the contents of strings; good enough for the rules here, not a parser. */
function codeOf(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g,
    (found) => (found.startsWith('/') ? ' ' : "''"),
  );
}

function importsOf(text: string): string[] {
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, '');
  const found = bare.matchAll(
    /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? '');
}

function filesIn(folder: string): File[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(root, path), 'utf8');
      return { path, text, code: codeOf(text), imports: importsOf(text) };
    });
}

const sources = filesIn('src');
const all = [...sources, ...filesIn('test'), ...filesIn('bench'), ...filesIn('examples')];

/** From the table in docs/architecture.md: `| 1 | `src/stack/wire` | …`. */
function readRanks(): Map<string, number> {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const rows = page.matchAll(/^\|\s*(\d+)\s*\|\s*`([^`]+)`\s*\|/gm);
  return new Map([...rows].map((row) => [row[2] ?? '', Number(row[1])]));
}

const ranks = readRanks();

/** The room a file of the stack belongs to, or undefined for one that has none. */
const roomOf = (path: string): string | undefined =>
  [...ranks.keys()].find((room) => path === room || path.startsWith(`${room}/`));

/** What a relative import leads to, from the root; undefined for a package or a part of Node. */
const target = (from: File, name: string): string | undefined =>
  name.startsWith('.') ? relative(root, join(root, dirname(from.path), name)) : undefined;

/** Every relative import of `files`, as [importer, imported]. */
function* edges(files: readonly File[]): Generator<[File, string]> {
  for (const file of files) {
    for (const name of file.imports) {
      const path = target(file, name);
      if (path !== undefined) yield [file, path];
    }
  }
}

const inStack = sources.filter((file) => file.path.startsWith('src/stack/'));
const belowApi = inStack.filter((file) => !file.path.startsWith('src/stack/api/'));

test('house: docs/architecture.md gives every room of the stack a rank', (t) => {
  t.deepEqual(
    ['base', 'wire', 'memory', 'link', 'ip', 'udp', 'tcp', 'stack.ts', 'api'].map((room) =>
      ranks.get(`src/stack/${room}`),
    ),
    [0, 1, 1, 2, 2, 3, 3, 4, 5],
  );
  const homeless = inStack.filter((file) => roomOf(file.path) === undefined);
  t.deepEqual(
    homeless.map((file) => file.path),
    [],
  );
});

test('house: imports of the stack point down, never up and never sideways', (t) => {
  const wrong: string[] = [];
  for (const [file, path] of edges(inStack)) {
    const from = roomOf(file.path);
    const to = roomOf(path);
    if (from === to && from !== undefined) continue;
    const down = to !== undefined && (ranks.get(to) ?? 0) < (ranks.get(from ?? '') ?? 0);
    // The API is where the stack meets its device: it may know the Device interface, no device.
    const device = path === 'src/device/device.ts' && from === 'src/stack/api';
    if (!down && !device) wrong.push(`${file.path} imports ${path}`);
  }
  t.deepEqual(wrong, []);
});

test('house: base imports nothing from other rooms, packages or Node', (t) => {
  const wrong = inStack
    .filter((file) => file.path.startsWith('src/stack/base/'))
    .flatMap((file) => file.imports.filter((name) => !name.startsWith('./')));
  t.deepEqual(wrong, []);
});

test('house: below api/ nothing is imported from Node or a package', (t) => {
  const wrong = belowApi.flatMap((file) =>
    file.imports
      .filter((name) => !name.startsWith('.'))
      .map((name) => `${file.path} imports ${name}`),
  );
  t.deepEqual(wrong, []);
});

test('house: src/device imports nothing of the stack', (t) => {
  const devices = sources.filter((file) => file.path.startsWith('src/device/'));
  const wrong = [...edges(devices)]
    .filter(([, path]) => !path.startsWith('src/device/'))
    .map(([file, path]) => `${file.path} imports ${path}`);
  t.deepEqual(wrong, []);
});

test('house: the command imports itself and what is public', (t) => {
  const cli = sources.filter((file) => file.path.startsWith('src/cli/'));
  const wrong = [...edges(cli)]
    .filter(([, path]) => !path.startsWith('src/cli/') && path !== 'src/index.ts')
    .map(([file, path]) => `${file.path} imports ${path}`);
  t.deepEqual(wrong, []);
});

test('house: examples import only the package', (t) => {
  const wrong = [...edges(filesIn('examples'))]
    .filter(([, path]) => path !== 'src/index.ts' && !path.startsWith('examples/'))
    .map(([file, path]) => `${file.path} imports ${path}`);
  t.deepEqual(wrong, []);
});

test('house: relative imports end in .ts and lead to a file', (t) => {
  const wrong = [...edges(all)]
    .filter(([, path]) => !path.endsWith('.ts') || !existsSync(join(root, path)))
    .map(([file, path]) => `${file.path} imports ${path}`);
  t.deepEqual(wrong, []);
});

test('house: every file opens with a doc comment, in src one of the module', (t) => {
  const wrong = all.filter((file) => !/^(#!.*\n)?\/\*\*/.test(file.text)).map((file) => file.path);
  t.deepEqual(wrong, []);
  const unnamed = sources.filter((file) => !/^[\s\S]*?@module\b[\s\S]*?\*\//.test(file.text));
  t.deepEqual(
    unnamed.map((file) => file.path),
    [],
  );
});

test('house: below api/ there is no clock, no timer and no chance', (t) => {
  const wrong = belowApi
    .filter((file) => CLOCK_OR_CHANCE.test(file.code))
    .map((file) => `${file.path}: ${CLOCK_OR_CHANCE.exec(file.code)?.[0]}`);
  t.deepEqual(wrong, []);
});

test('house: below api/ nothing waits: no promise, no async function', (t) => {
  const wrong = belowApi
    .filter((file) => /\b(async|await|Promise)\b/.test(file.code))
    .map((file) => file.path);
  t.deepEqual(wrong, []);
});

test('house: in api/ only host.ts has a clock, timers and randomness', (t) => {
  const wrong = inStack
    .filter((file) => file.path.startsWith('src/stack/api/') && file.path !== HOST)
    .filter((file) => GLOBAL_CLOCK_OR_CHANCE.test(file.code))
    .map((file) => `${file.path}: ${GLOBAL_CLOCK_OR_CHANCE.exec(file.code)?.[0]}`);
  t.deepEqual(wrong, []);
});

test('house: no source file is longer than about 400 lines', (t) => {
  const wrong = sources
    .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LONGEST_FILE);
  t.deepEqual(wrong, []);
});

test('house: no default exports, no enum, no namespace', (t) => {
  const wrong = sources
    .filter((file) =>
      /^\s*(export default\b|(export )?(const )?(enum|namespace) \w)/m.test(file.code),
    )
    .map((file) => file.path);
  t.deepEqual(wrong, []);
});

test('house: no file re-exports inside the stack', (t) => {
  const wrong = inStack
    .filter((file) => /^\s*export\b[^;=(]*\bfrom\s*''/m.test(file.code))
    .map((file) => file.path);
  t.deepEqual(wrong, []);
});
