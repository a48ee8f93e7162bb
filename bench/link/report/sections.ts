/**
 * What the page shows of a run: the plots, in the order in which a person asks.
 * @module
 */
import { type Query, type Results, summary, type Variant } from '../results.ts';
import { escapeHtml } from './figures.ts';
import { type Bar, bars, type Line, lines, type Range, ranges } from './svg.ts';

export interface Plot {
  readonly title: string;
  readonly svg: string;
  readonly caption: string;
}

export interface Section {
  readonly title: string;
  readonly about: string;
  readonly plots: readonly Plot[];
}

/** Subjects as they were met: the same order in every plot. */
const subjectsOf = (results: Results): readonly { key: string; label: string }[] =>
  results.subjects;

const variants = (results: Results, measure: string, name: string): (string | number)[] => [
  ...new Set(
    results.samples
      .filter((sample) => sample.measure === measure)
      .flatMap((sample) => sample.variant[name] ?? []),
  ),
];

function barsOf(results: Results, query: Omit<Query, 'subject'>, metric: string, per = 1): Bar[] {
  return subjectsOf(results).flatMap(({ key, label }) => {
    const value = summary(results, { ...query, subject: key }, metric);
    if (value === undefined) return [];
    const { n, median, min, max } = value;
    return [{ label, key, value: { n, median: median / per, min: min / per, max: max / per } }];
  });
}

function barPlot(
  results: Results,
  title: string,
  unit: string,
  query: Omit<Query, 'subject'>,
  metric: string,
  { caption = '', per = 1 } = {},
): Plot[] {
  const list = barsOf(results, query, metric, per);
  return list.length === 0 ? [] : [{ title, svg: bars(title, unit, list), caption }];
}

function rangePlot(
  results: Results,
  title: string,
  measure: string,
  variant: Variant,
  caption: string,
): Plot[] {
  const list = subjectsOf(results).flatMap(({ key, label }): Range[] => {
    const points = ['p50', 'p99', 'p999'].flatMap((metric) => {
      const value = summary(results, { measure, variant, subject: key }, metric);
      return value === undefined ? [] : [value.median];
    });
    return points.length === 0 ? [] : [{ label, key, points }];
  });
  return list.length === 0 ? [] : [{ title, svg: ranges(title, 'µs', list), caption }];
}

const WAYS = { recv: 'Kernel to subject', send: 'Subject to kernel' } as const;
const LINKS = { on: 'with offload', off: 'without offload' } as const;

function throughput(results: Results): Section {
  const plots: Plot[] = [];
  for (const offload of ['on', 'off'] as const) {
    for (const direction of ['recv', 'send'] as const) {
      const title = `${WAYS[direction]}, one stream, ${LINKS[offload]}`;
      const variant = { direction, offload, streams: 1 };
      plots.push(...barPlot(results, title, 'Gbit/s', { measure: 'throughput', variant }, 'gbits'));
    }
  }
  return {
    title: 'Throughput',
    about: 'TCP text that arrived, MTU 1500. The whiskers go from the worst run to the best.',
    plots,
  };
}

function streams(results: Results): Section {
  const counts = variants(results, 'throughput', 'streams').map(Number);
  const plots: Plot[] = [];
  for (const offload of ['on', 'off'] as const) {
    for (const direction of ['recv', 'send'] as const) {
      const list = subjectsOf(results).flatMap(({ key, label }): Line[] => {
        const points = counts.flatMap((x) => {
          const variant = { direction, offload, streams: x };
          const query = { measure: 'throughput', variant, subject: key };
          const y = summary(results, query, 'gbits');
          return y === undefined ? [] : [{ x, y }];
        });
        return points.length < 2 ? [] : [{ label, key, points }];
      });
      const title = `${WAYS[direction]}, ${LINKS[offload]}`;
      if (list.length === 0) continue;
      plots.push({ title, svg: legend(list) + lines(title, 'Gbit/s', list), caption: '' });
    }
  }
  return {
    title: 'Many streams',
    about: 'The sum over all streams. The ceiling serves one stream only.',
    plots,
  };
}

const CORES: Readonly<Record<string, string>> = {
  apart: 'each end on a core of its own',
  together: 'both ends on one core',
  free: 'where the scheduler put them',
};
const KEY = 'Disc: p50. Bar to the ring: p99. Dotted: p99.9. Medians of the runs.';

function latency(results: Results): Section {
  const plots = ['apart', 'free', 'together'].flatMap((cores) =>
    ['tcp', 'udp'].flatMap((protocol) => {
      const title = `${protocol.toUpperCase()} echo, ${CORES[cores]}`;
      return rangePlot(results, title, 'echo', { protocol, cores }, KEY);
    }),
  );
  return {
    title: 'Round trips',
    about:
      '64 bytes there and back, one after the other, asked by a C program on the kernel’s side.',
    plots: [...plots, ...rangePlot(results, 'Ping', 'ping', {}, KEY)],
  };
}

function rates(results: Results): Section {
  const plots = [
    ...[1, 32].flatMap((parallel) => {
      const title = `Connections a second, ${parallel} at a time`;
      return barPlot(
        results,
        title,
        '/s',
        { measure: 'connections', variant: { parallel } },
        'rate',
      );
    }),
    ...barPlot(results, 'UDP echoes a second, 64 on their way', '/s', { measure: 'udp' }, 'rate'),
    ...barPlot(
      results,
      'http requests a second, 64 connections (wrk)',
      '/s',
      { measure: 'http' },
      'rate',
      { caption: 'http.createServer on each of them: the same code.' },
    ),
  ];
  return { title: 'A second', about: 'Whole connections, datagrams and requests.', plots };
}

function uses(results: Results): Section {
  const streams: readonly (readonly [string, Omit<Query, 'subject'>])[] = [
    ['One stream through a proxy', { measure: 'proxy' }],
    ['A file of 100 MiB over http', { measure: 'file' }],
    ['TLS in', { measure: 'tls', variant: { direction: 'recv' } }],
    ['TLS out', { measure: 'tls', variant: { direction: 'send' } }],
  ];
  const requests = [1, 64, 1000].map((connections) => ({
    measure: 'json',
    variant: { connections },
  }));
  const messages = [64, 1].map((connections) => ({
    measure: 'websocket',
    variant: { connections },
  }));
  return {
    title: 'Programs',
    about: 'The same program on the stack’s modules and on Node’s own.',
    plots: [
      ...streams.flatMap(([title, query]) => barPlot(results, title, 'Gbit/s', query, 'gbits')),
      ...requests.flatMap((query) => {
        const title = `JSON of 1 KiB, connections: ${query.variant.connections}`;
        return barPlot(results, title, '/s', query, 'rate');
      }),
      ...messages.flatMap((query) => {
        const title = `WebSocket messages, connections: ${query.variant.connections}`;
        return barPlot(results, title, '/s', query, 'rate');
      }),
    ],
  };
}

function cost(results: Results): Section {
  const plots: Plot[] = [];
  for (const direction of ['recv', 'send'] as const) {
    for (const offload of ['on', 'off'] as const) {
      const variant = { direction, offload, streams: 1 };
      const title = `CPU for a GB, ${WAYS[direction].toLowerCase()}, ${LINKS[offload]}`;
      const query = { measure: 'throughput', variant };
      plots.push(...barPlot(results, title, 's', query, 'cpuPerGB'));
    }
  }
  plots.push(
    ...barPlot(
      results,
      'Memory of an idle connection',
      'KiB',
      { measure: 'idle' },
      'bytesPerConnection',
      {
        per: 1024,
        caption:
          'V8 heap and what hangs on it. Of Node’s sockets the larger part is the kernel’s, and not here.',
      },
    ),
    ...rangePlot(results, 'TCP echo on one of many idle connections', 'idle', {}, KEY),
    ...(['recv', 'send'] as const).flatMap((direction) =>
      barPlot(
        results,
        `Garbage for a GB, ${WAYS[direction].toLowerCase()}, with offload`,
        'KiB',
        { measure: 'garbage', variant: { direction, offload: 'on' } },
        'bytesPerGB',
        { per: 1024 },
      ),
    ),
    ...barPlot(
      results,
      'The longest pause by the collector, in one stream',
      'ms',
      { measure: 'throughput', variant: { direction: 'recv', offload: 'on', streams: 1 } },
      'longestPause',
    ),
  );
  return { title: 'What it costs', about: 'CPU, memory, and work for the collector.', plots };
}

function choices(results: Results): Section {
  const query = { measure: 'waiting' };
  const queues = { measure: 'queues', variant: { placed: 'free' } };
  return {
    title: 'Ways to wait, and queues',
    about:
      'What to choose: how the event loop learns of packets, and how many queues a device has.',
    plots: [
      ...rangePlot(results, 'TCP echo by way of waiting', 'waiting', {}, KEY),
      ...barPlot(results, 'CPU while nothing happens', '% of a core', query, 'idleCpu', {
        per: 0.01,
      }),
      ...barPlot(results, 'CPU for a round trip', 'µs', query, 'cpuPerTrip'),
      ...barPlot(results, 'Kernel to stack, one stream', 'Gbit/s', query, 'gbits'),
      ...barPlot(results, 'Queues: connections a second', '/s', queues, 'rate'),
      ...barPlot(results, 'Queues: 64 streams in', 'Gbit/s', queues, 'recvGbits'),
      ...barPlot(results, 'Queues: 64 streams out', 'Gbit/s', queues, 'sendGbits'),
    ],
  };
}

export function sections(results: Results): Section[] {
  return [throughput, streams, latency, rates, uses, cost, choices]
    .map((make) => make(results))
    .filter(({ plots }) => plots.length > 0);
}

/** Which colour is whose, where a plot does not write it beside the line. */
function legend(list: readonly Line[]): string {
  const items = list.map(
    ({ key, label }) =>
      `<span><i style="background:var(--c-${key}, var(--c-other))"></i>${escapeHtml(label)}</span>`,
  );
  return `<div class="legend">${items.join('')}</div>`;
}
