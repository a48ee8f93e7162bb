/**
 * A stack in a registry of `prom-client`: counters that are read when somebody scrapes, and histograms that
 * grow when a connection opens and ends. Prometheus documentation: "Metric and label naming".
 *
 * While nobody scrapes a packet costs nothing, and a connection three observations.
 * @module
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import type {
  Connection,
  ConnectionCloseMessage,
  ConnectionMessage,
  Stack,
  StackStats,
} from '../index.ts';
import { familyOf } from './names.ts';

/** Where and under which labels. */
export interface InstrumentOptions {
  /** Default: one of its own. */
  readonly register?: Registry;
  /** Put to every metric: `{ stack: 'guests' }` where a process has several in one registry. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What was begun. */
export interface Instrumented {
  /** Where it was entered: what is scraped is `await register.metrics()`. */
  readonly register: Registry;
  /** Take the metrics out of the registry. */
  end(): void;
}

/** Seconds; from links of microseconds to those by satellite. */
const ROUND_TRIPS = [1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Seconds; from a request to a day. */
const LIVES = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 86_400];

/** Gauges, by the field of `StackStats` that holds each. */
const GAUGES = {
  connections: ['tunstack_tcp_connections', 'TCP connections, in whatever state'],
  orphans: ['tunstack_tcp_orphans', 'TCP connections whose program has left'],
  timeWaits: ['tunstack_tcp_time_waits', 'TCP connections in TIME-WAIT'],
  tcpMemory: ['tunstack_tcp_memory_bytes', 'What TCP connections keep'],
  tcpMemoryLimit: ['tunstack_tcp_memory_limit_bytes', 'What TCP connections may keep at most'],
  slots: ['tunstack_packet_slots', 'Slots for packets'],
  slotsFree: ['tunstack_packet_slots_free', 'Slots that no packet is in'],
} as const satisfies Partial<Record<keyof StackStats, readonly [string, string]>>;

/** Enter `stack` into a registry. Throws where the registry has such metrics already: give it labels of its own. */
export function instrument(stack: Stack, options: InstrumentOptions = {}): Instrumented {
  const { register = new Registry(), labels = {} } = options;
  const names = Object.keys(labels);
  const of = { registers: [register], labelNames: names };
  const metrics: Metric[] = [];
  let stats = stack.stats();
  let read = Number.NEGATIVE_INFINITY;
  /** One snapshot for all metrics of a scrape. */
  const now = (): StackStats => {
    if (performance.now() - read > 1) {
      stats = stack.stats();
      read = performance.now();
    }
    return stats;
  };
  for (const name of Object.keys(stats).filter((key) => /^[A-Z]/.test(key))) {
    const { family, field } = familyOf(name);
    metrics.push(counted(`tunstack_netstat_${family}_${field}`, `${name} of nstat`, name));
  }
  metrics.push(counted('tunstack_packets_in_total', 'Packets that came in', 'packetsIn'));
  metrics.push(
    counted('tunstack_packets_out_total', 'Packets that were made to be sent', 'packetsOut'),
  );
  for (const [field, what] of [
    ['drops', 'dropped'],
    ['ignored', 'ignored'],
  ] as const) {
    metrics.push(
      new Counter({
        name: `tunstack_packets_${what}_total`,
        help: `Packets ${what}, by reason; docs/drops.md`,
        registers: [register],
        labelNames: [...names, 'reason'],
        collect() {
          this.reset();
          for (const [reason, count] of Object.entries(now()[field])) {
            this.inc({ ...labels, reason }, count);
          }
        },
      }),
    );
  }
  for (const [field, [name, help]] of Object.entries(GAUGES)) {
    metrics.push(
      new Gauge({
        ...of,
        ...{ name, help },
        collect() {
          this.set(labels, now()[field as keyof typeof GAUGES]);
        },
      }),
    );
  }
  const watch = watchConnections(stack, of, labels);
  return {
    register,
    end() {
      watch.end();
      for (const metric of [...metrics, ...watch.metrics]) {
        register.removeSingleMetric((metric as unknown as { name: string }).name);
      }
    },
  };

  function counted(name: string, help: string, field: string): Counter {
    return new Counter({
      ...of,
      ...{ name, help },
      collect() {
        this.reset();
        this.inc(labels, (now() as unknown as Record<string, number>)[field]);
      },
    });
  }
}

interface Of {
  readonly registers: Registry[];
  readonly labelNames: string[];
}

function watchConnections(
  stack: Stack,
  of: Of,
  labels: Readonly<Record<string, string>>,
): { readonly metrics: readonly Metric[]; end(): void } {
  const opened = new WeakMap<Connection, number>();
  const make = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ ...of, name, help, buckets });
  const handshake = make(
    'tunstack_tcp_handshake_seconds',
    'From the first SYN until the connection stands',
    ROUND_TRIPS,
  );
  const roundTrip = make(
    'tunstack_tcp_rtt_seconds',
    'The smoothed round trip of a connection when it ended',
    ROUND_TRIPS,
  );
  const life = make('tunstack_tcp_connection_seconds', 'How long connections lasted', LIVES);
  // The channels are the process's: of several stacks the address tells whose it is.
  const isOurs = ({ localAddress }: ConnectionMessage): boolean =>
    stack.addresses.includes(localAddress);
  const since = ({ connection }: ConnectionMessage): number | undefined => {
    const start = opened.get(connection);
    return start === undefined ? undefined : (performance.now() - start) / 1000;
  };
  const onOpen = (message: unknown): void => {
    const told = message as ConnectionMessage;
    if (isOurs(told)) opened.set(told.connection, performance.now());
  };
  const onEstablished = (message: unknown): void => {
    const seconds = since(message as ConnectionMessage);
    if (seconds !== undefined) handshake.observe(labels, seconds);
  };
  const onClose = (message: unknown): void => {
    const told = message as ConnectionCloseMessage;
    const seconds = since(told);
    if (seconds === undefined) return;
    life.observe(labels, seconds);
    const rtt = told.connection.info()?.rtt ?? 0;
    if (rtt > 0) roundTrip.observe(labels, rtt / 1000);
  };
  const channels = [
    ['tunstack:connection:open', onOpen],
    ['tunstack:connection:established', onEstablished],
    ['tunstack:connection:close', onClose],
  ] as const;
  for (const [name, listener] of channels) subscribe(name, listener);
  return {
    metrics: [handshake, roundTrip, life],
    end() {
      for (const [name, listener] of channels) unsubscribe(name, listener);
    },
  };
}
