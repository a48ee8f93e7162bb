/**
 * `npm run bench:loss`: set up, then run dist/bench/loss in a network namespace of its own, since it
 * makes interfaces and changes settings. It needs root: a second namespace and its TUNs.
 */
import { join } from 'node:path';
import { root } from './build.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';

const words = process.argv.slice(2);
const program = [process.execPath, join(root, 'dist/bench/loss/main.js'), ...words];
const measures = !words.some((word) => word.startsWith('--from'));

setUp();
if (measures && (process.platform !== 'linux' || process.getuid?.() !== 0)) {
  console.error('tunstack: bench:loss makes network namespaces and TUNs: run it as root, on Linux');
  process.exitCode = 1;
} else {
  const line = measures ? ['unshare', '-n', ...program] : program;
  process.exitCode = await runToEnd(line, { cwd: root });
}
