/**
 * Output: a transport's bytes become a packet, or several, and leave by an interface.
 * RFC 791 §3.2, RFC 1122 §3.2.1 and §3.3, RFC 6864; RFC 8200 §3 and §4.5, RFC 7739.
 *
 * The network header is written in front of the transport header, in the same slot. A device that
 * cannot take a packet leaves it in the interface's queue, whose limit is the interface's.
 * @module
 */
import type { Address } from '../../base/address.ts';
import { copyBytes } from '../../base/copy.ts';
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import type { Random } from '../../base/random.ts';
import { count, Stat, type Stats } from '../../base/stats.ts';
import type { Chunks } from '../../memory/chunks.ts';
import { HEADROOM, NO_SLOT, type Slots } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as extension from '../../wire/extension.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { bodyLimit, IPV4_STATS, IPV6_STATS, type IpStats, statsOf } from '../family.ts';
import { type Hook, type Hooks, Verdict } from '../hooks.ts';
import type { Interface, Transmitter } from '../interface.ts';
import type { Sender, SendOptions } from '../ip.ts';
import { Packet } from '../packet.ts';
import type { PacketQueue } from '../queue.ts';
import type { Route } from '../route.ts';
import { Headers, NO_CHECKSUM } from './headers.ts';

/** RFC 1122 §3.2.1.7: what a packet starts with unless it is told. */
export const DEFAULT_TTL = 64;

/**
 * From here on a system call that gathers pieces costs less than the copy it saves. Measured:
 * bench/device.bench.ts, a write with 4 KiB of text costs the same both ways, with 16 KiB an eighth less.
 */
const GATHER_FROM = 8192;

/** What output needs of the internet layer. */
export interface OutputHost {
  readonly slots: Slots;
  readonly checksum: checksums.Checksum;
  readonly stats: Stats;
  readonly random: Random;
  readonly hooks: Hooks;
  readonly defaultTtl: number;
  /** An interface was written to for the first time since the last flush. */
  touch(iface: Interface): void;
  /** See `Internet.countDrop`. */
  countDrop(reason: Drop, packets: number, iface: null, at: number, length: number): void;
}

export class Output implements Sender {
  readonly next: SendOptions;
  readonly #host: OutputHost;
  readonly #slots: Slots;
  readonly #view: DataView;
  readonly #stats: Stats;
  readonly #packet: Packet = new Packet(); // what the output hook is shown
  readonly #headers: Headers;

  constructor(host: OutputHost) {
    this.#host = host;
    this.#slots = host.slots;
    this.#view = host.slots.view;
    this.#stats = host.stats;
    this.#headers = new Headers(host.slots.view, host.random, host.defaultTtl);
    this.next = {
      tos: 0,
      ttl: 0,
      dontFragment: false,
      beyondPath: false,
      gsoSize: 0,
      checksumAt: NO_CHECKSUM,
      text: null,
      textFrom: 0,
      textLength: 0,
    };
  }

  reserve(route: Route): number {
    const slot = this.#slots.acquire();
    if (slot !== NO_SLOT) return slot + HEADROOM + route.headerLength;
    this.#drop(Drop.OUT_NO_SLOT, names(route));
    this.#reset(); // nothing is sent, so what was set for it must not be left for others
    return NO_SLOT;
  }

  cancel(at: number): void {
    this.#slots.release(this.#slots.slotOf(at));
    this.#reset();
  }

  send(route: Route, source: Address, protocol: number, at: number, length: number): Failure {
    count(this.#stats, names(route).OutRequests);
    const next = this.next;
    const most = next.beyondPath ? route.iface.mtuOf(route.ipv6) : route.mtu;
    const headerLength = route.headerLength;
    const tooLong = length + headerLength > most && next.gsoSize === 0;
    const text = this.#placeText(route, at + length, tooLong);
    if (tooLong) return this.#sendTooLong(route, source, protocol, at, length);
    const { iface } = route;
    const ip = at - headerLength;
    if (route.ipv6) {
      if (!route.unicast) count(this.#stats, Stat.Ip6OutMcastPkts);
      this.#headers.writeIPv6(next, route, source, protocol, ip, at, length);
    } else this.#headers.writeIPv4(next, route, source, protocol, ip, length);
    const total = length + headerLength;
    if (iface.headerLength !== 0) this.#headers.writeDevice(next, route, protocol, at);
    this.#reset();
    return this.transmit(iface, route.nextHop, ip, total, text);
  }

  sendLarge(
    route: Route,
    source: Address,
    protocol: number,
    at: number,
    headLength: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Failure {
    const all = headLength + length;
    const whole = all + route.headerLength <= route.mtu;
    if (!whole && (all > bodyLimit(route.destination) || this.#mayNotFragment(route))) {
      this.cancel(at);
      count(this.#stats, names(route).FragFails);
      return Failure.MESSAGE_SIZE;
    }
    const first = whole ? length : fragmentSize(route) - headLength;
    this.#copy(bytes, from, at + headLength, first);
    if (whole) return this.send(route, source, protocol, at, all);
    count(this.#stats, names(route).OutRequests);
    const rest = from + first;
    return this.#fragment(route, source, protocol, at, first + headLength, bytes, rest, all);
  }

  ready(iface: Interface): boolean {
    return iface.queue.length * 2 <= iface.queue.limit;
  }

  /**
   * Hand the packet of `length` bytes at `ip`, the device's header before it already written, to
   * `iface`. Takes one reference of its slot. `text`: gathered text, the packet's end.
   */
  transmit(
    iface: Interface,
    nextHop: Address,
    ip: number,
    length: number,
    text: Chunks | null = null,
  ): Failure {
    const hook = this.#host.hooks.output;
    if (hook !== null && !this.#passes(hook, iface, ip)) {
      return this.#discard(ip, statsOf(nextHop), Drop.OUT_FILTERED, Failure.PROHIBITED);
    }
    if (!iface.up) {
      return this.#discard(ip, statsOf(nextHop), Drop.OUT_DEVICE_GONE, Failure.NET_DOWN);
    }
    if (iface.link !== null && !iface.link.frame(nextHop, ip, length)) return Failure.NONE;
    const failure = this.put(iface, ip, length, text);
    if (failure === Failure.NONE) {
      count(this.#stats, statsOf(nextHop).OutOctets, length);
    }
    return failure;
  }

  /**
   * Hand on the packet of `length` bytes at `ip` with all that stands before it, the link's header too.
   * Takes one reference of its slot.
   */
  put(iface: Interface, ip: number, length: number, text: Chunks | null = null): Failure {
    const at = ip - iface.lead;
    const all = length + iface.lead;
    const { queue } = iface;
    const behind = text === null ? 0 : this.next.textLength;
    if (queue.length === 0 && iface.out.write(at, all - behind)) {
      this.#slots.release(this.#slots.slotOf(ip));
    } else if (!this.#enqueue(queue, at, all, text)) {
      const reason = iface.isLoopback ? Drop.LOOPBACK_FULL : Drop.OUT_QUEUE_FULL;
      return this.#discard(ip, this.#statsAt(ip), reason, Failure.NO_BUFFERS);
    }
    if (!iface.touched) this.#host.touch(iface);
    return Failure.NONE;
  }

  /** The packet waits for the device, with all that belongs to it in its slot. */
  #enqueue(queue: PacketQueue, at: number, length: number, text: Chunks | null): boolean {
    if (!queue.push(at, length)) return false;
    const { textFrom, textLength } = this.next; // left as they are by `#reset`
    if (text !== null) copyText(text, textFrom, textLength, this.#slots.bytes, at + length);
    return true;
  }

  /**
   * See that the text of `next` that is not in the slot gets where it belongs: gathered by the device
   * (then it is given back), or copied to where the packet ends.
   */
  #placeText({ iface, nextHop }: Route, end: number, copy: boolean): Chunks | null {
    const { text, textFrom, textLength } = this.next;
    if (text === null) return null;
    const gathers = !copy && textLength >= GATHER_FROM && iface.out.gather !== undefined;
    // A hook is to see the whole packet, and so are the queues.
    const waits = iface.link !== null && !iface.link.knows(nextHop);
    if (
      gathers &&
      !waits &&
      iface.up &&
      iface.queue.length === 0 &&
      this.#host.hooks.output === null
    ) {
      if (this.#gather(iface.out, text, textFrom, textLength)) return text;
    }
    copyText(text, textFrom, textLength, this.#slots.bytes, end);
    return null;
  }

  #gather(out: Transmitter, text: Chunks, from: number, length: number): boolean {
    for (let done = 0; done < length; ) {
      text.seek(from + done);
      const n = Math.min(text.available, length - done);
      if (out.gather?.(text.bytes, text.at, n) !== true) return false;
      done += n;
    }
    return true;
  }

  /** The device takes packets again: give it those that wait. */
  writable(iface: Interface): void {
    const { queue } = iface;
    while (queue.length > 0 && iface.out.write(queue.at, queue.size)) {
      this.#slots.release(this.#slots.slotOf(queue.at));
      queue.shift();
      if (!iface.touched) this.#host.touch(iface);
    }
  }

  /** Let go of all that waits for an interface that is gone. */
  abandon(iface: Interface): void {
    const { queue } = iface;
    for (; queue.length > 0; queue.shift()) {
      this.#drop(Drop.OUT_DEVICE_GONE, this.#statsAt(queue.at + iface.lead));
      this.#slots.release(this.#slots.slotOf(queue.at));
    }
  }

  #sendTooLong(
    route: Route,
    source: Address,
    protocol: number,
    at: number,
    length: number,
  ): Failure {
    if (length > bodyLimit(route.destination) || this.#mayNotFragment(route)) {
      this.cancel(at);
      count(this.#stats, names(route).FragFails);
      return Failure.MESSAGE_SIZE;
    }
    const { checksumAt } = this.next;
    if (checksumAt !== NO_CHECKSUM) {
      // A device completes the checksum of a packet, not of a datagram in fragments.
      const sum = this.#host.checksum.sum(at, length); // counts the pseudo-header that was begun
      this.#view.setUint16(at + checksumAt, checksums.finish(sum));
    }
    const first = fragmentSize(route);
    const { bytes } = this.#slots;
    return this.#fragment(route, source, protocol, at, first, bytes, at + first, length);
  }

  /**
   * The first fragment's `first` bytes stand at `at`; the others, up to `all` bytes in total, are
   * `bytes` from `from` on, which may lie in the first one's slot: it is kept until the last is out.
   */
  #fragment(
    route: Route,
    source: Address,
    protocol: number,
    at: number,
    first: number,
    bytes: Uint8Array,
    from: number,
    all: number,
  ): Failure {
    const { iface, headerLength } = route;
    const { queue } = iface;
    const size = fragmentSize(route);
    const pieces = 1 + Math.ceil((all - first) / size);
    this.#headers.beginFragments(this.next, route, source, protocol, at);
    this.#reset();
    if (queue.length > 0 && queue.length + pieces > queue.limit) {
      return this.#discard(at, names(route), Drop.OUT_QUEUE_FULL, Failure.NO_BUFFERS);
    }
    const lead = headerLength + (route.ipv6 ? extension.FRAGMENT_LEN : 0);
    const slot = this.#slots.slotOf(at);
    this.#slots.retain(slot);
    let failure: Failure = Failure.NONE;
    let piece = at;
    for (let sent = 0; failure === Failure.NONE; ) {
      const length = sent === 0 ? first : Math.min(size, all - sent);
      if (sent > 0) this.#copy(bytes, from + sent - first, piece, length);
      const more = sent + length < all;
      const total = length + lead;
      const ip = piece - lead;
      this.#headers.writeFragment(route, source, protocol, ip, total, sent, more);
      iface.clearHeader(this.#view, ip);
      failure = this.transmit(iface, route.nextHop, ip, total);
      count(this.#stats, names(route).FragCreates);
      sent += length;
      if (!more) break;
      if (failure !== Failure.NONE) break;
      piece = this.reserve(route);
      if (piece === NO_SLOT) failure = Failure.NO_BUFFERS;
    }
    this.#slots.release(slot);
    const { FragOKs, FragFails } = names(route);
    count(this.#stats, failure === Failure.NONE ? FragOKs : FragFails);
    return failure;
  }

  #mayNotFragment(route: Route): boolean {
    return this.next.dontFragment && !route.fragmentable;
  }

  #copy(bytes: Uint8Array, from: number, to: number, length: number): void {
    const memory = this.#slots.bytes;
    if (bytes === memory) memory.copyWithin(to, from, from + length);
    else memory.set(bytes.subarray(from, from + length), to);
  }

  #reset(): void {
    const { next } = this;
    next.tos = 0;
    next.ttl = 0;
    next.dontFragment = false;
    next.beyondPath = false;
    next.gsoSize = 0;
    next.checksumAt = NO_CHECKSUM;
    next.text = null;
  }

  #passes(hook: Hook, iface: Interface, ip: number): boolean {
    const packet = this.#packet;
    packet.iface = iface;
    packet.at = ip;
    packet.readDeviceHeader(this.#view, iface);
    packet.read(this.#view);
    return hook(packet, iface) !== Verdict.DROP;
  }

  #discard(at: number, stats: IpStats | undefined, reason: Drop, failure: Failure): Failure {
    this.#slots.release(this.#slots.slotOf(at));
    this.#drop(reason, stats);
    return failure;
  }

  /** The counters that the packet at `ip` is for; undefined: it is none of IP's, but a question of the link's. */
  #statsAt(ip: number): IpStats | undefined {
    const version = ipv4.version(this.#view, ip);
    return version === 4 ? IPV4_STATS : version === 6 ? IPV6_STATS : undefined;
  }

  #drop(reason: Drop, stats: IpStats | undefined): void {
    this.#host.countDrop(reason, 1, null, 0, 0);
    if (stats !== undefined) count(this.#stats, stats.OutDiscards);
  }
}

/** `length` bytes of `text`, from `from` behind its start on, to where they end at `end`. */
function copyText(text: Chunks, from: number, length: number, to: Uint8Array, end: number): void {
  for (let done = 0; done < length; ) {
    text.seek(from + done);
    const n = Math.min(text.available, length - done);
    copyBytes(text.bytes, text.at, to, end - length + done, n);
    done += n;
  }
}

/** Bytes of data in each fragment but the last: RFC 791 §2.3 and RFC 8200 §4.5 count offsets in eights. */
const fragmentSize = ({ mtu, headerLength, ipv6 }: Route): number =>
  (mtu - headerLength - (ipv6 ? extension.FRAGMENT_LEN : 0)) & ~7;

/** Where packets that leave by `route` are counted. */
const names = (route: Route): IpStats => (route.ipv6 ? IPV6_STATS : IPV4_STATS);
