/**
 * `npm run siege`: set up, install what it needs, then run dist/test/siege/main.js in a network
 * namespace of its own: nmap's scans, hping3's floods and scapy's never leave it.
 *
 *     npm run siege -- [--seconds N] [--only WORD,...] [--list] [--docs] [--no-install]
 */
import { join } from 'node:path';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';
import { installLine, installTools } from './tools.mjs';

const TOOLS = ['ip', 'ping', 'nmap', 'hping3', 'curl', 'dig', 'scapy'];
const args = process.argv.slice(2);

function start() {
  setUp();
  const missing = installTools(TOOLS, !args.includes('--no-install'));
  if (missing.length > 0) {
    console.error(`this needs ${missing.join(', ')}: ${installLine(missing)}`);
    return 1;
  }
  const { wrap, reason } = privateNetwork();
  if (wrap === undefined) {
    console.error(`this needs a TUN in a network namespace of its own: ${reason}`);
    return 1;
  }
  const words = args.filter((word) => word !== '--no-install');
  const line = wrap([process.execPath, join(root, 'dist/test/siege/main.js'), ...words]);
  return runToEnd(line, { cwd: root });
}

process.exitCode = await start();
