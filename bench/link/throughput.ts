/**
 * Throughput each way, with and without offload, at 1 to 1000 streams; the CPU it costs, what the
 * collector does meanwhile.
 * @module
 */
import { type Core, client } from './client.ts';
import type { Cell, Context, Measure } from './measure.ts';
import type { Metrics } from './results.ts';
import {
  ceilingSpec,
  gvisorSpec,
  lwipSpec,
  nodeSpec,
  type Spec,
  type Subject,
  stackSpec,
  vethSpec,
} from './subject.ts';

export type Direction = 'recv' | 'send';

/** `recv`: the kernel sends, the subject receives. */
export async function blast(
  subject: Subject,
  direction: Direction,
  streams: number,
  seconds: number,
  core?: Core,
): Promise<Metrics> {
  const service = direction === 'recv' ? 'discard' : 'source';
  const verb = direction === 'recv' ? 'send' : 'recv';
  const words = [seconds, verb, streams];
  return moved(subject, () => client('blast', subject, service, words, core));
}

/** With the CPU that a GB costs at both ends, and what the collector did meanwhile. */
export async function moved(subject: Subject, take: () => Promise<Metrics>): Promise<Metrics> {
  const before = await subject.mark();
  const used = subject.child.cpu();
  const said = await take();
  const { gbits = 0, total = 0, cpu = 0, fairness, resent } = said;
  const took = subject.child.cpu() - used;
  const after = await subject.mark();
  const gigabytes = total / 1e9;
  return {
    gbits,
    ...(fairness !== undefined && { fairness }),
    ...(resent !== undefined && { resent }),
    cpuPerGB: took / gigabytes,
    kernelCpuPerGB: cpu / gigabytes,
    ...(before && after && collector(before, after, gigabytes)),
  };
}

interface Paused {
  readonly now: number;
  readonly paused: number;
  readonly longestPause: number;
  readonly packets: number;
  readonly retransmits: number;
}

function collector(before: Paused, after: Paused, gigabytes: number): Metrics {
  const paused = after.paused - before.paused;
  return {
    pausedPerSecond: paused / ((after.now - before.now) / 1000),
    pausedPerGB: paused / gigabytes,
    longestPause: after.longestPause,
    retransmits: after.retransmits - before.retransmits,
  };
}

function subjects({ hasLwip, hasGvisor }: Context, offload: boolean, streams: number): Spec[] {
  return [
    ...(streams === 1 ? [ceilingSpec(offload)] : []), // it serves one connection at a time
    stackSpec('callback', { offload }),
    stackSpec('net', { offload }),
    ...(offload ? [nodeSpec(), vethSpec()] : []),
    ...(hasLwip && !offload && streams <= 10 ? [lwipSpec()] : []), // Debian's build has few PCBs
    ...(hasGvisor ? [gvisorSpec(offload)] : []),
  ];
}

export const throughput: Measure = {
  name: 'throughput',
  about: 'Gbit/s of TCP text, kernel to subject (recv) and back (send)',
  cells(context) {
    const { streams: counts, seconds } = context.options;
    const found: Cell[] = [];
    for (const offload of [true, false]) {
      for (const direction of ['recv', 'send'] as const) {
        for (const streams of counts) {
          found.push({
            variant: { direction, offload: offload ? 'on' : 'off', streams },
            subjects: subjects(context, offload, streams),
            take: (subject) => blast(subject, direction, streams, seconds),
          });
        }
      }
    }
    return found;
  },
};
