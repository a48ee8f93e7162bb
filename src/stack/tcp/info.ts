/**
 * What is known of a connection, under the names of Linux's `tcp_info`.
 * @module
 */
import { format } from '../base/address.ts';
import { NEVER } from '../base/clock.ts';
import { failureCode } from '../base/failure.ts';
import { outstanding, pipe, unsent } from './flight.ts';
import { pacingRate } from './pacing.ts';
import { effectiveMtu } from './plpmtu.ts';
import { backedOff } from './rtt.ts';
import { stateName } from './state.ts';
import { Flag, has, type Tcb } from './tcb.ts';

/** Times in milliseconds (fractions kept), sizes in bytes, rates in bytes a second. */
export interface TcpInfo {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly state: string;
  readonly caState: string;
  readonly congestion: string;
  readonly options: readonly string[];
  readonly rtt: number;
  readonly rttvar: number;
  readonly minRtt: number;
  readonly rto: number;
  readonly backoff: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly sndMss: number;
  readonly rcvMss: number;
  readonly pmtu: number;
  readonly sndWnd: number;
  readonly rcvWnd: number;
  readonly sndWscale: number;
  readonly rcvWscale: number;
  readonly unacked: number;
  readonly inFlight: number;
  readonly sacked: number;
  readonly lost: number;
  readonly notsent: number;
  readonly retransmits: number;
  readonly totalRetrans: number;
  readonly bytesSent: number;
  readonly bytesRetrans: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly segsIn: number;
  readonly segsOut: number;
  readonly reordering: boolean;
  readonly reorderingWindow: number;
  readonly deliveryRate: number;
  readonly pacingRate: number;
  readonly sndBuf: number;
  readonly rcvBuf: number;
  readonly lastDataSent: number;
  readonly lastDataReceived: number;
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
    cwnd: Math.round(tcb.cwnd),
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
    bytesSent: tcb.bytesOut,
    bytesRetrans: tcb.bytesRetransmitted,
    bytesAcked: tcb.bytesAcked,
    bytesReceived: tcb.bytesIn,
    segsIn: tcb.segmentsIn,
    segsOut: tcb.segmentsOut,
    reordering: tcb.reorderingSeen,
    reorderingWindow: tcb.minRtt === NEVER ? 0 : ms((tcb.minRtt * tcb.reoMultiplier) / 4),
    deliveryRate: Math.round(tcb.deliveryRate),
    pacingRate: Math.round(pacingRate(tcb) * 1e6),
    sndBuf: tcb.sendBuffer,
    rcvBuf: tcb.receiveBuffer,
    lastDataSent: ms(now - tcb.lastSent),
    lastDataReceived: ms(now - tcb.lastHeard),
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
