/**
 * `npm run test:nodes`: the suites of the face (test/api) on other versions of Node than this one, by default
 * on the lowest that package.json names and on the newest that the tests were written for.
 *
 *     npm run test:nodes -- [20.19 22 24 ...] [test/room/file.test.ts ...]
 *
 * Each Node comes from npm (the package `node`), into a temporary folder.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, root } from './build.mjs';

const VERSIONS = ['20.19', '22', '24'];
const AVA = join(root, 'node_modules/ava/entrypoints/cli.mjs');

const words = process.argv.slice(2);
const versions = words.filter((word) => /^[\d.]+$/.test(word));
const files = words.filter((word) => !versions.includes(word));
const compiled = files.map((name) => `dist/${name.replace(/\.ts$/, '.js')}`);

/** A binary of that version; undefined if npm has none for this machine. */
function installNode(version, folder) {
  const line = ['install', '--no-save', '--prefix', folder, `node@${version}`];
  const { status } = spawnSync('npm', line, { stdio: ['ignore', 'ignore', 'inherit'] });
  return status === 0 ? join(folder, 'node_modules/node/bin/node') : undefined;
}

function testOn(version) {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-node-'));
  try {
    const node = installNode(version, folder);
    if (!node) return `Node ${version}: could not be installed`;
    const named = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
    console.log(`Node ${named}`);
    const suites = compiled.length > 0 ? compiled : ['dist/test/api/**/*.test.js'];
    const { status } = spawnSync(node, [AVA, ...suites], { cwd: root, stdio: 'inherit' });
    return `Node ${named}: ${status === 0 ? 'passed' : 'FAILED'}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (!build()) process.exit(1);
const results = (versions.length > 0 ? versions : VERSIONS).map(testOn);
for (const line of results) console.log(line);
process.exitCode = results.every((line) => line.endsWith('passed')) ? 0 : 1;
