/**
 * What is known of a connection, under the names of Linux's `tcp_info`.
 * @module
 */
import { format } from '../base/address.ts';
import { NEVER } from '../base/clock.ts';
import { failureCode } from '../base/failure.ts';
import { plain } from '../base/real.ts';
import { pacingRate } from './congestion/pacing.ts';
import { effectiveMtu } from './path/plpmtu.ts';
import { Flag, has } from './tcb/flags.ts';
import { outstanding, pipe, unsent } from './tcb/flight.ts';
import { stateName } from './tcb/state.ts';
import type { Tcb } from './tcb/tcb.ts';
import { bufferFor, busyFor, networkFor, windowFor } from './timing/limits.ts';
import { backedOff } from './timing/rtt.ts';

/** Times in milliseconds (fractions kept), sizes in bytes, rates in bytes a second. */
export interface TcpInfo {
  /** Dotted decimal. */
  readonly localAddress: string;
  /** 1 to 65535. */
  readonly localPort: number;
  /** Dotted decimal. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
  /** The RFC's name of the state: `ESTABLISHED`, `TIME-WAIT`, ... */
  readonly state: string;
  /**
   * Linux's name of the state of loss recovery: `Open`, `Disorder`, `CWR`, `Recovery` or `Loss`.
   */
  readonly caState: string;
  /** `cubic` or `newreno`. */
  readonly congestion: string;
  /** What both sides agreed on: `ts`, `sack`, `wscale`, `ecn`. */
  readonly options: readonly string[];
  /** The smoothed round trip, RFC 6298; 0 before there is a sample. */
  readonly rtt: number;
  /** Its variation. */
  readonly rttvar: number;
  /** The shortest round trip of late. */
  readonly minRtt: number;
  /** The retransmission timeout, backed off as it is. */
  readonly rto: number;
  /** How often the timeout has doubled. */
  readonly backoff: number;
  /** The congestion window. */
  readonly cwnd: number;
  /** Where slow start ends. */
  readonly ssthresh: number;
  /** The longest text of a segment that is sent. */
  readonly sndMss: number;
  /** The longest text of a segment that was received. */
  readonly rcvMss: number;
  /** The path's MTU, as far as it is known. */
  readonly pmtu: number;
  /** The peer's window. */
  readonly sndWnd: number;
  /** Our window: what we let the peer send yet. */
  readonly rcvWnd: number;
  /** Bits by which the peer's window is shifted, RFC 7323 §2. */
  readonly sndWscale: number;
  /** Bits by which ours is. */
  readonly rcvWscale: number;
  /** Sent and not acknowledged. */
  readonly unacked: number;
  /** What is believed to be under way, RFC 6675 §4. */
  readonly inFlight: number;
  /** Selectively acknowledged. */
  readonly sacked: number;
  /** Believed to be lost. */
  readonly lost: number;
  /** Written and not sent. */
  readonly notsent: number;
  /** Timeouts since the last acknowledgment. */
  readonly retransmits: number;
  /** Segments that were sent again. */
  readonly totalRetrans: number;
  /** Bytes of text taken to be sent. */
  readonly bytesSent: number;
  /** Bytes of text that were sent again. */
  readonly bytesRetrans: number;
  /** Bytes of text that were acknowledged. */
  readonly bytesAcked: number;
  /** Bytes of text handed to the owner. */
  readonly bytesReceived: number;
  /** Segments received, its SYN included. */
  readonly segsIn: number;
  /** Segments sent; of one that the device cuts, those that it becomes. */
  readonly segsOut: number;
  /** Whether segments have been seen to overtake each other, RFC 8985 §6.2. */
  readonly reordering: boolean;
  /** How long a segment may be overtaken before it counts as lost. */
  readonly reorderingWindow: number;
  /** What the peer acknowledged of late. */
  readonly deliveryRate: number;
  /** How fast segments leave where they are spread over the round trip. */
  readonly pacingRate: number;
  /** Bytes that the send buffer may hold now. */
  readonly sndBuf: number;
  /** Bytes that the receive buffer may hold now. */
  readonly rcvBuf: number;
  /** How long ago text was sent. */
  readonly lastDataSent: number;
  /** How long ago text was received. */
  readonly lastDataReceived: number;
  /** For how long there was text to deliver, written or on its way: Linux's `busy`. */
  readonly busyTime: number;
  /** Of it: for how long the peer's window held text back, Linux's `rwnd_limited`. */
  readonly rwndLimited: number;
  /** Of it: for how long all that the send buffer holds was on its way, Linux's `sndbuf_limited`. */
  readonly sndbufLimited: number;
  /**
   * Of it: for how long the congestion window, pacing, losses or a full device held text back. What is left is its
   * program's: all that it wrote was on its way. Linux does not tell it.
   */
  readonly networkLimited: number;
  /** What ICMP last reported and is no reason to give up yet, as Node's code; empty: nothing. */
  readonly softError: string;
}

const CA_STATES = ['Open', 'Disorder', 'CWR', 'Recovery', 'Loss'] as const;
const ms = (micros: number): number => micros / 1000;

/** A snapshot; allocates. */
export function info(tcb: Tcb): TcpInfo {
  const board = tcb.scoreboard;
  const { now } = tcb.tcp;
  return {
    localAddress: format(tcb.localAddress),
    localPort: tcb.localPort,
    remoteAddress: format(tcb.remoteAddress),
    remotePort: tcb.remotePort,
    state: stateName(tcb.state),
    caState: CA_STATES[tcb.recovery],
    congestion: tcb.congestion.name,
    options: optionNames(tcb),
    rtt: tcb.srtt8 < 0 ? 0 : ms(tcb.srtt8 / 8),
    rttvar: ms(tcb.rttvar4 / 4),
    minRtt: tcb.minRtt === NEVER ? 0 : ms(tcb.minRtt),
    rto: ms(backedOff(tcb)),
    backoff: tcb.backoff,
    cwnd: plain(Math.round(tcb.cwnd)),
    ssthresh: Math.round(tcb.ssthresh),
    sndMss: tcb.mss,
    rcvMss: tcb.rcvMss,
    pmtu: effectiveMtu(tcb),
    sndWnd: tcb.sndWnd,
    rcvWnd: Math.max(0, (tcb.rcvAdv - tcb.rcvNxt) | 0),
    sndWscale: tcb.sndScale,
    rcvWscale: tcb.rcvScale,
    unacked: outstanding(tcb),
    inFlight: pipe(tcb),
    sacked: board?.sackedBytes ?? 0,
    lost: board?.lostBytes ?? 0,
    notsent: Math.max(0, unsent(tcb)),
    retransmits: tcb.retries,
    totalRetrans: tcb.retransmits,
    bytesSent: plain(tcb.bytesOut),
    bytesRetrans: plain(tcb.sent.bytesRetransmitted),
    bytesAcked: plain(tcb.bytesAcked),
    bytesReceived: plain(tcb.bytesIn),
    segsIn: tcb.segmentsIn,
    segsOut: tcb.segmentsOut,
    reordering: tcb.reorderingSeen,
    reorderingWindow: tcb.minRtt === NEVER ? 0 : ms((tcb.minRtt * tcb.reoMultiplier) / 4),
    deliveryRate: plain(Math.round(tcb.sent.deliveryRate)),
    pacingRate: Math.round(pacingRate(tcb) * 1e6),
    sndBuf: tcb.sendBuffer,
    rcvBuf: tcb.receiveBuffer,
    lastDataSent: ms(now - tcb.lastSent),
    lastDataReceived: ms(now - tcb.lastHeard),
    busyTime: ms(busyFor(tcb)),
    rwndLimited: ms(windowFor(tcb)),
    sndbufLimited: ms(bufferFor(tcb)),
    networkLimited: ms(networkFor(tcb)),
    softError: failureCode(tcb.softError),
  };
}

function optionNames(tcb: Tcb): string[] {
  const names: string[] = [];
  if (has(tcb, Flag.TIMESTAMPS)) names.push('ts');
  if (has(tcb, Flag.SACK)) names.push('sack');
  if (has(tcb, Flag.SCALING)) names.push('wscale');
  if (has(tcb, Flag.ECN)) names.push('ecn');
  return names;
}
