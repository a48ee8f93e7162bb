/**
 * The segment size: what we offer, what the peer, the path and the options leave of it.
 * RFC 9293 §3.7.1, RFC 6691.
 * @module
 */
import { isIPv6 } from '../../base/address.ts';
import type { Route } from '../../ip/route.ts';
import { MIN_SEGMENTS } from '../congestion/congestion.ts';
import { Flag, has } from '../tcb/flags.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** RFC 9293 §3.7.1, MUST-15: what a peer accepts that does not say, over IPv4 and over IPv6. */
export const DEFAULT_MSS = 536;
export const DEFAULT_MSS6 = 1220;
/** Less would let a peer make us send headers only. Linux's tcp_min_snd_mss. */
export const MIN_MSS = 48;
const TIMESTAMP_BYTES = 12;

/** What the peer of `tcb` accepts that does not say. */
export const defaultMss = (tcb: Tcb): number =>
  isIPv6(tcb.remoteAddress) ? DEFAULT_MSS6 : DEFAULT_MSS;

/** Option bytes that every segment of this connection carries. */
export const usualOptions = (tcb: Tcb): number => (has(tcb, Flag.TIMESTAMPS) ? TIMESTAMP_BYTES : 0);

/** What we tell the peer: the MTU less the fixed headers, options not counted. RFC 6691. */
export const offeredMss = (tcb: Tcb, route: Route): number => {
  const { mss, maxSegment } = tcb.settings;
  return Math.min(route.iface.mtuOf(route.ipv6) - tcb.headers, cap(mss), cap(maxSegment));
};

const cap = (bytes: number): number => (bytes > 0 ? bytes : Number.POSITIVE_INFINITY);

/** The longest segment, options included, that peer and owner want, whatever the path takes. */
export const wantedMss = (tcb: Tcb): number => Math.min(tcb.peerMss, cap(tcb.settings.maxSegment));

/** RFC 9293 §3.7.1, MUST-16: the segment size that the peer, the path, the owner and the options allow. */
export function setMss(tcb: Tcb, pathMtu: number): void {
  const mtu = tcb.search?.low ?? pathMtu; // who looks for the path's MTU knows best
  const most = Math.min(wantedMss(tcb), mtu - tcb.headers);
  const mss = Math.max(MIN_MSS, most) - usualOptions(tcb);
  if (mss !== tcb.mss) tcb.otherMssEnd = tcb.sndNxt;
  tcb.mss = mss;
  // A window of less than a segment would never let one go.
  if (tcb.cwnd > 0) tcb.cwnd = Math.max(tcb.cwnd, tcb.mss);
  tcb.ssthresh = Math.max(tcb.ssthresh, MIN_SEGMENTS * tcb.mss); // RFC 5681 (4), of larger segments
}
