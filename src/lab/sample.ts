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
  readonly cwnd: number;
  /** Null while it is endless. */
  readonly ssthresh: number | null;
  readonly inFlight: number;
  /** Null before there is a sample. */
  readonly rtt: number | null;
  readonly rto: number;
  /** The window that this end offers, and what its program has not read. */
  readonly window: number;
  readonly unread: number;
  /** What its program has read. */
  readonly received: number;
  /** Segments that were sent again. */
  readonly resent: number;
  readonly timeouts: number;
}

/** One way through the link: packets. */
export interface WaySample {
  readonly queued: number;
  readonly lost: number;
  /** For want of room in the queue. */
  readonly dropped: number;
}

/** `at` is microseconds from the beginning. */
export interface LabSample {
  readonly at: number;
  readonly a: EndSample;
  readonly b: EndSample;
  readonly forth: WaySample;
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
