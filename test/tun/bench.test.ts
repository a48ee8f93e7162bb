/** The bench itself, on a real TUN: a look at a few of its measures. @module */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Comparison } from '../../bench/link/against.ts';
import { find } from '../../bench/link/native.ts';
import type { Results } from '../../bench/link/results.ts';
import { TWIN } from '../../bench/link/subject.ts';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

const compiler = ['cc', 'gcc', 'clang'].find((name) => find(name));
if (!compiler) console.log('skipped, no C compiler: the bench has nothing to measure with');
const benchTest = compiler && find('ip') ? tunTest : tunTest.skip;

/** Run it in a namespace; the folder of its results. */
async function bench(t: ExecutionContext, ...words: string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-bench-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const main = join(root, 'dist/bench/link/main.js');
  const line = ['-n', process.execPath, main, ...words, '--out', folder];
  const { code, err } = await run('unshare', ...line);
  t.is(code, 0, err);
  return folder;
}

benchTest('bench: programs run on the stack, on loopback and behind a veth', async (t) => {
  const rows = 'proxy,file,json,websocket,tls';
  const folder = await bench(t, '--only', rows, '--runs', '1', '--warm', '0', '--seconds', '0.4');
  const { samples } = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as Results;
  t.deepEqual(
    samples.flatMap(({ error }) => error ?? []),
    [],
  );
  const done = (measure: string): number =>
    samples.filter((sample) => {
      const { gbits, rate } = sample.metrics;
      return sample.measure === measure && (gbits ?? rate ?? 0) > 0;
    }).length;
  t.is(done('proxy'), 3);
  t.is(done('file'), 3);
  t.is(done('json'), find('wrk') ? 10 : 0, 'on one connection by a stack that waits awake, too');
  t.is(done('websocket'), 6);
  t.is(done('tls'), 6);
});

benchTest('bench: --against measures the stack of another checkout by turns', async (t) => {
  const words = ['--against', root, '--only', 'udp', '--runs', '3', '--seconds', '0.05'];
  const folder = await bench(t, ...words);
  const left = JSON.parse(readFileSync(join(folder, 'against.json'), 'utf8'));
  const { rows, failed, results } = left as Comparison & { results: Results };
  t.deepEqual(failed, []);
  t.deepEqual(
    rows.map(({ name, unit, ratio }) => [name, unit, ratio.n]),
    [
      ['udp, window 64, callback', '/s', 3],
      ['udp, window 64, callback', 'µs of CPU each', 3],
      ['udp, window 64, net', '/s', 3],
      ['udp, window 64, net', 'µs of CPU each', 3],
    ],
  );
  const order = results.samples.map(({ subject, run: count }) => `${count} ${subject}`);
  t.deepEqual(order.slice(0, 2), ['0 callback', `0 callback${TWIN}`]);
  t.deepEqual(order.slice(4, 6), [`1 net${TWIN}`, '1 net'], 'the other first, the next time');
  t.false(existsSync(join(folder, 'results.json')), 'what fills the docs is left alone');
});

benchTest('bench: measures, and leaves results and a page', async (t) => {
  const words = ['--only', 'throughput,udp,idle', '--streams', '2', '--idle', '50', '--runs', '1'];
  const rest = ['--warm', '0', '--seconds', '0.2', '--subjects', 'callback,net,ceiling'];
  const folder = await bench(t, ...words, ...rest);
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
