/**
 * Whether V8 marks its heap while text passes: told by itself, in processes of their own.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { traced } from '../support/traced.ts';

const COLLECTOR = new URL('../../src/stack/host/collector.js', import.meta.url).href;
/**
 * A program of some 10 MB takes text in buffers that nobody keeps. How often it is marked for 1 GiB is counted.
 */
const PROGRAM = `
import { setImmediate, setTimeout } from 'node:timers/promises';
import { passed } from '${COLLECTOR}';
globalThis.kept = Array.from({ length: 100_000 }, (_, i) => ({ i, text: String(i) }));
async function take(mib) {
  for (let turn = 0; turn < mib; turn++) {
    for (let i = 0; i < 16; i++) Buffer.allocUnsafeSlow(65_536).fill(i);
    passed(1 << 20);
    await setImmediate();
  }
}
for (let i = 0; i < 4; i++) {
  await take(128);
  gc(); // as a pause would: what it may grow to is reckoned anew
}
await setTimeout(10);
console.log('from here');
await take(1024);
console.log('to here');`;

function marks(t: ExecutionContext, ...options: string[]): number {
  // V8 tells of each itself: what is told to a program may come late.
  const said = traced(['--expose-gc', '--trace-gc', ...options], PROGRAM);
  const counted = /from here\n(.*)to here/s.exec(said)?.[1];
  t.not(counted, undefined);
  return counted?.match(/Mark-Compact/g)?.length ?? 0;
}

test('collector: text that nobody keeps is no reason to mark the heap', (t) => {
  const one = marks(t);
  t.true(one <= 2, `${one} marks`); // what the first looks come too late for
});

test('collector: whoever has said how the heap is to grow has it so', (t) => {
  const own = marks(t, '--heap-growing-percent=0');
  t.log(`${own} marks by V8's own reckoning`);
  const v8 = Number.parseInt(process.versions.v8, 10);
  if (v8 === 12) t.pass('this V8 marks for no such memory in any case');
  else t.true(own > 5, `${own} marks`);
});

/** What V8 is told of its heap while text passes. */
const SPY = `
import v8 from 'node:v8';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread, parentPort } from 'node:worker_threads';
const said = [];
v8.setFlagsFromString = (flag) => said.push(flag);
syncBuiltinESMExports();
const { passed } = await import('${COLLECTOR}');
passed(64 << 20);
const heap = said.filter((flag) => flag.startsWith('--heap')).join(' ');
if (isMainThread) console.log(heap);
else parentPort.postMessage(heap);`;

test('collector: a worker sets nothing that would outlast it', async (t) => {
  const alone = execFileSync(process.execPath, ['--input-type=module', '-e', SPY], {
    encoding: 'utf8',
  });
  t.regex(alone, /^--heap-growing-percent=[1-9]\d*\n$/);
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SPY)}`));
  t.deepEqual(await once(worker, 'message'), ['']);
});

test('collector: a function that a program calls gc is not called', (t) => {
  const program = `
  globalThis.gc = () => console.log('called');
  const { passed } = await import('${COLLECTOR}');
  for (let i = 0; i < 1024; i++) {
    Buffer.allocUnsafeSlow(65_536).fill(i);
    passed(65_536);
  }`;
  const words = ['--input-type=module', '-e', program];
  t.is(execFileSync(process.execPath, words, { encoding: 'utf8' }), '');
});
