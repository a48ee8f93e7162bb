/**
 * `npm run bench`: set up, then run the suites in bench/, one after the other, each in a process of
 * its own. `npm run bench -- wire` runs those whose name holds the word.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.mjs';
import { setUp } from './setup.mjs';

const words = process.argv.slice(2);

setUp();
const folder = join(root, 'dist/bench');
const suites = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.bench.js'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort();
if (suites.length === 0) console.error(`tunstack: no suite in bench/ is called ${words.join(' ')}`);
let failed = suites.length === 0;
for (const suite of suites) {
  const { status } = spawnSync(process.execPath, [join(folder, suite)], { stdio: 'inherit' });
  if (status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
