/**
 * Packets in Ethernet frames, for devices that carry those: who is meant, and what is kept until there is an
 * answer. RFC 894 and RFC 2464 (frames of either family), RFC 1122 §2.3 and §2.4. Who is asked how is for
 * `arp.ts` and, in IPv6, for Neighbour Discovery, which is part of the internet layer.
 *
 * A frame is built where the packet lies, in the slot's headroom. Nothing is allocated for a packet whose
 * neighbour is known.
 * @module
 */
import { type Address, BROADCAST, isIPv6, isMulticast, wordOf } from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import type { Random } from '../base/random.ts';
import * as ethernet from '../wire/ethernet.ts';
import { Arp, type Frames } from './arp.ts';
import type { LinkHost, LinkInterface } from './host.ts';
import { type Neighbour, Neighbours, Reach, type Resolver } from './neighbour.ts';

/** Neighbours of each family at once; Linux's `gc_thresh3`. */
const NEIGHBOURS = 1024;
/** Packets that wait for one neighbour, and for all. RFC 1122 §2.3.2.2 asks for one at least. */
const WAITING_EACH = 16;
const WAITING_ALL = 256;
/** The packet was not one: the link kept the frame. */
const NONE = -1;

export class EthernetLink implements Frames, Resolver {
  readonly headerLength: number;
  packetAt: number = NONE;
  unicast = true;
  fromHi = 0;
  fromLo = 0;
  readonly hi: number;
  readonly lo: number;
  readonly arp: Arp;
  /** Of IPv6. */
  readonly neighbours6: Neighbours;
  readonly random: Random;
  readonly #iface: LinkInterface;
  readonly #host: LinkHost;
  /** Of our frames, 1 to 4094; 0: they have no tag. */
  readonly #vlan: number;
  #waiting = 0;

  /** Our own hardware address is `hi`, `lo`; frames are those of `vlan`, with its tag, or have none if it is 0. */
  constructor(iface: LinkInterface, host: LinkHost, hi: number, lo: number, vlan = 0) {
    this.#iface = iface;
    this.#host = host;
    this.#vlan = vlan;
    this.headerLength = ethernet.HEADER_LEN + (vlan > 0 ? ethernet.TAG_LEN : 0);
    this.random = host.random;
    this.hi = hi;
    this.lo = lo;
    this.arp = new Arp(iface, host, this, NEIGHBOURS);
    this.neighbours6 = new Neighbours(this, { limit: NEIGHBOURS, locked: 0, backsOff: true });
  }

  /** Of IPv4. */
  get neighbours(): Neighbours {
    return this.arp.neighbours;
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
    this.fromHi = ethernet.sourceHi(v, frame);
    this.fromLo = ethernet.sourceLo(v, frame);
    // IEEE 802.1Q §9.6: VLAN 0 is a priority, and no VLAN.
    const vlan = ethernet.isTagged(v, frame) ? ethernet.vlan(v, frame) : 0;
    if (vlan !== this.#vlan) return Drop.LINK_NOT_OURS;
    const payload = ethernet.payload(v, frame);
    switch (ethernet.type(v, frame)) {
      case ethernet.EtherType.IPV6:
        if (!this.#iface.ipv6) return Drop.IP_NO_FAMILY;
        this.packetAt = payload;
        return Drop.NONE;
      case ethernet.EtherType.IPV4:
        this.packetAt = payload;
        return Drop.NONE;
      case ethernet.EtherType.ARP:
        return this.arp.receive(v, payload, frame + size - payload, this.unicast);
      default:
        return Drop.LINK_UNKNOWN;
    }
  }

  knows(nextHop: Address): boolean {
    const neighbour = this.#tableOf(nextHop).find(nextHop);
    return neighbour !== undefined && neighbour.reach !== Reach.INCOMPLETE;
  }

  frame(nextHop: Address, ip: number, length: number): boolean {
    if (isMulticast(nextHop)) return this.#writeGroup(nextHop, ip);
    if (nextHop === BROADCAST || this.#iface.isBroadcast(nextHop)) {
      return this.#write(nextHop, ip, ethernet.BROADCAST_HI, ethernet.BROADCAST_LO);
    }
    const neighbour = this.#tableOf(nextHop).use(nextHop, this.#host.now);
    if (neighbour.reach !== Reach.INCOMPLETE) {
      return this.#write(nextHop, ip, neighbour.hi, neighbour.lo);
    }
    this.#wait(neighbour, ip, length);
    return false;
  }

  addressesChanged(): void {
    this.arp.addressesChanged();
  }

  expire(now: Micros): void {
    this.arp.expire(now);
    this.neighbours6.expire(now);
  }

  deadline(): Micros {
    return Math.min(this.arp.deadline(), this.neighbours6.deadline());
  }

  close(): void {
    this.arp.close();
    this.neighbours6.clear();
  }

  // What both tables ask for, and what that of IPv6 does.

  solicit({ address }: Neighbour, everyone: boolean): void {
    this.#host.solicit(address, everyone);
  }

  changed({ address, reach, isRouter }: Neighbour): void {
    this.#host.neighbourChanged(address, reach !== Reach.UNREACHABLE, isRouter);
  }

  resolved(neighbour: Neighbour): void {
    const { waiting } = neighbour;
    this.#waiting -= waiting.length / 2;
    for (let i = 0; i < waiting.length; i += 2) {
      const ip = waiting[i] as number; // pairs
      this.#write(neighbour.address, ip, neighbour.hi, neighbour.lo);
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
    if (isIPv6(neighbour.address)) this.#host.neighbourChanged(neighbour.address, false, true);
  }

  writeHeader(at: number, hi: number, lo: number, type: number): void {
    const v = this.#host.slots.view;
    const frame = at - this.headerLength;
    ethernet.write(v, frame, hi, lo, this.hi, this.lo, type);
    if (this.#vlan === 0) return;
    ethernet.writeTag(v, frame, this.#vlan, 0);
    ethernet.writeTaggedType(v, frame, type);
  }

  #tableOf(address: Address): Neighbours {
    return isIPv6(address) ? this.neighbours6 : this.arp.neighbours;
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

  /** RFC 1112 §6.4: the low 23 bits of a group's address; RFC 2464 §7: the last four octets. */
  #writeGroup(group: Address, ip: number): true {
    if (isIPv6(group)) return this.#write(group, ip, 0x3333, wordOf(group, 3));
    return this.#write(group, ip, 0x0100, 0x5e00_0000 | (group & 0x7f_ffff));
  }

  #write(nextHop: Address, ip: number, hi: number, lo: number): true {
    const { IPV4, IPV6 } = ethernet.EtherType;
    this.writeHeader(ip, hi, lo, isIPv6(nextHop) ? IPV6 : IPV4);
    return true;
  }
}
