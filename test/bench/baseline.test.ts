/** Tests of scripts/baseline.mjs: what `--against REV` of the bench is made into. @module */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { root } from '../support/root.ts';

interface Baseline {
  readonly folder: string;
  readonly name: string;
  remove(): void;
}
interface Script {
  takeAgainst(args: readonly string[]): { rest: string[]; rev: string | undefined };
  openBaseline(rev: string): Baseline;
  sharesPackages(folder: string, home?: string): boolean;
}
const { takeAgainst, openBaseline, sharesPackages } = (await import(
  pathToFileURL(join(root, 'scripts/baseline.mjs')).href
)) as Script;

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tunstack-baseline-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test('baseline: REV is taken from between the arguments, in either spelling', (t) => {
  const rest = ['--only', 'http', '--quick'];
  t.deepEqual(takeAgainst(['--only', 'http', '--against', 'main~3', '--quick']), {
    rest,
    rev: 'main~3',
  });
  t.deepEqual(takeAgainst(['--against=v1=a', ...rest]), { rest, rev: 'v1=a' });
  t.deepEqual(takeAgainst(rest), { rest, rev: undefined });
});

test('baseline: --against without a REV is refused', (t) => {
  for (const args of [['--against'], ['--against='], ['--against', '--quick']]) {
    t.throws(() => takeAgainst(args), { message: /name a commit/ }, args.join(' '));
  }
});

test('baseline: a folder that is built is taken as it is, and stays', (t) => {
  const path = folder(t);
  mkdirSync(join(path, 'dist/src'), { recursive: true });
  writeFileSync(join(path, 'dist/src/index.js'), '');
  const found = openBaseline(path);
  t.is(found.folder, path);
  found.remove();
  t.notThrows(() => openBaseline(path));
});

test('baseline: a folder that is not built, and what is no commit, are refused', (t) => {
  t.throws(() => openBaseline(folder(t)), { message: /not built/ });
  t.throws(() => openBaseline('no-such-commit'), { message: /neither a commit nor a folder/ });
  t.throws(() => openBaseline('--help'), { message: /neither a commit nor a folder/ });
});

test('baseline: packages are shared only where the lock files are the same', (t) => {
  const [left, right] = [folder(t), folder(t)];
  writeFileSync(join(left, 'package-lock.json'), '{"lockfileVersion":3}');
  writeFileSync(join(right, 'package-lock.json'), '{"lockfileVersion":3}');
  t.true(sharesPackages(left, right));
  writeFileSync(join(right, 'package-lock.json'), '{"lockfileVersion":2}');
  t.false(sharesPackages(left, right));
});
