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
const FULLEST_ROOM = 22; // "about twenty" files

/** Files below host/ get time and chance as arguments. */
const CLOCK_OR_CHANCE =
  /\b(Date\.now|new Date|Math\.random|performance|hrtime|setTimeout|setInterval|setImmediate|queueMicrotask|nextTick|getRandomValues|randomBytes|randomFillSync)\b/;
/** The same in api/, where methods may be called setTimeout: only calls of the global count. */
const GLOBAL_CLOCK_OR_CHANCE =
  /(?<![.\w#])(Date\.now|new Date|Math\.random|performance\.|process\.hrtime|set(?:Timeout|Interval|Immediate)\s*\((?!\s*\w+\??\s*:))/;

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

/** What the package exports, and others may import. */
const DOORS = ['src/index.ts', 'src/lab.ts', 'src/services.ts', 'src/tunnel.ts', 'src/wire.ts'];

const sources = filesIn('src');
const all = [...sources, ...filesIn('test'), ...filesIn('bench'), ...filesIn('examples')];

/** The table of rooms in docs/architecture.md, by room: `| 3.2 | `src/stack/tcp/loss` | …`. */
function readRooms(): Map<string, { floor: number; step: number }> {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const rows = page.matchAll(/^\|\s*(?:(\d+)(?:\.(\d+))?|–)\s*\|\s*`([^`]+)`\s*\|/gm);
  return new Map(
    [...rows].map(([, floor, step, room]) => [
      room ?? '',
      { floor: Number(floor ?? Number.NaN), step: Number(step ?? 0) },
    ]),
  );
}

const rooms = readRooms();

/** A room of the stack and the rooms in it: `src/stack/tcp/loss` is in `src/stack/tcp`. */
const houseOf = (room: string): string => room.split('/').slice(0, 3).join('/');

/** The room that a file stands in, or undefined for one that has none. */
const roomOf = (path: string): string | undefined =>
  rooms.has(path) ? path : rooms.has(dirname(path)) ? dirname(path) : undefined;

/** True if what stands in `from` may import what stands in `to`: the floor below, or the step below. */
function isDown(from: string, to: string): boolean {
  const a = rooms.get(from);
  const b = rooms.get(to);
  if (a === undefined || b === undefined) return false;
  return houseOf(from) === houseOf(to) ? b.step < a.step : b.floor < a.floor;
}

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
const inApi = inStack.filter((file) => file.path.startsWith('src/stack/api/'));
const inHost = inStack.filter((file) => file.path.startsWith('src/stack/host/'));
const belowHost = inStack.filter((file) => !inApi.includes(file) && !inHost.includes(file));

/** Folders that hold sources, with how many. */
function folders(files: readonly File[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { path } of files) found.set(dirname(path), (found.get(dirname(path)) ?? 0) + 1);
  return found;
}

/** The circles in a graph of imports: each a list of files that reach each other. Tarjan 1972. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    const place = order.size;
    order.set(file, place);
    path.push(file);
    let low = place;
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (path.includes(next)) low = Math.min(low, order.get(next) ?? low);
    }
    if (low === place) {
      const circle = path.splice(path.indexOf(file));
      if (circle.length > 1) found.push(circle);
    }
    return low;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

test('house: docs/architecture.md lists the rooms that are there, and no others', (t) => {
  const listed = [...rooms.keys()].filter((room) => room !== 'src/index.ts').sort();
  const files = sources.filter((file) => roomOf(file.path) === file.path).map(({ path }) => path);
  const there = [...folders(sources).keys(), ...files]
    .filter((name) => name !== 'src' && name !== 'src/stack')
    .sort();
  t.deepEqual(
    listed.filter((name) => !name.endsWith('.ts')),
    there.filter((name) => !name.endsWith('.ts')),
  );
  const homeless = inStack.filter((file) => roomOf(file.path) === undefined);
  t.deepEqual(
    homeless.map((file) => file.path),
    [],
  );
});

test('house: the floors of the stack are those of the design', (t) => {
  const design = [
    ...['base', 'wire', 'memory', 'link', 'ip', 'udp', 'tcp', 'stack.ts', 'host', 'api'],
  ];
  t.deepEqual(
    design.map((room) => rooms.get(`src/stack/${room}`)?.floor),
    [0, 1, 1, 2, 2, 3, 3, 4, 5, 6],
  );
});

test('house: imports of the stack point down, never up and never sideways', (t) => {
  const wrong: string[] = [];
  for (const [file, path] of edges(inStack)) {
    const from = roomOf(file.path);
    const to = roomOf(path);
    if (from === undefined || from === to) continue;
    // The host is where the stack meets its device: it may know the Device interface, no device.
    const meets = from === 'src/stack/host' || from.startsWith('src/stack/api');
    if (path === 'src/device/device.ts' && meets) continue;
    if (to === undefined || !isDown(from, to)) wrong.push(`${file.path} imports ${path}`);
  }
  t.deepEqual(wrong, []);
});

test('house: no circle of imports, type-only ones included', (t) => {
  const files = [...sources, ...filesIn('bench'), ...filesIn('examples')];
  const graph = new Map(files.map((file) => [file.path, [] as string[]]));
  for (const [file, path] of edges(files)) graph.get(file.path)?.push(path);
  t.deepEqual(circles(graph), []);
});

test('house: a checker of circles finds one', (t) => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a']],
    ['d', []],
  ]);
  t.deepEqual(circles(graph), [['a', 'b', 'c']]);
});

test('house: no room holds more than about twenty files', (t) => {
  const full = [...folders(sources)].filter(([, count]) => count > FULLEST_ROOM);
  t.deepEqual(full, []);
});

test('house: base imports nothing from other rooms, packages or Node', (t) => {
  const wrong = inStack
    .filter((file) => file.path.startsWith('src/stack/base/'))
    .flatMap((file) => file.imports.filter((name) => !name.startsWith('./')));
  t.deepEqual(wrong, []);
});

test('house: below host/ nothing is imported from Node or a package', (t) => {
  const wrong = belowHost.flatMap((file) =>
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

test('house: the command imports itself, the page and what is public', (t) => {
  const cli = sources.filter((file) => file.path.startsWith('src/cli/'));
  const wrong = [...edges(cli)]
    .filter(([, path]) => !/^src\/(cli|page)\//.test(path) && !DOORS.includes(path))
    .map(([file, path]) => `${file.path} imports ${path}`);
  t.deepEqual(wrong, []);
});

test('house: the page imports itself, what onlookers know and what is public', (t) => {
  const page = sources.filter((file) => file.path.startsWith('src/page/'));
  t.true(page.length > 0);
  const wrong = [...edges(page)]
    .filter(([, path]) => !/^src\/(page|sequence)\//.test(path) && !DOORS.includes(path))
    .map(([file, path]) => `${file.path} imports ${path}`);
  t.deepEqual(wrong, []);
});

test('house: examples import only the package', (t) => {
  const wrong = [...edges(filesIn('examples'))]
    .filter(([, path]) => !DOORS.includes(path) && !path.startsWith('examples/'))
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

test('house: below host/ there is no clock, no timer and no chance', (t) => {
  const wrong = belowHost
    .filter((file) => CLOCK_OR_CHANCE.test(file.code))
    .map((file) => `${file.path}: ${CLOCK_OR_CHANCE.exec(file.code)?.[0]}`);
  t.deepEqual(wrong, []);
});

test('house: below host/ nothing waits: no promise, no async function', (t) => {
  const wrong = belowHost
    .filter((file) => /\b(async|await|Promise)\b/.test(file.code))
    .map((file) => file.path);
  t.deepEqual(wrong, []);
});

test('house: in api/ there is no clock, no timer and no chance but those of host/', (t) => {
  const wrong = inApi
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

test('house: no test sets a flag of the engine but those that add a name: test files are threads of one process', (t) => {
  const wrong = filesIn('test').flatMap((file) =>
    [...file.text.matchAll(/setFlagsFromString\((.*?)\)/g)]
      .filter(([, words]) => !/^'--(expose-gc|allow-natives-syntax)'$/.test(words ?? ''))
      .map(([call]) => `${file.path}: ${call}`),
  );
  t.deepEqual(wrong, []);
});
