/**
 * Who has which address, and where it is plugged in: what a policy for one guest rests on. A guest sends from
 * addresses that it was lent, or that nobody has, which are its own then; in ARP and neighbour discovery too, and
 * never as a server of DHCP or a router. Its hardware address is nobody else's. Others lose nothing by who says
 * otherwise. RFC 826, RFC 2131, RFC 6620.
 *
 * Looked at is each frame that comes from a guest, so nothing is allocated for one whose sender is known.
 * @module
 */
import type { FrameVerdict, SwitchFrame, SwitchPort } from '../../index.ts';
import * as arp from '../../stack/wire/arp.ts';
import * as ethernet from '../../stack/wire/ethernet.ts';
import * as ipv4 from '../../stack/wire/ipv4.ts';
import * as ipv6 from '../../stack/wire/ipv6.ts';
import { Claim, claimOf, TARGET } from '../../switch/neighbour.ts';
import { type Found, Rogue, rogueOf } from '../../switch/rogue.ts';
import { holds, type Range } from '../address.ts';
import type { Guest } from '../gateway/rules.ts';
import {
  addressesOf,
  type Holder,
  isFour,
  isLinkLocal,
  macOf,
  SILENCE,
  type Station,
  Stations,
} from './stations.ts';
import { MAPPED, textOf, type Words, wordsOf } from './words.ts';

/** Frames that were dropped, by why. */
export interface GuestDrops {
  /** From an address that somebody else has, or that is no guest's. */
  spoofed: number;
  /** As a server of DHCP, or of DHCPv6. */
  rogueDhcp: number;
  /** As a router of IPv6: advertisements, redirects, and what hides such. */
  rogueRouter: number;
  /** From one address more than a port may have. */
  tooMany: number;
}

export interface GuestsOptions {
  /** The guests' network of IPv4. */
  readonly network: Range;
  /** The first 64 bits of their network of IPv6; undefined: they have link-local addresses alone. */
  readonly prefix: readonly [high: number, low: number] | undefined;
  /** Most addresses of one port, of each family. */
  readonly each: number;
  /** Microseconds. */
  readonly now: () => number;
  /** 32 bits that nobody can guess. */
  readonly secret: number;
  /** False: frames are looked at and not dropped. */
  readonly strict: boolean;
  /** Somebody else has the address from now on, or nobody. */
  readonly changed: (address: string) => void;
  /** Ask the link who has an address. */
  readonly ask: (address: string) => void;
}

const UDP = 17;
const DHCP_SERVER = 67;
const DHCP_CLIENT = 68;
const UDP_PORTS = 4;
const UDP_HEADER = 8;
/** Where a message of DHCP has its client's hardware address. RFC 2131 figure 1. */
const CHADDR = 28;
/** Hardware addresses of one port that get leases: containers in a machine have theirs. */
const MOST_ASKING = 16;
const SECOND = 1_000_000;
/** Where addresses stand in a packet of IPv6. */
const SOURCE6 = 8;
const DESTINATION6 = 24;
/** Below it a type is a length, and a header of LLC follows. IEEE 802.3 §3.2.6. */
const LEAST_TYPE = 0x600;
/** LLC's header of SNAP, which types follow that are as good as plain ones. RFC 1042. */
const SNAP = 0xaaaa;

/** Who is on the network: by which port, with which addresses, and whether a frame is theirs to send. */
export class Guests {
  readonly drops: GuestDrops = { spoofed: 0, rogueDhcp: 0, rogueRouter: 0, tooMany: 0 };
  readonly #options: GuestsOptions;
  readonly #stations: Stations;
  /** Addresses and a hardware address that are no guest's: the gateway's own. */
  readonly #own: Set<string> = new Set();
  #ownHi = -1;
  #ownLo = -1;
  /** When stations asked for a lease, by port. */
  readonly #asking: Map<SwitchPort, Map<Station, number>> = new Map();
  readonly #found: Found = { at: 0, end: 0 };

  constructor(options: GuestsOptions) {
    this.#options = options;
    this.#stations = new Stations(options);
  }

  /** What is the gateway's and no guest's. */
  reserve(addresses: readonly string[], mac: string | undefined): void {
    for (const address of addresses) {
      const [a, b, c, d] = wordsOf(address) as Words; // they are the stack's
      this.#own.add(keyOf(a, b, c, d));
    }
    const { hi, lo } = ethernet.parse(mac ?? '') ?? { hi: -1, lo: -1 };
    this.#ownHi = hi;
    this.#ownLo = lo;
  }

  /** Who has an address; its zone does not count. */
  find(address: string): Guest {
    const plain = address.includes('%') ? (address.split('%')[0] as string) : address;
    const station = this.#holderOf(plain)?.station;
    return station === undefined ? { address: plain } : this.#describe(station, plain);
  }

  /** All that are known. */
  list(): Guest[] {
    return [...this.#stations.all()]
      .filter(({ holders, place }) => holders.size > 0 && place !== undefined)
      .map((station) => this.#describe(station, addressesOf(station)[0] as string)); // it has some
  }

  /** Addresses of IPv6 that a hardware address has, but link-local ones; the one that was heard last first. */
  addresses6(mac: string): string[] {
    const { hi, lo } = ethernet.parse(mac) ?? { hi: 0, lo: 0 };
    return [...(this.#stations.station(hi, lo)?.holders ?? [])]
      .filter(({ a, b, c }) => !isFour(a, b, c) && !isLinkLocal(a))
      .sort((one, other) => other.heard - one.heard)
      .map(textOf);
  }

  /** Tells a guest from the others, whichever of its addresses it uses. */
  identityOf(address: string): string {
    const station = this.#holderOf(address)?.station;
    if (station === undefined) return address.split('%')[0] as string;
    const { place } = station;
    return `${macOf(station)} ${place ? this.#stations.keyOf(place.port) : ''}`;
  }

  /** Tells what is plugged in at one port from the others: what bounds count by, as a guest may call itself anything. */
  portOf(address: string): string {
    const port = this.#holderOf(address)?.station.place?.port;
    return port === undefined ? (address.split('%')[0] as string) : this.#stations.keyOf(port);
  }

  /** It was lent to `mac` for so many seconds; who has had it before has it no more. */
  lent(address: string, mac: string, seconds: number): void {
    const { hi, lo } = ethernet.parse(mac) as { hi: number; lo: number }; // a lease has a good one
    const now = this.#options.now();
    this.#stations.lend(wordsOf(address) as Words, hi, lo, now + seconds * SECOND, now);
  }

  /** Its holder gave it back. */
  released(address: string): void {
    const holder = this.#holderOf(address);
    if (holder !== undefined) this.#stations.drop(holder);
  }

  /** What was plugged in there is gone. */
  unplugged(port: SwitchPort): void {
    this.#asking.delete(port);
    this.#stations.unplugged(port, this.#options.now());
  }

  /** Whether a frame from a guest is from whom it says. */
  check({ port, view, at, length }: SwitchFrame): FrameVerdict {
    const good = this.#isGood(port, view, at, length);
    return good || !this.#options.strict ? 'pass' : 'drop';
  }

  #isGood(port: SwitchPort, view: DataView, at: number, length: number): boolean {
    const from = ethernet.payload(view, at);
    const left = at + length - from;
    const hi = ethernet.sourceHi(view, at);
    const lo = ethernet.sourceLo(view, at);
    switch (ethernet.type(view, at)) {
      case ethernet.EtherType.IPV4:
        return this.#isGood4(port, view, from, left, hi, lo);
      case ethernet.EtherType.IPV6:
        return this.#isGood6(port, view, from, left, hi, lo);
      case ethernet.EtherType.ARP: {
        if (!arp.valid(view, from, left)) return false;
        const isSame = arp.senderHi(view, from) === hi && arp.senderLo(view, from) === lo;
        if (!isSame) return this.#refuse('spoofed');
        return this.#mayBe4(view.getInt32(from + 14), hi, lo, port);
      }
      // Below a second tag whoever takes it off finds what was not looked at here.
      case ethernet.EtherType.VLAN:
      case ethernet.EtherType.PROVIDER_VLAN:
        return this.#refuse('spoofed');
      default:
        if (ethernet.type(view, at) < LEAST_TYPE && left >= 2 && view.getUint16(from) === SNAP) {
          return this.#refuse('spoofed');
        }
        return this.#speaks(hi, lo, port) !== undefined;
    }
  }

  #isGood4(
    port: SwitchPort,
    view: DataView,
    from: number,
    left: number,
    hi: number,
    lo: number,
  ): boolean {
    if (left < ipv4.MIN_LEN) return false;
    const header = (view.getUint8(from) & 15) * 4;
    if (view.getUint8(from + 9) === UDP && left >= header + UDP_PORTS) {
      const ports = view.getUint32(from + header);
      if (ports === ((DHCP_SERVER << 16) | DHCP_CLIENT)) return this.#refuse('rogueDhcp');
      const isAsking = (ports & 0xffff) === DHCP_SERVER;
      const message = from + header + UDP_HEADER;
      if (isAsking && !this.#mayAsk(view, message, left - header, hi, lo, port)) return false;
    }
    return this.#mayBe4(view.getInt32(from + 12), hi, lo, port);
  }

  #isGood6(
    port: SwitchPort,
    view: DataView,
    from: number,
    left: number,
    hi: number,
    lo: number,
  ): boolean {
    if (!ipv6.valid(view, from, left)) return false;
    const found = this.#found;
    const rogue = rogueOf(view, from, left, found);
    if (rogue === Rogue.DHCP) return this.#refuse('rogueDhcp');
    if (rogue === Rogue.ROUTER) return this.#refuse('rogueRouter');
    const a = view.getInt32(from + SOURCE6);
    const b = view.getInt32(from + SOURCE6 + 4);
    const c = view.getInt32(from + SOURCE6 + 8);
    const d = view.getInt32(from + SOURCE6 + 12);
    const unspecified = a === 0 && b === 0 && c === 0 && d === 0;
    if (unspecified) {
      // RFC 4291 §2.5.2: who has no address yet asks the link, and goes nowhere.
      if (view.getUint8(from + DESTINATION6) !== 0xff) return this.#refuse('spoofed');
      if (this.#speaks(hi, lo, port) === undefined) return false;
    } else if (!this.#mayBe6(a, b, c, d, hi, lo, port)) return false;
    if (rogue !== Rogue.NEIGHBOUR) return true;
    const claim = claimOf(view, found, hi, lo, unspecified);
    if (claim === Claim.NONE) return true;
    if (claim === Claim.FALSE) return this.#refuse('spoofed');
    const at = found.at + TARGET;
    const ta = view.getInt32(at);
    const tb = view.getInt32(at + 4);
    const tc = view.getInt32(at + 8);
    const td = view.getInt32(at + 12);
    if (claim === Claim.OWN) return this.#mayBe6(ta, tb, tc, td, hi, lo, port);
    return this.#mayWant(ta, tb, tc, td, hi, lo, port);
  }

  /**
   * Who asks for an address before it is its own has it from then on, so that nobody else says it were his
   * (RFC 6620 §3.2.3); unless somebody has it, who says so.
   */
  #mayWant(
    a: number,
    b: number,
    c: number,
    d: number,
    hi: number,
    lo: number,
    port: SwitchPort,
  ): boolean {
    if (!this.#isInside6(a, b) || this.#own.has(keyOf(a, b, c, d))) return true;
    const holder = this.#stations.holder(a, b, c, d);
    if (holder !== undefined && !this.#stations.isFree(holder, this.#options.now())) return true;
    return this.#mayBe(a, b, c, d, hi, lo, port);
  }

  /** Whether a question for a lease is its sender's own, and the port has not asked for too many. */
  #mayAsk(
    view: DataView,
    at: number,
    left: number,
    hi: number,
    lo: number,
    port: SwitchPort,
  ): boolean {
    if (left < UDP_HEADER + CHADDR + 6) return false;
    const isOwn = view.getUint16(at + CHADDR) === hi && view.getInt32(at + CHADDR + 2) === lo;
    if (!isOwn) return this.#refuse('spoofed');
    const station = this.#speaks(hi, lo, port);
    if (station === undefined) return false;
    const now = this.#options.now();
    let asking = this.#asking.get(port);
    if (asking === undefined) {
      asking = new Map();
      this.#asking.set(port, asking);
    }
    if (!asking.has(station) && asking.size >= MOST_ASKING) {
      for (const [other, asked] of asking) {
        if (now - asked > SILENCE && !hasLease(other, now)) asking.delete(other);
      }
      if (asking.size >= MOST_ASKING) return this.#refuse('tooMany');
    }
    asking.set(station, now);
    return true;
  }

  /** Who has the hardware address, if it may speak at that port. */
  #speaks(hi: number, lo: number, port: SwitchPort): Station | undefined {
    if (hi === this.#ownHi && lo === this.#ownLo) {
      this.#refuse('spoofed');
      return undefined;
    }
    const station = this.#stations.speaker(hi, lo, port, this.#options.now());
    if (station === undefined) this.#refuse(this.#stations.isFull(port) ? 'tooMany' : 'spoofed');
    return station;
  }

  #mayBe4(bits: number, hi: number, lo: number, port: SwitchPort): boolean {
    // Who has none yet asks for one, or probes for it (RFC 5227 §2.1.1).
    if (bits === 0) return this.#speaks(hi, lo, port) !== undefined;
    if (!holds(this.#options.network, bits >>> 0)) return this.#refuse('spoofed');
    return this.#mayBe(0, 0, MAPPED, bits, hi, lo, port);
  }

  #mayBe6(
    a: number,
    b: number,
    c: number,
    d: number,
    hi: number,
    lo: number,
    port: SwitchPort,
  ): boolean {
    if (!this.#isInside6(a, b)) return this.#refuse('spoofed');
    return this.#mayBe(a, b, c, d, hi, lo, port);
  }

  /** Of the guests' network, or link-local. */
  #isInside6(a: number, b: number): boolean {
    const { prefix } = this.#options;
    return isLinkLocal(a) || (prefix !== undefined && prefix[0] === a && prefix[1] === b);
  }

  #mayBe(
    a: number,
    b: number,
    c: number,
    d: number,
    hi: number,
    lo: number,
    port: SwitchPort,
  ): boolean {
    const now = this.#options.now();
    const holder = this.#stations.holder(a, b, c, d);
    if (holder !== undefined) {
      const { station } = holder;
      if (station.d === lo && station.c === hi && station.place?.port === port) {
        holder.heard = now;
        station.heard = now;
        return true;
      }
    }
    return this.#claims(a, b, c, d, hi, lo, port, now);
  }

  /** The same where it is not known to be: nobody may have it. */
  #claims(
    a: number,
    b: number,
    c: number,
    d: number,
    hi: number,
    lo: number,
    port: SwitchPort,
    now: number,
  ): boolean {
    if (this.#own.has(keyOf(a, b, c, d))) return this.#refuse('spoofed');
    const station = this.#speaks(hi, lo, port);
    if (station === undefined) return false;
    const holder = this.#stations.holder(a, b, c, d); // one that was lent may have got its port just so
    if (holder?.station === station) {
      holder.heard = now;
      return true;
    }
    if (holder !== undefined && !this.#stations.isFree(holder, now)) return this.#refuse('spoofed');
    const taken = this.#stations.take(station, [a, b, c, d], now);
    return taken !== undefined || this.#refuse('tooMany');
  }

  #holderOf(address: string): Holder | undefined {
    const words = wordsOf(address);
    return words && this.#stations.holder(...words);
  }

  #describe(station: Station, address: string): Guest {
    const mac = macOf(station);
    const port = station.place?.port.name;
    const addresses = addressesOf(station);
    // Written out, since each flow asks.
    if (port === undefined)
      return addresses.length > 1 ? { address, mac, addresses } : { address, mac };
    return addresses.length > 1 ? { address, mac, port, addresses } : { address, mac, port };
  }

  #refuse(why: keyof GuestDrops): false {
    if (this.#options.strict) this.drops[why]++;
    return false;
  }
}

const keyOf = (a: number, b: number, c: number, d: number): string => `${a} ${b} ${c} ${d}`;

const hasLease = ({ holders }: Station, now: number): boolean => {
  for (const { until } of holders) if (until > now) return true;
  return false;
};
