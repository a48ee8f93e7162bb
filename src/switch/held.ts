/**
 * Who may speak at which port: one that is pinned is held to its pins, and what is pinned to one is nobody's at
 * another, so who is plugged in elsewhere neither draws what is for it (IEEE 802.1Q §8.8.1, static entries) nor says on
 * the link that its addresses are his: by ARP (RFC 826), or neighbour discovery (RFC 4861).
 *
 * In the VLANs alone that the pinned port carries: the same address may be another's elsewhere.
 * @module
 */
import { ANY } from '../stack/base/address.ts';
import * as arp from '../stack/wire/arp.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import * as ipv6 from '../stack/wire/ipv6.ts';
import { SwitchDrop } from './drops.ts';
import type { Frame } from './frame.ts';
import { TARGET } from './neighbour.ts';
import { isNobody, type Pins, SOURCE6 } from './pins.ts';
import type { Port } from './port.ts';
import { type Found, Icmp, Rogue, rogueOf } from './rogue.ts';
import type { Stations } from './stations.ts';

/** A port that is pinned. */
interface Pinned {
  readonly port: Port;
  readonly pins: Pins;
}

/** Below it a type is a length, and a header of LLC follows. IEEE 802.3 §3.2.6. */
const LEAST_TYPE = 0x600;
/** LLC's header of SNAP, and where it names the type. RFC 1042. */
const SNAP = 0xaaaa;
const SNAP_TYPE = 6;
/** Of a message that has a target. RFC 4861 §4.3, §4.4. */
const TARGETED = 24;
/** What stands behind an IPv6 header. */
const TCP = 6;

export class Held {
  #pinned: readonly Pinned[] = [];
  readonly #stations: Stations;
  readonly #found: Found = { at: 0, end: 0 };

  constructor(stations: Stations) {
    this.#stations = stations;
  }

  /** A port is plugged in. */
  add(port: Port): void {
    const { pins } = port;
    if (pins === undefined) return;
    this.#pinned = [...this.#pinned, { port, pins }];
    for (const { hi, lo } of pins.macs) this.#stations.release(hi, lo); // it was heard elsewhere, perhaps
  }

  /** A port is gone. */
  remove(port: Port): void {
    this.#pinned = this.#pinned.filter((one) => one.port !== port);
  }

  /** Whether a valid frame, whose VLAN is known, may come from `port`: `SwitchDrop.NONE`, or why not. */
  check(port: Port, frame: Frame, now: number): SwitchDrop {
    if (this.#pinned.length === 0) return SwitchDrop.NONE;
    const { pins } = port;
    if (pins !== undefined) {
      const drop = pins.check(frame);
      if (drop !== SwitchDrop.NONE) return drop;
    }
    // What a port may have of its own it may have beside others.
    if (pins?.hasMacs !== true && this.#isAnothersMac(port, frame, now)) {
      return SwitchDrop.PINNED_MAC;
    }
    if (pins?.hasAddresses !== true && this.#saysAnothersAddress(port, frame)) {
      return SwitchDrop.PINNED_IP;
    }
    return SwitchDrop.NONE;
  }

  #isAnothersMac(port: Port, { view, start, vlan }: Frame, now: number): boolean {
    const hi = ethernet.sourceHi(view, start);
    const lo = ethernet.sourceLo(view, start);
    if (this.#stations.find(vlan, hi, lo, now) === port.index) return false; // it was looked at then
    for (const one of this.#pinned) {
      if (one.port !== port && one.pins.hasMac(hi, lo) && one.port.carries(vlan)) return true;
    }
    return false;
  }

  #saysAnothersAddress(port: Port, frame: Frame): boolean {
    const { view, start, at, length } = frame;
    const from = ethernet.payload(view, start);
    const left = at + length - from;
    const type = ethernet.type(view, start);
    if (type === ethernet.EtherType.ARP) {
      frame.whole();
      // Linux believes other numbers of the hardware, too: what cannot be read is not vouched for.
      if (!arp.valid(view, from, left)) return this.#hasAny(port, frame);
      const sender = arp.sender(view, from);
      if (sender === ANY) return false; // RFC 5227 §2.1.1: a probe
      for (const one of this.#pinned) {
        if (this.#isOther(one, port, frame) && one.pins.hasAddress(sender)) return true;
      }
      return false;
    }
    if (type === ethernet.EtherType.IPV6) return this.#says6(port, frame, from, left);
    if (type >= LEAST_TYPE || left < SNAP_TYPE + 2 || view.getUint16(from) !== SNAP) return false;
    frame.whole();
    const inside = view.getUint16(from + SNAP_TYPE);
    const isClaim = inside === ethernet.EtherType.ARP || inside === ethernet.EtherType.IPV6;
    return isClaim && this.#hasAny(port, frame);
  }

  /** RFC 4861 §7.2.3, §7.2.5, §8.3: what is believed is a message's source, and the target of some. */
  #says6(port: Port, frame: Frame, from: number, left: number): boolean {
    const { view } = frame;
    if (!this.#hasAny(port, frame) || !ipv6.valid(view, from, left)) return false;
    if (ipv6.nextHeader(view, from) === TCP) return false; // most are, and of one the text may lie elsewhere
    frame.whole();
    const found = this.#found;
    found.at = 0;
    const kind = rogueOf(view, from, left, found);
    if (kind !== Rogue.NEIGHBOUR && kind !== Rogue.ROUTER) return false;
    if (found.at === 0) return true; // it hides something
    const source = from + SOURCE6;
    if (this.#has6(port, frame, source)) return true;
    const type = view.getUint8(found.at);
    const isAsked = type === Icmp.SOLICITATION && isNobody(view, source); // RFC 4862 §5.4.2
    if (type !== Icmp.ADVERTISEMENT && !isAsked) return false;
    if (kind === Rogue.ROUTER) return true; // in pieces: RFC 6980 §5
    return found.at + TARGETED <= found.end && this.#has6(port, frame, found.at + TARGET);
  }

  #has6(port: Port, frame: Frame, at: number): boolean {
    for (const one of this.#pinned) {
      if (this.#isOther(one, port, frame) && one.pins.has6(frame.view, at)) return true;
    }
    return false;
  }

  #hasAny(port: Port, frame: Frame): boolean {
    for (const one of this.#pinned) {
      if (this.#isOther(one, port, frame) && one.pins.hasAddresses) return true;
    }
    return false;
  }

  #isOther({ port: other }: Pinned, port: Port, { vlan }: Frame): boolean {
    return other !== port && other.carries(vlan);
  }
}
