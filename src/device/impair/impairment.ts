/**
 * What a link may do to packets in one direction, and the count of what it did.
 * @module
 */
import { checkInteger, checkNumber } from '../errors.ts';

/** Losses in bursts: the model of Gilbert and Elliott, a step a packet. */
export interface Burst {
  /** The chance that a packet begins a burst, 0 to 1. */
  enter: number;
  /** The chance that a packet ends it, 0 to 1; the mean length is 1 / `leave`. */
  leave: number;
  /** The share that is lost within a burst; default 1. */
  loss?: number;
  /** The share that is lost between bursts; default 0. */
  lossBetween?: number;
}

/**
 * What happens in one direction; nothing, unless it is set. Shares are from 0 to 1, times in µs.
 */
export interface Impairment {
  /** The share of packets that is lost, each by itself. */
  loss?: number;
  /** Losses in bursts, besides those of `loss`. */
  burst?: Burst;
  /** How long a packet is under way, besides the time on the line and in its queue. */
  delay?: number;
  /** How far the delay varies, to either side. It does not change the order: see `reorder`. */
  jitter?: number;
  /** `uniform` (default): at most `jitter`. `normal`: with `jitter` as the standard deviation. */
  distribution?: 'uniform' | 'normal';
  /** Bits per second that the line carries; default no limit. */
  rate?: number;
  /** Packets that the line's queue holds, the one that is being sent included; default 1000. */
  queuePackets?: number;
  /** Bytes that it holds; default no limit. */
  queueBytes?: number;
  /** The share of packets that arrives later than it should, behind those that follow it. */
  reorder?: number;
  /** How much later; default 1000. */
  reorderDelay?: number;
  /** The share of packets that arrives twice. */
  duplicate?: number;
  /** The share of packets of which one bit is turned. */
  corrupt?: number;
  /** The share of ECN-capable packets that is marked "congestion experienced" (RFC 3168 §5). */
  mark?: number;
  /** Bytes that may be under way at once, in the memory that they take here; default 256 MiB. */
  underWayBytes?: number;
}

/** What a direction of an impaired link did so far, in packets. */
export interface PathCounters {
  /** That came to it. */
  offered: number;
  /** That came out of it, doubles included. */
  delivered: number;
  /** Lost by chance. */
  lost: number;
  /** Dropped since the line's queue was full. */
  dropped: number;
  /** Dropped since `underWayBytes` were under way. */
  overflowed: number;
  /** With a bit turned. */
  corrupted: number;
  /** Marked "congestion experienced". */
  marked: number;
  /** Sent behind those that followed them. */
  reordered: number;
  /** Sent twice. */
  duplicated: number;
  /** The most packets that the line's queue held. */
  longestQueue: number;
}

/** An `Impairment` with nothing left out. */
export interface Settings {
  readonly loss: number;
  readonly burst: Required<Burst> | undefined;
  readonly delay: number;
  readonly jitter: number;
  readonly normal: boolean;
  readonly rate: number;
  readonly queuePackets: number;
  readonly queueBytes: number;
  readonly reorder: number;
  readonly reorderDelay: number;
  readonly duplicate: number;
  readonly corrupt: number;
  readonly mark: number;
  readonly underWayBytes: number;
}

const HOUR = 3_600_000_000;

/** The settings that `given` stands for; throws for what cannot be meant. */
export function resolve(given: Impairment): Settings {
  const { burst, rate = Number.POSITIVE_INFINITY } = given;
  const settings: Settings = {
    loss: given.loss ?? 0,
    burst: burst === undefined ? undefined : { loss: 1, lossBetween: 0, ...burst },
    delay: given.delay ?? 0,
    jitter: given.jitter ?? 0,
    normal: given.distribution === 'normal',
    rate,
    queuePackets: given.queuePackets ?? 1000,
    queueBytes: given.queueBytes ?? Number.POSITIVE_INFINITY,
    reorder: given.reorder ?? 0,
    reorderDelay: given.reorderDelay ?? 1000,
    duplicate: given.duplicate ?? 0,
    corrupt: given.corrupt ?? 0,
    mark: given.mark ?? 0,
    underWayBytes: given.underWayBytes ?? 256 * 1024 * 1024,
  };
  for (const name of ['loss', 'reorder', 'duplicate', 'corrupt', 'mark'] as const) {
    checkNumber(name, settings[name], 0, 1);
  }
  for (const name of ['enter', 'leave', 'loss', 'lossBetween'] as const) {
    if (settings.burst !== undefined) checkNumber(`burst.${name}`, settings.burst[name], 0, 1);
  }
  for (const name of ['delay', 'jitter', 'reorderDelay'] as const) {
    checkNumber(name, settings[name], 0, HOUR);
  }
  checkNumber('rate', rate, 1, Number.POSITIVE_INFINITY);
  checkInteger('queuePackets', settings.queuePackets, 1, 10_000_000);
  checkNumber('queueBytes', settings.queueBytes, 1, Number.POSITIVE_INFINITY);
  checkNumber('underWayBytes', settings.underWayBytes, 1, Number.POSITIVE_INFINITY);
  return settings;
}
