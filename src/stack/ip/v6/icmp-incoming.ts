/**
 * An ICMPv6 error that came in: which packet of ours it quotes, and what it means to whoever sent
 * that. RFC 4443 §3, §5.2; RFC 8201 §4.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { Failure } from '../../base/failure.ts';
import * as extension from '../../wire/extension.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { IcmpError } from '../ip.ts';
import type { Packet } from '../packet.ts';

/** What is looked at of the transport header: ports, or the sequence number. */
const MIN_QUOTE = 8;

/** What each code of "destination unreachable" means. RFC 4443 §3.1. */
const UNREACHABLE: readonly Failure[] = [
  Failure.NET_UNREACHABLE,
  Failure.PROHIBITED,
  Failure.HOST_UNREACHABLE,
  Failure.HOST_UNREACHABLE,
  Failure.REFUSED,
  Failure.PROHIBITED,
  Failure.PROHIBITED,
  Failure.HOST_UNREACHABLE,
];

/** One instance a stack, filled again for every error. */
export class IncomingError6 implements IcmpError {
  type = 0;
  code = 0;
  failure: Failure = Failure.NONE;
  hard = false;
  lasting = false;
  mtu = 0;
  reporter: Address = ANY;
  source: Address = ANY;
  destination: Address = ANY;
  body = 0;
  bodyLength = 0;
  /** Of our packet: its protocol, and which piece of a datagram it was. */
  protocol = 0;
  fragmentOffset = 0;
  /** True for "packet too big". */
  tooBig = false;
  readonly #chain: extension.Chain = new extension.Chain();

  /** Read the message in `packet`. False if it quotes no packet, or too little of one. */
  read(v: DataView, packet: Packet): boolean {
    const at = packet.body;
    const quoted = icmp6.quotedAt(at);
    const end = at + packet.bodyLength;
    if (end - quoted < ipv6.HEADER_LEN || v.getUint8(quoted) >> 4 !== ipv6.VERSION) return false;
    if (!this.#findTransport(v, quoted, end)) return false;
    if (this.bodyLength < MIN_QUOTE) return false;
    this.type = icmp6.type(v, at);
    this.code = icmp6.code(v, at);
    this.reporter = packet.source;
    const { iface } = packet;
    this.source = iface.own(ipv6.source(v, quoted, iface.index));
    this.destination = iface.own(ipv6.destination(v, quoted, iface.index));
    const unreachable = this.type === icmp6.Type.UNREACHABLE;
    this.tooBig = this.type === icmp6.Type.PACKET_TOO_BIG;
    this.mtu = this.tooBig ? icmp6.mtu(v, at) : 0;
    const problem = this.type === icmp6.Type.PARAMETER_PROBLEM;
    const unknown = problem && this.code === icmp6.Problem.NEXT_HEADER;
    this.hard = unknown || (unreachable && this.code === icmp6.Code.PORT);
    this.lasting = unreachable ? !passes(this.code) : problem;
    this.failure = this.#meaning(unreachable);
    return true;
  }

  /** Walk past the extension headers of the quote. */
  #findTransport(v: DataView, quoted: number, end: number): boolean {
    const chain = this.#chain;
    const found = extension.walk(v, quoted, end, chain);
    if (found === extension.Found.UPPER) {
      this.fragmentOffset = 0;
      this.protocol = chain.next;
      this.body = chain.body;
    } else if (found === extension.Found.FRAGMENT) {
      this.fragmentOffset = extension.fragmentOffset(v, chain.fragment);
      this.protocol = extension.nextHeader(v, chain.fragment);
      this.body = chain.fragment + extension.FRAGMENT_LEN;
    } else return false; // we send nothing of that kind
    this.bodyLength = end - this.body;
    return true;
  }

  #meaning(unreachable: boolean): Failure {
    if (unreachable) return UNREACHABLE[this.code] ?? Failure.HOST_UNREACHABLE;
    if (this.tooBig) return Failure.NONE;
    return this.type === icmp6.Type.TIME_EXCEEDED ? Failure.HOST_UNREACHABLE : Failure.PROTOCOL;
  }
}

/** True for the codes of "destination unreachable" after which it may be reachable again. */
const passes = (code: number): boolean =>
  code === icmp6.Code.NO_ROUTE || code === icmp6.Code.ADDRESS || code === icmp6.Code.BEYOND_SCOPE;
