/**
 * Requests in turn: 100 bytes there and 100 bytes back, one after the other, both ends in this process. What
 * one costs is counted, since a time says little on a machine that has other work: turns and calls of the
 * device at both ends, immediates, ticks and timers. CPU and garbage are printed beside those of Node's
 * own sockets on the kernel's loopback, which do the same.
 *
 *     node dist/bench/requests.bench.js
 * @module
 */
import { createHook } from 'node:async_hooks';
import * as node from 'node:net';
import { createPipe, createStack, type Device } from '../src/index.ts';

const SIZE = 100;
const WARM = 5_000;
const COUNT = 20_000;
/** Rounds of which the cheapest counts. */
const ROUNDS = 5;

type Module = Pick<typeof node, 'connect' | 'createServer'>;

/** Calls by what was called. */
type Counts = Map<string, number>;

const add = (counts: Counts, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

/** `device`, whose calls are counted. */
function counted(device: Device, counts: Counts): Device {
  const { name, medium, mtu, headerLength, maxPacket, offload } = device;
  return {
    ...{ name, mtu, headerLength, maxPacket, offload },
    ...(medium !== undefined && { medium }),
    start: ({ memory, readable, writable, closed }) =>
      device.start({
        memory,
        readable: () => {
          add(counts, 'device: told that it can read');
          readable();
        },
        writable,
        closed,
      }),
    read: (at, room) => {
      const length = device.read(at, room);
      add(counts, length > 0 ? 'device: read' : 'device: read in vain');
      return length;
    },
    write: (at, length) => {
      add(counts, 'device: write');
      return device.write(at, length);
    },
    flush: () => device.flush(),
    close: () => device.close(),
  };
}

/** An echo server of `server`, and a client that asks it `count` times whenever it is called. */
async function subject(
  client: Module,
  server: Module,
  host: string,
): Promise<(count: number) => Promise<void>> {
  const listener = server.createServer({ noDelay: true }, (socket) => {
    socket.on('data', (text) => socket.write(text));
    socket.unref();
  });
  await new Promise<void>((done) => listener.listen(0, host, done));
  listener.unref();
  const { port } = listener.address() as node.AddressInfo;
  const socket = client.connect({ port, host, noDelay: true });
  await new Promise((done) => socket.once('connect', done));
  const request = Buffer.alloc(SIZE, 'x');
  return (count) =>
    new Promise((done) => {
      let asked = 0;
      let got = 0;
      const answered = (text: Buffer): void => {
        got += text.length;
        if (got < SIZE) return;
        got = 0;
        if (++asked < count) socket.write(request);
        else {
          socket.off('data', answered);
          done();
        }
      };
      socket.on('data', answered);
      socket.write(request);
    });
}

/** The least CPU a request, in microseconds. */
async function cpu(ask: (count: number) => Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    await ask(COUNT);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / COUNT);
  }
  return least;
}

/** What Node counts, by the type of its asynchronous resources. */
async function resources(ask: (count: number) => Promise<void>, counts: Counts): Promise<void> {
  const hook = createHook({ init: (_id, type) => add(counts, `node: ${type}`) });
  hook.enable();
  await ask(COUNT);
  hook.disable();
}

const counts: Counts = new Map();
const [a, b] = createPipe();
const left = createStack({ device: counted(a, counts), address: '10.0.0.1/24' });
const right = createStack({ device: counted(b, counts), address: '10.0.0.2/24' });

const onStack = await subject(left.net as Module, right.net as Module, '10.0.0.2');
await onStack(WARM);
counts.clear();
await resources(onStack, counts);
console.log(`a request of ${SIZE} bytes and its answer, both ends, on stacks:`);
for (const [name, count] of [...counts].toSorted(([one], [two]) => one.localeCompare(two))) {
  if (count >= COUNT / 100) console.log(`  ${(count / COUNT).toFixed(2).padStart(6)}  ${name}`);
}

const onKernel = await subject(node, node, '127.0.0.1');
await onKernel(WARM);
const kernelCounts: Counts = new Map();
await resources(onKernel, kernelCounts);
console.log('the same on the kernel:');
for (const [name, count] of kernelCounts) {
  if (count >= COUNT / 100) console.log(`  ${(count / COUNT).toFixed(2).padStart(6)}  ${name}`);
}
const [stackCpu, kernelCpu] = [await cpu(onStack), await cpu(onKernel)];
console.log(
  `CPU of both ends: ${stackCpu.toFixed(1)} µs on stacks, ${kernelCpu.toFixed(1)} µs on the kernel`,
);
process.exit();
