/**
 * ICMP errors that we send: destination unreachable, time exceeded, parameter problem. RFC 792,
 * RFC 1122 §3.2.2, RFC 1812 §4.3.2.
 *
 * Each type has a token bucket, so that nobody makes us a source of noise (RFC 1812 §4.3.2.8), and
 * an error never answers what must not be answered: another error, what was not for us alone, a
 * fragment other than the first, or a source that is no host.
 * @module
 */
import { isNoHost } from '../../base/address.ts';
import { type Micros, SECOND } from '../../base/clock.ts';
import { count, Stat } from '../../base/stats.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import { finishChecksum } from '../begun.ts';
import type { ErrorReports, InternetLayer } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import { countOut } from './icmp-counts.ts';

/** RFC 1812 §4.3.2.3: as much of the packet as fits without the error passing 576 bytes. */
const QUOTE_LIMIT = 576 - ipv4.MIN_LEN - icmp.MIN_LEN;
/** Precedence "internetwork control", as RFC 1812 §4.3.2.5 wants it; the rest as in the packet. */
const CONTROL_TOS = 0xc0;

/** How many errors of one type may leave. */
export interface RateLimit {
  readonly perSecond: number;
  /** How many at once, after a pause. */
  readonly burst: number;
}

/** What Linux allows all ICMP together; here each type has it. */
export const DEFAULT_ERROR_RATE: RateLimit = { perSecond: 1000, burst: 50 };

/** A bucket that fills with time and gives one token for each message. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filled: Micros = 0;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#tokens = limit.burst;
  }

  /** True, and one token less, if there is one. */
  take(now: Micros): boolean {
    const { perSecond, burst } = this.#limit;
    const fresh = ((now - this.#filled) * perSecond) / SECOND;
    this.#tokens = Math.min(burst, this.#tokens + fresh);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** What it needs of the internet layer. */
type Host = Omit<InternetLayer, 'errors'>;

export class IcmpErrors implements ErrorReports {
  readonly #net: Host;
  readonly #unreachable: TokenBucket;
  readonly #timeExceeded: TokenBucket;
  readonly #parameterProblem: TokenBucket;

  constructor(net: Host, limit: RateLimit) {
    this.#net = net;
    this.#unreachable = new TokenBucket(limit);
    this.#timeExceeded = new TokenBucket(limit);
    this.#parameterProblem = new TokenBucket(limit);
  }

  unreachable(packet: Packet, code: number): void {
    this.#report(packet, icmp.Type.UNREACHABLE, code, 0);
  }

  tooBig(packet: Packet, mtu: number): void {
    this.#report(packet, icmp.Type.UNREACHABLE, icmp.Code.FRAGMENTATION_NEEDED, mtu);
  }

  hopsExceeded(packet: Packet): void {
    this.#report(packet, icmp.Type.TIME_EXCEEDED, icmp.TimeExceeded.TTL, 0);
  }

  reassemblyTimedOut(packet: Packet): void {
    this.#report(packet, icmp.Type.TIME_EXCEEDED, icmp.TimeExceeded.REASSEMBLY, 0);
  }

  parameterProblem(packet: Packet, pointer: number): void {
    this.#report(packet, icmp.Type.PARAMETER_PROBLEM, 0, pointer << 24);
  }

  /**
   * Tell the sender of `packet` what became of it, unless the rules or the rate forbid it. `rest`:
   * the 32 bits after the checksum.
   */
  #report(packet: Packet, type: number, code: number, rest: number): void {
    const net = this.#net;
    const { output } = net;
    if (!this.#allowed(packet)) return;
    if (!this.#bucket(type).take(net.now)) {
      count(net.stats, Stat.IcmpOutRateLimitGlobal);
      return;
    }
    const ours = packet.iface.acceptAny || net.isOurs(packet.destination);
    const source = ours ? packet.destination : packet.iface.primary;
    const route = net.route(packet.source, source);
    if (route === undefined) return;
    const at = output.reserve(route);
    if (at === NO_SLOT) return;
    if (packet.check === Check.BEGUN) finishChecksum(net, packet); // what is quoted was on no wire
    const { bytes, view } = net.slots;
    const quoted = Math.min(packet.length, QUOTE_LIMIT);
    icmp.write(view, at, type, code, rest);
    bytes.copyWithin(at + icmp.MIN_LEN, packet.at, packet.at + quoted);
    const length = icmp.MIN_LEN + quoted;
    icmp.setChecksum(view, at, checksums.finish(net.checksum.sum(at, length)));
    output.next.tos = CONTROL_TOS | (packet.tos & 0x1e);
    countOut(net.stats, type);
    output.send(route, ours ? source : route.source, Protocol.ICMP, at, length);
  }

  /** RFC 1122 §3.2.2: what must never be answered with an error. */
  #allowed(packet: Packet): boolean {
    if (!packet.unicast || isNoHost(packet.source)) return false;
    if (packet.iface.isBroadcast(packet.source)) return false;
    const v = this.#net.slots.view;
    if (ipv4.fragmentOffset(v, packet.at) !== 0) return false;
    if (packet.protocol !== Protocol.ICMP) return true;
    return packet.bodyLength > 0 && !icmp.isError(icmp.type(v, packet.body));
  }

  #bucket(type: number): TokenBucket {
    if (type === icmp.Type.UNREACHABLE) return this.#unreachable;
    return type === icmp.Type.TIME_EXCEEDED ? this.#timeExceeded : this.#parameterProblem;
  }
}
