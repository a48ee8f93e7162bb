/**
 * `npm run soak -- network [--minutes N] [--virtual]`: a network with idle and busy guests, an hour long, or eight in
 * virtual time. In real time two of the guests are on streams of a Unix socket, the kernel is one on a TAP, and flows
 * leave by sockets of this host's loopback. Ends with 1 if anything stood still, failed or grew.
 * @module
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Progress } from '../../src/cli/progress.ts';
import { connectMachine, type Device, listenForMachines, openTap } from '../../src/index.ts';
import type { Network } from '../../src/services.ts';
import type { Guest, Log, Span } from './guest.ts';
import { type Hours, live, type Sample } from './hours.ts';
import { LoopbackOutside } from './outside.ts';
import { inVirtualTime } from './virtual.ts';

const MIB = 1024 ** 2;
const STREAMS = 2;
/** The kernel, as a guest. */
const KERNEL = '10.83.0.5';
const ECHO = 7;
/** How often it does something, in ms. */
const EVERY = 30_000;

function report({ samples, failures, slowest, grown }: Hours): number {
  console.log(
    '| minute | memory MiB | rss MiB | leases | flows | stations | neighbours | carried |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  const step = Math.max(1, Math.floor(samples.length / 8));
  for (let i = step - 1; i < samples.length; i += step) {
    const { minute, heap, rss, leases, flows, stations, neighbours, carried } = samples[
      i
    ] as Sample; // below the length
    const sizes = [heap, rss].map((bytes) => (bytes / MIB).toFixed(1));
    const cells = [minute, ...sizes, leases, flows, stations, neighbours, carried];
    console.log(`| ${cells.join(' | ')} |`);
  }
  console.log(`the slowest took ${Math.round(slowest)} ms; ${failures.length} failed`);
  for (const line of failures.slice(0, 10)) console.log(`  ${line}`);
  for (const line of grown) console.log(`  grown: ${line}`);
  if (grown.length === 0) console.log('nothing grows');
  return failures.length > 0 || grown.length > 0 ? 1 : 0;
}

/** The kernel talks to each in turn by its TAP, and each to it. */
async function beKernel(guests: readonly Guest[], log: Log, span: Span): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(ECHO, KERNEL);
  for (let round = 0; span.isOn; round++) {
    const guest = guests[round % guests.length] as Guest; // below the length
    await log.note('TCP from the kernel', talk(guest.address, 100_000));
    await log.note('TCP to the kernel', guest.talk(KERNEL, 60_000));
    await span.rest(EVERY);
  }
  server.close();
}

async function talk(host: string, bytes: number): Promise<void> {
  const socket = connect({ host, port: ECHO, allowHalfOpen: true });
  let heard = 0;
  socket.on('data', (piece) => {
    heard += piece.length;
  });
  socket.end(Buffer.alloc(bytes, 'kernel'));
  await once(socket, 'close');
  if (heard !== bytes) throw new Error(`${heard} of ${bytes} bytes came back`);
}

async function inRealTime(minutes: number): Promise<Hours> {
  const outside = await LoopbackOutside.open();
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-soak-'));
  const path = join(folder, 'machines');
  const machines = async (network: Network): Promise<Device[]> => {
    await listenForMachines({ path }, (device) => network.plug(device));
    network.plug(await openTap({ name: 'soak0', hostAddress: `${KERNEL}/24` }));
    return Array.from({ length: STREAMS }, () => connectMachine({ path }));
  };
  const progress = new Progress({ what: 'soak, network', total: minutes, unit: 'min' });
  const sampled = ({ minute }: Sample): void => progress.at(minute);
  try {
    return await live({ minutes, every: 1, outside, machines, others: beKernel, sampled });
  } finally {
    progress.end();
    await outside.close();
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, virtual: { type: 'boolean', default: false } },
});
const minutes = Number(values.minutes ?? (values.virtual ? 480 : 60));
if (!(minutes >= 4)) {
  console.error(`soak: --minutes ${values.minutes}: give a number of at least 4`);
  process.exit(2);
}
process.exit(report(await (values.virtual ? inVirtualTime(minutes, 10) : inRealTime(minutes))));
