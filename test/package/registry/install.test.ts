/**
 * The package as a user installs it, into a folder that holds nothing: `npm install` from a registry, by each
 * `@types/node` and each compiler that is supported, with `skipLibCheck` off.
 *
 * Node documentation: "Modules: Packages", "Loading ECMAScript modules using require()".
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Ended, Running } from '../../support/process.ts';
import { compilerWords, WAYS, writePrograms } from '../programs.ts';
import { emptyFolder, node, pack } from '../tarball.ts';

/** Whose types are supported: those of the Node versions that are. */
const TYPES = [20, 22, 24];
/** The newest compiler, and the last before it was written anew. */
const COMPILERS = ['7', '5.9'];

const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts'];

const home = emptyFolder();
const { file } = pack(home.folder);
test.after.always(home.remove);

const npm = (folder: string, ...words: string[]): Promise<Ended> =>
  new Running('npm', words, {}, folder).ended;

/** An empty project with these packages, their install scripts left out. */
async function project(packages: readonly string[]): Promise<{ folder: string; said: Ended }> {
  const { folder } = emptyFolder();
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  writePrograms(folder);
  return { folder, said: await npm(folder, 'install', ...QUIET, ...packages) };
}

const compilers = emptyFolder();
test.after.always(compilers.remove);
const compiler = (version: string): string =>
  join(compilers.folder, `node_modules/ts-${version}/bin/tsc`);

test.before('package: the compilers are installed', async (t) => {
  const packages = COMPILERS.map((version) => `ts-${version}@npm:typescript@${version}`);
  const { code, err } = await npm(compilers.folder, 'install', ...QUIET, ...packages);
  t.is(code, 0, err);
});

for (const types of TYPES) {
  test(`package: compiles with @types/node ${types}, by every compiler`, async (t) => {
    const { folder, said } = await project([file, `@types/node@${types}`]);
    t.is(said.code, 0, said.err);
    for (const version of COMPILERS) {
      for (const [way, files] of Object.entries(WAYS)) {
        const { code, out } = await node(folder, compiler(version), ...compilerWords(way, files));
        t.is(out, '', `TypeScript ${version}, ${way}`);
        t.is(code, 0, `TypeScript ${version}, ${way}`);
      }
    }
  });
}

test('package: its dispatcher is one to the types of undici 7', async (t) => {
  const packages = [file, '@types/node@24', 'undici@7'];
  const { folder, said } = await project(packages);
  t.is(said.code, 0, said.err);
  const program = `
import { createPipe, createStack } from 'tunstack';
import { type Dispatcher, fetch } from 'undici';
const stack = createStack({ device: createPipe()[0], address: '10.0.0.1/24' });
const dispatcher: Dispatcher = stack.dispatcher({ connections: 1 });
await fetch('http://10.0.0.2', { dispatcher });
`;
  writeFileSync(join(folder, 'undici.mts'), program);
  const words = compilerWords('nodenext', ['undici.mts']);
  // undici's own declarations are not ours to check.
  const { code, out } = await node(
    folder,
    compiler('7'),
    ...words.filter((word) => word !== '--skipLibCheck' && word !== 'false'),
    '--skipLibCheck',
  );
  t.is(out, '');
  t.is(code, 0);
});

test('package: the command runs by npx, and require() gives what import does', async (t) => {
  const { folder, said } = await project([file]);
  t.is(said.code, 0, said.err);
  const help = await new Running('npx', ['tunstack', '--help'], {}, folder).ended;
  t.is(help.code, 0, help.err);
  t.regex(help.out, /^Usage: tunstack/);
  const required = await node(folder, 'required.cjs');
  t.is(required.out, 'closed 20\n', required.err);
  // Without install scripts too, the binding to the system is there: no TUN of such a name can be.
  const open = `import('tunstack').then((t) => t.openTun({ name: 'x'.repeat(99) })).catch((e) => console.log(e.code))`;
  const opened = await node(folder, '-e', open);
  t.regex(opened.out, /^\w+\n$/);
});
