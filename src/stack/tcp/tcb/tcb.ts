/**
 * The transmission control block: one connection as plain data. RFC 9293 §3.3.1.
 *
 * The verbs are functions in the files beside this one. Every field is born with its type and keeps
 * it (`REAL_ZERO`), and what an idle connection does not need (buffers, scoreboard) is made on first use.
 * Times are microseconds, sizes bytes.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { type Micros, NEVER } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { REAL_ZERO } from '../../base/real.ts';
import { type Seq, seq } from '../../base/seq.ts';
import type { Stats } from '../../base/stats.ts';
import type { Interface } from '../../ip/interface.ts';
import type { InternetLayer } from '../../ip/ip.ts';
import type { Route } from '../../ip/route.ts';
import type { Budget, Holder } from '../../memory/budget.ts';
import { type Chunks, NO_CHUNKS } from '../../memory/chunks.ts';
import type { Deadlines, Due } from '../../memory/deadlines.ts';
import type { Ring } from '../../memory/ring.ts';
import { NO_ROW, type Rows } from '../../memory/rows.ts';
import type { Spans } from '../../memory/spans.ts';
import type { Delivery } from './delivery.ts';
import { Flag } from './flags.ts';
import type { Owner } from './owner.ts';
import type { PathSearch } from './path-search.ts';
import { Frto, Limit, Probe, Recovery } from './phases.ts';
import type { Receivers } from './receivers.ts';
import type { Relays } from './relays.ts';
import type { AckReport } from './report.ts';
import type { Reported } from './reported.ts';
import type { Scoreboard } from './scoreboard.ts';
import { NOTHING_SENT, type Sent } from './sent.ts';
import type { KeepAliveTimes, Limits, Settings } from './settings.ts';
import { State } from './state.ts';
import type { Trace } from './trace.ts';

/** What a recovery has reduced. RFC 4015 §3.2: pipe_prev. */
export interface Prior {
  readonly cwnd: number;
  readonly ssthresh: number;
}

/**
 * Congestion control: one narrow interface, an algorithm a file behind it (`congestion/`). RFC 5681.
 *
 * An algorithm owns `tcb.cwnd` while nothing is being recovered and `tcb.ssthresh` always; between
 * the two, proportional rate reduction sets the window. All sizes are bytes.
 */
export interface CongestionControl {
  readonly name: string;
  /**
   * `acked` bytes were newly acknowledged outside of recovery, while the window was what limited
   * the flight. Raises `tcb.cwnd`.
   */
  onAck(tcb: Tcb, acked: number, now: Micros): void;
  /** Every ACK outside of recovery, with the round-trip sample that came with it or -1. */
  onRound(tcb: Tcb, rtt: Micros, now: Micros): void;
  /** A loss or a congestion mark begins a recovery: set `tcb.ssthresh`. Once a window. */
  onLoss(tcb: Tcb, flight: number, now: Micros): void;
  /** The retransmission timer expired: set `tcb.ssthresh`; the window is set by the caller. */
  onTimeout(tcb: Tcb, flight: number, now: Micros): void;
  /** The recovery turned out to be needless: whatever `onLoss` changed goes back. RFC 4015. */
  onUndo(tcb: Tcb): void;
  /** Nothing was sent for `idle` microseconds. */
  onIdle(tcb: Tcb, idle: Micros, now: Micros): void;
  /** Be as new, for another connection. */
  reset(): void;
}

/** The listener of a half-open connection, as the connection sees it. */
export interface Backlog {
  /** Connections in SYN-RECEIVED. */
  halfOpen: number;
  /** The handshake is complete: who owns the connection? `undefined` resets it. */
  readonly accept: (tcb: Tcb) => Owner | undefined;
}

/** What is lent to connections with something under way: one that says nothing keeps none of it. */
export interface Lender {
  /** Bytes that one connection may have written and not acknowledged, now. */
  readonly share: number;
  takeScoreboard(): Scoreboard;
  /** The send buffer of a connection that has something to send. */
  takeChunks(tcb: Tcb): Chunks;
  /** All was acknowledged. */
  putChunks(tcb: Tcb): void;
}

/** What the connections of one stack share, as far as a connection's verbs use it; `Tcp` is it. */
export interface Shared {
  readonly ip: InternetLayer;
  readonly stats: Stats;
  readonly limits: Limits;
  /** The time of the batch that is being worked on. */
  readonly now: Micros;
  readonly timers: Rows;
  readonly deadlines: Deadlines<Tcb>;
  readonly receivers: Receivers;
  readonly relays: Relays<Tcb>;
  readonly spares: Lender;
  /** What all connections keep together. */
  readonly budget: Budget<Tcb>;
  // Scratch of the segment that is being taken in: one of each a stack.
  readonly delivery: Delivery;
  readonly report: AckReport;
  /** How often in this batch early text was given storage that was not there before. */
  freshStorage: number;
  /** Connections whose owner has closed both directions and left. */
  orphans: number;
  /** Whose chunks are being released, and what tells its owner: one closure a stack. */
  releasing: Tcb | null;
  readonly release: (token: unknown) => void;
  /** What an owner threw. */
  readonly thrown: (error: unknown) => void;

  /** There is something to do for `tcb` at the end of the batch. */
  dirty(tcb: Tcb): void;
  /** The connection's way out, looked up again if the table has changed; null if there is none. */
  routeOf(tcb: Tcb): Route | null;
  /** RFC 9293 §3.8.3, R1: delivery has failed for a while; ask for the way again. */
  doubtRoute(tcb: Tcb): void;
  /** False while the way out is full: what can wait, waits, and is served when there is room. */
  ready(tcb: Tcb): boolean;
  /** Nothing of `tcb` could leave by `iface`, which is full, or no slot was free: serve it later. */
  starve(tcb: Tcb, iface: Interface): void;
  /** May one more reset go to a stranger at `remote` now? */
  mayReset(remote: Address, now: Micros): boolean;
  /** `tcb` enters TIME-WAIT: past the limit the oldest one gives way. */
  admitTimeWait(tcb: Tcb): void;
  /** `tcb` is over: out of the tables. */
  forget(tcb: Tcb): void;
  /** Nothing is in flight: a connection that says nothing keeps no scoreboard. */
  rest(tcb: Tcb): void;
}

const ZERO: Seq = seq(0);

export class Tcb implements Due, Holder {
  readonly tcp: Shared;
  readonly settings: Settings;
  owner: Owner;
  /** The listener whose half-open connection this is. */
  listener: Backlog | null = null;
  /** Our SYN-ACK is acknowledged, and the listener wants to hear of it later: `Settings.deferAccept`. */
  deferred = false;
  state: State = State.CLOSED;
  flags = 0;
  /** A soft error that ICMP reported, given if the connection then times out. RFC 1122 §4.2.3.9. */
  softError: Failure = Failure.NONE;
  /** What the owner is told when `Flag.ABORT` has been set. */
  cause: Failure = Failure.ABORTED;

  // The four numbers that name it, and its place in the demultiplexer.
  localAddress: Address = ANY;
  remoteAddress: Address = ANY;
  localPort = 0;
  remotePort = 0;
  hash = 0;
  hashNext: Tcb | null = null;
  /** Place in the stack's table of connections. */
  tableIndex = -1;
  /** Place among those in TIME-WAIT; -1: it is not. */
  timeWaitAt = -1;
  /** Bytes of memory that the budget knows of, and the place among those who hold some. */
  kept = 0;
  holderAt = -1;

  route: Route | null = null;
  /** Partial checksum of addresses and protocol. */
  pseudo = 0;
  /** Bytes of the network header and of ours, without options. */
  headers = 0;
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
  /** Bytes that may be written before they are sent; 0: the send buffer is the only limit. */
  lowWater: number;

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
  /** When it received last, as `Shared.receivers` counts. */
  receiveRound = 0;
  /** Where the peer's FIN stands, if it came before what precedes it. */
  finSeq: Seq = ZERO;
  hasFin = false;
  dsackStart: Seq = ZERO;
  dsackEnd: Seq = ZERO;
  /** In which order the ranges of `spans` were reported. */
  reported: Reported | null = null;
  /** When the receiver's round trip began, and `bytesIn` then: for the buffer's growth. */
  spaceTime: Micros = REAL_ZERO;
  spaceFrom: number = REAL_ZERO;
  spaceMost = 0;
  receiverRtt: Micros = REAL_ZERO;
  rttSeq: Seq = ZERO;
  rttTime: Micros = REAL_ZERO;

  // Timestamps, RFC 7323 §3.
  tsOffset = 0;
  tsRecent = 0;
  tsRecentAge: Micros = REAL_ZERO;
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
  minRttTime: Micros = REAL_ZERO;
  lastRtt: Micros = REAL_ZERO;

  // Congestion control.
  congestion: CongestionControl;
  cwnd: number = REAL_ZERO;
  ssthresh: number = NEVER;
  /** `cwnd` was reduced for the idle time that goes on. RFC 5681 §4.1. */
  restarted = false;
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

  /** Of what it has sent, if it has. */
  sent: Sent = NOTHING_SENT;

  // RACK-TLP, RFC 8985.
  rackEnd: Seq = ZERO;
  /** The highest octet delivered so far, by ACK or SACK. */
  fack: Seq = ZERO;
  reorderingSeen = false;
  reoMultiplier = 1;
  reoPersist = 16;
  reoRound: Seq = ZERO;
  dsackRound = false;
  probe: Probe = Probe.NONE;
  probeEnd: Seq = ZERO;

  /** Row of deadlines in `Shared.timers`, and the soonest of them in the stack's heap. */
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
  firstSent: Micros = REAL_ZERO;
  lastHeard: Micros = REAL_ZERO;
  /** When text last left. RFC 5681 §4.1. */
  lastSent: Micros = REAL_ZERO;
  /** The second in which challenge ACKs are counted, since the clock's zero. */
  challengeSecond = 0;
  challenges = 0;

  // What `info` reports.
  opened: Micros = REAL_ZERO;
  bytesIn: number = REAL_ZERO;
  bytesOut: number = REAL_ZERO;
  bytesAcked: number = REAL_ZERO;
  segmentsIn = 0;
  segmentsOut = 0;
  retransmits = 0;
  /** What holds text back. */
  limit: Limit = Limit.NONE;
  trace: Trace | null = null;

  constructor(tcp: Shared, settings: Settings, owner: Owner, congestion: CongestionControl) {
    this.tcp = tcp;
    this.settings = settings;
    this.owner = owner;
    this.congestion = congestion;
    this.sendBuffer = settings.sendBuffer;
    this.lowWater = settings.notSentLowWater;
    this.receiveBuffer = Math.min(settings.receiveBuffer, settings.receiveBufferMax);
    this.quickAcks = settings.quickAcks;
    this.rto = 1_000_000;
    this.keepAlive = settings;
    this.userTimeout = settings.userTimeout;
    this.flags =
      (settings.noDelay ? Flag.NO_DELAY : 0) | (settings.keepAlive ? Flag.KEEP_ALIVE : 0);
  }
}
