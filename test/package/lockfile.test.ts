/**
 * What is installed is what the lock file says, and it says enough: content by SHA-512, one registry, and
 * no install script that nobody has looked at.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { root } from '../support/root.ts';

interface Entry {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Lock {
  readonly lockfileVersion: number;
  readonly packages: Record<string, Entry>;
}

interface Check {
  readonly INSTALL_SCRIPTS: Record<string, string>;
  faults(lock: Lock): string[];
}

const script = pathToFileURL(join(root, 'scripts/lockfile.mjs')).href;
const check = (await import(script)) as Check;
const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));
const lock = read('package-lock.json') as Lock;
const integrity = `sha512-${'A'.repeat(86)}==`;

const doctored = (path: string, entry: Entry): string[] =>
  check.faults({ lockfileVersion: 3, packages: { '': {}, [path]: entry } });

test('package: every package of the lock file has its SHA-512 and comes from the registry', (t) => {
  t.deepEqual(check.faults(lock), []);
});

test('package: the check refuses what has no hash, another address, or a script unheard of', (t) => {
  t.deepEqual(doctored('node_modules/a', { integrity }), []);
  t.deepEqual(doctored('node_modules/a', {}), ['node_modules/a has no SHA-512']);
  t.deepEqual(doctored('node_modules/a', { integrity: 'sha1-AAAA' }), [
    'node_modules/a has no SHA-512',
  ]);
  const resolved = 'https://registry.example/a.tgz';
  t.deepEqual(doctored('node_modules/a', { integrity, resolved }), [
    `node_modules/a comes from ${resolved}`,
  ]);
  t.deepEqual(doctored('packages/a', { integrity }), ['packages/a is no package of a registry']);
  t.deepEqual(doctored('node_modules/@a/b', { integrity, link: true }), [
    'node_modules/@a/b is a link to a folder',
  ]);
  const hasInstallScript = true;
  t.deepEqual(doctored('node_modules/b/node_modules/a', { integrity, hasInstallScript }), [
    'node_modules/b/node_modules/a runs a script when it is installed',
  ]);
  t.deepEqual(doctored('node_modules/koffi', { integrity, hasInstallScript }), []);
});

test('package: SECURITY.md names the install scripts, and those alone are there', (t) => {
  const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');
  for (const name of Object.keys(check.INSTALL_SCRIPTS)) t.true(page.includes(`\`${name}\``), name);
  const there = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  t.deepEqual(
    there.map(([path]) => path),
    Object.keys(check.INSTALL_SCRIPTS).map((name) => `node_modules/${name}`),
  );
});

test('package: installing it from the registry runs no script of ours', (t) => {
  // npm runs these three on the user's machine; `prepare` only in a clone.
  const { scripts } = read('package.json') as { scripts: Record<string, string> };
  for (const name of ['preinstall', 'install', 'postinstall']) t.is(scripts[name], undefined, name);
});
