/**
 * `npm run tunnels`: set up, install what it needs as root, then try tunnels against wireguard-go, wg-quick and openvpn at
 * full length: a gibibyte each way, whole, in the clear and where 5 % of the datagrams are lost; then both protocols under
 * garbage by the million.
 *
 *     npm run tunnels -- [--no-install] [--mib 1024] [--fuzz 1000000] [--only wireguard|openvpn|tunnel|fuzz]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { setUp } from './setup.mjs';
import { installLine, installTools } from './tools.mjs';
import { readWords } from './words.mjs';

const TOOLS = ['ip', 'openssl', 'curl', 'wireguard-go', 'wg', 'openvpn'];
const AVA = join(root, 'node_modules/ava/entrypoints/cli.mjs');
/** A gibibyte where much is lost takes its time. */
const PATIENCE = '60m';

const text = { type: 'string' };
const options = { mib: text, fuzz: text, only: text, 'no-install': { type: 'boolean' } };
const { mib = '1024', fuzz = '1000000', only, ...rest } = readWords('tunnels', options);

setUp();
const missing = installTools(TOOLS, rest['no-install'] !== true);
const { wrap, reason } = privateNetwork();
const env = {
  ...process.env,
  ...{ TUNSTACK_TUNNEL_MIB: mib, TUNSTACK_TUNNEL_FUZZ: fuzz },
};

/** Run test files with these words before them; whether all went well. */
function ava(words, around = (line) => line) {
  const [program, ...args] = around([process.execPath, AVA, '--timeout', PATIENCE, ...words]);
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', env }).status === 0;
}

let isGood = true;
if (missing.length > 0 || wrap === undefined) {
  console.error(missing.length > 0 ? `missing: ${installLine(missing)}` : `no TUN: ${reason}`);
  isGood = false;
} else {
  for (const name of ['wireguard', 'openvpn', 'tunnel']) {
    if (only !== undefined && only !== name) continue;
    const file = `dist/test/tun/${name}.test.js`;
    isGood = ava(['--config', 'ava.tun.config.js', file], wrap) && isGood;
  }
}
if (only === undefined || only === 'fuzz') {
  const files = ['dist/test/tunnel/wireguard/strangers.test.js', 'dist/test/fuzz/openvpn.test.js'];
  isGood = ava(files) && isGood;
}
process.exitCode = isGood ? 0 : 1;
