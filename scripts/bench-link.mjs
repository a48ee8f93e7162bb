/**
 * `npm run bench:link`, `npm run bench:switch`, `npm run profile`: set up, then run a program of dist/bench/link, or
 * of another folder beside it, in a network namespace of its own, since it makes interfaces and changes settings.
 *
 *     node scripts/bench-link.mjs PROGRAM [args ...]      e.g. main, profile, ../switch/main
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { setUp } from './setup.mjs';

const [name = 'main', ...args] = process.argv.slice(2);

setUp();
const { wrap, reason } = privateNetwork();
if (wrap === undefined) {
  console.error(`this needs a TUN in a network namespace of its own: ${reason}`);
  process.exitCode = 1;
} else {
  const line = wrap([process.execPath, join(root, `dist/bench/link/${name}.js`), ...args]);
  const { status } = spawnSync(line[0], line.slice(1), { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
