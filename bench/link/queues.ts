/**
 * Several queues of one device, a worker and a stack each, against one stack on one thread: what they do a
 * second, what that costs in CPU, and how often their threads sleep.
 *
 * A client and two workers want three cores. So each is measured twice: where the scheduler puts them, and all
 * of the subject on the first core with the client on the second: there more workers have no more CPU, and what
 * they take more for the same is the price of the queues.
 * @module
 */
import { type Core, client } from './client.ts';
import type { Cell, Measure } from './measure.ts';
import type { Metrics } from './results.ts';
import { type Subject, stackSpec } from './subject.ts';
import { blast } from './throughput.ts';

const STREAMS = 64;

/** Jain's index: 1 if all got the same. */
export function evenness(counts: readonly number[]): number {
  const sum = counts.reduce((all, count) => all + count, 0);
  const squares = counts.reduce((all, count) => all + count * count, 0);
  return squares === 0 ? 0 : (sum * sum) / squares / counts.length;
}

/** Connections a second; of each, µs of CPU at both ends, and how often the subject slept for it. */
async function connect(subject: Subject, seconds: number, core: Core): Promise<Metrics> {
  const used = subject.child.cpu();
  const before = subject.child.switches();
  const begun = Date.now();
  const said = await client('connrate', subject, 'echo', [seconds, STREAMS], core);
  const { rate = 0, cpu: clientCpu = 0, count = 1 } = said;
  const took = (Date.now() - begun) / 1000;
  const after = subject.child.switches();
  const all = rate * took; // those of the warm-up too
  return {
    rate,
    cpuEach: ((subject.child.cpu() - used) * 1e6) / all,
    clientCpuEach: (clientCpu * 1e6) / count,
    sleepsEach: (after.slept - before.slept) / all,
    preemptedEach: (after.preempted - before.preempted) / all,
  };
}

/** Connections that a worker must have had to be compiled, and the most seconds that are spent on it. */
const WARM = 20_000;
const PATIENCE = 10;
const warmed = new WeakSet<Subject>();

/**
 * Each worker is an engine of its own, which compiles the stack for itself, from its own share of the connections:
 * what a cold one takes for a connection is several times what it takes later. So it is warmed by work, not by time.
 */
async function warm(subject: Subject, workers: number, seconds: number): Promise<void> {
  if (warmed.has(subject)) return;
  warmed.add(subject);
  const until = Date.now() + PATIENCE * 1000;
  for (let done = 0; done < WARM * Math.max(1, workers) && Date.now() < until; ) {
    const { rate = 0 } = await client('connrate', subject, 'echo', [seconds, STREAMS]);
    done += rate * seconds;
  }
  await blast(subject, 'recv', STREAMS, seconds);
  await blast(subject, 'send', STREAMS, seconds);
}

async function overQueues(subject: Subject, seconds: number, core: Core): Promise<Metrics> {
  const each = await connect(subject, seconds, core);
  const recv = await blast(subject, 'recv', STREAMS, seconds, core);
  const send = await blast(subject, 'send', STREAMS, seconds, core);
  const accepted = (await subject.mark())?.accepted ?? [];
  return {
    ...each,
    recvGbits: recv['gbits'] ?? 0,
    sendGbits: send['gbits'] ?? 0,
    recvCpuPerGB: recv['cpuPerGB'] ?? 0,
    sendCpuPerGB: send['cpuPerGB'] ?? 0,
    ...(accepted.length > 0 && { evenness: evenness(accepted) }),
  };
}

export const queues: Measure = {
  name: 'queues',
  about: 'several queues, a worker and a stack each: connections a second, 64 streams each way',
  cells: ({ options, cores, canPin }) =>
    (canPin ? ['free', 'pinned'] : ['free']).map(
      (placed): Cell => ({
        variant: { streams: STREAMS, placed },
        subjects: [0, ...new Set([1, 2, cores])].map((count) =>
          stackSpec('callback', { offload: true, queues: count }),
        ),
        take: async (subject) => {
          const workers = (await subject.mark())?.accepted.length ?? 0;
          await warm(subject, workers, options.seconds);
          if (canPin) subject.pin(placed === 'pinned' ? '0' : `0-${cores - 1}`);
          return overQueues(subject, options.seconds, placed === 'pinned' ? 1 : undefined);
        },
      }),
    ),
};
