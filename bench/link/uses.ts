/**
 * What people do with sockets: a proxy, a file and JSON over http, WebSocket messages, TLS both ways; by tunstack's
 * modules, and by the same programs on the kernel's sockets.
 * @module
 */
import { Child } from './child.ts';
import { client, secureClient, wrk } from './client.ts';
import type { Cell, Context, Measure } from './measure.ts';
import { nativePath, toolPath } from './native.ts';
import { Port } from './protocol.ts';
import { counted } from './rates.ts';
import type { Metrics } from './results.ts';
import { nodeSpec, type Spec, type Subject, stackSpec, vethSpec } from './subject.ts';
import { moved } from './throughput.ts';

const subjects = (): Spec[] => [
  stackSpec('net', { offload: true, programs: true }),
  nodeSpec({ programs: true }),
  vethSpec({ programs: true }),
];

const awake = (): Spec => stackSpec('net', { offload: true, programs: true, waiting: 'adaptive' });

/** Text into the proxy, whose other end is a program on the kernel that throws it away. */
async function throughProxy(subject: Subject, seconds: number): Promise<Metrics> {
  const sink = new Child(toolPath('sink'), [String(Port.UPSTREAM)]);
  try {
    await sink.line();
    return await moved(subject, () => client('blast', subject, 'proxy', [seconds, 'send', 1]));
  } finally {
    await sink.stop();
  }
}

export const proxy: Measure = {
  name: 'proxy',
  about: 'Gbit/s of one stream through a proxy, `pipe` of two sockets',
  cells: ({ options }) => [
    {
      variant: { streams: 1 },
      subjects: subjects(),
      take: (subject) => throughProxy(subject, options.seconds),
    },
  ],
};

export const file: Measure = {
  name: 'file',
  about: 'Gbit/s of a file of 100 MiB, by `pipeline` over http',
  warm: 8,
  cells: ({ options }) => [
    {
      variant: { mebibytes: 100 },
      subjects: subjects(),
      take: (subject) =>
        moved(subject, () => client('fetch', subject, 'web', ['/file', options.seconds])),
    },
  ],
};

export const json: Measure = {
  name: 'json',
  about:
    'requests a second of 1 KiB of JSON there and back, on 1, 64 and 1000 connections that are kept',
  warm: 8,
  cells: ({ options, hasWrk }: Context) =>
    (hasWrk ? [1, 64, 1000] : []).map(
      (connections): Cell => ({
        variant: { connections },
        subjects: connections === 1 ? [...subjects(), awake()] : subjects(),
        take: (subject) => {
          const script = nativePath('json.lua');
          const ask = { service: 'web', connections, script } as const;
          return counted(subject, () => wrk(subject, options.seconds, ask));
        },
      }),
    ),
};

const MESSAGE = 64;

export const websocket: Measure = {
  name: 'websocket',
  about: `WebSocket messages of ${MESSAGE} bytes sent back a second, one on each of 64 connections, 64 on one`,
  warm: 4,
  cells: ({ options }) =>
    [
      { connections: 64, window: 1 },
      { connections: 1, window: 64 },
    ].map(
      (variant): Cell => ({
        variant,
        subjects: subjects(),
        take: (subject) => {
          const words = [options.seconds, MESSAGE, variant.connections, variant.window];
          return counted(subject, () => client('wsrate', subject, 'websocket', words));
        },
      }),
    ),
};

export const tls: Measure = {
  name: 'tls',
  about:
    'Gbit/s of one stream of TLS 1.3, in (recv) and out (send); the other end is Node on the kernel',
  warm: 4,
  cells: ({ options }) =>
    (['recv', 'send'] as const).map(
      (direction): Cell => ({
        variant: { direction },
        subjects: subjects(),
        take: (subject) => moved(subject, () => secureClient(subject, direction, options.seconds)),
      }),
    ),
};
