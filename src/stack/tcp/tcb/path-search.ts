/**
 * The search for the longest packet that a path takes: what is known, and which size to try next.
 * RFC 4821 §7.3, RFC 8899 §5.3.
 *
 * The longest is tried first, for most paths take it. Then come the sizes that links and tunnels really
 * have, and last the middle of what is left, until that is not worth a probe.
 * @module
 */
import { max, type Seq } from '../../base/seq.ts';

/** RFC 8899 §5.1.2, BASE_PLPMTU: what nearly every path takes. */
export const BASE_MTU = 1200;

/**
 * Probes of one size that must be lost in a row before it is believed: one may be chance, and where much
 * is lost more are. RFC 8899 §5.1.2 (MAX_PROBES) has 3 for all paths.
 */
const TRIES = 2;
const MOST_TRIES = 12;
/** How likely it may be that a size is given up which passes. */
const RISK = 0.001;
/** A gap of fewer bytes is not worth closing. */
const GAP = 16;

/**
 * Where packets of ours end on real links, in bytes: IPv6's minimum, tunnels in tunnels, WireGuard,
 * GRE, PPPoE, Ethernet, FDDI, jumbo frames, RFC 1191's plateaus above.
 */
const SIZES: readonly number[] = [
  576, 1006, 1280, 1320, 1360, 1380, 1400, 1420, 1440, 1456, 1464, 1476, 1480, 1492, 1500, 2002,
  4352, 8166, 8972, 9000, 17_914, 32_000, 65_535,
];

/** So many probes are lost by chance no more often than `RISK`. */
function triesFor(loss: number): number {
  if (loss <= 0) return TRIES;
  const tries = Math.ceil(Math.log(RISK) / Math.log(Math.min(loss, 0.9)));
  return Math.min(Math.max(tries, TRIES), MOST_TRIES);
}

export class PathSearch {
  /** The longest packet known to pass, and the longest that may. */
  low: number;
  high: number;
  /** Size of the probe that is out; 0: none is. */
  size = 0;
  /** The text of the newest probe. */
  start: Seq;
  end: Seq;
  /** True once something longer than `low` is known not to pass. */
  confirmed = false;
  /** Something of `low` bytes was acknowledged since the search began. */
  passed = false;
  /** Text of the probe was sent again: its acknowledgment says nothing of the probe. */
  resent = false;
  /** Where slow start ended before the losses that began the search; 0: there were none. */
  ssthresh: number;
  #tries = 0;

  /** `una`: where the text begins that is not acknowledged yet. */
  constructor(low: number, high: number, una: Seq, ssthresh: number) {
    this.start = una;
    this.end = una;
    this.low = low;
    this.high = high;
    this.ssthresh = ssthresh;
  }

  /** What lies before `una` was acknowledged. Marks that stay behind would be ahead one day. */
  advance(una: Seq): void {
    this.start = max(this.start, una);
    this.end = max(this.end, una);
  }

  /** The size to try next; 0 if the search is over. */
  next(): number {
    if (this.high <= this.low) return 0;
    if (!this.confirmed) return this.high;
    const likely = SIZES.filter((size) => size > this.low && size <= this.high);
    const middle = likely[likely.length >> 1];
    if (middle !== undefined) return middle;
    return this.high - this.low < GAP ? 0 : (this.low + this.high) >> 1;
  }

  /** The probe arrived. */
  succeed(): void {
    this.low = this.size;
    this.size = 0;
    this.#tries = 0;
  }

  /**
   * The probe was lost, and nothing else with it. True if its size is given up. `loss`: the share of other
   * segments that are lost.
   */
  fail(loss: number): boolean {
    const { size } = this;
    this.size = 0;
    if (++this.#tries < triesFor(loss)) return false;
    this.limit(size - 1);
    return true;
  }

  /** Nothing longer than `high` passes. */
  limit(high: number): void {
    this.high = Math.max(this.low, Math.min(this.high, high));
    this.confirmed = true;
    this.#tries = 0;
  }
}
