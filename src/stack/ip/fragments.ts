/**
 * Fragments that wait for the others of their datagram: which datagrams there are, whose they are, and
 * how much of them is kept. What RFC 791 §3.2 and RFC 8200 §4.5 share; RFC 5722 (overlaps).
 *
 * There are limits to the memory and the datagrams, in total and for each source; past one the oldest
 * datagram gives way, that of the source in the second case.
 * @module
 */
import { type Address, digest, drop, hold, isIPv6 } from '../base/address.ts';
import { type Micros, NEVER, SECOND } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import { count, Stat } from '../base/stats.ts';
import { Datagram, Place } from './datagram.ts';
import type { IpStats } from './family.ts';
import { FragmentPages, PAGES_PER_DATAGRAM } from './fragment-pages.ts';
import type { InternetLayer } from './ip.ts';
import type { Packet } from './packet.ts';

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

/** RFC 8200 §4.5: twice as long as IPv4's, RFC 1122 §3.3.2. */
export const TIMEOUT6: Micros = 60 * SECOND;

export const DEFAULT_REASSEMBLY_LIMITS: ReassemblyLimits = {
  memory: 4 << 20,
  datagrams: 1024,
  datagramsPerSource: 64,
  timeout: 30 * SECOND,
};

const BUCKET_BITS = 8;
/** Odd, so that no two sources become one. From MurmurHash3's finalizer. */
const MIX = 0x85ebca6b;

/** What it needs of the internet layer. */
export interface FragmentsHost extends Pick<InternetLayer, 'slots' | 'stats' | 'random'> {
  /** `packets` that were counted as used are dropped after all. */
  lost(reason: Drop, packets: number): void;
}

export class Fragments {
  /** How many datagrams wait. */
  length = 0;
  readonly pages: FragmentPages;
  /** Datagrams that were looked at so far, to find those that fragments belong to. */
  steps = 0;
  /** The datagram that the last fragment was kept for. */
  current: Datagram = new Datagram();
  /** A datagram has waited for too long. Its memory is given back after the call. */
  onTimeout: ((datagram: Datagram) => void) | null = null;
  readonly #host: FragmentsHost;
  readonly #limits: ReassemblyLimits;
  readonly #names: IpStats;
  readonly #pagesPerSource: number;
  readonly #multiplier: number;
  readonly #buckets: (Datagram | undefined)[] = new Array(1 << BUCKET_BITS).fill(undefined);
  #oldest: Datagram | undefined = undefined;
  #youngest: Datagram | undefined = undefined;
  #spare: Datagram | undefined = undefined;
  // What `#find` learns of the source on its way.
  #sourceDatagrams = 0;
  #sourcePages = 0;
  #sourceOldest: Datagram | undefined = undefined;

  /** `names`: where those of its version are counted. */
  constructor(host: FragmentsHost, limits: ReassemblyLimits, names: IpStats) {
    this.#host = host;
    this.#names = names;
    this.#limits = limits;
    this.#multiplier = host.random.int32() | 1;
    this.pages = new FragmentPages(limits.memory);
    this.#pagesPerSource = Math.max(PAGES_PER_DATAGRAM, this.pages.limit >> 1);
  }

  /**
   * Keep the body of `packet`, bytes from `offset` on of the datagram that its addresses, `id` and
   * `protocol` name. `more`: it is not the end. After a `Drop.NONE` the datagram is `current`.
   */
  add(
    packet: Packet,
    id: number,
    protocol: number,
    offset: number,
    more: boolean,
    now: Micros,
  ): Drop {
    const { bytes } = this.#host.slots;
    const { body, bodyLength } = packet;
    const end = offset + bodyLength;
    const datagram = this.#find(packet, id, protocol) ?? this.#begin(packet, id, protocol, now);
    if (datagram.broken) return this.refuse(Drop.IP_FRAGMENT_OVERLAP);
    const fits = more
      ? datagram.total < 0 || end <= datagram.total
      : (datagram.total < 0 || end === datagram.total) && datagram.end <= end;
    if (!fits) return this.#break(datagram, Drop.IP_FRAGMENT_OVERLAP);
    const place = datagram.place(this.pages, offset, bodyLength, bytes, body);
    if (place === Place.DUPLICATE) return Drop.IP_FRAGMENT;
    if (place === Place.OVERLAP) return this.#break(datagram, Drop.IP_FRAGMENT_OVERLAP);
    if (place === Place.TOO_MANY) return this.#break(datagram, Drop.IP_FRAGMENT_LIMIT);
    if (!this.#makeRoom(datagram, datagram.pagesFor(offset, end))) {
      return this.refuse(Drop.IP_FRAGMENT_LIMIT);
    }
    datagram.keep(this.pages, offset, bodyLength, bytes, body);
    if (!more) datagram.total = end;
    this.current = datagram;
    return Drop.NONE;
  }

  /** A fragment is not kept. */
  refuse(reason: Drop): Drop {
    count(this.#host.stats, this.#names.ReasmFails);
    return reason;
  }

  /** The fragment that was just kept ends its datagram, which is wrong as a whole. */
  reject(datagram: Datagram, reason: Drop): Drop {
    datagram.fragments--; // the last one is reported by its caller
    this.#lose(datagram, reason);
    this.remove(datagram);
    return this.refuse(reason);
  }

  /** Give up what has waited for too long. */
  expire(now: Micros): void {
    const { stats } = this.#host;
    for (;;) {
      const datagram = this.#oldest;
      if (datagram === undefined || datagram.since + this.#limits.timeout > now) return;
      count(stats, this.#names.ReasmTimeout);
      count(stats, this.#names.ReasmFails);
      if (datagram.headerLen > 0 && !datagram.broken) this.onTimeout?.(datagram);
      this.#lose(datagram, Drop.IP_FRAGMENT_TIMEOUT);
      this.remove(datagram);
    }
  }

  /** When `expire` has something to do. */
  deadline(): Micros {
    return this.#oldest === undefined ? NEVER : this.#oldest.since + this.#limits.timeout;
  }

  /**
   * Multiply-shift (Dietzfelbinger et al. 1997): under an odd multiplier that nobody knows, two sources
   * share a bucket with a probability of at most two in as many as there are, whoever chose them. They
   * are mixed before, because sources that count up would fall into a few under some multipliers.
   */
  #bucketOf(source: Address): number {
    const bits = digest(source);
    const mixed = Math.imul(bits ^ (bits >>> 16), MIX);
    return Math.imul(mixed ^ (mixed >>> 15), this.#multiplier) >>> (32 - BUCKET_BITS);
  }

  /** One walk finds the datagram and what else its source has here. */
  #find(packet: Packet, id: number, protocol: number): Datagram | undefined {
    const { source, destination } = packet;
    this.#sourceDatagrams = 0;
    this.#sourcePages = 0;
    this.#sourceOldest = undefined;
    let found: Datagram | undefined;
    let d = this.#buckets[this.#bucketOf(source)];
    for (; d !== undefined; d = d.nextInBucket) {
      this.steps++;
      if (d.source !== source) continue;
      this.#sourceDatagrams++;
      this.#sourcePages += d.pages;
      this.#sourceOldest = d; // the newest come first
      if (d.id === id && d.protocol === protocol && d.destination === destination) found = d;
    }
    return found;
  }

  #begin(packet: Packet, id: number, protocol: number, now: Micros): Datagram {
    if (this.#sourceDatagrams >= this.#limits.datagramsPerSource) {
      this.#sourcePages -= this.#sourceOldest?.pages ?? 0;
      this.#evict(this.#sourceOldest);
      this.#sourceOldest = undefined; // it may be what begins here
    }
    if (this.length >= this.#limits.datagrams) this.#evict(this.#oldest);
    const datagram = this.#spare ?? new Datagram();
    this.#spare = datagram.nextInBucket;
    const { source, destination } = packet;
    datagram.begin(hold(source), hold(destination), id, protocol, now);
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
      const victim = this.#sourceOldest;
      if (victim === undefined || victim === datagram) return false;
      this.#evict(victim);
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
    count(this.#host.stats, this.#names.ReasmFails);
    this.#lose(datagram, Drop.IP_FRAGMENT_LIMIT);
    this.remove(datagram);
  }

  /** RFC 5722 §4: drop all of it, and what still comes of it. */
  #break(datagram: Datagram, reason: Drop): Drop {
    if (reason === Drop.IP_FRAGMENT_OVERLAP && !isIPv6(datagram.source)) {
      count(this.#host.stats, Stat.IpExtReasmOverlaps);
    }
    this.#lose(datagram, reason);
    datagram.release(this.pages);
    datagram.broken = true;
    return this.refuse(reason);
  }

  /** What was kept, and counted as used, is lost after all. */
  #lose(datagram: Datagram, reason: Drop): void {
    this.#host.lost(reason, datagram.fragments);
    datagram.fragments = 0;
  }

  /** Forget a datagram, and give its memory back. */
  remove(datagram: Datagram): void {
    datagram.release(this.pages);
    const bucket = this.#bucketOf(datagram.source);
    drop(datagram.source);
    drop(datagram.destination);
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
}
