/**
 * `npm run bench:tunnel`: set up, then run dist/bench/tunnel in a network namespace of its own; first among the words
 * may be `spike`, what one packet costs by each way that there is, or `flood`, what handshakes that look right cost.
 */
import { join } from 'node:path';
import { root } from './build.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';

const words = process.argv.slice(2);
const isOther = words[0] === 'spike' || words[0] === 'flood';
const file = isOther ? `${words[0]}.js` : 'main.js';
const program = [
  process.execPath,
  join(root, 'dist/bench/tunnel', file),
  ...words.slice(isOther ? 1 : 0),
];

setUp();
if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  console.error(
    'tunstack: bench:tunnel makes network namespaces and TUNs: run it as root, on Linux',
  );
  process.exitCode = 1;
} else {
  const line = ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', ...program];
  process.exitCode = await runToEnd(line, { cwd: root });
}
