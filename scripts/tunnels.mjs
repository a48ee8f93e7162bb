/**
 * `npm run tunnels`: set up, install what it needs as root, then try tunnels against wireguard-go, wg-quick and openvpn at
 * full length: a gibibyte each way, whole, in the clear and where 5 % of the datagrams are lost; then both protocols under
 * garbage by the million.
 *
 *     npm run tunnels -- [--no-install] [--mib 1024] [--fuzz 1000000] [--only PART,...] [--match TITLE] [--list]
 *
 * Each part says how long it took and whether all went well; `--match '*5 %*'` takes the tests whose titles fit.
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
/** What each part is, its file, and whether it needs a TUN. */
const PARTS = {
  wireguard: ['WireGuard against wireguard-go', 'dist/test/tun/wireguard.test.js', true],
  openvpn: ['OpenVPN against openvpn', 'dist/test/tun/openvpn.test.js', true],
  tunnel: ['the command, wg-quick, the examples', 'dist/test/tun/tunnel.test.js', true],
  'fuzz-wireguard': [
    'WireGuard under garbage',
    'dist/test/tunnel/wireguard/strangers.test.js',
    false,
  ],
  'fuzz-openvpn': ['OpenVPN under garbage', 'dist/test/fuzz/openvpn.test.js', false],
};

const text = { type: 'string' };
const flag = { type: 'boolean' };
const options = { mib: text, fuzz: text, only: text, match: text, 'no-install': flag, list: flag };
const {
  mib = '1024',
  fuzz = '1000000',
  only,
  match,
  list,
  ...rest
} = readWords('tunnels', options);

/** The parts that were asked for; `fuzz` is both of them. */
function chosenParts() {
  const names = Object.keys(PARTS);
  const asked = only?.split(',') ?? names;
  const unknown = asked.filter((one) => !names.some((name) => fits(name, one)));
  if (unknown.length === 0) return names.filter((name) => asked.some((one) => fits(name, one)));
  console.error(`tunnels: no part ${unknown.join(', ')}: there are ${names.join(', ')}`);
  process.exit(2);
}

const fits = (name, asked) => name === asked || name.startsWith(`${asked}-`);

const chosen = chosenParts();
for (const [name, size] of Object.entries({ mib, fuzz })) {
  if (/^[1-9]\d*$/.test(size)) continue;
  console.error(`tunnels: --${name} ${size}: give a whole number above 0`);
  process.exit(2);
}
if (list) {
  for (const [name, [what, file]] of Object.entries(PARTS))
    console.log(`${name}: ${what} (${file})`);
  process.exit(0);
}

setUp();
const onDevice = chosen.some((name) => PARTS[name][2]);
const missing = onDevice ? installTools(TOOLS, rest['no-install'] !== true) : [];
const { wrap, reason } = onDevice ? privateNetwork() : {};
const env = {
  ...process.env,
  ...{ TUNSTACK_TUNNEL_MIB: mib, TUNSTACK_TUNNEL_FUZZ: fuzz },
};

/** Run a test file with these words before it; whether all went well. */
function ava(words, around = (line) => line) {
  const titles = match === undefined ? [] : ['--match', match];
  const line = [process.execPath, AVA, '--timeout', PATIENCE, ...titles, ...words];
  const [program, ...args] = around(line);
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', env }).status === 0;
}

/** Run a part; what came of it. */
function tryPart(name) {
  const [, file, needsTun] = PARTS[name];
  if (!needsTun) return ava([file]) ? 'passed' : 'FAILED';
  if (missing.length > 0) return `NOT RUN, missing: ${installLine(missing)}`;
  if (wrap === undefined) return `NOT RUN, no TUN: ${reason}`;
  return ava(['--config', 'ava.tun.config.js', file], wrap) ? 'passed' : 'FAILED';
}

const began = Date.now();
const results = [];
for (const [index, name] of chosen.entries()) {
  console.log(`tunnels: part ${index + 1} of ${chosen.length}, ${name}: ${PARTS[name][0]}`);
  const from = Date.now();
  const result = tryPart(name);
  results.push(`${name} ${result} (${((Date.now() - from) / 1000).toFixed(0)} s)`);
}
const isGood = results.every((line) => line.includes(' passed '));
console.log(`\n${results.join('\n')}`);
console.log(
  `tunnels: ${isGood ? 'passed' : 'FAILED'} in ${((Date.now() - began) / 1000).toFixed(0)} s`,
);
process.exitCode = isGood ? 0 : 1;
