/**
 * `npm start` and `npm test` where there is no TUN at all: the demonstration over a pipe, and a run that
 * does not hide what it did not try.
 * @module
 */
import { join } from 'node:path';
import test from 'ava';
import { Running, run } from '../support/process.ts';
import { root } from '../support/root.ts';

test('start: without any TUN two stacks show it over a pipe', async (t) => {
  const { code, out, err } = await run(process.execPath, join(root, 'scripts/demo.mjs'), 'pipe');
  t.is(code, 0, err + out);
  t.regex(out, /ping {6}5 of 5 answered/);
  t.regex(out, /tcp echo {2}10 MiB came back identical/);
  t.regex(out, /udp echo {2}100 datagrams came back identical/);
  t.regex(out, /http {6}200 OK, "tunstack"/);
});

test('npm test: a run without a real device says so, just before its sum', async (t) => {
  const script = join(root, 'scripts/test.mjs');
  const words = ['--no-install', 'test/tun/ping.test.ts'];
  // Without a PATH there is no `unshare`, and so no private network.
  const { out } = await new Running(process.execPath, [script, ...words], { PATH: '' }).ended;
  const [warning, last] = out.trimEnd().split('\n').slice(-2);
  t.regex(warning ?? '', /^NO TEST OF A REAL DEVICE RAN: `unshare .*ENOENT/);
  t.is(last, '0 passed, 0 failed');
});

for (const line of [
  ...['plot.mjs /no/such/trace', 'plot.mjs package.json', 'plot.mjs README.md'],
  ...['sim.mjs --case chaos --seed 1 --trace /no/such/x', 'sim.mjs --bogus'],
  ...['fuzz.mjs --bogus', 'soak.mjs --bogus', 'docs.mjs --bogus'],
]) {
  test(`scripts: what cannot be is told in one line: ${line}`, async (t) => {
    const [script = '', ...words] = line.split(' ');
    const { code, out, err } = await run(process.execPath, join(root, 'scripts', script), ...words);
    t.not(code, 0);
    t.is(out, '');
    t.regex(err, /^[a-z]+: [^\n]+\n$/);
  });
}
