/**
 * Another state of this tree to measure against, built: a commit, in a temporary worktree that goes away again, or a
 * folder that holds a checkout and is left as it is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { root } from './build.mjs';

const OPTION = '--against';

/** The arguments without `--against REV` (or `--against=REV`), and REV; undefined if it is not there. */
export function takeAgainst(args) {
  const at = args.findIndex((word) => word === OPTION || word.startsWith(`${OPTION}=`));
  if (at < 0) return { rest: [...args], rev: undefined };
  const isOne = args[at] !== OPTION;
  const rev = isOne ? args[at].slice(OPTION.length + 1) : args[at + 1];
  if (!rev || (!isOne && rev.startsWith('-'))) {
    throw new RangeError(`${OPTION}: name a commit, or the folder of a built checkout`);
  }
  return { rest: args.toSpliced(at, isOne ? 1 : 2), rev };
}

/** Run it to its end, what it says on standard error. Throws if it failed. */
function run(cwd, program, ...args) {
  const { status, error } = spawnSync(program, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(error?.message ?? `${program} ${args.join(' ')} failed`);
}

function git(...args) {
  return spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
}

const isBuilt = (folder) => existsSync(join(folder, 'dist/src/index.js'));

/** True if both were locked to the same packages: then these do for both. */
export function sharesPackages(folder, home = root) {
  const read = (place) => readFileSync(join(place, 'package-lock.json'), 'utf8');
  return read(folder) === read(home);
}

function build(folder) {
  if (sharesPackages(folder)) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  else {
    console.error('its packages are others: npm ci ...');
    run(folder, 'npm', 'ci', '--include=dev', '--no-audit', '--no-fund', '--ignore-scripts');
  }
  run(folder, process.execPath, 'scripts/build.mjs');
  if (!isBuilt(folder)) throw new Error('its build left no dist/src/index.js');
}

/**
 * `rev` as a folder with a built checkout, what to call it, and `remove` for afterwards. Throws an error for people
 * where it is neither a commit nor such a folder, or cannot be built.
 */
export function openBaseline(rev) {
  if (existsSync(rev) && statSync(rev).isDirectory()) {
    const folder = resolve(rev);
    if (!isBuilt(folder)) throw new Error(`${rev}: not built, there is no dist/src/index.js`);
    return { folder, name: folder, remove: () => {} };
  }
  const found = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`);
  if (found.status !== 0) throw new Error(`${rev}: neither a commit nor a folder`);
  const commit = found.stdout.trim();
  const top = mkdtempSync(join(tmpdir(), 'tunstack-against-'));
  const folder = join(top, 'tree');
  const remove = () => {
    git('worktree', 'remove', '--force', folder);
    rmSync(top, { recursive: true, force: true });
    git('worktree', 'prune');
  };
  try {
    run(root, 'git', 'worktree', 'add', '--quiet', '--detach', folder, commit);
    console.error(`building ${rev} (${commit.slice(0, 10)}) ...`);
    build(folder);
  } catch (error) {
    remove();
    throw new Error(`${rev}: ${error.message}`);
  }
  return { folder, name: `${rev} (${commit.slice(0, 10)})`, remove };
}
