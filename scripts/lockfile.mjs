/**
 * `npm run lockfile -- [file]`: check the lock file before anything of it is installed.
 *
 * Every package must carry a SHA-512 of its content, come from the registry (no git, no file, no other
 * address), and run nothing when it is installed unless it is named here with why. Imports nothing
 * but Node, so that it can be run on a fresh clone.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where packages come from. An entry without an address is of whatever registry npm is set to. */
const REGISTRY = 'https://registry.npmjs.org/';

/** Packages that may run a script when they are installed. */
export const INSTALL_SCRIPTS = {
  koffi:
    'loads its prebuilt binary to see that it fits, and builds one (CMake) only where none does',
};

/** The package that a path of the lock file ends in: `node_modules/a/node_modules/@b/c` is `@b/c`. */
const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What is wrong with one entry. */
function faultsOf(path, entry) {
  const name = nameOf(path);
  const faults = [];
  if (!path.startsWith('node_modules/')) faults.push('is no package of a registry');
  if (entry.link) faults.push('is a link to a folder');
  if (!/^sha512-[\w+/]{86}==$/.test(entry.integrity ?? '')) faults.push('has no SHA-512');
  if (entry.resolved !== undefined && !entry.resolved.startsWith(REGISTRY)) {
    faults.push(`comes from ${entry.resolved}`);
  }
  if (entry.hasInstallScript && !Object.hasOwn(INSTALL_SCRIPTS, name)) {
    faults.push('runs a script when it is installed');
  }
  return faults.map((fault) => `${path} ${fault}`);
}

/** What is wrong with a lock file, a line each. */
export function faults(lock) {
  if (lock.lockfileVersion !== 3) return [`version ${lock.lockfileVersion}, where 3 is known`];
  const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
  return entries.flatMap(([path, entry]) => faultsOf(path, entry));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const file = process.argv[2] ?? join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const wrong = faults(lock);
  for (const line of wrong) console.error(line);
  const count = Object.keys(lock.packages).length - 1;
  if (wrong.length === 0)
    console.log(`${count} packages: each with its SHA-512, from one registry`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
