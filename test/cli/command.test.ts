/**
 * The command as a program: what it says to help, versions and mistakes, and how it ends then.
 * @module
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { run, tunstack } from '../support/process.ts';
import { command, root } from '../support/root.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test('command: --version is that of the package', async (t) => {
  t.deepEqual(await tunstack('--version').ended, {
    ...{ code: 0, signal: null, out: `${version}\n`, err: '' },
  });
});

test('command: --help goes to standard output', async (t) => {
  const { code, out, err } = await tunstack('--help').ended;
  t.is(code, 0);
  t.regex(out, /^Usage: tunstack[\s\S]*serve[\s\S]*ping/);
  t.is(err, '');
});

for (const line of ['', 'dance', 'serve --bogus', 'serve --mtu 12', 'ping', 'ping a -c none']) {
  test(`command: one line and exit code 2 for: tunstack ${line}`, async (t) => {
    const { code, out, err } = await tunstack(...line.split(' ').filter((word) => word)).ended;
    t.is(code, 2);
    t.is(out, '');
    t.regex(err, /^tunstack: [^\n]+\n$/);
  });
}

test('command: what the package installs can be executed', async (t) => {
  t.true(readFileSync(command, 'utf8').startsWith('#!/usr/bin/env node\n'));
  t.notThrows(() => accessSync(command, constants.X_OK), 'npm run build makes it executable');
  t.is((await run(command, '--version')).out, `${version}\n`);
});
