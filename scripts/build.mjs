/**
 * `npm run build`: compile what changed, and drop from dist what has no source any more (a test
 * that was deleted must not run on).
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const FOLDERS = ['src', 'test', 'bench', 'examples'];
const SETTINGS = ['tsconfig.json', 'package.json', 'package-lock.json'];
/** Its time is that of the last build without an error. */
const STAMP = join(root, 'dist/.built');
const COMMAND = join(root, 'dist/src/cli/main.js');

/** The files below a folder that end so, relative to the root. */
function list(folder, end) {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name));
}

const sources = () =>
  FOLDERS.flatMap((folder) => list(folder, '.ts')).filter((name) => !name.endsWith('.d.ts'));

const outputOf = (source) => join('dist', source.replace(/\.ts$/, '.js'));

/** Outputs whose source is gone. */
function orphans() {
  const wanted = new Set(sources().map(outputOf));
  return FOLDERS.flatMap((folder) => list(join('dist', folder), '.js')).filter(
    (name) => !wanted.has(name),
  );
}

/** True if dist is what the sources say. */
export function isBuilt() {
  if (!existsSync(STAMP)) return false;
  const built = statSync(STAMP).mtimeMs;
  const isOld = (name) =>
    existsSync(join(root, name)) && statSync(join(root, name)).mtimeMs > built;
  if (SETTINGS.some(isOld)) return false;
  const isCurrent = (source) => !isOld(source) && existsSync(join(root, outputOf(source)));
  return sources().every(isCurrent) && orphans().length === 0;
}

/** Compile; true if there was no error. What the compiler says goes to standard error. */
export function build() {
  for (const name of orphans()) {
    for (const end of ['.js', '.js.map', '.d.ts']) {
      rmSync(join(root, name.replace(/\.js$/, end)), { force: true });
    }
  }
  // The compiler trusts its notes on what it has written; if something is missing, they are wrong.
  if (sources().some((source) => !existsSync(join(root, outputOf(source))))) {
    rmSync(join(root, 'dist/.tsbuildinfo'), { force: true });
  }
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) return false;
  if (existsSync(COMMAND)) chmodSync(COMMAND, 0o755);
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, '');
  return true;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = build() ? 0 : 1;
}
