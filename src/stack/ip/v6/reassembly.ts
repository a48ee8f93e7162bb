/**
 * Reassembly: fragments of IPv6 become the packet that they were, or are given up after 60 seconds.
 * RFC 8200 §4.5, RFC 7112 (the whole header chain in the first), RFC 3168 §5.3 (ECN).
 *
 * A whole packet may be longer than a slot holds: it is put together at the beginning of the slots' memory,
 * in the scratch area, as `v4/reassembly` does. Its packet is `transient`. What stood before the fragment
 * header has done its work by then and is left out.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { count, Stat } from '../../base/stats.ts';
import * as extension from '../../wire/extension.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Datagram } from '../datagram.ts';
import type { Fragments } from '../fragments.ts';
import type { InternetLayer } from '../ip.ts';
import { Check, Packet } from '../packet.ts';

/** Where a whole packet is put: the beginning of the scratch area. */
const LARGE_AREA = 0;
/** RFC 8200 §4.5: the protocol is not among what names a packet. */
const ANY_PROTOCOL = 0;
/** RFC 3168 §5: the ECN codepoint that says "congestion experienced", and its bit in a set. */
const CE = 3;
const CE_BIT = 1 << CE;
const NOT_ECT_BIT = 1;
/** Where the header says how long the packet is, and a fragment header what its offset is. */
const PAYLOAD_LEN_AT = 4;
const OFFSET_AT = 2;

/** What it needs of the internet layer. */
interface Host extends Pick<InternetLayer, 'slots' | 'stats' | 'errors'> {
  readonly fragments6: Fragments;
}

export class Reassembly6 {
  readonly #net: Host;
  /** What a report about a packet that timed out quotes. */
  readonly #overdue: Packet = new Packet();

  constructor(net: Host) {
    this.#net = net;
  }

  /**
   * Take in `packet`, a fragment. If it was the last one missing, `packet` is the whole one
   * afterwards, and `transient`; else `Drop.NONE` says that it is kept.
   */
  add(packet: Packet, now: Micros): Drop {
    const { stats, slots, fragments6 } = this.#net;
    const v = slots.view;
    count(stats, Stat.Ip6ReasmReqds);
    if (!this.#sound(packet)) return fragments6.refuse(Drop.IP_FRAGMENT);
    const header = packet.chain.fragment;
    const { fragmentOffset: offset, moreFragments: more } = packet;
    const id = extension.identification(v, header);
    const drop = fragments6.add(packet, id, ANY_PROTOCOL, offset, more, now);
    if (drop !== Drop.NONE) return drop;
    const datagram = fragments6.current;
    datagram.ecn |= 1 << (packet.tos & 3);
    if (offset === 0) {
      datagram.header.set(slots.bytes.subarray(packet.at, packet.at + ipv6.HEADER_LEN));
      datagram.headerLen = ipv6.HEADER_LEN;
      datagram.next = extension.nextHeader(v, header);
    }
    return datagram.complete ? this.#finish(datagram, packet) : Drop.NONE;
  }

  /** RFC 8200 §4.5: what no honest sender's fragment looks like; some of it the sender is told. */
  #sound(packet: Packet): boolean {
    const { errors, slots } = this.#net;
    const { bodyLength, fragmentOffset, moreFragments, chain, at, body } = packet;
    if (bodyLength === 0) return false;
    if (moreFragments && (bodyLength & 7) !== 0) {
      errors.parameterProblem(packet, PAYLOAD_LEN_AT);
      return false;
    }
    if (fragmentOffset + bodyLength > ipv6.MAX_PAYLOAD_LEN) {
      errors.parameterProblem(packet, chain.fragment + OFFSET_AT - at);
      return false;
    }
    if (fragmentOffset !== 0) return true;
    // RFC 7112 §5: who filters must be able to see what it is.
    if (extension.isWhole(slots.view, packet.protocol, body, body + bodyLength)) return true;
    errors.parameterProblem(packet, 0, icmp6.Problem.INCOMPLETE_CHAIN);
    return false;
  }

  /** Put the whole packet where everyone can read it, and make `packet` be it. */
  #finish(datagram: Datagram, packet: Packet): Drop {
    const { fragments6, slots } = this.#net;
    const { bytes, view } = slots;
    const { total, ecn } = datagram;
    if ((ecn & CE_BIT) !== 0 && (ecn & NOT_ECT_BIT) !== 0) {
      return fragments6.reject(datagram, Drop.IP_FRAGMENT);
    }
    const at = LARGE_AREA;
    this.#writeHeader(datagram, at, total);
    datagram.copyTo(fragments6.pages, bytes, at + ipv6.HEADER_LEN, total);
    if ((ecn & CE_BIT) !== 0) {
      ipv6.setTrafficClass(view, at, ipv6.trafficClass(view, at) | CE);
    }
    packet.at = at;
    packet.check = Check.NEEDED;
    packet.gsoSize = 0;
    packet.transient = true;
    packet.read(view);
    fragments6.remove(datagram);
    count(this.#net.stats, Stat.Ip6ReasmOKs);
    return Drop.NONE;
  }

  #writeHeader(datagram: Datagram, at: number, length: number): void {
    const { bytes, view } = this.#net.slots;
    bytes.set(datagram.header.subarray(0, ipv6.HEADER_LEN), at);
    ipv6.setTotalLen(view, at, ipv6.HEADER_LEN + length);
    ipv6.setNextHeader(view, at, datagram.next);
  }

  /** RFC 8200 §4.5: time exceeded, code 1, quoting the fragment that had offset 0. */
  reportTimeout(datagram: Datagram): void {
    const { fragments6, errors, slots } = this.#net;
    const packet = this.#overdue;
    const { bytes, view } = slots;
    const { iface } = datagram;
    if (iface === undefined || !iface.up) return;
    const at = LARGE_AREA;
    // More than an error quotes is of no use.
    const kept = Math.min(datagram.contiguous, ipv6.MIN_MTU);
    this.#writeHeader(datagram, at, kept);
    datagram.copyTo(fragments6.pages, bytes, at + ipv6.HEADER_LEN, kept);
    packet.iface = iface;
    packet.at = at;
    packet.read(view);
    packet.unicast = datagram.unicast;
    packet.transient = true;
    errors.reassemblyTimedOut(packet);
  }
}
