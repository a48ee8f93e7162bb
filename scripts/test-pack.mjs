/**
 * `npm run test:pack`: install the tarball into empty folders from the registry, with each `@types/node`
 * that is supported, compile programs against it, and run it. Takes a registry and about a minute; what
 * needs neither is in `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './build.mjs';
import { setUp } from './setup.mjs';

setUp();
const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs');
const words = [ava, '--config', 'ava.pack.config.js', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, words, { cwd: root, stdio: 'inherit' }).status ?? 1;
