/**
 * Where a connection stands in what takes it several steps: loss recovery, the detection of spurious
 * timeouts, the probe of the tail. RFC 5681, 6675, 5682, 8985.
 * @module
 */

/** Where loss recovery stands; Linux's names, RFC 5681, 6675 and 5682 behind them. */
export const Recovery = {
  /** Nothing suspicious. */
  OPEN: 0,
  /** SACKs or duplicate ACKs, not yet a loss. */
  DISORDER: 1,
  /** The window is being reduced for a congestion mark. RFC 3168 §6.1.2. */
  CWR: 2,
  /** Fast recovery. */
  RECOVERY: 3,
  /** After a retransmission timeout. */
  LOSS: 4,
} as const;
export type Recovery = (typeof Recovery)[keyof typeof Recovery];

/** What keeps text from leaving faster. Linux's chronographs (tcp_chrono), of which it tells no NETWORK and WRITER. */
export const Limit = {
  /** Nothing is written, and nothing on its way. */
  NONE: 0,
  /** All that was written is on its way, and more would be taken. */
  WRITER: 1,
  /** The congestion window, pacing, what is lost, or a full device. */
  NETWORK: 2,
  /** The peer's window. */
  WINDOW: 3,
  /** All that the send buffer holds is on its way. */
  BUFFER: 4,
} as const;
export type Limit = (typeof Limit)[keyof typeof Limit];

/** Where the detection of spurious timeouts stands. RFC 5682. */
export const Frto = {
  OFF: 0,
  /** The ACK that comes next tells. */
  WAITING: 1,
  /** §2.1 (2.b): new text is sent before anything is sent again. */
  SEND_NEW: 2,
} as const;
export type Frto = (typeof Frto)[keyof typeof Frto];

/** The probe of the tail, RFC 8985 §7; the last two are its TLP.end_seq and TLP.is_retrans. */
export const Probe = {
  NONE: 0,
  /** One is out that carried new text. */
  NEW_TEXT: 1,
  /** One is out that carried text a second time. */
  OLD_TEXT: 2,
} as const;
export type Probe = (typeof Probe)[keyof typeof Probe];
