/**
 * What tunstack is to reach, as ratios within one run where it can be one: each goal, how far it was
 * reached by either face, and where it was missed.
 * @module
 */
import type { Spread } from '../../support/spread.ts';
import { type Query, type Results, ratios, summary, type Variant } from '../results.ts';

export type FaceKey = 'callback' | 'net';

export interface Goal {
  readonly name: string;
  /** After the figure; a ratio has none. */
  readonly unit: string;
  readonly atLeast: boolean;
  /** By face; none: no goal there. */
  readonly target: Readonly<Partial<Record<FaceKey, number>>>;
  /** What was measured; undefined if it was not. */
  value(results: Results, face: FaceKey): Spread | undefined;
}

/** How a goal stands. */
export interface Standing {
  readonly goal: Goal;
  readonly face: FaceKey;
  readonly target: number | undefined;
  readonly value: Spread | undefined;
  /** By the median; undefined if there is nothing to judge. */
  readonly met: boolean | undefined;
}

/** A face against another subject, in the same cell; `way`: the face where it waits so. */
const against =
  (measure: string, variant: Variant, subject: string, metric: string, way = ''): Goal['value'] =>
  (results, face) =>
    ratios(
      results,
      { measure, variant, subject: `${face}${way}`, metric },
      { measure, variant, subject, metric },
    );

function throughputGoal(
  direction: 'recv' | 'send',
  offload: 'on' | 'off',
  callback: number,
  net: number,
): Goal {
  const way = direction === 'recv' ? 'kernel → stack' : 'stack → kernel';
  const link = offload === 'on' ? 'offload' : 'no offload';
  return {
    name: `${way}, ${link}, against the ceiling`,
    unit: '',
    atLeast: true,
    target: { callback, net },
    value: against('throughput', { direction, offload, streams: 1 }, 'ceiling', 'gbits'),
  };
}

/** The most streams of the run against one. */
function manyStreams(direction: 'recv' | 'send'): Goal {
  return {
    name: `1000 streams against one, offload, ${direction === 'recv' ? 'in' : 'out'}`,
    unit: '',
    atLeast: true,
    target: { callback: direction === 'recv' ? 0.8 : 0.6, net: 0.5 },
    value: (results, subject) => {
      const query = (streams: number): Query & { metric: string } => ({
        measure: 'throughput',
        variant: { direction, offload: 'on', streams },
        subject,
        metric: 'gbits',
      });
      return ratios(results, query(1000), query(1));
    },
  };
}

/** The better of the two ways of waiting that spin. */
function echoRatio(results: Results, face: FaceKey): Spread | undefined {
  const found = ['adaptive', 'busy'].flatMap((way) => {
    for (const cores of ['apart', 'free']) {
      const ratio = ratios(
        results,
        {
          measure: 'echo',
          variant: { protocol: 'tcp', cores },
          subject: `${face}-${way}`,
          metric: 'p50',
        },
        { measure: 'echo', variant: { protocol: 'udp', cores }, subject: 'ceiling', metric: 'p50' },
      );
      if (ratio) return [ratio];
    }
    return [];
  });
  return found.sort((a, b) => a.median - b.median)[0];
}

const metric =
  (measure: string, name: string, variant: Variant = {}): Goal['value'] =>
  (results, subject) =>
    summary(results, { measure, variant, subject }, name);

/** The use's own Gbit/s or rate against the same program on the kernel's loopback; net.Socket only. */
function useGoal(name: string, measure: string, metric: string, variant: Variant = {}): Goal {
  const value = against(measure, variant, 'node', metric);
  return { name: `${name}, against Node's`, unit: '', atLeast: true, target: { net: 1 }, value };
}

const ONE_IN: Variant = { direction: 'recv', offload: 'on', streams: 1 };

export const GOALS: readonly Goal[] = [
  throughputGoal('recv', 'on', 0.85, 0.65),
  throughputGoal('send', 'on', 0.85, 0.6),
  throughputGoal('recv', 'off', 0.75, 0.5),
  throughputGoal('send', 'off', 0.95, 0.85),
  ...(['recv', 'send'] as const).map(
    (direction): Goal => ({
      name: `${direction === 'recv' ? 'in' : 'out'}, offload, against Node's net on loopback`,
      unit: '',
      atLeast: true,
      target: { net: 1 },
      value: against('throughput', { direction, offload: 'on', streams: 1 }, 'node', 'gbits'),
    }),
  ),
  manyStreams('recv'),
  manyStreams('send'),
  {
    name: "TCP echo p50 against the ceiling's UDP echo p50",
    unit: '',
    atLeast: false,
    target: { callback: 1.3, net: 1.8 },
    value: echoRatio,
  },
  ...[1, 32].map(
    (parallel): Goal => ({
      name: `connections a second against Node's net, ${parallel} at a time`,
      unit: '',
      atLeast: true,
      target: { callback: 1.5, net: 1 },
      value: against('connections', { parallel }, 'node', 'rate'),
    }),
  ),
  {
    name: "connections a second against Node's net, 1 at a time, adaptive",
    unit: '',
    atLeast: true,
    target: { callback: 1.5, net: 1 },
    value: against('connections', { parallel: 1 }, 'node', 'rate', '-adaptive'),
  },
  {
    name: 'UDP echoes a second against the ceiling',
    unit: '',
    atLeast: true,
    target: { callback: 0.6, net: 0.4 },
    value: against('udp', {}, 'ceiling', 'rate'),
  },
  {
    name: 'http requests a second against kernel sockets',
    unit: '',
    atLeast: true,
    target: { net: 1.15 },
    value: against('http', {}, 'node', 'rate'),
  },
  useGoal('a proxy', 'proxy', 'gbits'),
  useGoal('a file of 100 MiB over http', 'file', 'gbits'),
  ...[1, 64, 1000].map((connections) =>
    useGoal(`JSON of 1 KiB, ${connections} connections`, 'json', 'rate', { connections }),
  ),
  {
    name: "JSON of 1 KiB, 1 connections, adaptive, against Node's",
    unit: '',
    atLeast: true,
    target: { net: 1 },
    value: against('json', { connections: 1 }, 'node', 'rate', '-adaptive'),
  },
  ...[64, 1].map((connections) =>
    useGoal(`WebSocket, ${connections} connections`, 'websocket', 'rate', { connections }),
  ),
  useGoal('TLS, in', 'tls', 'gbits', { direction: 'recv' }),
  useGoal('TLS, out', 'tls', 'gbits', { direction: 'send' }),
  {
    name: 'pauses by the collector, a second, one stream in, offload',
    unit: 'ms',
    atLeast: false,
    target: { net: 40 },
    value: metric('throughput', 'pausedPerSecond', ONE_IN),
  },
  {
    name: "pauses by the collector, a GB, one stream in, offload, against Node's net on loopback",
    unit: '',
    atLeast: false,
    target: {},
    value: against('throughput', ONE_IN, 'node', 'pausedPerGB'),
  },
  {
    name: 'TCP echo p99.9, adaptive, each end on a core of its own',
    unit: 'µs',
    atLeast: false,
    target: { net: 300 },
    value: (results, face) =>
      summary(
        results,
        {
          measure: 'echo',
          variant: { protocol: 'tcp', cores: 'apart' },
          subject: `${face}-adaptive`,
        },
        'p999',
      ),
  },
  {
    name: 'memory of an idle connection',
    unit: 'bytes',
    atLeast: false,
    target: { callback: 1536, net: 6144 },
    value: metric('idle', 'bytesPerConnection'),
  },
  {
    name: 'echo p99 on one of so many idle connections',
    unit: 'µs',
    atLeast: false,
    target: { callback: 5000, net: 5000 },
    value: metric('idle', 'p99'),
  },
  {
    name: 'checksum of 1460 bytes',
    unit: 'GB/s',
    atLeast: true,
    target: { callback: 20 },
    value: metric('checksum', 'gigabytes'),
  },
  ...(['recv', 'send'] as const).map(
    (direction): Goal => ({
      name: `garbage a packet, no offload, ${direction === 'recv' ? 'in' : 'out'}`,
      unit: 'bytes',
      atLeast: false,
      // The collector's own trace and the questions of the bench leave some.
      target: { callback: 1 },
      value: metric('garbage', 'bytesPerPacket', { direction, offload: 'off' }),
    }),
  ),
];

export function standings(results: Results): Standing[] {
  return GOALS.flatMap((goal) =>
    (['callback', 'net'] as const).map((face) => {
      const target = goal.target[face];
      const value = goal.value(results, face);
      const met =
        target === undefined || value === undefined
          ? undefined
          : goal.atLeast
            ? value.median >= target
            : value.median <= target;
      return { goal, face, target, value, met };
    }),
  );
}
