/**
 * Reassembly: fragments of IPv4 become the datagram that they were, or are given up after 30 seconds.
 * RFC 791 §3.2, RFC 1122 §3.3.2, RFC 3128 (tiny fragments), RFC 3168 §5.3 (ECN).
 *
 * A whole datagram may be 65 535 bytes long, more than a slot holds: it is put together at the
 * beginning of the slots' memory, in the scratch area, which therefore belongs to this file while a
 * packet is being taken in. Its packet is `transient`.
 * @module
 */
import type { Micros } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { count, Stat } from '../../base/stats.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import type { Datagram } from '../datagram.ts';
import type { Fragments } from '../fragments.ts';
import type { InternetLayer } from '../ip.ts';
import { Check, Packet } from '../packet.ts';
import * as header from './header.ts';

/** RFC 1812 §4.3.2.3: no error is longer than this, so none quotes more. */
const QUOTED = 576;
/** Where a whole datagram is put: the beginning of the scratch area. */
const LARGE_AREA = 0;
/** The TCP header up to its flags: no first fragment may be shorter. RFC 1858 §3. */
const MIN_TCP_START = 16;
/** RFC 3168 §5: the ECN codepoint that says "congestion experienced", and its bit in a set. */
const CE = 3;
const CE_BIT = 1 << CE;
const NOT_ECT_BIT = 1;

/** What it needs of the internet layer. */
interface Host extends Pick<InternetLayer, 'slots' | 'stats' | 'errors'> {
  readonly fragments: Fragments;
}

export class Reassembly {
  readonly #net: Host;
  /** What a report about a datagram that timed out quotes. */
  readonly #overdue: Packet = new Packet();

  constructor(net: Host) {
    this.#net = net;
  }

  /**
   * Take in `packet`, a fragment. If it was the last one missing, `packet` is the whole datagram
   * afterwards, and `transient`; else `Drop.NONE` says that it is kept.
   */
  add(packet: Packet, now: Micros): Drop {
    const { stats, slots, fragments } = this.#net;
    const v = slots.view;
    count(stats, Stat.IpReasmReqds);
    const offset = ipv4.fragmentOffset(v, packet.at);
    const more = ipv4.moreFragments(v, packet.at);
    if (!sound(packet, offset, more)) return fragments.refuse(Drop.IP_FRAGMENT);
    const id = ipv4.id(v, packet.at);
    const drop = fragments.add(packet, id, packet.protocol, offset, more, now);
    if (drop !== Drop.NONE) return drop;
    const datagram = fragments.current;
    datagram.ecn |= 1 << (packet.tos & 3);
    if (offset === 0) {
      datagram.header.set(slots.bytes.subarray(packet.at, packet.body));
      datagram.headerLen = packet.body - packet.at;
    }
    return datagram.complete ? this.#finish(datagram, packet) : Drop.NONE;
  }

  /** Put the whole datagram where everyone can read it, and make `packet` be it. */
  #finish(datagram: Datagram, packet: Packet): Drop {
    const { fragments, slots } = this.#net;
    const { bytes, view } = slots;
    const { headerLen, total, ecn } = datagram;
    const length = headerLen + total;
    const mixed = (ecn & CE_BIT) !== 0 && (ecn & NOT_ECT_BIT) !== 0;
    if (length > ipv4.MAX_TOTAL_LEN || mixed) {
      return fragments.reject(datagram, Drop.IP_FRAGMENT);
    }
    const at = LARGE_AREA;
    bytes.set(datagram.header.subarray(0, headerLen), at);
    datagram.copyTo(fragments.pages, bytes, at + headerLen, total);
    ipv4.setTotalLen(view, at, length);
    ipv4.setFlagsAndOffset(view, at, 0);
    if ((ecn & CE_BIT) !== 0) ipv4.setTos(view, at, ipv4.tos(view, at) | CE);
    header.seal(view, at, headerLen);
    packet.at = at;
    packet.check = Check.NEEDED;
    packet.gsoSize = 0;
    packet.transient = true;
    packet.read(view);
    fragments.remove(datagram);
    count(this.#net.stats, Stat.IpReasmOKs);
    return Drop.NONE;
  }

  /** RFC 792: time exceeded, code 1, quoting the fragment that had offset 0. */
  reportTimeout(datagram: Datagram): void {
    const { fragments, errors, slots } = this.#net;
    const packet = this.#overdue;
    const { bytes, view } = slots;
    const { headerLen, iface } = datagram;
    if (iface === undefined || !iface.up) return;
    const at = LARGE_AREA;
    bytes.set(datagram.header.subarray(0, headerLen), at);
    // More than is quoted may not fit: what is there so far and a long header exceed what a packet can be.
    const kept = Math.min(datagram.contiguous, QUOTED);
    datagram.copyTo(fragments.pages, bytes, at + headerLen, kept);
    packet.iface = iface;
    packet.at = at;
    packet.read(view);
    packet.length = Math.min(packet.length, headerLen + kept);
    packet.unicast = datagram.unicast;
    packet.transient = true;
    errors.reassemblyTimedOut(packet);
  }
}

/** RFC 791 §3.2, RFC 3128 §2: what no honest sender's fragment looks like. */
function sound(packet: Packet, offset: number, more: boolean): boolean {
  const { bodyLength } = packet;
  if (bodyLength === 0 || (more && (bodyLength & 7) !== 0)) return false;
  // "Ping of death": the end lies past what a packet can be.
  const headerLen = packet.body - packet.at;
  if (headerLen + offset + bodyLength > ipv4.MAX_TOTAL_LEN) return false;
  if (packet.protocol !== Protocol.TCP) return true;
  // A TCP header in two pieces is meant for a filter, not for us.
  return offset === 0 ? bodyLength >= MIN_TCP_START : offset >= MIN_TCP_START;
}
