/**
 * The internet layer put together: what a stack makes one of. RFC 791, RFC 1122 §3.
 *
 * Its user says what time it is (`begin`), hands packets in (`input`), ends the batch (`flush`),
 * tells it of devices that take packets again (`writable`), and calls `expire` when `deadline` is
 * reached. It counts what comes in and what becomes of it itself.
 * @module
 */
import { type Address, BROADCAST, LOOPBACK, LOOPBACK6 } from '../../base/address.ts';
import type { Micros } from '../../base/clock.ts';
import { DROP_COUNT, Drop } from '../../base/drop.ts';
import type { Random } from '../../base/random.ts';
import { makeKey, type SipKey } from '../../base/siphash.ts';
import { makeStats, type Stats } from '../../base/stats.ts';
import { HEADROOM, type Slots } from '../../memory/slots.ts';
import { Checksum } from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as numbers from '../../wire/protocol.ts';
import * as virtio from '../../wire/virtio.ts';
import { Discovery } from '../discovery/discovery.ts';
import { Echoes } from '../echo.ts';
import { DEFAULT_ERROR_RATES, type ErrorRates } from '../error-rates.ts';
import { IPV4_STATS, IPV6_STATS } from '../family.ts';
import {
  DEFAULT_REASSEMBLY_LIMITS,
  Fragments,
  type ReassemblyLimits,
  TIMEOUT6,
} from '../fragments.ts';
import type { Hooks } from '../hooks.ts';
import { Interface, type InterfaceOptions } from '../interface.ts';
import type { DropWatcher, InternetLayer, Protocol } from '../ip.ts';
import { Multicast } from '../multicast.ts';
import { Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import { Routes } from '../routes.ts';
import { Icmp } from '../v4/icmp.ts';
import { IcmpErrors } from '../v4/icmp-errors.ts';
import { Igmp } from '../v4/igmp.ts';
import { Reassembly } from '../v4/reassembly.ts';
import { Icmp6 } from '../v6/icmp.ts';
import { Icmp6Errors } from '../v6/icmp-errors.ts';
import { Reassembly6 } from '../v6/reassembly.ts';
import { Errors } from './errors.ts';
import { receive, receiveCut } from './input.ts';
import { DEFAULT_TTL, Output } from './output.ts';
import { isSplitAtText, unite } from './split.ts';

/** How many packets to ourselves one `flush` takes in before others get a turn. */
const LOOPBACK_BUDGET = 256;
/** RFC 1122 §3.2.1.3 (g). */
const LOOPBACK_BITS = 8;
/** RFC 4291 §2.5.3. */
const LOOPBACK6_BITS = 128;

export interface InternetOptions {
  readonly slots: Slots;
  readonly random: Random;
  readonly now: Micros;
  readonly checksum?: Checksum;
  readonly stats?: Stats;
  /** Counters by drop reason, shared with who else counts in them. */
  readonly drops?: Float64Array;
  /** 1..255; RFC 1122 §3.2.1.7 recommends 64. */
  readonly defaultTtl?: number;
  /** Pass packets between interfaces. */
  readonly forwarding?: boolean;
  readonly reassembly?: Partial<ReassemblyLimits>;
  /** How many ICMP errors of each kind leave. */
  readonly errorRates?: ErrorRates;
  /** What our identifiers in IPv6 are made of: the same for the same addresses. RFC 7217 §5. */
  readonly secret?: SipKey;
}

export class Internet implements InternetLayer {
  readonly slots: Slots;
  readonly checksum: Checksum;
  readonly stats: Stats;
  readonly drops: Float64Array;
  readonly random: Random;
  readonly defaultTtl: number;
  now: Micros;
  forwarding: boolean;
  /** Packets that were handed in, and those of them that were not dropped. */
  packetsIn = 0;
  packetsUsed = 0;
  /** Called when there is something to flush, once until the next `flush`. */
  wake: () => void = () => {};
  /** Who wants to know of each packet that is dropped; null if nobody does. */
  onDrop: DropWatcher | null = null;

  readonly hooks: Hooks = { input: null, forward: null, output: null };
  /** The packet that is being taken in. */
  readonly packet: Packet = new Packet();
  /** By number, of IPv4 and of IPv6. */
  readonly protocols: (Protocol | undefined)[] = new Array(256).fill(undefined);
  readonly protocols6: (Protocol | undefined)[] = new Array(256).fill(undefined);
  readonly interfaces: Interface[] = [];
  readonly loopback: Interface;
  readonly routes: Routes;
  readonly multicast: Multicast;
  readonly igmp: Igmp;
  readonly fragments: Fragments;
  readonly reassembly: Reassembly;
  readonly fragments6: Fragments;
  readonly reassembly6: Reassembly6;
  readonly icmp: Icmp;
  readonly icmp6: Icmp6;
  readonly errors: Errors;
  readonly discovery: Discovery;
  readonly echoes: Echoes;
  readonly output: Output;
  #secret: SipKey | undefined;
  #touched = 0;
  #interfacesMade = 0;

  constructor(options: InternetOptions) {
    this.slots = options.slots;
    this.checksum = options.checksum ?? new Checksum(options.slots.memory);
    this.stats = options.stats ?? makeStats();
    this.drops = options.drops ?? new Float64Array(DROP_COUNT);
    this.random = options.random;
    this.now = options.now;
    this.defaultTtl = options.defaultTtl ?? DEFAULT_TTL;
    this.forwarding = options.forwarding ?? false;
    this.routes = new Routes(this.interfaces, this.random);
    this.multicast = new Multicast(this.interfaces);
    this.output = new Output(this);
    const limits = { ...DEFAULT_REASSEMBLY_LIMITS, ...options.reassembly };
    this.fragments = new Fragments(this, limits, IPV4_STATS);
    const { timeout = TIMEOUT6 } = options.reassembly ?? {};
    this.fragments6 = new Fragments(this, { ...limits, timeout }, IPV6_STATS);
    this.reassembly = new Reassembly(this);
    this.fragments.onTimeout = (datagram) => this.reassembly.reportTimeout(datagram);
    this.reassembly6 = new Reassembly6(this);
    this.fragments6.onTimeout = (datagram) => this.reassembly6.reportTimeout(datagram);
    const rates = options.errorRates ?? DEFAULT_ERROR_RATES;
    this.errors = new Errors(new IcmpErrors(this, rates), new Icmp6Errors(this, rates));
    this.echoes = new Echoes(this.random);
    this.icmp = new Icmp(this, this.echoes);
    this.icmp6 = new Icmp6(this, this.echoes);
    this.igmp = new Igmp(this);
    this.#secret = options.secret;
    this.discovery = new Discovery(this);
    this.icmp6.discovery = (packet) => this.discovery.nd.input(packet);
    this.icmp6.listeners = (packet) => this.discovery.mld.input(packet);
    this.protocols[numbers.Protocol.ICMP] = this.icmp;
    this.protocols[numbers.Protocol.IGMP] = this.igmp;
    this.protocols6[numbers.Protocol.ICMPV6] = this.icmp6;
    this.loopback = this.addInterface(this.#loopbackOptions());
    this.routes.addAddress(this.loopback, LOOPBACK, LOOPBACK_BITS);
    this.routes.addAddress(this.loopback, LOOPBACK6, LOOPBACK6_BITS);
    this.loopback.own = (address) => this.routes.ownOf(address);
  }

  /** What our identifiers in IPv6 are made of. RFC 7217 §5. */
  get secret(): SipKey {
    this.#secret ??= makeKey(this.random);
    return this.#secret;
  }

  /** A batch begins. */
  begin(now: Micros): void {
    this.now = now;
  }

  /**
   * Take in the `length` bytes at `at`, the device's own header included. The caller owns the slot
   * and releases it afterwards. What became of the packet is counted here; it is given back for
   * those who want to know.
   */
  input(iface: Interface, at: number, length: number): Drop {
    this.packetsIn++;
    const { link } = iface;
    let drop = link === null ? Drop.NONE : link.receive(at, length);
    if (drop === Drop.NONE && (link === null || link.packetAt >= 0)) {
      drop = receive(this, iface, at, length);
    }
    if (drop === Drop.NONE) this.packetsUsed++;
    else this.countDrop(drop, 1, iface, at, length);
    return drop;
  }

  /** The same of a packet of which only the first `head` bytes are at `at`, and those that follow in `rest`. */
  inputSplit(iface: Interface, at: number, length: number, head: number, rest: Uint8Array): Drop {
    const { packet, slots } = this;
    const isSeen = this.hooks.input !== null || this.forwarding || iface.link !== null;
    if (isSeen || length <= head || !isSplitAtText(slots.view, iface, at, head)) {
      unite(slots, at, length, head, rest);
      return this.input(iface, at, length);
    }
    this.packetsIn++;
    packet.rest = rest;
    let drop: Drop;
    try {
      drop = receive(this, iface, at, length);
    } finally {
      packet.rest = null;
    }
    if (drop === Drop.NONE) this.packetsUsed++;
    else {
      if (this.onDrop !== null) unite(slots, at, length, head, rest); // it is shown
      this.countDrop(drop, 1, iface, at, length);
    }
    return drop;
  }

  /** A packet was too long for its slot: the `kept` bytes that there was room for are at `at`. */
  inputCut(iface: Interface, at: number, kept: number): void {
    this.packetsIn++;
    this.countDrop(Drop.TOO_LONG, 1, null, 0, 0);
    receiveCut(this, iface, at, kept);
  }

  /** `packets` that were counted as used are dropped after all. */
  lost(reason: Drop, packets: number): void {
    this.packetsUsed -= packets;
    this.countDrop(reason, packets, null, 0, 0);
  }

  /** The one place where drops are counted. For the arguments see `DropWatcher`. */
  countDrop(
    reason: Drop,
    packets: number,
    iface: Interface | null,
    at: number,
    length: number,
  ): void {
    const { drops } = this;
    drops[reason] = (drops[reason] as number) + packets; // `Drop` holds only such indices
    if (this.onDrop !== null) this.onDrop(reason, packets, iface, at, length);
  }

  /**
   * The end of a batch: take in what we sent to ourselves, up to a budget, and flush the devices.
   * True if anything was taken in, or waits: others may have something to send now, so flush again.
   */
  flush(): boolean {
    const { loopback } = this;
    const { queue } = loopback;
    const waiting = queue.length > 0;
    for (let left = LOOPBACK_BUDGET; left > 0 && queue.length > 0; left--) {
      const { at, size } = queue;
      queue.shift();
      this.input(loopback, at, size);
      this.slots.release(this.slots.slotOf(at));
    }
    if (this.#touched > 0) this.#flushDevices();
    return waiting;
  }

  /** The device of `iface` takes packets again. */
  writable(iface: Interface): void {
    this.output.writable(iface);
  }

  /** See `ForwardHost`. */
  redirect(packet: Packet, route: Route): void {
    this.discovery.redirect(packet, route);
  }

  /** Do what is due. */
  expire(now: Micros): void {
    this.now = now;
    this.fragments.expire(now);
    this.fragments6.expire(now);
    this.routes.expire(now);
    this.igmp.expire(now);
    this.discovery.expire(now);
    for (const { link } of this.interfaces) link?.expire(now);
  }

  /** When to call `expire` next. */
  deadline(): Micros {
    let due = Math.min(
      this.fragments.deadline(),
      this.fragments6.deadline(),
      this.routes.deadline(),
      this.igmp.deadline(),
      this.discovery.deadline(),
    );
    for (let i = 0; i < this.interfaces.length; i++) {
      const { link } = this.interfaces[i] as Interface; // below the length
      if (link !== null) due = Math.min(due, link.deadline());
    }
    return due;
  }

  /** A device joins. Its packets must fit the slots. */
  addInterface(options: InterfaceOptions): Interface {
    const room = this.slots.size - HEADROOM;
    if (options.mtu > room) {
      const message = `the MTU ${options.mtu} does not fit slots of ${room} bytes: make them larger`;
      throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
    }
    const iface = new Interface({ ...options, index: this.#interfacesMade++ });
    this.interfaces.push(iface);
    return iface;
  }

  /** The device carries packets of another length than before; ours are as long as a slot at most. */
  setMtu(iface: Interface, mtu: number): void {
    iface.mtu = Math.min(mtu, this.slots.size - HEADROOM);
    this.routes.changed();
  }

  /** A device is gone. What waits for it is dropped. */
  removeInterface(iface: Interface): void {
    const index = this.interfaces.indexOf(iface);
    if (index <= 0) return; // the loopback interface stays
    iface.up = false;
    this.output.abandon(iface);
    iface.link?.close();
    this.igmp.forget(iface);
    this.discovery.forget(iface);
    this.routes.removeInterface(iface);
    this.interfaces.splice(index, 1);
  }

  setProtocol(number: number, protocol: Protocol | undefined): void {
    if (number !== numbers.Protocol.ICMPV6) this.protocols[number] = protocol;
    const isIPv4s = number === numbers.Protocol.ICMP || number === numbers.Protocol.IGMP;
    if (!isIPv4s) this.protocols6[number] = protocol;
  }

  route(destination: Address, source: Address): Route | undefined {
    return this.routes.find(destination, source);
  }

  provenRoute(destination: Address, source: Address): Route | undefined {
    return this.routes.findProven(destination, source);
  }

  probedMtu(destination: Address, mtu: number, raisable: boolean): void {
    this.routes.paths.probed(destination, mtu, raisable, this.now);
  }

  isOurs(address: Address): boolean {
    return this.routes.isOurs(address);
  }

  /** True if `address` is everyone here, or everyone in one of our prefixes. */
  isBroadcast(address: Address): boolean {
    return address === BROADCAST || this.interfaces.some((i) => i.isBroadcast(address));
  }

  touch(iface: Interface): void {
    iface.touched = true;
    if (this.#touched++ === 0) this.wake();
  }

  #flushDevices(): void {
    this.#touched = 0;
    // By index, as in `deadline`: on Node 22 an iterator is an object.
    for (let i = 0; i < this.interfaces.length; i++) {
      const iface = this.interfaces[i] as Interface; // below the length
      if (!iface.touched) continue;
      iface.touched = false;
      iface.out.flush();
    }
  }

  /**
   * The loopback interface never takes a packet at once: what is sent there waits in its queue until
   * the next `flush`, so that taking one in never begins inside of sending another.
   */
  #loopbackOptions(): InterfaceOptions {
    const mtu = Math.min(this.slots.size - HEADROOM, ipv4.MAX_TOTAL_LEN);
    const tso4 = mtu === ipv4.MAX_TOTAL_LEN;
    return {
      name: 'lo',
      mtu,
      headerLength: virtio.LEN, // so that a checksum which is only begun is known to be
      offload: { checksum: true, tso4, uso4: tso4, tso6: tso4, uso6: tso4 },
      out: { write: () => false, flush: () => {} },
    };
  }
}
