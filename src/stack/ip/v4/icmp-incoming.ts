/**
 * An ICMP error that came in: which packet of ours it quotes, and what it means to whoever sent
 * that. RFC 792, RFC 1122 §3.2.2.1 and §4.2.3.9, RFC 1191 §4.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { Failure } from '../../base/failure.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { IcmpError } from '../ip.ts';
import type { Packet } from '../packet.ts';

/** RFC 792: what is quoted of the transport header at least, ports and sequence number. */
const MIN_QUOTE = 8;

/** What each code of "destination unreachable" means. Codes 2 and 3 are hard, 4 is a hint. */
const UNREACHABLE: readonly Failure[] = [
  Failure.NET_UNREACHABLE,
  Failure.HOST_UNREACHABLE,
  Failure.PROTOCOL,
  Failure.REFUSED,
  Failure.NONE,
  Failure.HOST_UNREACHABLE,
  Failure.NET_UNREACHABLE,
  Failure.HOST_UNREACHABLE,
  Failure.HOST_UNREACHABLE,
  Failure.PROHIBITED,
  Failure.PROHIBITED,
  Failure.NET_UNREACHABLE,
  Failure.HOST_UNREACHABLE,
  Failure.PROHIBITED,
  Failure.HOST_UNREACHABLE,
  Failure.HOST_UNREACHABLE,
];

/** One instance a stack, filled again for every error. */
export class IncomingError implements IcmpError {
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
  /** Of our packet: its protocol, its length, and which piece of a datagram it was. */
  protocol = 0;
  totalLength = 0;
  fragmentOffset = 0;
  /** True for "fragmentation needed". */
  tooBig = false;

  /** Read the message in `packet`. False if it quotes no packet, or too little of one. */
  read(v: DataView, packet: Packet): boolean {
    const at = packet.body;
    const quoted = icmp.quotedAt(at);
    const room = at + packet.bodyLength - quoted;
    if (room < ipv4.MIN_LEN || ipv4.version(v, quoted) !== ipv4.VERSION) return false;
    const headerLen = ipv4.headerLen(v, quoted);
    if (headerLen < ipv4.MIN_LEN || room < headerLen + MIN_QUOTE) return false;
    this.type = icmp.type(v, at);
    this.code = icmp.code(v, at);
    this.reporter = packet.source;
    this.source = ipv4.source(v, quoted);
    this.destination = ipv4.destination(v, quoted);
    this.protocol = ipv4.protocol(v, quoted);
    this.totalLength = ipv4.totalLen(v, quoted);
    this.fragmentOffset = ipv4.fragmentOffset(v, quoted);
    this.body = quoted + headerLen;
    this.bodyLength = room - headerLen;
    const unreachable = this.type === icmp.Type.UNREACHABLE;
    this.tooBig = unreachable && this.code === icmp.Code.FRAGMENTATION_NEEDED;
    this.mtu = this.tooBig ? icmp.mtu(v, at) : 0;
    this.hard = unreachable && (this.code === icmp.Code.PROTOCOL || this.code === icmp.Code.PORT);
    this.lasting = unreachable ? !passes(this.code) : this.type === icmp.Type.PARAMETER_PROBLEM;
    this.failure = this.#meaning(unreachable);
    return true;
  }

  #meaning(unreachable: boolean): Failure {
    if (unreachable) return UNREACHABLE[this.code] ?? Failure.HOST_UNREACHABLE;
    return this.type === icmp.Type.TIME_EXCEEDED ? Failure.HOST_UNREACHABLE : Failure.PROTOCOL;
  }
}

/** True for the codes of "destination unreachable" after which it may be reachable again, or is. */
const passes = (code: number): boolean =>
  code === icmp.Code.NET ||
  code === icmp.Code.HOST ||
  code === icmp.Code.FRAGMENTATION_NEEDED ||
  code === icmp.Code.NET_TOS ||
  code === icmp.Code.HOST_TOS;
