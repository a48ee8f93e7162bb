/**
 * ICMPv6 errors that we send: destination unreachable, packet too big, time exceeded, parameter problem.
 * RFC 4443 §2.4, §3; RFC 8883 for what is too much of extension headers is not sent: RFC 8504 §5.3 lets it
 * be dropped silently.
 *
 * Their rate is limited as that of IPv4's, see `error-rates`. An error never answers another error, a
 * redirect, a fragment other than the first, or a source that is no one host; nor what was for a group, but
 * for what a path's MTU or an option needs (RFC 4443 §2.4 (e)).
 * @module
 */
import { ANY, isNoHost } from '../../base/address.ts';
import type { Ration } from '../../base/ration.ts';
import { count, Stat } from '../../base/stats.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import { Code } from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import { finishChecksum } from '../begun.ts';
import { type ErrorRates, ErrorRations } from '../error-rates.ts';
import type { ErrorReports, InternetLayer } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import { countOut } from './icmp-counts.ts';

/** RFC 4443 §2.4 (c): as much of the packet as fits without the error passing the least MTU. */
const QUOTE_LIMIT = ipv6.MIN_MTU - ipv6.HEADER_LEN - icmp6.MIN_LEN;

/** Whom an error may tell about a packet to a group. */
const Told = { NOBODY: 0, ANYBODY: 1 } as const;

/** What it needs of the internet layer. */
type Host = Omit<InternetLayer, 'errors'>;

export class Icmp6Errors implements ErrorReports {
  readonly #net: Host;
  readonly #rations: ErrorRations;

  constructor(net: Host, rates: ErrorRates) {
    this.#net = net;
    this.#rations = new ErrorRations(net.random, rates);
  }

  /** `code`: one of `icmp.Code`, which is turned into what ICMPv6 has for it. */
  unreachable(packet: Packet, code: number): void {
    if (code === Code.PROTOCOL) {
      // RFC 4443 §3.4: what nobody speaks here is a next header that is not known.
      const { NEXT_HEADER } = icmp6.Problem;
      this.parameterProblem(packet, packet.chain.nextAt - packet.at, NEXT_HEADER);
      return;
    }
    const { UNREACHABLE } = icmp6.Type;
    this.#report(this.#rations.unreachable, packet, UNREACHABLE, codeOf(code), 0, Told.NOBODY);
  }

  /** It would have left the zone that its addresses are of. RFC 4443 §3.1, code 2. */
  beyondScope(packet: Packet): void {
    const { UNREACHABLE } = icmp6.Type;
    const { BEYOND_SCOPE } = icmp6.Code;
    this.#report(this.#rations.unreachable, packet, UNREACHABLE, BEYOND_SCOPE, 0, Told.NOBODY);
  }

  tooBig(packet: Packet, mtu: number): void {
    const { PACKET_TOO_BIG } = icmp6.Type;
    this.#report(this.#rations.tooBig, packet, PACKET_TOO_BIG, 0, mtu, Told.ANYBODY);
  }

  hopsExceeded(packet: Packet): void {
    const { HOP_LIMIT } = icmp6.TimeExceeded;
    const { TIME_EXCEEDED } = icmp6.Type;
    this.#report(this.#rations.timeExceeded, packet, TIME_EXCEEDED, HOP_LIMIT, 0, Told.NOBODY);
  }

  reassemblyTimedOut(packet: Packet): void {
    const { REASSEMBLY } = icmp6.TimeExceeded;
    const { TIME_EXCEEDED } = icmp6.Type;
    this.#report(this.#rations.timeExceeded, packet, TIME_EXCEEDED, REASSEMBLY, 0, Told.NOBODY);
  }

  /** `anybody`: tell the sender even if the packet was for a group. */
  parameterProblem(packet: Packet, pointer: number, code = 0, anybody = false): void {
    const told = anybody ? Told.ANYBODY : Told.NOBODY;
    const { PARAMETER_PROBLEM } = icmp6.Type;
    this.#report(this.#rations.parameterProblem, packet, PARAMETER_PROBLEM, code, pointer, told);
  }

  /**
   * Tell the sender of `packet` what became of it, unless the rules or the rate forbid it. `rest`:
   * the 32 bits after the checksum.
   */
  #report(
    ration: Ration,
    packet: Packet,
    type: number,
    code: number,
    rest: number,
    told: number,
  ): void {
    const net = this.#net;
    const { output } = net;
    if (!this.#allowed(packet, told)) return;
    // What we tell ourselves is no stranger's affair.
    if (!packet.iface.isLoopback && !ration.takes(packet.source, net.now)) {
      count(net.stats, Stat.Icmp6OutRateLimitHost);
      return;
    }
    const { unicast } = packet;
    const ours = unicast && (packet.iface.acceptAny || net.isOurs(packet.destination));
    const route = net.route(packet.source, ours ? packet.destination : ANY);
    if (route === undefined) return;
    const at = output.reserve(route);
    if (at === NO_SLOT) return;
    if (packet.check === Check.BEGUN) finishChecksum(net, packet); // what is quoted was on no wire
    const { bytes, view } = net.slots;
    const quoted = Math.min(packet.length, QUOTE_LIMIT);
    const source = ours ? packet.destination : route.source;
    icmp6.write(view, at, type, code, rest);
    bytes.copyWithin(at + icmp6.MIN_LEN, packet.at, packet.at + quoted);
    const length = icmp6.MIN_LEN + quoted;
    const pseudo = checksums.pseudo(source, route.destination, Protocol.ICMPV6);
    const sum = pseudo + checksums.lengthTerm(length) + net.checksum.sum(at, length);
    icmp6.setChecksum(view, at, checksums.finish(sum));
    countOut(net.stats, type);
    output.send(route, source, Protocol.ICMPV6, at, length);
  }

  /** RFC 4443 §2.4 (e): what must never be answered with an error. */
  #allowed(packet: Packet, told: number): boolean {
    if (isNoHost(packet.source) || (!packet.unicast && told === Told.NOBODY)) return false;
    if (packet.fragmentOffset !== 0) return false;
    if (packet.protocol !== Protocol.ICMPV6) return true;
    if (packet.bodyLength === 0) return false;
    const type = icmp6.type(this.#net.slots.view, packet.body);
    return !icmp6.isError(type) && type !== icmp6.Type.REDIRECT;
  }
}

/** What ICMPv6 has for a code of ICMP's "destination unreachable". RFC 4443 §3.1, RFC 7915 §4.2. */
function codeOf(code: number): number {
  switch (code) {
    case Code.PORT:
      return icmp6.Code.PORT;
    case Code.HOST:
    case Code.HOST_UNKNOWN:
    case Code.HOST_ISOLATED:
      return icmp6.Code.ADDRESS;
    case Code.NET_PROHIBITED:
    case Code.HOST_PROHIBITED:
    case Code.PROHIBITED:
    case Code.PRECEDENCE_VIOLATION:
    case Code.PRECEDENCE_CUTOFF:
      return icmp6.Code.PROHIBITED;
    default:
      return icmp6.Code.NO_ROUTE;
  }
}
