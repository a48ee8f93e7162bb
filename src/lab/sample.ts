/**
 * How it stands at a moment: both ends, and the link between them.
 * @module
 */
import { failureCode } from '../stack/base/failure.ts';
import { info } from '../stack/tcp/info.ts';
import type { End } from './ends.ts';
import type { World } from './world.ts';

/** One end of the connection. Sizes in octets, times in milliseconds. */
export interface EndSample {
  /** The RFC's name of the state, or `none` before there is a connection. */
  readonly state: string;
  /** Why it is over, as Node's code; '' while it is not, or where it ended in order. */
  readonly failure: string;
  /** Of loss recovery: `Open`, `Disorder`, `CWR`, `Recovery` or `Loss`. */
  readonly recovery: string;
  /** The congestion window. */
  readonly cwnd: number;
  /** Null while it is endless. */
  readonly ssthresh: number | null;
  /** What is believed to be under way, RFC 6675 §4. */
  readonly inFlight: number;
  /** Null before there is a sample. */
  readonly rtt: number | null;
  /** The retransmission time-out, backed off as it is. */
  readonly rto: number;
  /** The window that this end offers. */
  readonly window: number;
  /** What has come in order and its program has not read. */
  readonly unread: number;
  /** What its program has read. */
  readonly received: number;
  /** Segments that were sent again. */
  readonly resent: number;
  /** Time-outs since the last acknowledgement. */
  readonly timeouts: number;
}

/** One way through the link: packets. */
export interface WaySample {
  /** Those that wait before the link. */
  readonly queued: number;
  /** Those that the link has lost since the beginning. */
  readonly lost: number;
  /** For want of room in the queue. */
  readonly dropped: number;
}

/** Both ends and both ways at a moment. */
export interface LabSample {
  /** Microseconds from the beginning. */
  readonly at: number;
  /** Who sends. */
  readonly a: EndSample;
  /** Who receives. */
  readonly b: EndSample;
  /** From a to b. */
  readonly forth: WaySample;
  /** From b to a. */
  readonly back: WaySample;
}

const NOTHING: EndSample = {
  ...{ state: 'none', failure: '', recovery: 'Open', cwnd: 0, ssthresh: null, inFlight: 0 },
  ...{ rtt: null, rto: 0, window: 0, unread: 0, received: 0, resent: 0, timeouts: 0 },
};

function endSample({ tcb, failure, received }: End, timeouts: number): EndSample {
  if (tcb === undefined) return NOTHING;
  const { state, caState, cwnd, ssthresh, inFlight, rtt, rto, rcvWnd, totalRetrans } = info(tcb);
  return {
    state: failure === undefined ? state : 'CLOSED',
    failure: failure === undefined ? '' : failureCode(failure),
    recovery: caState,
    cwnd,
    ssthresh: ssthresh < 2 ** 31 ? ssthresh : null,
    inFlight,
    rtt: rtt === 0 ? null : Math.round(rtt * 1000) / 1000,
    rto: Math.round(rto * 1000) / 1000,
    window: rcvWnd,
    unread: tcb.held,
    received,
    resent: totalRetrans,
    timeouts,
  };
}

/** Look at all of it, `at` microseconds from the beginning. */
export function takeSample(at: number, world: World, a: End, b: End): LabSample {
  const { queued, counters } = world.link;
  const way = (name: 'in' | 'out'): WaySample => {
    const { lost, dropped } = counters[name];
    return { queued: queued[name], lost, dropped };
  };
  return {
    at,
    a: endSample(a, world.a.stat('TcpExtTCPTimeouts')),
    b: endSample(b, world.b.stat('TcpExtTCPTimeouts')),
    forth: way('out'),
    back: way('in'),
  };
}
