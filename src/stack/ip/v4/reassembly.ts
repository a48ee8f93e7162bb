/**
 * Reassembly: fragments wait until the datagram is whole, for 30 seconds at most. RFC 791 §3.2,
 * RFC 1122 §3.3.2, RFC 5722 (overlaps), RFC 3128 (tiny fragments), RFC 3168 §5.3 (ECN).
 *
 * A whole datagram may be 65 535 bytes long, more than a slot holds: it is put together at the
 * beginning of the slots' memory, in the scratch area, which therefore belongs to this file while a
 * packet is being taken in. Its packet is `transient`.
 *
 * There are limits to the memory and the datagrams, in total and for each source; past one the
 * oldest datagram gives way, that of the source in the second case.
 * @module
 */
import type { Address } from '../../base/address.ts';
import { type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { count, Stat } from '../../base/stats.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import { Datagram, Place } from '../datagram.ts';
import { FragmentPages, PAGES_PER_DATAGRAM } from '../fragment-pages.ts';
import type { InternetLayer } from '../ip.ts';
import { Check, Packet } from '../packet.ts';
import * as header from './header.ts';

export interface ReassemblyLimits {
  /** The most bytes of fragments, at least 64 KiB. */
  readonly memory: number;
  /** The most datagrams. */
  readonly datagrams: number;
  /** The most datagrams of one source. */
  readonly datagramsPerSource: number;
  /** How long the first fragment waits for the last. */
  readonly timeout: Micros;
}

export const DEFAULT_REASSEMBLY_LIMITS: ReassemblyLimits = {
  memory: 4 << 20,
  datagrams: 1024,
  datagramsPerSource: 64,
  timeout: 30 * SECOND,
};

/** Where a whole datagram is put: the beginning of the scratch area. */
const LARGE_AREA = 0;
const BUCKETS = 256;
/** The TCP header up to its flags: no first fragment may be shorter. RFC 1858 §3. */
const MIN_TCP_START = 16;
/** RFC 3168 §5: the ECN codepoint that says "congestion experienced", and its bit in a set. */
const CE = 3;
const CE_BIT = 1 << CE;
const NOT_ECT_BIT = 1;

/** What it needs of the internet layer. */
interface Host extends Pick<InternetLayer, 'slots' | 'stats' | 'random' | 'errors'> {
  /** `packets` that were counted as used are dropped after all. */
  lost(reason: Drop, packets: number): void;
}

export class Reassembly {
  /** How many datagrams wait. */
  length = 0;
  readonly pages: FragmentPages;
  readonly #net: Host;
  /** What a report about a datagram that timed out quotes. */
  readonly #overdue: Packet = new Packet();
  readonly #limits: ReassemblyLimits;
  readonly #pagesPerSource: number;
  readonly #secret: number;
  readonly #buckets: (Datagram | undefined)[] = new Array(BUCKETS).fill(undefined);
  #oldest: Datagram | undefined = undefined;
  #youngest: Datagram | undefined = undefined;
  #spare: Datagram | undefined = undefined;
  // What `#find` learns of the source on its way.
  #sourceDatagrams = 0;
  #sourcePages = 0;
  #sourceOldest: Datagram | undefined = undefined;

  constructor(net: Host, limits: ReassemblyLimits) {
    this.#net = net;
    this.#limits = limits;
    this.#secret = net.random.int32();
    this.pages = new FragmentPages(limits.memory);
    this.#pagesPerSource = Math.max(PAGES_PER_DATAGRAM, this.pages.limit >> 1);
  }

  /**
   * Take in `packet`, a fragment. If it was the last one missing, `packet` is the whole datagram
   * afterwards, and `transient`; else `Drop.NONE` says that it is kept.
   */
  add(packet: Packet, now: Micros): Drop {
    const { stats, slots } = this.#net;
    const v = slots.view;
    count(stats, Stat.IpReasmReqds);
    const offset = ipv4.fragmentOffset(v, packet.at);
    const more = ipv4.moreFragments(v, packet.at);
    const { body, bodyLength } = packet;
    const end = offset + bodyLength;
    if (!sound(packet, offset, more)) return this.#refuse(Drop.IP_FRAGMENT);
    const datagram = this.#find(packet, ipv4.id(v, packet.at)) ?? this.#begin(packet, now);
    if (datagram.broken) return this.#refuse(Drop.IP_FRAGMENT_OVERLAP);
    const fits = more
      ? datagram.total < 0 || end <= datagram.total
      : (datagram.total < 0 || end === datagram.total) && datagram.end <= end;
    if (!fits) return this.#break(datagram, Drop.IP_FRAGMENT_OVERLAP);
    const place = datagram.place(this.pages, offset, bodyLength, slots.bytes, body);
    if (place === Place.DUPLICATE) return Drop.IP_FRAGMENT;
    if (place === Place.OVERLAP) return this.#break(datagram, Drop.IP_FRAGMENT_OVERLAP);
    if (place === Place.TOO_MANY) return this.#break(datagram, Drop.IP_FRAGMENT_LIMIT);
    if (!this.#makeRoom(datagram, datagram.pagesFor(offset, end))) {
      return this.#refuse(Drop.IP_FRAGMENT_LIMIT);
    }
    datagram.keep(this.pages, offset, bodyLength, slots.bytes, body);
    datagram.ecn |= 1 << (packet.tos & 3);
    if (!more) datagram.total = end;
    if (offset === 0) {
      const length = body - packet.at;
      datagram.header.set(slots.bytes.subarray(packet.at, body));
      datagram.headerLen = length;
    }
    return datagram.complete ? this.#finish(datagram, packet) : Drop.NONE;
  }

  /** Give up what has waited for too long. RFC 792: say so, if the first fragment is there. */
  expire(now: Micros): void {
    const { stats } = this.#net;
    for (;;) {
      const datagram = this.#oldest;
      if (datagram === undefined || datagram.since + this.#limits.timeout > now) return;
      count(stats, Stat.IpReasmTimeout);
      count(stats, Stat.IpReasmFails);
      if (datagram.headerLen > 0 && !datagram.broken) this.#reportTimeout(datagram);
      this.#lose(datagram, Drop.IP_FRAGMENT_TIMEOUT);
      this.#remove(datagram);
    }
  }

  /** When `expire` has something to do. */
  deadline(): Micros {
    return this.#oldest === undefined ? NEVER : this.#oldest.since + this.#limits.timeout;
  }

  #bucketOf(source: Address): number {
    const mixed = Math.imul(source ^ this.#secret, 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & (BUCKETS - 1);
  }

  /** One walk finds the datagram and what else its source has here. */
  #find(packet: Packet, id: number): Datagram | undefined {
    const { source, destination, protocol } = packet;
    this.#sourceDatagrams = 0;
    this.#sourcePages = 0;
    this.#sourceOldest = undefined;
    let found: Datagram | undefined;
    let d = this.#buckets[this.#bucketOf(source)];
    for (; d !== undefined; d = d.nextInBucket) {
      if (d.source !== source) continue;
      this.#sourceDatagrams++;
      this.#sourcePages += d.pages;
      this.#sourceOldest = d; // the newest come first
      if (d.id === id && d.protocol === protocol && d.destination === destination) found = d;
    }
    return found;
  }

  #begin(packet: Packet, now: Micros): Datagram {
    if (this.#sourceDatagrams >= this.#limits.datagramsPerSource) this.#evict(this.#sourceOldest);
    if (this.length >= this.#limits.datagrams) this.#evict(this.#oldest);
    const datagram = this.#spare ?? new Datagram();
    this.#spare = datagram.nextInBucket;
    const { source, destination, protocol, at } = packet;
    datagram.begin(source, destination, ipv4.id(this.#net.slots.view, at), protocol, now);
    datagram.iface = packet.iface;
    datagram.unicast = packet.unicast;
    const bucket = this.#bucketOf(source);
    datagram.nextInBucket = this.#buckets[bucket];
    this.#buckets[bucket] = datagram;
    datagram.older = this.#youngest;
    if (this.#youngest === undefined) this.#oldest = datagram;
    else this.#youngest.younger = datagram;
    this.#youngest = datagram;
    this.length++;
    return datagram;
  }

  /** Let older datagrams go until `pages` pages can be taken for this one. */
  #makeRoom(datagram: Datagram, pages: number): boolean {
    if (this.#sourcePages + pages > this.#pagesPerSource) {
      if (this.#sourceOldest === datagram) return false;
      this.#evict(this.#sourceOldest);
    }
    while (this.pages.used + pages > this.pages.limit) {
      const victim = this.#oldest === datagram ? datagram.younger : this.#oldest;
      if (victim === undefined) return false;
      this.#evict(victim);
    }
    return true;
  }

  #evict(datagram: Datagram | undefined): void {
    if (datagram === undefined) return;
    count(this.#net.stats, Stat.IpReasmFails);
    this.#lose(datagram, Drop.IP_FRAGMENT_LIMIT);
    this.#remove(datagram);
  }

  /** RFC 5722 §4: drop all of it, and what still comes of it. */
  #break(datagram: Datagram, reason: Drop): Drop {
    if (reason === Drop.IP_FRAGMENT_OVERLAP) count(this.#net.stats, Stat.IpExtReasmOverlaps);
    this.#lose(datagram, reason);
    datagram.release(this.pages);
    datagram.broken = true;
    return this.#refuse(reason);
  }

  #refuse(reason: Drop): Drop {
    count(this.#net.stats, Stat.IpReasmFails);
    return reason;
  }

  /** What was kept, and counted as used, is lost after all. */
  #lose(datagram: Datagram, reason: Drop): void {
    this.#net.lost(reason, datagram.fragments);
    datagram.fragments = 0;
  }

  #remove(datagram: Datagram): void {
    datagram.release(this.pages);
    const bucket = this.#bucketOf(datagram.source);
    if (this.#buckets[bucket] === datagram) this.#buckets[bucket] = datagram.nextInBucket;
    else {
      let d = this.#buckets[bucket];
      while (d !== undefined && d.nextInBucket !== datagram) d = d.nextInBucket;
      if (d !== undefined) d.nextInBucket = datagram.nextInBucket;
    }
    if (datagram.older === undefined) this.#oldest = datagram.younger;
    else datagram.older.younger = datagram.younger;
    if (datagram.younger === undefined) this.#youngest = datagram.older;
    else datagram.younger.older = datagram.older;
    datagram.older = undefined;
    datagram.younger = undefined;
    datagram.iface = undefined;
    datagram.nextInBucket = this.#spare;
    this.#spare = datagram;
    this.length--;
  }

  /** Put the whole datagram where everyone can read it, and make `packet` be it. */
  #finish(datagram: Datagram, packet: Packet): Drop {
    const { bytes, view } = this.#net.slots;
    const { headerLen, total, ecn } = datagram;
    const length = headerLen + total;
    const mixed = (ecn & CE_BIT) !== 0 && (ecn & NOT_ECT_BIT) !== 0;
    if (length > ipv4.MAX_TOTAL_LEN || mixed) {
      datagram.fragments--; // the last one is reported by its caller
      this.#lose(datagram, Drop.IP_FRAGMENT);
      this.#remove(datagram);
      return this.#refuse(Drop.IP_FRAGMENT);
    }
    const at = LARGE_AREA;
    bytes.set(datagram.header.subarray(0, headerLen), at);
    datagram.copyTo(this.pages, bytes, at + headerLen, total);
    ipv4.setTotalLen(view, at, length);
    ipv4.setFlagsAndOffset(view, at, 0);
    if ((ecn & CE_BIT) !== 0) ipv4.setTos(view, at, ipv4.tos(view, at) | CE);
    header.seal(view, at, headerLen);
    packet.at = at;
    packet.check = Check.NEEDED;
    packet.gsoSize = 0;
    packet.transient = true;
    packet.read(view);
    this.#remove(datagram);
    count(this.#net.stats, Stat.IpReasmOKs);
    return Drop.NONE;
  }

  /** RFC 792: time exceeded, code 1, quoting the fragment that had offset 0. */
  #reportTimeout(datagram: Datagram): void {
    const net = this.#net;
    const packet = this.#overdue;
    const { bytes, view } = net.slots;
    const { headerLen, iface } = datagram;
    if (iface === undefined || !iface.up) return;
    const at = LARGE_AREA;
    bytes.set(datagram.header.subarray(0, headerLen), at);
    datagram.copyTo(this.pages, bytes, at + headerLen, datagram.contiguous);
    packet.iface = iface;
    packet.at = at;
    packet.read(view);
    packet.length = Math.min(packet.length, headerLen + datagram.contiguous);
    packet.unicast = datagram.unicast;
    packet.transient = true;
    net.errors.reassemblyTimedOut(packet);
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
