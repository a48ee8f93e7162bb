/**
 * The path's MTU where no router tells it. RFC 4821, RFC 8899; RFC 2923 §2.1 for the black hole.
 *
 * When full segments time out again and again, and ICMP is silent, they may be too long for the path.
 * The connection falls back to a size that passes nearly everywhere, and then looks for more: a probe is
 * a longer segment of text that was to be sent anyway, and losing one says nothing about congestion.
 * If the first probe, as long as before, arrives, it was an outage and no black hole. Neither is a path
 * that loses much: there probes go out with fewer segments after them, more of them must be lost before
 * a size is given up, and each false alarm makes the next one later.
 *
 * What is found is kept with the route, for all who send there. When it grows old it is looked for
 * again, by probes and not by losses. Only connections with SACK probe: without it a lost probe cannot
 * be told from other losses.
 * @module
 */
import { diff, ge, gt, lt, type Seq } from '../../base/seq.ts';
import { count, Stat } from '../../base/stats.ts';
import { leastMtu } from '../../ip/family.ts';
import { PATH_MTU_FLOOR } from '../../ip/path-mtu.ts';
import type { Route } from '../../ip/route.ts';
import { Flag, has } from '../tcb/flags.ts';
import { outstanding, pipe } from '../tcb/flight.ts';
import { BASE_MTU, PathSearch } from '../tcb/path-search.ts';
import { Recovery } from '../tcb/phases.ts';
import { Fate, type Scoreboard } from '../tcb/scoreboard.ts';
import type { Tcb } from '../tcb/tcb.ts';
import { setMss, usualOptions, wantedMss } from './mss.ts';

/** Timeouts in a row until full segments are suspected: where none was ever acknowledged, and else. */
const TIMEOUTS = 2;
const TIMEOUTS_AFTER_SUCCESS = 3;
/** False alarms that are remembered: each asks for one timeout more the next time. */
const MOST_ALARMS = 3;
/** Segments that must follow a probe, so that SACKs tell what became of it. */
const FOLLOWERS = 3;
/** See `probeLength`. */
export const HOLD = -1;

/** Text bytes of a packet of `size` bytes. */
const textOf = (tcb: Tcb, size: number): number => size - tcb.headers - usualOptions(tcb);

/** The packet size that the connection holds to. */
export const effectiveMtu = (tcb: Tcb): number => tcb.search?.low ?? tcb.route?.mtu ?? 0;

/** The longest packet that this connection could ever send. */
const longest = (tcb: Tcb, route: Route): number =>
  Math.min(route.iface.mtuOf(route.ipv6), wantedMss(tcb) + tcb.headers);

/** The retransmission timer expired once more, and `tcb.retries` counts how often in a row. */
export function suspectBlackHole(tcb: Tcb, board: Scoreboard): void {
  const { search } = tcb;
  if (search !== null) search.size = 0; // what became of a probe cannot be told now
  if (!tcb.settings.mtuProbing || board.count === 0) return;
  const route = tcb.tcp.routeOf(tcb);
  if (route === null) return;
  const patience = tcb.fullAcked ? TIMEOUTS_AFTER_SUCCESS + tcb.falseAlarms : TIMEOUTS;
  if (tcb.retries < patience) return;
  const first = Math.min(diff(board.end(0), board.start(0)), tcb.mss);
  const size = effectiveMtu(tcb);
  // RFC 8201 §4: no path of IPv6 takes less than its least MTU.
  const base = leastMtu(tcb.remoteAddress, BASE_MTU);
  const floor = leastMtu(tcb.remoteAddress, PATH_MTU_FLOOR);
  if (size > base && first > textOf(tcb, base)) fallBack(tcb, route, base);
  else if (tcb.retries >= patience + TIMEOUTS && size > floor && first > textOf(tcb, floor)) {
    fallBack(tcb, route, floor);
  }
}

function fallBack(tcb: Tcb, route: Route, size: number): void {
  const before = tcb.search?.ssthresh ?? tcb.prior?.ssthresh ?? tcb.ssthresh;
  // Not beyond what it was: what is known of the path costs no probes again.
  const high = Math.min(tcb.search?.high ?? route.mtu, longest(tcb, route));
  tcb.search = new PathSearch(size, high, tcb.sndUna, before);
  // What is outstanding is sent again, and its beginning was, by each timeout and a tail loss probe.
  tcb.sent.bytesTooLong += outstanding(tcb) + (tcb.retries + 1) * tcb.mss;
  // What passed before may be true again: then only a probe may say so.
  tcb.search.passed = tcb.fullAcked;
  setMss(tcb, size);
}

/** The connection has a new route: if what is known of the path is old, look for more. */
export function onNewRoute(tcb: Tcb, route: Route): void {
  if (tcb.search !== null && tcb.search.low > route.iface.mtuOf(route.ipv6)) tcb.search = null;
  if (tcb.search === null && route.raisable && tcb.settings.mtuProbing) {
    const most = longest(tcb, route);
    if (most > route.mtu) tcb.search = new PathSearch(route.mtu, most, tcb.sndUna, 0);
  }
  setMss(tcb, route.mtu);
}

/** A router said what it takes. The search, if there is one, ends or is cut short. */
export function onReportedMtu(tcb: Tcb, mtu: number): void {
  const { search } = tcb;
  if (search === null) return;
  if (mtu < search.low) tcb.search = null;
  else search.limit(mtu);
}

/**
 * Text bytes of the probe that may go out now, of `left` unsent and `window` allowed; 0: none. `HOLD`: it
 * may once there is room for it in the congestion window, so nothing else should fill that.
 */
export function probeLength(tcb: Tcb, left: number, window: number): number {
  const { search } = tcb;
  if (search === null || search.size !== 0) return 0;
  if (tcb.recovery !== Recovery.OPEN || !has(tcb, Flag.SACK)) return 0;
  if (gt(search.end, tcb.sndUna)) return 0; // the text of the last one is still out
  const size = search.next();
  if (size === 0) {
    finish(tcb, search);
    return 0;
  }
  const length = textOf(tcb, size);
  const followers = FOLLOWERS * tcb.mss;
  if (Math.min(left, window) < length + followers) return 0;
  // A window that is not to grow so far must do: if nothing follows, a tail loss probe does.
  const wanted = tcb.ssthresh < length + followers ? length : length + followers;
  if (tcb.cwnd < wanted) return 0;
  const flight = pipe(tcb);
  if (tcb.cwnd - flight >= length) return length;
  return flight > 0 ? HOLD : 0;
}

/** A probe left with the text from `from` to `to`. */
export function probeSent(tcb: Tcb, from: Seq, to: Seq): void {
  const { search } = tcb;
  if (search === null) return;
  search.size = diff(to, from) + tcb.headers + usualOptions(tcb);
  search.start = from;
  search.end = to;
  search.resent = false;
}

/** Text from `from` on is sent again: that of a probe that was not judged is not probed any more. */
export function onProbeResent(search: PathSearch, from: Seq): void {
  if (search.size !== 0 && ge(from, search.start) && lt(from, search.end)) search.resent = true;
}

/** The share of this connection's text that was lost by chance: what was too long is left out. */
function lossOf(tcb: Tcb): number {
  const resent = tcb.sent.bytesRetransmitted - tcb.sent.bytesTooLong;
  return resent <= 0 ? 0 : resent / (resent + tcb.bytesAcked);
}

/** An ACK was processed: did the probe arrive? */
export function onProbedAck(tcb: Tcb, board: Scoreboard, advanced: boolean): void {
  const { search } = tcb;
  if (search === null) return;
  if (advanced && !search.passed && tcb.recovery !== Recovery.RECOVERY) {
    search.passed = true;
    if (search.ssthresh > 0) remember(tcb, search.low, true);
  }
  if (search.size !== 0 && hasArrived(tcb, board, search)) {
    if (!search.resent) succeed(tcb, search);
    search.size = 0; // sent again, among other losses: RFC 4821 §7.6.3, inconclusive
  }
  search.advance(tcb.sndUna);
}

function succeed(tcb: Tcb, search: PathSearch): void {
  count(tcb.tcp.stats, Stat.TcpExtTCPMTUPSuccess);
  if (!search.confirmed && search.ssthresh > 0 && tcb.falseAlarms < MOST_ALARMS) tcb.falseAlarms++;
  search.succeed();
  setMss(tcb, search.low);
}

function hasArrived(tcb: Tcb, board: Scoreboard, search: PathSearch): boolean {
  if (ge(tcb.sndUna, search.end)) return true;
  const i = board.find(search.start);
  return i >= 0 && (board.fate(i) & Fate.SACKED) !== 0;
}

/**
 * Something is lost: true if it is a probe and nothing else. Its text is sent again in shorter
 * segments, and the congestion window stays as it is (RFC 4821 §7.6.2).
 */
export function isProbeLoss(tcb: Tcb, board: Scoreboard): boolean {
  const { search } = tcb;
  if (search === null || tcb.recovery >= Recovery.RECOVERY) return false;
  let lost = 0;
  for (let i = board.find(search.start); i >= 0 && i < board.count; i++) {
    if (!lt(board.start(i), search.end)) break;
    // What was lost a second time was a segment like others.
    const fate = board.fate(i) & (Fate.LOST | Fate.RESENT | Fate.TWICE);
    if (fate === Fate.LOST) lost += diff(board.end(i), board.start(i));
  }
  if (lost === 0 || lost !== board.owed) return false;
  if (search.size !== 0) {
    count(tcb.tcp.stats, Stat.TcpExtTCPMTUPFail);
    const wasKnown = search.confirmed;
    tcb.sent.bytesTooLong += diff(search.end, search.start);
    if (search.fail(lossOf(tcb)) && !wasKnown) confirm(tcb, search);
  }
  return true;
}

/** It is a black hole: what was taken for congestion was none. */
function confirm(tcb: Tcb, search: PathSearch): void {
  remember(tcb, search.low, true);
  if (search.ssthresh === 0) return;
  tcb.ssthresh = Math.max(tcb.ssthresh, search.ssthresh);
  tcb.congestion.onUndo(tcb);
}

function finish(tcb: Tcb, search: PathSearch): void {
  const { low } = search;
  tcb.search = null;
  const route = tcb.tcp.routeOf(tcb);
  // Where nothing failed, only what limits this connection is known, and that no path limits it.
  const limited = search.confirmed || (route !== null && low < longest(tcb, route));
  remember(tcb, limited ? low : Number.POSITIVE_INFINITY, false);
  const next = tcb.tcp.routeOf(tcb);
  if (next !== null) setMss(tcb, next.mtu);
}

/** Keep with the route what was found; `raisable`: there may be more. */
function remember(tcb: Tcb, mtu: number, raisable: boolean): void {
  tcb.tcp.ip.probedMtu(tcb.remoteAddress, mtu, raisable);
}
