/**
 * `npm run machines`: set up, install what it needs as root, then boot two real machines on one switch and try
 * all that they should be able to: dist/test/machines, at full length.
 *
 *     npm run machines -- [--no-install]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './build.mjs';
import { setUp } from './setup.mjs';
import { installPackages } from './tools.mjs';

const PACKAGES = ['qemu-system-x86', 'linux-image-cloud-amd64', 'busybox-static'];
const AVA = join(root, 'node_modules/ava/entrypoints/cli.mjs');

setUp();
const missing = installPackages(PACKAGES, !process.argv.includes('--no-install'));
if (missing.length > 0) {
  console.error(`this needs ${missing.join(', ')}: sudo apt-get install ${missing.join(' ')}`);
  process.exitCode = 1;
} else {
  const words = [AVA, '--config', 'ava.machines.config.js', ...process.argv.slice(2)];
  const env = { ...process.env, MACHINES: 'full' };
  const line = words.filter((word) => word !== '--no-install');
  process.exitCode =
    spawnSync(process.execPath, line, { cwd: root, stdio: 'inherit', env }).status ?? 1;
}
