/**
 * The links that are measured: one row of the table each.
 * @module
 */
import type { Impairment } from '../../src/device/impair/impairment.ts';

/** Bits per second of every link but the narrow ones: this machine emulates it with time to spare. */
export const RATE = 100_000_000;
export const NARROW_RATE = 10_000_000;
/** Packets in the queue of a narrow link. */
export const SHORT_QUEUE = 20;
const MTU = 1500;
export const ROUND_TRIPS: readonly number[] = [10, 50, 200];
export const LOSSES: readonly number[] = [0, 0.1, 1, 3, 10];
/** One packet in 1000 begins a burst that takes four in the mean. */
export const BURST = { enter: 0.001, leave: 0.25 } as const;
export const REORDER = { share: 0.05, milliseconds: 3 } as const;

export interface Row {
  /** For `--only`. */
  readonly key: string;
  /** In the table. */
  readonly label: string;
  readonly group: 'loss' | 'reorder' | 'burst' | 'narrow' | 'shared' | 'turn';
  /** In milliseconds. */
  readonly roundTrip: number;
  readonly forth: Impairment;
  readonly back: Impairment;
  /** Bytes that are sent at a time, answered before the next; undefined: without end. */
  readonly turn?: number;
  /** Mbit/s that a cell of this row is expected to move: how many may run side by side. */
  readonly load: number;
  readonly seconds: number;
  readonly runs: number;
}

const bandwidthDelay = (rate: number, roundTrip: number): number =>
  Math.ceil((rate * roundTrip) / 1000 / 8 / MTU);

/** Both ways alike: half the round trip, the rate, and a queue of one bandwidth-delay product. */
function link(roundTrip: number, more: Impairment = {}): Impairment {
  return {
    delay: (roundTrip / 2) * 1000,
    rate: RATE,
    queuePackets: bandwidthDelay(RATE, roundTrip),
    ...more,
  };
}

/** What Reno's formula gives for CUBIC's factor, at most the rate: only to share out the machine. */
function expected(roundTrip: number, loss: number): number {
  if (loss === 0) return RATE / 1e6;
  const segments = 1.5 / Math.sqrt(loss / 100);
  return Math.min(RATE / 1e6, Math.max(1, (segments * MTU * 8) / (roundTrip * 1000)));
}

/** The rarer the segments, the longer it takes until chance evens out, and the less it costs. */
function patience(load: number): Pick<Row, 'load' | 'seconds' | 'runs'> {
  if (load < 4) return { load, seconds: 30, runs: 7 };
  if (load < 20) return { load, seconds: 12, runs: 5 };
  return { load, seconds: 10, runs: load < RATE / 1e6 ? 5 : 3 };
}

function lossRow(roundTrip: number, loss: number): Row {
  const way = link(roundTrip, { loss: loss / 100 });
  return {
    key: `${roundTrip}ms-loss-${loss}`,
    label: `${roundTrip} ms, ${loss} % lost`,
    group: 'loss',
    roundTrip,
    forth: way,
    back: way,
    ...patience(expected(roundTrip, loss)),
  };
}

function otherRow(
  group: 'reorder' | 'burst' | 'narrow',
  roundTrip: number,
  what: string,
  way: Impairment,
  load: number,
): Row {
  const key = `${roundTrip}ms-${group}`;
  const label = `${roundTrip} ms, ${what}`;
  return { key, label, group, roundTrip, forth: way, back: way, ...patience(load) };
}

export const ROWS: readonly Row[] = [
  ...ROUND_TRIPS.flatMap((roundTrip) => LOSSES.map((loss) => lossRow(roundTrip, loss))),
  ...ROUND_TRIPS.map((roundTrip) => {
    const { share, milliseconds } = REORDER;
    const way = link(roundTrip, { reorder: share, reorderDelay: milliseconds * 1000 });
    const what = `${share * 100} % reordered by ${milliseconds} ms`;
    return otherRow('reorder', roundTrip, what, way, RATE / 1e6);
  }),
  ...ROUND_TRIPS.map((roundTrip) => {
    const way = link(roundTrip, { burst: BURST });
    return otherRow('burst', roundTrip, 'losses in bursts', way, expected(roundTrip, 0.3));
  }),
  ...ROUND_TRIPS.map((roundTrip) => {
    const way = link(roundTrip, { rate: NARROW_RATE, queuePackets: SHORT_QUEUE });
    const what = `${NARROW_RATE / 1e6} Mbit/s, queue of ${SHORT_QUEUE} packets`;
    return otherRow('narrow', roundTrip, what, way, NARROW_RATE / 1e6);
  }),
];

/** What a turn of a conversation is: a lone segment, whose loss no later one shows, and a short file. */
const TURNS = [
  { bytes: 1000, label: 'a segment of 1000 bytes' },
  { bytes: 30_000, label: '30 kB' },
] as const;

export const TURN_ROWS: readonly Row[] = TURNS.flatMap(({ bytes, label }) =>
  [10, 100].flatMap((roundTrip) =>
    [0, 3, 10].map((loss) => {
      const way = link(roundTrip, { loss: loss / 100 });
      return {
        key: `${roundTrip}ms-turn-${bytes}-loss-${loss}`,
        label: `${label}, ${roundTrip} ms, ${loss} % lost`,
        group: 'turn' as const,
        ...{ roundTrip, forth: way, back: way, turn: bytes },
        ...{ load: 4, seconds: 20, runs: 5 },
      };
    }),
  ),
);

/** Who sends to whom. */
export type Pair = 'kernel-kernel' | 'stack-kernel' | 'kernel-stack';
export const PAIRS: readonly Pair[] = ['kernel-kernel', 'stack-kernel', 'kernel-stack'];

/** Two senders, one link. */
export type Share = 'stack-stack' | 'stack-kernel' | 'kernel-kernel';
export const SHARES: readonly Share[] = ['stack-stack', 'stack-kernel', 'kernel-kernel'];
/** Bits per second of a link that two flows share. */
export const SHARED_RATE = 20_000_000;

export const SHARED_ROWS: readonly Row[] = [10, 50].map((roundTrip) => {
  const queuePackets = Math.max(20, bandwidthDelay(SHARED_RATE, roundTrip));
  const way = link(roundTrip, { rate: SHARED_RATE, queuePackets });
  return {
    key: `${roundTrip}ms-shared`,
    label: `${roundTrip} ms, ${SHARED_RATE / 1e6} Mbit/s`,
    group: 'shared',
    roundTrip,
    forth: way,
    back: way,
    load: SHARED_RATE / 1e6,
    seconds: 24,
    runs: 3,
  };
});
