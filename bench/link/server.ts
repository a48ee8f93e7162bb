/**
 * A server that is measured, in a process of its own, so that its CPU, its memory and its garbage are
 * its own: `node server.js SETUP`, with the setup as JSON, and a channel for questions.
 * @module
 */
import * as dgram from 'node:dgram';
import * as http from 'node:http';
import * as net from 'node:net';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import * as tls from 'node:tls';
import { Worker } from 'node:worker_threads';
import type { Stack } from '../../src/index.ts';
import type { Mark, NodeSetup, Question, Setup, StackSetup } from './protocol.ts';
import { serveDgram, serveNet } from './services.ts';
import { openStack } from './stack.ts';

let collections = 0;
let paused = 0;
let longestPause = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    collections++;
    paused += duration;
    longestPause = Math.max(longestPause, duration);
  }
}).observe({ entryTypes: ['gc'] });

const accepted: number[] = [];
let stack: Stack | undefined;

async function serveNode(setup: NodeSetup): Promise<void> {
  await serveNet(net, setup.address);
  await serveDgram(dgram, setup.address);
  if (setup.upstream === undefined) return;
  const { servePrograms } = await import('./programs.ts');
  await servePrograms({ net, http, tls }, setup.address, setup.upstream);
}

/** Each worker tells once when it listens, then of each connection. */
function startQueue(setup: StackSetup, index: number): Promise<void> {
  accepted[index] = 0;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./queue-worker.js', import.meta.url), { workerData: setup });
    worker.once('error', reject);
    worker.once('message', () => {
      worker.on('message', (count: number) => {
        accepted[index] = count;
      });
      resolve();
    });
  });
}

async function start(setup: Setup): Promise<void> {
  if (setup.kind === 'node') {
    await serveNode(setup);
  } else if (setup.queues > 0) {
    for (let i = 0; i < setup.queues; i++) await startQueue(setup, i);
  } else {
    stack = await openStack(setup);
  }
}

function mark(): Mark {
  const { heapUsed, external, rss } = process.memoryUsage();
  const stats = stack?.stats();
  const longest = longestPause;
  longestPause = 0;
  return {
    now: performance.now(),
    heap: heapUsed,
    external,
    resident: rss,
    collections,
    paused,
    longestPause: longest,
    packets: stats === undefined ? 0 : stats.packetsIn + stats.packetsOut,
    retransmits: stats?.TcpRetransSegs ?? 0,
    accepted,
  };
}

/** Three in a row show in the collector's own trace as a mark that nothing else leaves. */
function collect(): void {
  const gc = (globalThis as { gc?: () => void }).gc;
  for (let i = 0; i < 3; i++) gc?.();
}

process.on('message', ({ ask }: Question) => {
  if (ask === 'stop') process.exit(0);
  if (ask === 'collect') collect();
  process.send?.(mark());
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0)); // in order, so that profiles are written

const setup: Setup = JSON.parse(process.argv[2] ?? '');
await start(setup);
console.log('ready');
