/**
 * The transmission control block: one connection as plain data. RFC 9293 §3.3.1.
 *
 * The verbs are functions in the files beside this one. Every field is born with its type and keeps
 * it, and what an idle connection does not need (buffers, scoreboard) is made on first use.
 * Times are microseconds, sizes bytes.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { type Micros, NEVER } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { type Seq, seq } from '../../base/seq.ts';
import type { Route } from '../../ip/routes.ts';
import { type Chunks, NO_CHUNKS } from '../../memory/chunks.ts';
import type { Due } from '../../memory/deadlines.ts';
import type { Ring } from '../../memory/ring.ts';
import { NO_ROW } from '../../memory/rows.ts';
import type { Spans } from '../../memory/spans.ts';
import type { CongestionControl } from '../congestion/congestion.ts';
import type { Listener } from '../open/listener.ts';
import type { Tcp } from '../tcp.ts';
import type { Owner } from './owner.ts';
import type { PathSearch } from './path-search.ts';
import type { Scoreboard } from './scoreboard.ts';
import type { KeepAliveTimes, Settings } from './settings.ts';
import { State } from './state.ts';
import type { Trace } from './trace.ts';

/** The timers of one connection; the place in its row of `Tcp.timers`. */
export const Timer = {
  /** The RTO, the probe of the tail (RFC 8985 §7), or the reordering window (§6): see `probing`. */
  RETRANSMIT: 0,
  /** Zero-window probes and the sender's silly-window override. RFC 9293 §3.8.6. */
  PERSIST: 1,
  DELAYED_ACK: 2,
  KEEP_ALIVE: 3,
  /** The end of FIN-WAIT-2 or TIME-WAIT. */
  CLOSE: 4,
  /** When the next paced segment may go. */
  PACE: 5,
  /** RACK's reordering window. RFC 8985 §6.2. */
  REORDER: 6,
} as const;
export type Timer = (typeof Timer)[keyof typeof Timer];

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
  /** Nothing may be sent until a zero window opens; the persist timer runs. */
  PERSISTING: 0x200000,
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
} as const;

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
  /** The RETRANSMIT timer is set for a probe instead of the RTO. */
  ARMED: 1,
  /** One is out that carried new text. */
  NEW_TEXT: 2,
  /** One is out that carried text a second time. */
  OLD_TEXT: 3,
} as const;
export type Probe = (typeof Probe)[keyof typeof Probe];

/** What a recovery has reduced. RFC 4015 §3.2: pipe_prev. */
export interface Prior {
  readonly cwnd: number;
  readonly ssthresh: number;
}

const ZERO: Seq = seq(0);

export class Tcb implements Due {
  readonly tcp: Tcp;
  readonly settings: Settings;
  owner: Owner;
  /** The listener whose half-open connection this is. */
  listener: Listener | null = null;
  state: State = State.CLOSED;
  flags = 0;
  /** A soft error that ICMP reported, given if the connection then times out. RFC 1122 §4.2.3.9. */
  softError: Failure = Failure.NONE;

  // The four numbers that name it, and its place in the demultiplexer.
  localAddress: Address = ANY;
  remoteAddress: Address = ANY;
  localPort = 0;
  remotePort = 0;
  hash = 0;
  hashNext: Tcb | null = null;
  /** Place in the stack's table of connections. */
  tableIndex = -1;

  route: Route | null = null;
  /** Partial checksum of addresses and protocol. */
  pseudo = 0;
  tos = 0;
  /** 0: the stack's default. */
  ttl = 0;

  // Send sequence space, RFC 9293 figure 3.
  iss: Seq = ZERO;
  sndUna: Seq = ZERO;
  sndNxt: Seq = ZERO;
  sndWnd = 0;
  sndWl1: Seq = ZERO;
  sndWl2: Seq = ZERO;
  maxSndWnd = 0;
  sndScale = 0;
  /** Text bytes in a full segment to the peer, options taken off. RFC 9293 §3.7.1. */
  mss = 536;
  /** What the peer's MSS option said. */
  peerMss = 536;
  /** The search for the path's MTU, where one goes on. RFC 4821. */
  search: PathSearch | null = null;
  /** An ACK moved by a full segment at least: full segments pass. */
  fullAcked = false;
  /** How often a black hole was suspected where there was none. */
  falseAlarms = 0;
  /** `mss` was another below this: extents have edges at multiples of that. */
  otherMssEnd: Seq = ZERO;
  /** The end of the last segment sent that was shorter than `mss`. Minshall's form of Nagle. */
  smallEnd: Seq = ZERO;
  /** What the owner wrote, from `sndUna` on; of the stack's, while there is something. */
  chunks: Chunks = NO_CHUNKS;
  sendBuffer: number;

  // Receive sequence space, RFC 9293 figure 4.
  irs: Seq = ZERO;
  rcvNxt: Seq = ZERO;
  /** The right edge of the window that was offered: it never moves back. */
  rcvAdv: Seq = ZERO;
  rcvScale = 0;
  /** Estimate of the text bytes in the peer's full segments. */
  rcvMss = 536;
  /** Text received in order since the last acknowledgment was sent. */
  unacked = 0;
  quickAcks: number;
  /** Segments of which every second one gets an ACK of its own: see `receive.ts`. */
  apartAcks = 0;
  ring: Ring | null = null;
  spans: Spans | null = null;
  /** Text in order that the owner has not taken. */
  held = 0;
  receiveBuffer: number;
  /** When it received last, as `Tcp.receivers` counts. */
  receiveRound = 0;
  /** Where the peer's FIN stands, if it came before what precedes it. */
  finSeq: Seq = ZERO;
  hasFin = false;
  dsackStart: Seq = ZERO;
  dsackEnd: Seq = ZERO;
  /** The range that the last out-of-order segment fell into: first SACK block, RFC 2018 §4. */
  lastSack: Seq = ZERO;
  /** When the receiver's round trip began, and `bytesIn` then: for the buffer's growth. */
  spaceTime: Micros = 0;
  spaceFrom = 0;
  spaceMost = 0;
  receiverRtt: Micros = 0;
  rttSeq: Seq = ZERO;
  rttTime: Micros = 0;

  // Timestamps, RFC 7323 §3.
  tsOffset = 0;
  tsRecent = 0;
  tsRecentAge: Micros = 0;
  /** `tsRecent` as it was two marks ago, and at the last one: see `timestamps.ts`. */
  tsFloor = 0;
  tsMark = 0;
  tsMarkSeq: Seq = ZERO;
  lastAckSent: Seq = ZERO;

  // Round-trip time, RFC 6298; SRTT times 8 and RTTVAR times 4.
  srtt8 = -1;
  rttvar4 = 0;
  rto: Micros;
  backoff = 0;
  minRtt: Micros = NEVER;
  minRttTime: Micros = 0;
  lastRtt: Micros = 0;

  // Congestion control.
  congestion: CongestionControl;
  cwnd = 0;
  ssthresh: number = NEVER;
  /** Most that was in flight in the round trip that ended last. */
  cwndUsed = 0;
  cwndRound: Seq = ZERO;

  // Loss recovery.
  scoreboard: Scoreboard | null = null;
  recovery: Recovery = Recovery.OPEN;
  /** `sndNxt` when recovery began: it ends when this is acknowledged. RFC 6675's RecoveryPoint. */
  recoverySeq: Seq = ZERO;
  dupAcks = 0;
  /** Partial ACKs of this recovery, where there is no SACK. RFC 6582 §3.2 (3). */
  partialAcks = 0;
  prrDelivered = 0;
  prrOut = 0;
  recoverFlight = 0;
  /** Eifel and D-SACK: what to go back to if the retransmissions were needless. RFC 4015. */
  undoMarker: Seq = ZERO;
  undoRetransmits = 0;
  /** What it was before this recovery; null: nothing to go back to. */
  prior: Prior | null = null;
  /** Timestamp of the first retransmission of this recovery; 0: none. RFC 3522. */
  retransmitStamp = 0;
  frto: Frto = Frto.OFF;

  // RACK-TLP, RFC 8985.
  rackTime: Micros = 0;
  rackEnd: Seq = ZERO;
  rackRtt: Micros = 0;
  /** The highest octet delivered so far, by ACK or SACK. */
  fack: Seq = ZERO;
  reorderingSeen = false;
  reoMultiplier = 1;
  reoPersist = 16;
  reoRound: Seq = ZERO;
  dsackRound = false;
  probe: Probe = Probe.NONE;
  probeEnd: Seq = ZERO;

  /** Row of deadlines in `Tcp.timers`, and the soonest of them in the stack's heap. */
  timers: number = NO_ROW;
  due: Micros = NEVER;
  dueAt = -1;
  retries = 0;
  probes = 0;
  keepAliveProbes = 0;
  /** Its settings, until it is told others. */
  keepAlive: KeepAliveTimes;
  userTimeout: Micros;
  /** When the oldest unacknowledged octet was first sent; when anything last came. */
  firstSent: Micros = 0;
  lastHeard: Micros = 0;
  /** When `sndUna` last moved. */
  lastProgress: Micros = 0;
  /** When text last left. RFC 5681 §4.1. */
  lastSent: Micros = 0;
  /** The second in which challenge ACKs are counted, since the clock's zero. */
  challengeSecond = 0;
  challenges = 0;
  paceNext: Micros = 0;

  // What `info` reports.
  opened: Micros = 0;
  bytesIn = 0;
  bytesOut = 0;
  bytesAcked = 0;
  bytesRetransmitted = 0;
  /** Those of them that are put down to segments too long for the path. */
  bytesTooLong = 0;
  segmentsIn = 0;
  segmentsOut = 0;
  retransmits = 0;
  delivered = 0;
  deliveredTime: Micros = 0;
  deliveryRate = 0;
  trace: Trace | null = null;

  constructor(tcp: Tcp, settings: Settings, owner: Owner, congestion: CongestionControl) {
    this.tcp = tcp;
    this.settings = settings;
    this.owner = owner;
    this.congestion = congestion;
    this.sendBuffer = settings.sendBuffer;
    this.receiveBuffer = settings.receiveBuffer;
    this.quickAcks = settings.quickAcks;
    this.rto = 1_000_000;
    this.keepAlive = settings;
    this.userTimeout = settings.userTimeout;
    this.flags =
      (settings.noDelay ? Flag.NO_DELAY : 0) | (settings.keepAlive ? Flag.KEEP_ALIVE : 0);
  }
}

export const has = (tcb: Tcb, flag: number): boolean => (tcb.flags & flag) !== 0;
