/**
 * ARP of one link: who has an address of IPv4, what we answer, and how our own are announced and defended.
 * RFC 826, RFC 1122 §2.3.2, RFC 5227.
 * @module
 */
import { type Address, ANY, inPrefix, isIPv6, isNoHost } from '../base/address.ts';
import { type Micros, NEVER, SECOND } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import type { Random } from '../base/random.ts';
import { HEADROOM, NO_SLOT } from '../memory/slots.ts';
import * as arp from '../wire/arp.ts';
import * as ethernet from '../wire/ethernet.ts';
import type { LinkHost, LinkInterface } from './host.ts';
import { LOCKED, type Neighbour, Neighbours, type Resolver } from './neighbour.ts';
import { Probes } from './probe.ts';

/** RFC 5227 §1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL and DEFEND_INTERVAL. */
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL: Micros = 2 * SECOND;
const DEFEND_INTERVAL: Micros = 10 * SECOND;

/** An address of ours that is being announced. */
interface Announcement {
  readonly address: Address;
  left: number;
  due: Micros;
}

/** What waits for a neighbour, and what frames are made of; the link has it for both families. */
export interface Frames {
  readonly hi: number;
  readonly lo: number;
  resolved(neighbour: Neighbour): void;
  failed(neighbour: Neighbour): void;
  /** Write the frame's header before the payload at `at`. */
  writeHeader(at: number, hi: number, lo: number, type: number): void;
}

export class Arp implements Resolver {
  readonly neighbours: Neighbours;
  readonly random: Random;
  /** Addresses that are asked for before they are used. */
  readonly probes: Probes;
  readonly #iface: LinkInterface;
  readonly #host: LinkHost;
  readonly #frames: Frames;
  readonly #announcing: Announcement[] = [];
  readonly #announced: Set<Address> = new Set();
  #defended: Micros = -NEVER;

  /** At most `limit` neighbours. */
  constructor(iface: LinkInterface, host: LinkHost, frames: Frames, limit: number) {
    this.#iface = iface;
    this.#host = host;
    this.#frames = frames;
    this.random = host.random;
    this.probes = new Probes(host.random, (address) => this.#sendProbe(address));
    this.neighbours = new Neighbours(this, { limit, locked: LOCKED, backsOff: false });
  }

  /** RFC 826, "Packet Reception". `unicast`: the frame was for us alone. */
  receive(v: DataView, at: number, length: number, unicast: boolean): Drop {
    if (!arp.valid(v, at, length)) return Drop.LINK_MALFORMED;
    const [hi, lo] = [arp.senderHi(v, at), arp.senderLo(v, at)];
    const sender = arp.sender(v, at);
    const target = arp.target(v, at);
    if (ethernet.isGroup(hi) || (sender !== ANY && isNoHost(sender))) return Drop.LINK_MALFORMED;
    const asks = arp.operation(v, at) === arp.Operation.REQUEST;
    const isOwn = hi === this.#frames.hi && lo === this.#frames.lo;
    if (!isOwn) this.probes.heard(sender, target, asks && sender === ANY, hi, lo);
    const forUs = this.#has(target);
    if (this.#has(sender)) {
      if (!isOwn) this.#defend(sender, hi, lo);
      return Drop.NONE;
    }
    // RFC 5227 §2.1.1: who probes has no address yet, and is not learnt.
    if (sender !== ANY) {
      if (!this.#iface.isOnLink(sender)) return Drop.LINK_UNKNOWN;
      const solicited = !asks && unicast;
      this.neighbours.heard(sender, hi, lo, solicited, forUs && asks, this.#host.now);
    }
    if (asks && forUs) this.#send(arp.Operation.REPLY, target, hi, lo, sender, hi, lo);
    return Drop.NONE;
  }

  /** Our addresses on the interface have changed. */
  addressesChanged(): void {
    const ours: Address[] = [];
    for (const { address } of this.#iface.addresses) if (!isIPv6(address)) ours.push(address);
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
    this.probes.expire(now);
    this.#announce(now);
  }

  deadline(): Micros {
    let due = Math.min(this.neighbours.deadline(), this.probes.deadline());
    for (const announcement of this.#announcing) due = Math.min(due, announcement.due);
    return due;
  }

  close(): void {
    this.#announcing.length = 0;
    this.probes.close();
    this.neighbours.clear();
  }

  // What the cache asks for.

  solicit({ address, hi, lo }: Neighbour, everyone: boolean): void {
    const { BROADCAST_HI, BROADCAST_LO } = ethernet;
    const [toHi, toLo] = everyone ? [BROADCAST_HI, BROADCAST_LO] : [hi, lo];
    this.#send(arp.Operation.REQUEST, this.#sourceFor(address), 0, 0, address, toHi, toLo);
  }

  resolved(neighbour: Neighbour): void {
    this.#frames.resolved(neighbour);
  }

  failed(neighbour: Neighbour): void {
    this.#frames.failed(neighbour);
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
    this.#send(arp.Operation.REQUEST, address, 0, 0, address, hi, lo);
  }

  /** RFC 5227 §2.1.1: a request from nobody, from which nobody learns anything. */
  #sendProbe(address: Address): void {
    const { BROADCAST_HI: hi, BROADCAST_LO: lo } = ethernet;
    this.#send(arp.Operation.REQUEST, ANY, 0, 0, address, hi, lo);
  }

  #send(
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
    const own = this.#frames;
    arp.write(v, at, operation, own.hi, own.lo, sender, targetHi, targetLo, target);
    const length = ethernet.MIN_FRAME - ethernet.HEADER_LEN;
    slots.bytes.fill(0, at + arp.LEN, at + length);
    this.#iface.clearHeader(v, at);
    own.writeHeader(at, hi, lo, ethernet.EtherType.ARP);
    this.#host.put(at, length);
  }

  #has(address: Address): boolean {
    for (const own of this.#iface.addresses) if (own.address === address) return true;
    return false;
  }

  /** The address to ask from: one of the target's network, if there is one. */
  #sourceFor(target: Address): Address {
    const { addresses } = this.#iface;
    for (const own of addresses) if (inPrefix(target, own.address, own.bits)) return own.address;
    return addresses.find(({ address }) => !isIPv6(address))?.address ?? ANY;
  }
}
