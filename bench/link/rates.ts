/**
 * How many a second: connections, datagrams, http requests.
 * @module
 */
import { client, wrk } from './client.ts';
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

const DATAGRAM = 64;
const WINDOW = 64;

function everyone({ hasLwip, hasGvisor }: Context, service: Service): Spec[] {
  const all = [
    ceilingSpec(true),
    stackSpec('callback', { offload: true }),
    stackSpec('net', { offload: true }),
    nodeSpec(),
    vethSpec(),
    ...(hasLwip ? [lwipSpec()] : []),
    ...(hasGvisor ? [gvisorSpec(true)] : []),
  ];
  return all.filter(({ services }) => services.includes(service));
}

/** Where each waits for the other, what the stack does meanwhile tells. */
const awake = (): Spec[] =>
  (['callback', 'net'] as const).map((face) =>
    stackSpec(face, { offload: true, waiting: 'adaptive' }),
  );

/** With the CPU that one of them costs the subject, in µs. */
export async function counted(subject: Subject, take: () => Promise<Metrics>): Promise<Metrics> {
  const used = subject.child.cpu();
  const start = Date.now();
  const metrics = await take();
  const load = (subject.child.cpu() - used) / ((Date.now() - start) / 1000);
  return { ...metrics, cpuEach: (load * 1e6) / (metrics['rate'] ?? 1) };
}

export const connections: Measure = {
  name: 'connections',
  about: 'connect, one byte and back, close: how many a second, one or 32 at a time',
  warm: 8,
  cells: (context) =>
    [1, 32].map(
      (parallel): Cell => ({
        variant: { parallel },
        subjects: [...everyone(context, 'echo'), ...(parallel === 1 ? awake() : [])],
        take: (subject) =>
          counted(subject, async () => {
            const args = [context.options.seconds, parallel];
            const { rate = 0, p50 = 0, p99 = 0 } = await client('connrate', subject, 'echo', args);
            return { rate, p50, p99 };
          }),
      }),
    ),
};

export const udp: Measure = {
  name: 'udp',
  about: `datagrams of ${DATAGRAM} bytes answered a second, ${WINDOW} on their way`,
  cells: (context) => [
    {
      variant: { window: WINDOW },
      subjects: everyone(context, 'udp'),
      take: (subject) =>
        counted(subject, async () => {
          const args = [context.options.seconds, DATAGRAM, WINDOW];
          const { rate = 0, lost = 0 } = await client('udprate', subject, 'udp', args);
          return { rate, lost };
        }),
    },
  ],
};

export const http: Measure = {
  name: 'http',
  about: 'http requests a second, http.createServer under wrk with 64 connections',
  warm: 4,
  cells: (context) =>
    context.hasWrk
      ? [
          {
            variant: { connections: 64 },
            subjects: everyone(context, 'http'),
            take: (subject) => counted(subject, () => wrk(subject, context.options.seconds)),
          },
        ]
      : [],
};
