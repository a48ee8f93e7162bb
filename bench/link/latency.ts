/**
 * Round trips: TCP and UDP echo, ping, and what the ways of waiting cost.
 * @module
 */
import { pause } from './child.ts';
import { type Core, client } from './client.ts';
import type { Cell, Context, Measure } from './measure.ts';
import type { Metrics } from './results.ts';
import {
  ceilingSpec,
  gvisorSpec,
  lwipSpec,
  nodeSpec,
  type Service,
  type Spec,
  type Subject,
  stackSpec,
  vethSpec,
} from './subject.ts';
import { blast } from './throughput.ts';

const SIZE = 64;

/** Seconds. */
const WARM = 2;

/** Both ends on one core, or each on its own. */
type Cores = 'free' | 'apart' | 'together';

function place(subject: Subject, cores: Cores): Core {
  if (cores === 'free') return undefined;
  subject.pin('0');
  return cores === 'apart' ? 1 : 0;
}

async function trips(
  subject: Subject,
  protocol: 'tcp' | 'udp' | 'icmp',
  seconds: number,
  cores: Cores,
): Promise<Metrics> {
  const services: Record<string, Service> = { tcp: 'echo', udp: 'udp', icmp: 'icmp' };
  const service = services[protocol] ?? 'echo';
  const core = place(subject, cores);
  // Of a process of its own nothing is compiled yet; others have had runs before.
  if (subject.spec.fresh) await client('rtt', subject, service, [WARM, SIZE, protocol], core);
  const used = subject.child.cpu();
  const said = await client('rtt', subject, service, [seconds, SIZE, protocol], core);
  const { p50 = 0, p99 = 0, p999 = 0, mean = 0, rate = 0, count = 1 } = said;
  // A tenth of the time was warm-up and not counted.
  const cpuPerTrip = ((subject.child.cpu() - used) * 1e6) / (count * 1.1);
  return { p50, p99, p999, mean, rate, cpuPerTrip };
}

const placements = ({ canPin }: Context): Cores[] => (canPin ? ['apart', 'together'] : ['free']);

function faces(cores: Cores): Spec[] {
  const offload = true;
  const list = [stackSpec('callback', { offload }), stackSpec('net', { offload })];
  if (cores === 'together') return list; // spinning leaves the other end no time
  for (const waiting of ['adaptive', 'busy'] as const) {
    list.push(stackSpec('callback', { offload, waiting }), stackSpec('net', { offload, waiting }));
  }
  return list;
}

function others({ hasLwip, hasGvisor }: Context): Spec[] {
  return [
    nodeSpec(),
    vethSpec(),
    ...(hasLwip ? [lwipSpec()] : []),
    ...(hasGvisor ? [gvisorSpec(true)] : []),
  ];
}

const serving = (service: Service, specs: readonly Spec[]): Spec[] =>
  specs.filter(({ services }) => services.includes(service));

export const echo: Measure = {
  name: 'echo',
  about: `µs for ${SIZE} bytes there and back, TCP and UDP`,
  warm: 4,
  cells(context) {
    const { seconds } = context.options;
    const found: Cell[] = [];
    for (const cores of placements(context)) {
      for (const protocol of ['tcp', 'udp'] as const) {
        const all = [ceilingSpec(true), ...faces(cores), ...others(context)];
        found.push({
          variant: { protocol, cores },
          subjects: serving(protocol === 'tcp' ? 'echo' : 'udp', all),
          take: (subject) => trips(subject, protocol, seconds, cores),
        });
      }
    }
    return found;
  },
};

export const ping: Measure = {
  name: 'ping',
  about: 'ICMP echo, one after the other',
  cells(context) {
    const cores: Cores = context.canPin ? 'apart' : 'free';
    const all = [ceilingSpec(true), ...faces(cores), ...others(context)];
    return [
      {
        variant: { cores },
        subjects: serving('icmp', all).filter(({ key }) => !key.startsWith('net')),
        take: (subject) => trips(subject, 'icmp', context.options.seconds, cores),
      },
    ];
  },
};

/** A quiet second, then round trips, then a stream. */
async function waitingCosts(subject: Subject, seconds: number, cores: Cores): Promise<Metrics> {
  await pause(200); // until it has fallen asleep
  const quiet = Math.min(1, seconds);
  const used = subject.child.cpu();
  await pause(quiet * 1000);
  const idleCpu = (subject.child.cpu() - used) / quiet;
  const round = await trips(subject, 'tcp', seconds, cores);
  const { gbits = 0, cpuPerGB = 0 } = await blast(subject, 'recv', 1, seconds);
  return { ...round, idleCpu, gbits, cpuPerGB };
}

export const waiting: Measure = {
  name: 'waiting',
  about: 'latency, throughput and CPU of the three ways to wait for packets',
  cells(context) {
    const cores: Cores = context.canPin ? 'apart' : 'free';
    const ways = ['event', 'adaptive', 'busy'] as const;
    return [
      {
        variant: { cores },
        subjects: ways.map((way) =>
          stackSpec('callback', { offload: true, waiting: way, fresh: true }),
        ),
        take: (subject) => waitingCosts(subject, context.options.seconds, cores),
      },
    ];
  },
};
