/**
 * Packets in Ethernet frames, for devices that carry those: who is meant, who is asked, what is kept until
 * there is an answer. RFC 894, RFC 826, RFC 1122 §2.3 and §2.4, RFC 5227 for addresses that two claim.
 *
 * A frame is built where the packet lies, in the slot's headroom. Nothing is allocated for a packet whose
 * neighbour is known.
 * @module
 */
import { type Address, ANY, BROADCAST, inPrefix, isMulticast, isNoHost } from '../base/address.ts';
import { type Micros, NEVER, SECOND } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import type { Random } from '../base/random.ts';
import { HEADROOM, NO_SLOT, type Slots } from '../memory/slots.ts';
import * as arp from '../wire/arp.ts';
import * as ethernet from '../wire/ethernet.ts';
import { type Neighbour, Neighbours, Reach, type Resolver } from './neighbour.ts';

/** Neighbours at once; Linux's `gc_thresh3`. */
const NEIGHBOURS = 1024;
/** Packets that wait for one neighbour, and for all. RFC 1122 §2.3.2.2 asks for one at least. */
const WAITING_EACH = 16;
const WAITING_ALL = 256;
/** RFC 5227 §1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL and DEFEND_INTERVAL. */
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL: Micros = 2 * SECOND;
const DEFEND_INTERVAL: Micros = 10 * SECOND;
/** The packet was not one: the link kept the frame. */
const NONE = -1;

/** The interface, as its link sees it. */
export interface LinkInterface {
  readonly addresses: readonly { readonly address: Address; readonly bits: number }[];
  /** Bytes of the device's own header before each frame. */
  readonly headerLength: number;
  isBroadcast(address: Address): boolean;
  isOnLink(address: Address): boolean;
  clearHeader(v: DataView, at: number): void;
}

/** What a link needs of the stack. */
export interface LinkHost {
  readonly slots: Slots;
  readonly random: Random;
  /** The time of the batch that is being worked on. */
  readonly now: Micros;
  /** Hand the frame whose payload of `length` bytes is at `at` to the device. Takes its slot. */
  put(at: number, length: number): void;
  /** Nobody answers for the next hop of the packet at `ip`. Takes its slot. */
  unreachable(ip: number, length: number): void;
  /** A packet on its way out is dropped. */
  drop(reason: Drop): void;
  /** Another station says that it has an address of ours. */
  conflict(address: Address, hi: number, lo: number): void;
}

/** An address of ours that is being announced. */
interface Announcement {
  readonly address: Address;
  left: number;
  due: Micros;
}

export class EthernetLink implements Resolver {
  readonly headerLength: number = ethernet.HEADER_LEN;
  packetAt: number = NONE;
  unicast = true;
  readonly hi: number;
  readonly lo: number;
  readonly neighbours: Neighbours;
  readonly random: Random;
  readonly #iface: LinkInterface;
  readonly #host: LinkHost;
  readonly #announcing: Announcement[] = [];
  readonly #announced: Set<Address> = new Set();
  #defended: Micros = -NEVER;
  #waiting = 0;

  /** Our own hardware address is `hi`, `lo`. */
  constructor(iface: LinkInterface, host: LinkHost, hi: number, lo: number) {
    this.#iface = iface;
    this.#host = host;
    this.random = host.random;
    this.hi = hi;
    this.lo = lo;
    this.neighbours = new Neighbours(this, NEIGHBOURS);
  }

  /** Packets that wait for an answer. */
  get waiting(): number {
    return this.#waiting;
  }

  receive(at: number, length: number): Drop {
    const v = this.#host.slots.view;
    const frame = at + this.#iface.headerLength;
    const size = length - this.#iface.headerLength;
    this.packetAt = NONE;
    if (!ethernet.valid(v, frame, size)) return Drop.LINK_MALFORMED;
    if (ethernet.isGroup(ethernet.sourceHi(v, frame))) return Drop.LINK_MALFORMED;
    const hi = ethernet.destinationHi(v, frame);
    this.unicast = hi === this.hi && ethernet.destinationLo(v, frame) === this.lo;
    if (!this.unicast && !ethernet.isGroup(hi)) return Drop.LINK_NOT_OURS;
    const payload = frame + ethernet.HEADER_LEN;
    switch (ethernet.outerType(v, frame)) {
      case ethernet.EtherType.IPV4:
        this.packetAt = payload;
        return Drop.NONE;
      case ethernet.EtherType.ARP:
        return this.#receiveArp(v, payload, size - ethernet.HEADER_LEN);
      default:
        return Drop.LINK_UNKNOWN;
    }
  }

  knows(nextHop: Address): boolean {
    const neighbour = this.neighbours.find(nextHop);
    return neighbour !== undefined && neighbour.reach !== Reach.INCOMPLETE;
  }

  frame(nextHop: Address, ip: number, length: number): boolean {
    // RFC 1112 §6.4: the low 23 bits of a group's address.
    if (isMulticast(nextHop)) return this.#write(ip, 0x0100, 0x5e00_0000 | (nextHop & 0x7f_ffff));
    if (nextHop === BROADCAST || this.#iface.isBroadcast(nextHop)) {
      return this.#write(ip, ethernet.BROADCAST_HI, ethernet.BROADCAST_LO);
    }
    const neighbour = this.neighbours.use(nextHop, this.#host.now);
    if (neighbour.reach !== Reach.INCOMPLETE) return this.#write(ip, neighbour.hi, neighbour.lo);
    this.#wait(neighbour, ip, length);
    return false;
  }

  addressesChanged(): void {
    const ours = this.#iface.addresses.map(({ address }) => address);
    for (const address of this.#announced) if (!ours.includes(address)) this.#withdraw(address);
    for (const address of ours) {
      if (this.#announced.has(address)) continue;
      this.#announced.add(address);
      this.#announcing.push({ address, left: ANNOUNCEMENTS, due: this.#host.now });
    }
    this.#announce(this.#host.now);
  }

  expire(now: Micros): void {
    this.neighbours.expire(now);
    this.#announce(now);
  }

  deadline(): Micros {
    let due = this.neighbours.deadline();
    for (const announcement of this.#announcing) due = Math.min(due, announcement.due);
    return due;
  }

  close(): void {
    this.#announcing.length = 0;
    this.neighbours.clear();
  }

  // What the cache asks for.

  solicit(neighbour: Neighbour, everyone: boolean): void {
    const to = everyone
      ? ([ethernet.BROADCAST_HI, ethernet.BROADCAST_LO] as const)
      : ([neighbour.hi, neighbour.lo] as const);
    const { address } = neighbour;
    this.#sendArp(arp.Operation.REQUEST, this.#sourceFor(address), 0, 0, address, to[0], to[1]);
  }

  resolved(neighbour: Neighbour): void {
    const { waiting } = neighbour;
    this.#waiting -= waiting.length / 2;
    for (let i = 0; i < waiting.length; i += 2) {
      const ip = waiting[i] as number; // pairs
      this.#write(ip, neighbour.hi, neighbour.lo);
      this.#host.put(ip, waiting[i + 1] as number);
    }
    waiting.length = 0;
  }

  failed(neighbour: Neighbour): void {
    const { waiting } = neighbour;
    this.#waiting -= waiting.length / 2;
    for (let i = 0; i < waiting.length; i += 2) {
      this.#host.drop(Drop.OUT_UNRESOLVED);
      this.#host.unreachable(waiting[i] as number, waiting[i + 1] as number); // pairs
    }
    waiting.length = 0;
  }

  #wait(neighbour: Neighbour, ip: number, length: number): void {
    const { waiting } = neighbour;
    const full = waiting.length >= WAITING_EACH * 2;
    if (!full && this.#waiting >= WAITING_ALL) {
      this.#host.slots.release(this.#host.slots.slotOf(ip));
      this.#host.drop(Drop.OUT_UNRESOLVED);
      return;
    }
    if (full) {
      // RFC 1122 §2.3.2.2: the latest is kept.
      const [oldest = ip] = waiting.splice(0, 2);
      this.#host.slots.release(this.#host.slots.slotOf(oldest));
      this.#host.drop(Drop.OUT_UNRESOLVED);
    } else this.#waiting++;
    waiting.push(ip, length);
  }

  /** RFC 826, "Packet Reception". What ARP says is used here and goes no further. */
  #receiveArp(v: DataView, at: number, length: number): Drop {
    if (!arp.valid(v, at, length)) return Drop.LINK_MALFORMED;
    const [hi, lo] = [arp.senderHi(v, at), arp.senderLo(v, at)];
    const sender = arp.sender(v, at);
    const target = arp.target(v, at);
    if (ethernet.isGroup(hi) || (sender !== ANY && isNoHost(sender))) return Drop.LINK_MALFORMED;
    const forUs = this.#has(target);
    if (this.#has(sender)) {
      if (hi !== this.hi || lo !== this.lo) this.#defend(sender, hi, lo);
      return Drop.NONE;
    }
    // RFC 5227 §2.1.1: who probes has no address yet, and is not learnt.
    const asks = arp.operation(v, at) === arp.Operation.REQUEST;
    if (sender !== ANY) {
      if (!this.#iface.isOnLink(sender)) return Drop.LINK_UNKNOWN;
      const solicited = !asks && this.unicast;
      this.neighbours.heard(sender, hi, lo, solicited, forUs && asks, this.#host.now);
    }
    if (asks && forUs) this.#sendArp(arp.Operation.REPLY, target, hi, lo, sender, hi, lo);
    return Drop.NONE;
  }

  /** RFC 5227 §2.4 (b): keep the address, and say so once in a while. */
  #defend(address: Address, hi: number, lo: number): void {
    this.#host.conflict(address, hi, lo);
    if (this.#host.now - this.#defended < DEFEND_INTERVAL) return;
    this.#defended = this.#host.now;
    this.#sendAnnouncement(address);
  }

  #announce(now: Micros): void {
    for (let i = this.#announcing.length - 1; i >= 0; i--) {
      const one = this.#announcing[i];
      if (one === undefined || one.due > now) continue;
      this.#sendAnnouncement(one.address);
      one.left--;
      one.due = now + ANNOUNCE_INTERVAL;
      if (one.left === 0) this.#announcing.splice(i, 1);
    }
  }

  #withdraw(address: Address): void {
    this.#announced.delete(address);
    const index = this.#announcing.findIndex((one) => one.address === address);
    if (index >= 0) this.#announcing.splice(index, 1);
  }

  /** RFC 5227 §2.3: a request for an address by who has it. */
  #sendAnnouncement(address: Address): void {
    const { BROADCAST_HI: hi, BROADCAST_LO: lo } = ethernet;
    this.#sendArp(arp.Operation.REQUEST, address, 0, 0, address, hi, lo);
  }

  #sendArp(
    operation: number,
    sender: Address,
    targetHi: number,
    targetLo: number,
    target: Address,
    hi: number,
    lo: number,
  ): void {
    const { slots } = this.#host;
    const slot = slots.acquire();
    if (slot === NO_SLOT) {
      this.#host.drop(Drop.OUT_NO_SLOT);
      return;
    }
    const v = slots.view;
    const at = slot + HEADROOM;
    arp.write(v, at, operation, this.hi, this.lo, sender, targetHi, targetLo, target);
    const length = ethernet.MIN_FRAME - ethernet.HEADER_LEN;
    slots.bytes.fill(0, at + arp.LEN, at + length);
    this.#iface.clearHeader(v, at);
    this.#writeHeader(at, hi, lo, ethernet.EtherType.ARP);
    this.#host.put(at, length);
  }

  #write(ip: number, hi: number, lo: number): true {
    this.#writeHeader(ip, hi, lo, ethernet.EtherType.IPV4);
    return true;
  }

  #writeHeader(at: number, hi: number, lo: number, type: number): void {
    const frame = at - ethernet.HEADER_LEN;
    ethernet.write(this.#host.slots.view, frame, hi, lo, this.hi, this.lo, type);
  }

  #has(address: Address): boolean {
    for (const own of this.#iface.addresses) if (own.address === address) return true;
    return false;
  }

  /** The address to ask from: one of the target's network, if there is one. */
  #sourceFor(target: Address): Address {
    const { addresses } = this.#iface;
    for (const own of addresses) if (inPrefix(target, own.address, own.bits)) return own.address;
    return addresses[0]?.address ?? ANY;
  }
}
