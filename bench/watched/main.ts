/**
 * What the live page costs: a stream over two stacks on a pipe, and one each way between a stack and this host over a TUN
 * with offload, measured by turns with the page closed, open, and open on that connection, so that all meet the same
 * machine. Who looks is another process.
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as later } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Progress } from '../../src/cli/progress.ts';
import {
  createPipe,
  createStack,
  openTun,
  type Stack,
  type TapDevice,
  tap,
} from '../../src/index.ts';
import { liveServer } from '../../src/page/live/live.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
  },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const SETTLE = 200; // milliseconds
const PEER = join(import.meta.dirname, 'peer.js');
const HOST = '10.9.1.1';
const PIECE = Buffer.alloc(65_536);

async function child(...words: string[]): Promise<ChildProcess> {
  const made = fork(PEER, words);
  await once(made, 'message');
  return made;
}

/** What is measured: who ends it, and a port to write to, or to read from. */
interface Subject {
  readonly name: string;
  readonly stack: Stack;
  readonly device: TapDevice;
  readonly peer: string;
  readonly port: number;
  end(): Promise<unknown>;
}

async function onPipe(): Promise<Subject> {
  const [left, right] = createPipe();
  const device = tap(left);
  const stack = createStack({ device, address: '10.9.0.2/24' });
  const far = createStack({ device: right, address: '10.9.0.1/24' });
  far.net.createServer((socket) => socket.resume()).listen(9);
  const end = (): Promise<unknown> => Promise.all([stack.close(), far.close()]);
  return { name: 'pipe', stack, device, peer: '10.9.0.1', port: 9, end };
}

async function onTun(name: string, port: number): Promise<Subject> {
  const device = tap(await openTun({ hostAddress: `${HOST}/24`, offload: true }));
  if (!device.offload.tso4) throw new Error('this TUN has no offload');
  const stack = createStack({ device, address: '10.9.1.2/24' });
  const kernel = await child('kernel', HOST);
  const end = async (): Promise<void> => {
    await stack.close({ linger: 0 });
    kernel.kill();
  };
  return { name, stack, device, peer: HOST, port, end };
}

/** Bytes that its connections have moved. */
function moved(stack: Stack): number {
  let bytes = 0;
  stack.survey(({ bytesAcked, bytesReceived }) => {
    bytes += bytesAcked + bytesReceived;
  });
  return bytes;
}

/** Gbit/s of the clock, and of the processor's time of this process: who else is on the machine changes the second less. */
interface Rate {
  readonly clock: number;
  readonly processor: number;
}

async function rate(stack: Stack): Promise<Rate> {
  await later(SETTLE);
  const [began, usage, before] = [performance.now(), process.cpuUsage(), moved(stack)];
  await later(seconds * 1000);
  const { user, system } = process.cpuUsage(usage);
  const bits = (moved(stack) - before) * 8;
  return {
    clock: bits / (performance.now() - began) / 1e6,
    processor: bits / (user + system) / 1e3,
  };
}

const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

async function measure(subject: Subject): Promise<void> {
  const { name, stack, device, peer, port } = subject;
  const page = liveServer({
    ...{ stack, device },
    about: () => ({ command: 'bench', device: name, medium: 'ip', addresses: [], uptime: 0 }),
  });
  const url = `http://127.0.0.1:${await page.listen(0, '127.0.0.1')}/`;
  const socket = stack.net.connect(port, peer).on('error', () => {});
  const more = (): void => {
    while (!socket.destroyed && socket.write(PIECE));
  };
  if (port === 9) socket.on('drain', more).on('connect', more);
  else socket.resume();
  await once(socket, 'connect');
  await rate(stack); // until it is compiled
  const ways: Readonly<Record<string, readonly string[] | undefined>> = {
    closed: undefined,
    open: ['reader', url],
    connection: ['reader', url, 'open'],
  };
  const got: Record<string, Rate[]> = { closed: [], open: [], connection: [] };
  const progress = new Progress({ what: 'bench:watched', total: rounds, unit: 'rounds' });
  for (let round = 0; round < rounds; round++) {
    for (const [way, words] of Object.entries(ways)) {
      const reader = words && (await child(...words));
      got[way]?.push(await rate(stack));
      reader?.kill();
    }
    progress.at(round + 1, name);
  }
  progress.end();
  for (const [way, list] of Object.entries(got)) {
    const ratios = (of: (rate: Rate) => number): number[] =>
      list.map((value, i) => of(value) / of(got['closed']?.[i] ?? value));
    const clock = ratios((value) => value.clock);
    const spread = `${Math.min(...clock).toFixed(3)} to ${Math.max(...clock).toFixed(3)}`;
    const words = [
      ...[name.padEnd(22), way.padEnd(11), median(list.map((value) => value.clock)).toFixed(2)],
      `Gbit/s, ${median(clock).toFixed(3)} of closed (${spread});`,
      `by the processor's time ${median(ratios((value) => value.processor)).toFixed(3)}`,
    ];
    console.log(words.join(' '));
  }
  socket.destroy();
  await page.close();
  await subject.end();
}

await measure(await onPipe());
try {
  await measure(await onTun('TUN with offload, out', 9));
  await measure(await onTun('TUN with offload, in', 19));
} catch (error) {
  console.log(`no TUN is measured: ${(error as Error).message}`);
}
process.exit();
