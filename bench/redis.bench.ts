/**
 * Commands to a redis-server of the kernel, one after the other: 100 bytes there and 100 bytes back. From a
 * stack over a TUN, with each way of waiting, and from Node's own sockets over the kernel's loopback, in turn.
 * What a client library adds is the same for both, and left out.
 *
 *     unshare -n sh -c 'ip link set lo up; redis-server --protected-mode no --save "" & sleep 1; \
 *       node dist/bench/redis.bench.js; kill $!'
 *
 * In a network namespace of its own, with redis-server (Debian: redis-server) and as root.
 * @module
 */
import { spawnSync } from 'node:child_process';
import * as node from 'node:net';
import { createStack, openTun, type Waiting } from '../src/index.ts';

const PORT = 6379;
const SIZE = 100;
const WARM = 3_000;
const COUNT = 10_000;
const ROUNDS = 7;
const LOOPBACK = 'loopback';
const HOST = '10.83.0.1';
const WAITING: readonly Waiting[] = ['event', 'adaptive', 'busy'];

type Connect = (options: { port: number; host: string; noDelay: boolean }) => node.Socket;

const command = Buffer.from(`*2\r\n$4\r\nECHO\r\n$${SIZE}\r\n${'x'.repeat(SIZE)}\r\n`);
const ANSWER = `$${SIZE}\r\n`.length + SIZE + 2;

/** Asks `count` times, one after the other; microseconds of time and of CPU for one. */
type Ask = (count: number) => Promise<{ time: number; cpu: number }>;

async function client(connect: Connect, host: string): Promise<Ask> {
  const socket = connect({ port: PORT, host, noDelay: true });
  await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
  return async (count) => {
    const used = process.cpuUsage();
    const began = process.hrtime.bigint();
    await new Promise<void>((done) => {
      let left = count;
      let missing = ANSWER;
      const answered = (text: Buffer): void => {
        missing -= text.length;
        if (missing > 0) return;
        missing = ANSWER;
        if (--left > 0) socket.write(command);
        else {
          socket.off('data', answered);
          done();
        }
      };
      socket.on('data', answered).write(command);
    });
    const time = Number(process.hrtime.bigint() - began) / 1000 / count;
    const { user, system } = process.cpuUsage(used);
    return { time, cpu: (user + system) / count };
  };
}

/** Node's own sockets, or a stack with one way of waiting. */
async function subject(way: string): Promise<Ask> {
  if (way === LOOPBACK) return client(node.connect as Connect, '127.0.0.1');
  const device = await openTun({ waiting: way as Waiting, hostAddress: `${HOST}/24` });
  const stack = createStack({ device, address: '10.83.0.2/24' });
  return client(stack.net.connect as Connect, HOST);
}

/** Each in a process of its own: a way that never sleeps would keep the others awake. */
async function measure(way: string): Promise<void> {
  const ask = await subject(way);
  await ask(WARM);
  console.log(JSON.stringify(await ask(COUNT)));
  process.exit();
}

const [, file = '', chosen] = process.argv;
if (chosen !== undefined) await measure(chosen);
const seen = new Map<string, { time: number; cpu: number }[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const way of [LOOPBACK, ...WAITING]) {
    const child = spawnSync(process.execPath, [file, way], { encoding: 'utf8' });
    if (child.status !== 0) throw new Error(child.stderr);
    const one: { time: number; cpu: number } = JSON.parse(child.stdout);
    seen.set(way, [...(seen.get(way) ?? []), one]);
    // As it goes: who is cut short has something.
    console.log(`round ${round + 1} of ${ROUNDS}, ${way}: ${one.time.toFixed(1)} µs a command`);
  }
}
const middle = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
for (const [way, all] of seen) {
  const times = all.map(({ time }) => time);
  const [least, most] = [Math.min(...times), Math.max(...times)].map((value) => value.toFixed(1));
  const cpu = middle(all.map((one) => one.cpu)).toFixed(1);
  console.log(
    `${way}: ${middle(times).toFixed(1)} (${least}–${most}) µs a command, ${cpu} µs of CPU`,
  );
}
