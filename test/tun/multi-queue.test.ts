/**
 * Several queues of one TUN, a worker and a stack each: flows spread, and each is answered where it
 * came to.
 * @module
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openTun } from '../../src/device/linux/tun.ts';
import { Running } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

const QUEUES = 3;
/** One queue in three gets none of so many with a chance of 10^-11. */
const FLOWS = 64;

async function startExample(t: ExecutionContext): Promise<void> {
  const file = join(root, 'dist/examples/multi-queue.js');
  const running = new Running(process.execPath, [file, String(QUEUES)]);
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  t.regex(await running.line(), /^try: .* queues: 3$/);
}

/** All that a port says to `text`, until it or we have heard enough. */
async function answer(port: number, text = ''): Promise<string> {
  const socket = connect(port, '10.83.0.2').setEncoding('utf8');
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
    if (text !== '' && heard.length === text.length) socket.end();
  });
  socket.write(text);
  await once(socket, 'close');
  return heard;
}

const inParallel = <T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));

tunTest('multi-queue: connections spread over all queues, and all are answered', async (t) => {
  await startExample(t);
  const answers = await inParallel(FLOWS, () => answer(7000));
  t.true(answers.every((text) => /^queue \d+\n$/.test(text)));
  t.is(new Set(answers).size, QUEUES, [...new Set(answers)].join());
});

tunTest('multi-queue: a connection stays in its queue', async (t) => {
  await startExample(t);
  const texts = Array.from({ length: 16 }, (_, i) => `flow ${i} `.repeat(20_000));
  t.deepEqual(await inParallel(texts.length, (i) => answer(7, texts[i])), texts);
});

tunTest('multi-queue: a queue that is closed leaves the others', async (t) => {
  const first = await openTun({ name: 'mq1', multiQueue: true });
  const second = await openTun({ name: 'mq1', multiQueue: true });
  await first.close();
  t.true(second.fd >= 0);
  await second.close();
  t.is(second.fd, -1);
});
