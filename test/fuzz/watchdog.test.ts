/**
 * A loop without end must end the fuzzer, and say where (SECURITY.md: such a loop is a vulnerability).
 * @module
 */
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { beat, newPulse, watch } from './watchdog.ts';

const start = (code: string, pulse: Int32Array): Worker =>
  new Worker(`const { workerData: pulse } = require('node:worker_threads'); ${code}`, {
    eval: true,
    workerData: pulse,
  });

test('fuzz: a player that loops for ever is ended, and the episode is told', async (t) => {
  const pulse = newPulse();
  beat(pulse, 17);
  const worker = start('for (;;);', pulse);
  t.deepEqual(await watch(worker, pulse, 300), { episode: 17 });
  t.is(worker.threadId, -1); // it is gone
});

test('fuzz: a player that goes on is left alone, however long it takes', async (t) => {
  const pulse = newPulse();
  const code =
    'let n = 0; const id = setInterval(() => { Atomics.add(pulse, 1, 1); if (++n === 30) clearInterval(id); }, 50);';
  t.is(await watch(start(code, pulse), pulse, 10_000), undefined);
  t.is(Atomics.load(pulse, 1), 30);
});

test('fuzz: what a player throws is passed on', async (t) => {
  const pulse = newPulse();
  const worker = start('throw new Error("bad");', pulse);
  const error = await watch(worker, pulse, 60_000).catch((cause: unknown) => cause);
  t.is((error as Error).message, 'bad'); // of the worker's realm
});
