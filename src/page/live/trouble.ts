/**
 * What is wrong with one connection, from two looks at it. The rules stand in docs/page.md.
 * @module
 */

/** By weight: of several the first is told. */
export const TROUBLES = [
  'black-hole',
  'peer-stopped',
  'reader-stopped',
  'no-answer',
  'lossy',
  'peer-slow',
  'reader-slow',
  'buffer',
  'queue',
] as const;

export type Trouble = (typeof TROUBLES)[number];

/** One look; times in milliseconds, sizes in bytes, counts since it was opened. */
export interface Look {
  readonly rtt: number;
  readonly minRtt: number;
  readonly cwnd: number;
  readonly mss: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
  readonly unacked: number;
  readonly notsent: number;
  readonly receiveQueue: number;
  readonly timeouts: number;
  readonly totalRetrans: number;
  readonly segsOut: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  /** Milliseconds since it was opened in which the network, the peer's window, our send buffer held text back. */
  readonly networkLimited: number;
  readonly rwndLimited: number;
  readonly sndbufLimited: number;
}

/** What is remembered of a connection between looks. Begins with all 0 but the last look. */
export interface Memory {
  /** Milliseconds in which text waited and none was acknowledged; text was here and none was read. */
  stalledOut: number;
  stalledIn: number;
  /** Smoothed, 0 to 1: for how much of the time each held text back. */
  networkLimits: number;
  peerLimits: number;
  bufferLimits: number;
  /** Likewise: in how many of the looks a full receive buffer of ours did. */
  readerLimits: number;
  /** Smoothed: bytes a second that were acknowledged. */
  rate: number;
  /** Smoothed: segments sent, and sent again, a second. */
  sent: number;
  resent: number;
}

/** So long nothing moves until somebody is said to have stopped and not to be slow. */
export const STOPPED = 4000;
/** Share of the time in which a window or a buffer limits, for it to be told. */
const LIMITS = 0.55;
/** A writer sets the pace if he sends so many bytes a second, and all else limits for no more than this share. */
const PACED = 10_000;
const SELDOM = 0.1;
/** On a shorter path, in milliseconds, the send buffer is held small because more of it would not be faster. */
const LONG_PATH = 10;
/** Share of segments that are sent again, and how many a second at the least. */
export const LOSSY = 0.005;
const LEAST_RESENT = 0.4;
/** A queue on the way: round trips so much longer than the shortest, and by so many milliseconds. */
const QUEUE_TIMES = 4;
const QUEUE_MS = 100;
/** How fast what is smoothed follows, in milliseconds. */
const FOLLOW = 4000;

export const newMemory = (): Memory => ({
  ...{ stalledOut: 0, stalledIn: 0, networkLimits: 0, peerLimits: 0, bufferLimits: 0 },
  ...{ readerLimits: 0, rate: 0, sent: 0, resent: 0 },
});

/** It sends, and nothing but its program keeps it from sending more. */
export const isWriterPaced = ({ rate, networkLimits, peerLimits, bufferLimits }: Memory): boolean =>
  rate >= PACED && networkLimits + peerLimits + bufferLimits <= SELDOM;

/** Its program has more to read than there is room for. */
export const isReaderLimited = ({ receiveQueue, receiveWindow, mss }: Look): boolean =>
  receiveQueue > Math.max(2 * mss, receiveWindow);

/**
 * Remember the look `now`, `ms` after `before`, and tell what is wrong. `isHole`: the path is known to swallow long
 * packets.
 */
export function judge(
  memory: Memory,
  before: Look,
  now: Look,
  ms: number,
  isHole: boolean,
): Trouble | '' {
  const weight = Math.min(1, ms / FOLLOW);
  const follow = (old: number, value: number): number => old + (value - old) * weight;
  const rate = (a: number, b: number): number => (ms > 0 ? Math.max(0, b - a) / (ms / 1000) : 0);
  const share = (a: number, b: number): number => Math.min(1, rate(a, b) / 1000);
  const moved = now.bytesAcked > before.bytesAcked;
  const waits = now.notsent > 0 || now.unacked > 0;
  memory.stalledOut = waits && !moved ? memory.stalledOut + ms : 0;
  const read = now.bytesReceived > before.bytesReceived;
  memory.stalledIn = now.receiveQueue > 0 && !read ? memory.stalledIn + ms : 0;
  memory.networkLimits = follow(
    memory.networkLimits,
    share(before.networkLimited, now.networkLimited),
  );
  memory.peerLimits = follow(memory.peerLimits, share(before.rwndLimited, now.rwndLimited));
  memory.bufferLimits = follow(memory.bufferLimits, share(before.sndbufLimited, now.sndbufLimited));
  memory.rate = follow(memory.rate, rate(before.bytesAcked, now.bytesAcked));
  memory.readerLimits = follow(memory.readerLimits, isReaderLimited(now) ? 1 : 0);
  memory.sent = follow(memory.sent, rate(before.segsOut, now.segsOut));
  memory.resent = follow(memory.resent, rate(before.totalRetrans, now.totalRetrans));
  if (isHole) return 'black-hole';
  const isShut = now.sendWindow < now.mss && now.notsent > 0;
  if (isShut && memory.stalledOut >= STOPPED) return 'peer-stopped';
  if (isReaderLimited(now) && memory.stalledIn >= STOPPED) return 'reader-stopped';
  if (now.timeouts >= 2 && !isShut) return 'no-answer';
  if (memory.resent >= LEAST_RESENT && memory.resent > memory.sent * LOSSY) return 'lossy';
  if (memory.peerLimits > LIMITS) return 'peer-slow';
  if (memory.readerLimits > LIMITS) return 'reader-slow';
  if (memory.bufferLimits > LIMITS && now.minRtt > LONG_PATH) return 'buffer';
  const isQueue = now.minRtt > 0 && now.rtt > now.minRtt * QUEUE_TIMES;
  return isQueue && now.rtt - now.minRtt > QUEUE_MS ? 'queue' : '';
}
