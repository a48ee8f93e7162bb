/**
 * Several queues of one TUN or TAP, a worker and a stack each: flows spread, and each is answered where it
 * came to.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openTap } from '../../src/device/linux/tap.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import { createStack, type Stack } from '../../src/index.ts';
import { Running } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

const QUEUES = 3;
/** One queue in three gets none of so many with a chance of 10^-11. */
const FLOWS = 64;

async function startExample(t: ExecutionContext, ...kind: string[]): Promise<void> {
  const file = join(root, 'dist/examples/multi-queue.js');
  const running = new Running(process.execPath, [file, String(QUEUES), ...kind]);
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

for (const kind of ['tun', 'tap']) {
  tunTest(
    `multi-queue: connections spread over all queues of a ${kind}, and are answered`,
    async (t) => {
      await startExample(t, kind);
      const answers = await inParallel(FLOWS, () => answer(7000));
      t.true(answers.every((text) => /^queue \d+\n$/.test(text)));
      t.is(new Set(answers).size, QUEUES, [...new Set(answers)].join());
    },
  );

  tunTest(`multi-queue: a connection stays in its queue of a ${kind}`, async (t) => {
    await startExample(t, kind);
    const texts = Array.from({ length: 16 }, (_, i) => `flow ${i} `.repeat(20_000));
    t.deepEqual(await inParallel(texts.length, (i) => answer(7, texts[i])), texts);
  });
}

/** RFC 826: who is asked answers who asked, and the kernel's hash knows nothing of that. */
tunTest(
  'multi-queue: an answer of ARP that comes to one queue of a TAP is known to all',
  async (t) => {
    const options = { name: 'mq2', hostAddress: '10.87.0.1/24', multiQueue: true };
    const stacks: Stack[] = [];
    for (let i = 0; i < 2; i++) {
      const device = await openTap(options);
      stacks.push(createStack({ device, address: '10.87.0.2/24', mac: '02:00:5e:00:53:02' }));
    }
    t.teardown(() => Promise.all(stacks.map((stack) => stack.close({ linger: 0 }))));
    const wanted = Array.from({ length: 40 }, (_, i) => `10.87.0.${100 + i}`);
    for (const address of wanted) spawnSync('ip', ['addr', 'add', `${address}/24`, 'dev', 'mq2']);
    const sockets = stacks.map((stack) => stack.dgram.createSocket('udp4'));
    // Each asks for its own half, in turn with the other.
    wanted.forEach((address, i) => void sockets[i % 2]?.send('x', 9, address));
    const known = (of: number): string[] =>
      (stacks[of]?.neighbours ?? [])
        .filter(({ state }) => state !== 'INCOMPLETE')
        .map(({ address }) => address)
        .filter((address) => wanted.indexOf(address) % 2 === of);
    for (let i = 0; i < 80 && known(0).length + known(1).length < wanted.length; i++) {
      await new Promise((done) => setTimeout(done, 10));
    }
    // Before either has asked again, which takes a second.
    t.is(known(0).length, 20);
    t.is(known(1).length, 20);
  },
);

tunTest('multi-queue: a queue that is closed leaves the others', async (t) => {
  const first = await openTun({ name: 'mq1', multiQueue: true });
  const second = await openTun({ name: 'mq1', multiQueue: true });
  await first.close();
  t.true(second.fd >= 0);
  await second.close();
  t.is(second.fd, -1);
});
