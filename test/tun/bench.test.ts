/** The bench itself, on a real TUN: a look at a few of its measures. @module */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { find } from '../../bench/link/native.ts';
import type { Results } from '../../bench/link/results.ts';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

const compiler = ['cc', 'gcc', 'clang'].find((name) => find(name));
if (!compiler) console.log('skipped, no C compiler: the bench has nothing to measure with');
const benchTest = compiler && find('ip') ? tunTest : tunTest.skip;

benchTest('bench: measures, and leaves results and a page', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-bench-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const main = join(root, 'dist/bench/link/main.js');
  const words = ['--only', 'throughput,udp,idle', '--streams', '2', '--idle', '50', '--runs', '1'];
  const rest = ['--seconds', '0.05', '--subjects', 'callback,net,ceiling', '--out', folder];
  const { code, err } = await run('unshare', '-n', process.execPath, main, ...words, ...rest);
  t.is(code, 0, err);
  const { samples } = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as Results;
  t.deepEqual(
    samples.filter(({ error }) => error !== undefined),
    [],
  );
  const throughput = samples.filter(({ measure }) => measure === 'throughput');
  t.is(throughput.length, 8, 'two faces, each way, with and without offload');
  t.true(samples.every(({ metrics }) => Object.values(metrics).every(Number.isFinite)));
  t.regex(readFileSync(join(folder, 'index.html'), 'utf8'), /<svg /);
});
