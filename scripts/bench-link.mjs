/**
 * `npm run bench:link`, `npm run bench:switch`, `npm run profile`: set up, then run a program of dist/bench/link, or
 * of another folder beside it, in a network namespace of its own, since it makes interfaces and changes settings.
 *
 *     node scripts/bench-link.mjs PROGRAM [args ...]      e.g. main, profile, ../switch/main
 *
 * `--against REV` is made a folder first: the namespace has no way to a registry.
 */
import { join } from 'node:path';
import { openBaseline, takeAgainst } from './baseline.mjs';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';

/** Run the program; its exit code. */
function start(wrap, name, args, env = {}) {
  const line = wrap([process.execPath, join(root, `dist/bench/link/${name}.js`), ...args]);
  return runToEnd(line, { cwd: root, env: { ...process.env, ...env } });
}

async function main([name = 'main', ...args]) {
  const { rest, rev } = takeAgainst(args);
  setUp();
  const { wrap, reason } = privateNetwork();
  if (wrap === undefined) {
    console.error(`this needs a TUN in a network namespace of its own: ${reason}`);
    return 1;
  }
  if (rev === undefined) return start(wrap, name, args);
  const { folder, name: called, remove } = openBaseline(rev);
  try {
    return await start(wrap, name, [...rest, '--against', folder], { BENCH_AGAINST: called });
  } finally {
    remove();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}
