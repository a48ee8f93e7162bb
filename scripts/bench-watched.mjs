/**
 * `npm run bench:watched`: what the live page costs, on a pipe and on a TUN with offload; dist/bench/watched does it, in a
 * network namespace of its own where there may be one.
 *
 *     npm run bench:watched -- [--rounds N] [--seconds N]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { readWords } from './words.mjs';

const { rounds, seconds } = readWords('bench:watched', {
  rounds: { type: 'string', default: '10' },
  seconds: { type: 'string', default: '2' },
});
if (!(Number(rounds) >= 1 && Number(seconds) > 0)) {
  console.error('--rounds and --seconds: give numbers above 0');
  process.exit(2);
}
build();
const program = [process.execPath, join(root, 'dist/bench/watched/main.js')];
const words = [...program, '--rounds', rounds, '--seconds', seconds];
const { wrap, reason } = privateNetwork();
if (!wrap) console.log(`no TUN is measured: ${reason}`);
const [first, ...rest] = wrap ? wrap(words) : words;
const { status } = spawnSync(first, rest, { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
