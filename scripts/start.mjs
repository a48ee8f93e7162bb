/**
 * `npm start`: whatever set-up is missing, then `tunstack serve` with the options given.
 *
 * Where no TUN may be opened it says so, and shows the same with what there is: a TUN in a private
 * namespace, tried by the kernel's own sockets in there; or else two stacks over a pipe in memory.
 */
import { join } from 'node:path';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { whyNoTun } from './probe.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';

const args = process.argv.slice(2);

/** `tunstack serve` in this process. */
async function serve() {
  process.argv.splice(2, Number.POSITIVE_INFINITY, 'serve', ...args);
  await import('../dist/src/cli/main.js');
}

/** Help and mistakes need no TUN to be told. */
async function isRequest() {
  const { parse } = await import('../dist/src/cli/options.js');
  return parse(['serve', ...args], '').command === 'serve';
}

setUp();
const reason = (await isRequest()) ? await whyNoTun() : undefined;
if (reason === undefined) {
  await serve();
} else {
  console.log(`No TUN here: ${reason}`);
  const { wrap, reason: refused } = privateNetwork();
  const demo = [process.execPath, join(root, 'scripts/demo.mjs')];
  if (wrap) {
    console.log('So this is a demonstration in a private network namespace:');
    process.exitCode = await runToEnd(wrap([...demo, 'tun', ...args]));
  } else {
    // Where the device itself may not be opened, it is the same reason once more.
    const why = refused.includes(reason) ? 'for the same reason' : refused;
    console.log(`None in a private network either: ${why}`);
    console.log('So this is a demonstration of two stacks over a pipe in memory:');
    process.exitCode = await runToEnd([...demo, 'pipe', ...args]);
  }
}
