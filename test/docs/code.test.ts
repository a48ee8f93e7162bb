/**
 * Every program in the pages compiles against the package's types, as a user's would.
 *
 * A block with an `import` is a whole program and stands for itself. One without is a fragment: it is given what
 * it names of the package, and the few names below.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';
import { fileOf, readLines } from './lines.ts';
import { type Block, blocksIn } from './pages.ts';
import { DOORS, readExports } from './reference.ts';

/** What a fragment may take for granted, and what it is. */
const GIVEN: Readonly<Record<string, string>> = {
  app: "import('node:http').RequestListener",
  ca: 'string',
  createWriteStream: "typeof import('node:fs').createWriteStream",
  device: "import('tunstack').Device",
  file: 'string',
  http: "typeof import('node:http')",
  network: "import('tunstack/services').Network",
  onResponse: "(response: import('node:http').IncomingMessage) => void",
  server: "import('node:http').Server",
  bridge: "import('tunstack').Switch",
  createSocket: "typeof import('node:dgram').createSocket",
  dialer: "import('tunstack/services').Dialer",
  duplex: "import('node:stream').Duplex",
  readFileSync: "typeof import('node:fs').readFileSync",
  subscribe: "typeof import('node:diagnostics_channel').subscribe",
  tunnel: "import('tunstack/tunnel').WireGuardDevice",
  view: 'DataView',
  at: 'number',
  length: 'number',
  webSocket: "import('tunstack').MessageSocket",
  stack: "import('tunstack').Stack",
  tap: "import('tunstack').TunDevice",
  tun: "import('tunstack').TunDevice",
};

const folder = join(root, 'dist/docs-code');

/** Where each name that the package exports comes from; of two that are alike, that of the door which is asked first. */
function exportedFirst(first = 'index'): Map<string, string> {
  const doors = new Map<string, string>();
  for (const door of new Set([first, ...Object.keys(DOORS)])) {
    const text = readFileSync(join(root, `src/${door}.ts`), 'utf8');
    for (const [, names = '', all] of text.matchAll(
      /^export (?:type )?(?:\{([^}]*)\}|\* as (\w+)) from/gm,
    )) {
      for (const item of all === undefined ? names.split(',') : [all]) {
        const name =
          item
            .trim()
            .replace(/^type /, '')
            .split(' as ')
            .at(-1) ?? '';
        const from = door === 'index' ? 'tunstack' : `tunstack/${door}`;
        if (name !== '' && !doors.has(name)) doors.set(name, from);
      }
    }
  }
  return doors;
}

const doorsOfPages = exportedFirst();

const IS_WHOLE = /^import /m;

/** A block as a module, on as many lines as it has and one more in front. */
function moduleOf({ text }: Block, doors: ReadonlyMap<string, string>): string {
  if (IS_WHOLE.test(text)) return `export {};\n${text}\n`;
  const code = text.replace(/\/\/.*$|'[^'\n]*'/gm, '');
  const made = new Set(
    [...code.matchAll(/\b(?:const|let|function|class) (?:(\w+)|[{[]([^=]*)[}\]] =)/g)].flatMap(
      ([, one, many = '']) => one ?? many.split(',').map((name) => name.split(':').at(-1)?.trim()),
    ),
  );
  const isAsked = (name: string): boolean =>
    new RegExp(`(?<![.\\w])${name}\\b(?!:)`).test(code) && !made.has(name);
  // A value of the package may be called as one that is given: what is called, or is a type, is the package's.
  const isCalled = (name: string): boolean =>
    /^[A-Z]/.test(name) || !(name in GIVEN) || new RegExp(`\\b${name}\\(`).test(code);
  const given = Object.entries(GIVEN)
    .filter(([name]) => isAsked(name) && !(doors.has(name) && isCalled(name)))
    .map(([name, type]) => `declare const ${name}: ${type};`);
  const imports = [...doors]
    .filter(([name]) => isAsked(name) && isCalled(name))
    .map(([name, from]) => `import { ${name} } from '${from}';`);
  return `${[...imports, ...given, 'export {};'].join(' ')}\n${text}\n`;
}

const OPTIONS = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  allowJs: true,
  checkJs: true,
};

/** What the compiler says of them, with the places in the pages. */
function faults(blocks: readonly Block[], name: string, doors = doorsOfPages): string {
  const here = join(folder, name);
  rmSync(here, { recursive: true, force: true });
  mkdirSync(here, { recursive: true });
  const files = new Map<string, Block>();
  for (const block of blocks) {
    const isScript = block.language === 'js' && IS_WHOLE.test(block.text);
    const end = isScript ? 'mjs' : 'mts';
    const file = `${block.page.replaceAll(/\W/g, '-')}-${block.line}.${end}`;
    files.set(file, block);
    writeFileSync(join(here, file), moduleOf(block, doors));
  }
  // A program for Node without types is not asked for those of its parameters.
  const compilerOptions = { ...OPTIONS, noImplicitAny: false };
  const settings = { compilerOptions, include: ['*.mts', '*.mjs'] };
  writeFileSync(join(here, 'tsconfig.json'), JSON.stringify(settings));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const words = [compiler, '-p', here, '--pretty', 'false'];
  const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: here, encoding: 'utf8' });
  return `${stdout}${stderr}`.replace(/^(\S+)\((\d+),/gm, (all, file: string, line: string) => {
    const block = files.get(file);
    return block ? `${block.page}:${block.line + Number(line) - 2} (` : all;
  });
}

test('docs: every program in the pages compiles against the types of the package', (t) => {
  const blocks = blocksIn('ts', 'js');
  t.true(blocks.length > 15);
  t.is(faults(blocks, 'pages'), '');
});

for (const door of Object.keys(DOORS)) {
  test(`docs: each export of ${door} has its lines of code, and they compile`, (t) => {
    const lines = readLines(door);
    const names = new Set(lines.flatMap(({ names }) => names));
    const exported = readExports(door).map(({ name }) => name);
    t.deepEqual(
      exported.filter((name) => !names.has(name)),
      [],
      `write lines of code in ${fileOf(door)}`,
    );
    t.deepEqual(
      [...names].filter((name) => !exported.includes(name)),
      [],
      'is no export',
    );
    for (const { names, text } of lines) {
      for (const name of names) t.regex(text, new RegExp(`\\b${name}\\b`), fileOf(door));
    }
    const blocks = lines.map(({ text, line }) => ({
      page: fileOf(door),
      line,
      language: 'ts',
      text,
    }));
    t.is(faults(blocks, door, exportedFirst(door)), '');
  });
}

test('docs: a program that does not compile is found, with its place', (t) => {
  const wrong = (text: string): Block => ({ page: 'docs/x.md', line: 10, language: 'ts', text });
  t.regex(
    faults([wrong("const stack = 1;\nstack.pong('10.0.0.1');")], 'wrong'),
    /^docs\/x\.md:11 .*pong/,
  );
  t.regex(faults([wrong('createStack({ adress: 1 });')], 'wrong'), /^docs\/x\.md:10 /);
  t.regex(faults([wrong('createStac({});')], 'wrong'), /^docs\/x\.md:10 .*createStac/);
});
