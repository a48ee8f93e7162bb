/**
 * What is pending for a connection, and what has happened to it once, as bits of one number.
 * @module
 */

/** Pending work and things that happened once; bits of `Tcb.flags`. */
export const Flag = {
  /** In the stack's list of connections to be served at the end of the batch. */
  DIRTY: 0x1,
  /** An acknowledgment is owed at the end of the batch. */
  ACK_NOW: 0x2,
  /** An acknowledgment is owed, and may wait for the delayed-ACK timer. */
  ACK_SOON: 0x4,
  /** A SYN (or SYN-ACK) is to be sent. */
  SYN_DUE: 0x8,
  /** The owner closed its sending side: a FIN follows the text. */
  FIN_QUEUED: 0x10,
  /** The FIN has been sent; its sequence number is `sndNxt` - 1. */
  FIN_SENT: 0x20,
  /** The peer's FIN has been reached. */
  FIN_RECEIVED: 0x40,
  /** `owner.onEnd` was called. */
  END_TOLD: 0x80,
  /** `owner.onFinished` was called. */
  FINISH_TOLD: 0x100,
  /** The owner wants no more text. */
  PAUSED: 0x200,
  /** A `write` was cut short: `owner.onWritable` is owed. */
  WANTS_ROOM: 0x400,
  /** The owner gave the connection up: reset it at the end of the batch. */
  ABORT: 0x800,
  /** The owner closed both directions: text that still comes is answered by RST. */
  DETACHED: 0x1000,
  /** Options in force on this connection. */
  TIMESTAMPS: 0x2000,
  SACK: 0x4000,
  SCALING: 0x8000,
  ECN: 0x10000,
  /** RFC 3168 §6.1: an ECE is owed until a CWR comes. */
  ECE_DUE: 0x20000,
  /** RFC 3168 §6.1.2: the next new text carries CWR. */
  CWR_DUE: 0x40000,
  /** Opened by the peer. */
  PASSIVE: 0x80000,
  /** The congestion window was what held the last flight back. RFC 7661's question, Linux's answer. */
  CWND_LIMITED: 0x100000,
  /** The way out was full, or no slot was free: it waits its turn to try again. */
  STARVED: 0x200000,
  NO_DELAY: 0x400000,
  KEEP_ALIVE: 0x800000,
  /** A duplicate arrived: the next ACK reports it (RFC 2883 §4). */
  DSACK_DUE: 0x1000000,
  /** Out of the demultiplexer for good. */
  GONE: 0x2000000,
  /** The first FIN-WAIT-2 or TIME-WAIT told the owner that it was over. */
  CLOSE_TOLD: 0x4000000,
  /** `owner.onOpen` was called. */
  OPEN_TOLD: 0x8000000,
  /** Nobody has said yet whether the flow is wanted: the SYN stays unanswered. */
  UNDECIDED: 0x10000000,
  /** What is being sent is a probe of the path: one packet, however long. RFC 4821 §7. */
  PATH_PROBE: 0x20000000,
  /** The window that was offered last is 0. */
  OFFER_SHUT: 0x40000000,
  /** It is in `Shared.relays`. The sign bit, as the number that V8 keeps small. */
  RELAY: -0x80000000,
} as const;

/** True if one of the bits of `flag` is set. */
export const has = (tcb: { readonly flags: number }, flag: number): boolean =>
  (tcb.flags & flag) !== 0;
