/**
 * Machines at Unix sockets of datagrams: QEMU's `-netdev dgram`, vfkit. unix(7).
 * @module
 */
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { openDatagrams } from '../../../src/index.ts';
import { deviceSuite, type Link } from '../suite.ts';
import { Collector, payloadOf, udpPacket, until } from '../support.ts';

const linux = process.platform === 'linux';
if (!linux)
  console.log(
    `skipped: Unix sockets of datagrams are opened on Linux, and this is ${process.platform}`,
  );
const linuxTest: TestFn = linux ? test : (test.skip as unknown as TestFn);

function folder(cleanups: (() => void)[]): string {
  const made = mkdtempSync(join(tmpdir(), 'tunstack-dgram-'));
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function pair(where: string): Promise<[Link['device'], Link['device']]> {
  const [a, b] = [join(where, 'a'), join(where, 'b')];
  return Promise.all([
    openDatagrams({ path: a, remote: b }),
    openDatagrams({ path: b, remote: a }),
  ]);
}

if (linux) {
  deviceSuite(test, 'machine at a socket of datagrams', async () => {
    const cleanups: (() => void)[] = [];
    const [device, other] = await pair(folder(cleanups));
    const far = new Collector(other);
    other.start(far);
    const due: string[] = [];
    const send = (): void => {
      while (due.length > 0 && far.write(udpPacket(due[0] as string))) due.shift();
    };
    far.onWritable = send;
    return {
      device,
      send: (payload) => {
        due.push(payload);
        send();
      },
      get received() {
        return far.packets.map((packet) => payloadOf(packet));
      },
      close: async () => {
        await Promise.all([device.close(), other.close()]);
        for (const cleanup of cleanups) cleanup();
      },
    };
  });
}

const use = (t: ExecutionContext): string => {
  const cleanups: (() => void)[] = [];
  t.teardown(() => {
    for (const cleanup of cleanups) cleanup();
  });
  return folder(cleanups);
};

linuxTest(
  'machine: whoever speaks first is the machine, and its first frame is not lost',
  async (t) => {
    const where = use(t);
    const [ours, theirs] = [join(where, 'net'), join(where, 'vm')];
    const waiting = openDatagrams({ path: ours });
    const machine = await openDatagrams({ path: theirs, remote: ours });
    const far = new Collector(machine);
    machine.start(far);
    far.write(Buffer.from('VFKT')); // as old versions of vfkit begin
    far.write(udpPacket('first'));
    const device = await waiting;
    const user = new Collector(device);
    device.start(user);
    await until(() => user.packets.length > 0, 'a frame');
    t.deepEqual(user.payloads, ['first']);
    user.write(udpPacket('answer'));
    await until(() => far.packets.length > 0, 'an answer');
    await Promise.all([device.close(), machine.close()]);
    t.false(existsSync(ours));
  },
);

linuxTest(
  'machine: a socket of datagrams that was left behind is taken over, and one in use is not',
  async (t) => {
    const where = use(t);
    const path = join(where, 'a');
    const ending = new AbortController();
    const first = openDatagrams({ path, signal: ending.signal });
    await until(() => existsSync(path), 'the socket');
    await t.throwsAsync(openDatagrams({ path }), { code: 'EADDRINUSE' });
    ending.abort(new Error('enough'));
    await t.throwsAsync(first, { message: 'enough' });
    t.false(existsSync(path));
  },
);

// What a system call opens is unknown to Node, which closes only what it knows: worker_threads, `trackUnmanagedFds`.
linuxTest('machine: a socket of datagrams ends with the worker that made it', async (t) => {
  const where = use(t);
  const [path, remote] = [join(where, 'a'), join(where, 'b')];
  const code = `
    import { parentPort } from 'node:worker_threads';
    const { openDatagrams } = await import(${JSON.stringify(new URL('../../../src/index.js', import.meta.url))});
    await Promise.all([
      openDatagrams(${JSON.stringify({ path, remote })}),
      openDatagrams(${JSON.stringify({ path: remote, remote: path })}),
    ]);
    parentPort.on('message', () => {});
    parentPort.postMessage('open');`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  await once(worker, 'message');
  await t.throwsAsync(openDatagrams({ path }), { code: 'EADDRINUSE' });
  await worker.terminate();
  for (const end of await pair(where)) await end.close(); // both places are free
});

linuxTest('machine: a socket of datagrams ends with the machine’s', async (t) => {
  const [device, machine] = await pair(use(t));
  const user = new Collector(device);
  device.start(user);
  machine.start(new Collector(machine));
  await machine.close();
  user.write(udpPacket('nobody'));
  await until(() => user.ends.length > 0, 'an end');
  t.truthy(user.ends[0]);
});

// A killed program leaves its place, another removes it: the kernel tells of neither before something is sent there.
for (const leaves of [true, false]) {
  linuxTest(
    `machine: that it ${leaves ? 'was killed' : 'has ended'} is known without a word, and the next one is heard`,
    async (t) => {
      const where = use(t);
      const [path, place] = [join(where, 'net'), join(where, 'vm')];
      const meet = async (said: string): Promise<[Link['device'], Collector]> => {
        const waiting = openDatagrams({ path });
        await until(() => existsSync(path), 'the socket');
        const machine = await openDatagrams({ path: place, remote: path });
        const far = new Collector(machine);
        machine.start(far);
        far.write(udpPacket(said));
        const user = new Collector(await waiting);
        (await waiting).start(user);
        await until(() => user.packets.length > 0, 'a frame');
        t.deepEqual(user.payloads, [said]);
        return [machine, user];
      };
      const [machine, user] = await meet('first');
      if (leaves) linkSync(place, `${place}.left`);
      await machine.close();
      if (leaves) renameSync(`${place}.left`, place);
      await until(() => user.ends.length > 0, 'an end');
      t.like(user.ends[0], { code: 'ECONNREFUSED' });
      t.false(existsSync(path), 'the place is free');
      const [second] = await meet('second');
      await second.close();
    },
  );
}

linuxTest('machine: one that is there again at its place is let in, without an end', async (t) => {
  const where = use(t);
  const [path, place] = [join(where, 'net'), join(where, 'vm')];
  const waiting = openDatagrams({ path, remote: place });
  const first = await openDatagrams({ path: place, remote: path });
  const device = await waiting;
  const user = new Collector(device);
  device.start(user);
  await first.close();
  const second = await openDatagrams({ path: place, remote: path });
  const far = new Collector(second);
  second.start(far);
  far.write(udpPacket('here again'));
  await until(() => user.packets.length > 0, 'a frame');
  t.deepEqual([user.payloads, user.ends], [['here again'], []]);
  await Promise.all([device.close(), second.close()]);
});

linuxTest('machine: what cannot be meant of a socket of datagrams is refused', async (t) => {
  await t.throwsAsync(openDatagrams({ path: '' }), { code: 'ERR_INVALID_ARG_VALUE' });
  await t.throwsAsync(openDatagrams({ path: 'x'.repeat(108) }), { code: 'ERR_INVALID_ARG_VALUE' });
  await t.throwsAsync(openDatagrams({ path: '/nowhere/at/all' }), { code: 'ENOENT' });
  await t.throwsAsync(openDatagrams({ path: '/tmp/x', mtu: 1 }), { code: 'ERR_OUT_OF_RANGE' });
});
