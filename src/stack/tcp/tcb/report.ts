/**
 * What one ACK said, as far as loss recovery is concerned. RFC 5681 §2, RFC 3168 §6.1.2.
 * @module
 */
import type { Micros } from '../../base/clock.ts';

/** One reused instance a stack. */
export class AckReport {
  /** `sndUna` moved. */
  advanced = false;
  /** A duplicate ACK in the sense of RFC 5681 §2. */
  duplicate = false;
  /** The peer echoes a congestion mark. */
  marked = false;
  /** The round-trip sample that came with it, or -1. */
  rtt: Micros = -1;
}
