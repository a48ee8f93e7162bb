/**
 * A worker a core, each with a queue of the same interface and a stack of its own at the same address.
 * The kernel spreads connections over the queues by a hash of their addresses and ports.
 *
 * That hash counts the queues: open all of them before the first connection, and keep them. It knows
 * nothing of connections that a stack opens itself, so those want a device of their own.
 *
 * On a TAP the stacks have one hardware address too, which all must be told: to the others on the link they are one
 * machine.
 *
 *     node dist/examples/multi-queue.js [QUEUES [tap]]     and then: nc 10.83.0.2 7000, again and again
 * @module
 */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';
import { createStack, openTap, openTun, type Stack } from 'tunstack';

/** Port 7 echoes, port 7000 tells whose connection it is. */
export function serve(stack: Stack, queue: number): void {
  stack.net.createServer((socket) => socket.pipe(socket)).listen(7);
  stack.net.createServer((socket) => socket.end(`queue ${queue}\n`)).listen(7000);
}

async function openQueue(isTap: boolean): Promise<Stack> {
  const options = { name: 'mq0', hostAddress: '10.83.0.1/24', multiQueue: true };
  const address = '10.83.0.2/24';
  return isTap
    ? createStack({ device: await openTap(options), address, mac: '02:00:5e:00:53:02' })
    : createStack({ device: await openTun(options), address });
}

if (!isMainThread) {
  serve(await openQueue(workerData === 'tap'), threadId);
  parentPort?.postMessage('ready');
} else if (process.argv[1] === import.meta.filename) {
  const count = Number(process.argv[2] ?? availableParallelism());
  const workers = Array.from(
    { length: count },
    () => new Worker(import.meta.filename, { workerData: process.argv[3] }),
  );
  await Promise.all(workers.map((worker) => new Promise((done) => worker.once('message', done))));
  console.log(`try: nc 10.83.0.2 7000, again and again; queues: ${count}`);
}
