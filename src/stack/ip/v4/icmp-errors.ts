/**
 * ICMP errors that we send: destination unreachable, time exceeded, parameter problem. RFC 792,
 * RFC 1122 §3.2.2, RFC 1812 §4.3.2.
 *
 * Their rate is limited, so that nobody makes us a source of noise: see `error-rates`. An error never answers what must not be answered: another error, what was not for us
 * alone, a fragment other than the first, or a source that is no host.
 * @module
 */
import { isNoHost } from '../../base/address.ts';
import type { Ration } from '../../base/ration.ts';
import { count, Stat } from '../../base/stats.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import { finishChecksum } from '../begun.ts';
import { type ErrorRates, ErrorRations } from '../error-rates.ts';
import type { ErrorReports, InternetLayer } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import { countOut } from './icmp-counts.ts';

/** RFC 1812 §4.3.2.3: as much of the packet as fits without the error passing 576 bytes. */
const QUOTE_LIMIT = 576 - ipv4.MIN_LEN - icmp.MIN_LEN;
/** Precedence "internetwork control", as RFC 1812 §4.3.2.5 wants it; the rest as in the packet. */
const CONTROL_TOS = 0xc0;

/** What it needs of the internet layer. */
type Host = Omit<InternetLayer, 'errors'>;

export class IcmpErrors implements ErrorReports {
  readonly #net: Host;
  readonly #rations: ErrorRations;

  constructor(net: Host, rates: ErrorRates) {
    this.#net = net;
    this.#rations = new ErrorRations(net.random, rates);
  }

  unreachable(packet: Packet, code: number): void {
    this.#report(this.#rations.unreachable, packet, icmp.Type.UNREACHABLE, code, 0);
  }

  tooBig(packet: Packet, mtu: number): void {
    const { FRAGMENTATION_NEEDED } = icmp.Code;
    this.#report(this.#rations.tooBig, packet, icmp.Type.UNREACHABLE, FRAGMENTATION_NEEDED, mtu);
  }

  hopsExceeded(packet: Packet): void {
    const { TTL } = icmp.TimeExceeded;
    this.#report(this.#rations.timeExceeded, packet, icmp.Type.TIME_EXCEEDED, TTL, 0);
  }

  reassemblyTimedOut(packet: Packet): void {
    const { REASSEMBLY } = icmp.TimeExceeded;
    this.#report(this.#rations.timeExceeded, packet, icmp.Type.TIME_EXCEEDED, REASSEMBLY, 0);
  }

  parameterProblem(packet: Packet, pointer: number): void {
    const { PARAMETER_PROBLEM } = icmp.Type;
    this.#report(this.#rations.parameterProblem, packet, PARAMETER_PROBLEM, 0, pointer << 24);
  }

  /** No address of IPv4 belongs to a zone. */
  beyondScope(_packet: Packet): void {}

  /**
   * Tell the sender of `packet` what became of it, unless the rules or the rate forbid it. `rest`:
   * the 32 bits after the checksum.
   */
  #report(ration: Ration, packet: Packet, type: number, code: number, rest: number): void {
    const net = this.#net;
    const { output } = net;
    if (!this.#allowed(packet)) return;
    // What we tell ourselves is no stranger's affair.
    if (!packet.iface.isLoopback && !ration.takes(packet.source, net.now)) {
      count(net.stats, ration.spent ? Stat.IcmpOutRateLimitGlobal : Stat.IcmpOutRateLimitHost);
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
    if (packet.fragmentOffset !== 0) return false;
    if (packet.protocol !== Protocol.ICMP) return true;
    const v = this.#net.slots.view;
    return packet.bodyLength > 0 && !icmp.isError(icmp.type(v, packet.body));
  }
}
