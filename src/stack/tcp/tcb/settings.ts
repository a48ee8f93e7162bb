/**
 * What a connection can be told: the limits and the choices that RFCs leave to the implementation.
 *
 * Every number has its unit in its comment; every departure from an RFC's default is in
 * docs/deviations.md.
 * @module
 */
import { MILLISECOND, MINUTE, type Micros, SECOND } from '../../base/clock.ts';

export type CongestionName = 'cubic' | 'newreno';

/** What a connection begins with. Times in microseconds, sizes in bytes. */
export interface Settings {
  /** Largest segment text we accept, in bytes; 0: what the interface's MTU gives. 88 to 65 495. */
  readonly mss: number;
  /**
   * Largest segment text, in bytes, that is offered and that is sent, whatever the peer and the path would take;
   * 0: no such cap. 88 to 65 495. Timestamps take their 12 bytes from it, as from the peer's. Linux: `TCP_MAXSEG`.
   */
  readonly maxSegment: number;
  /** Send without waiting for more text (no Nagle algorithm, RFC 9293 §3.7.4). */
  readonly noDelay: boolean;
  /** `cubic` (RFC 9438) or `newreno` (RFC 5681, 6582). */
  readonly congestion: CongestionName;
  /** Offer and use selective acknowledgment, RFC 2018. */
  readonly sack: boolean;
  /** Offer and use timestamps, RFC 7323 §3. */
  readonly timestamps: boolean;
  /** Offer and use window scaling, RFC 7323 §2. */
  readonly windowScaling: boolean;
  /** Offer and use explicit congestion notification, RFC 3168. */
  readonly ecn: boolean;
  /** Spread segments over the round trip where the device does not cut them itself. */
  readonly pacing: boolean;
  /** Bytes the receive buffer begins with, and the most it grows to. */
  readonly receiveBuffer: number;
  /** The most bytes that the receive buffer grows to. */
  readonly receiveBufferMax: number;
  /** Bytes the send buffer begins with, and the most it grows to. */
  readonly sendBuffer: number;
  /**
   * The most bytes that the send buffer grows to. On round trips of less than 10 ms: no more than eight times what is
   * delivered in the least of them, or 1 MiB, or 2 where so much is delivered in a millisecond.
   */
  readonly sendBufferMax: number;
  /**
   * Bytes that may be written before they are sent: a writer is told of room when less than half of it waits, so that what
   * it writes is fresh. A full segment at least; 0: the send buffer is the only limit. Linux: `TCP_NOTSENT_LOWAT`.
   */
  readonly notSentLowWater: number;
  /** Find the path's MTU by probes where ICMP is silent, RFC 4821. */
  readonly mtuProbing: boolean;
  /** Segments of the initial window, RFC 6928. */
  readonly initialWindow: number;
  /** The RTO's bounds; RFC 6298 (2.4) would have 1 s below, (2.5) at least 60 s above. */
  readonly minRto: Micros;
  /** RFC 6298 (2.5): at least 60 s. */
  readonly maxRto: Micros;
  /** Longest that an acknowledgment waits; RFC 9293 MUST-58 says below 0.5 s. */
  readonly delayedAck: Micros;
  /** How often a SYN, a SYN-ACK and any other segment is sent again before the end. */
  readonly synRetries: number;
  /** How often a SYN-ACK is sent again. */
  readonly synAckRetries: number;
  /**
   * Of a listener: a connection is given to its owner when its first text or FIN comes, or after so long without; until then
   * it counts as half-open. 0: at once. Linux: `TCP_DEFER_ACCEPT`.
   */
  readonly deferAccept: Micros;
  /** How often any other segment is sent again. */
  readonly retries: number;
  /** Give up when text stays unacknowledged for so long, RFC 5482; 0: after `retries`. */
  readonly userTimeout: Micros;
  /** Probe a peer of which nothing is heard, RFC 9293 §3.8.4. */
  readonly keepAlive: boolean;
  /** How long nothing must have been heard before the first probe. */
  readonly keepAliveIdle: Micros;
  /** How long after a probe the next follows. */
  readonly keepAliveInterval: Micros;
  /** How many probes without an answer end the connection. */
  readonly keepAliveCount: number;
  /**
   * How often a peer whose window is shut is asked after text that its owner has left behind, each time after
   * twice the time; then it is reset. RFC 6429 §3. Linux: `tcp_orphan_retries`.
   */
  readonly orphanProbes: number;
  /**
   * How long a peer may take for each 64 KiB that an owner has left behind, or for the rest and our FIN; then it is reset.
   * RFC 6429 §3: one that takes octet by octet would keep the rest here as long as it likes.
   */
  readonly orphanTime: Micros;
  /** How long a closed connection waits in FIN-WAIT-2 for the peer's FIN. */
  readonly finWait2: Micros;
  /** 2 MSL: how long TIME-WAIT lasts. */
  readonly timeWait: Micros;
  /** Most ranges of out-of-order text kept apart. */
  readonly outOfOrderRanges: number;
  /** Segments of text that each get an ACK at once when a connection begins. */
  readonly quickAcks: number;
}

export const DEFAULTS: Settings = {
  mss: 0,
  maxSegment: 0,
  noDelay: false,
  congestion: 'cubic',
  sack: true,
  timestamps: true,
  windowScaling: true,
  ecn: false,
  pacing: true,
  mtuProbing: true,
  receiveBuffer: 256 * 1024,
  receiveBufferMax: 16 * 1024 * 1024,
  sendBuffer: 256 * 1024,
  sendBufferMax: 16 * 1024 * 1024,
  notSentLowWater: 0,
  initialWindow: 10,
  minRto: 200 * MILLISECOND,
  maxRto: 2 * MINUTE,
  delayedAck: 40 * MILLISECOND,
  synRetries: 7, // 3 minutes and more, MUST-23
  synAckRetries: 5,
  deferAccept: 0,
  retries: 15,
  userTimeout: 0,
  keepAlive: false,
  keepAliveIdle: 120 * MINUTE,
  keepAliveInterval: 75 * SECOND,
  keepAliveCount: 9,
  orphanProbes: 8,
  orphanTime: 5 * MINUTE,
  finWait2: 60 * SECOND,
  timeWait: 60 * SECOND,
  outOfOrderRanges: 4096,
  quickAcks: 16,
};

/** When a silent peer is probed, RFC 9293 §3.8.4. */
export type KeepAliveTimes = Pick<
  Settings,
  'keepAliveIdle' | 'keepAliveInterval' | 'keepAliveCount'
>;

/** What all connections of a stack share. */
export interface Limits {
  /** Most connections, half-open ones included. */
  readonly connections: number;
  /** Most connections in TIME-WAIT; the oldest gives way. */
  readonly timeWaits: number;
  /** Challenge ACKs a second and connection, RFC 5961 §7. */
  readonly challengeAcks: number;
  /**
   * Resets a second in answer to segments of no connection: half of them at least, the rest by chance, so
   * that nobody learns from the number of his own how many went to others.
   */
  readonly resets: number;
  /** Of these, to one address. */
  readonly resetsEach: number;
  /**
   * Bytes of window that all connections that receive at the same time offer together: each has an even
   * share, of 64 KiB at least.
   */
  readonly receiveWindows: number;
  /**
   * Bytes that all connections with something to send may have written and not acknowledged together: each has an even
   * share, of 64 KiB at least.
   */
  readonly sendBuffers: number;
  /**
   * Bytes of memory that all connections keep together: text that came early or is not read, text that is not
   * acknowledged, and what is known of it. From 7/8 of it on a write takes no more than 4 KiB, and none while text waits; a
   * peer that has taken nothing for 5 s ends its connection with `ENOBUFS`. At the limit text that came early is given up, then
   * the connections that make the poorest use of it end likewise. Linux: the third of `tcp_mem`.
   */
  readonly memory: number;
  /** From so many on windows and buffers stop growing. Linux: the second of `tcp_mem`. */
  readonly memoryPressure: number;
}

export const DEFAULT_LIMITS: Limits = {
  connections: 1 << 20,
  timeWaits: 1 << 16,
  challengeAcks: 10,
  resets: 10_000,
  resetsEach: 250,
  receiveWindows: 128 * 1024 * 1024,
  sendBuffers: 96 * 1024 * 1024, // half of the memory that is no pressure: the first and the last block of each are filled in part
  memory: 256 * 1024 * 1024,
  memoryPressure: 192 * 1024 * 1024,
};
