/**
 * Who has which address, and where it is plugged in: what a policy for one guest rests on. A guest sends from
 * the address that it was lent, or from one that nobody has, which is its own then; in ARP too, and never as a
 * server of DHCP. Others lose nothing by who says otherwise. RFC 826, RFC 2131.
 *
 * Looked at is each frame that comes from a guest, so nothing is allocated for one whose sender is known.
 * @module
 */
import type { FrameVerdict, SwitchFrame, SwitchPort } from '../../index.ts';
import * as arp from '../../stack/wire/arp.ts';
import * as ethernet from '../../stack/wire/ethernet.ts';
import * as ipv4 from '../../stack/wire/ipv4.ts';
import { asBits, asText, holds, type Range } from '../address.ts';
import type { Guest } from '../gateway/rules.ts';
import { Rogue, rogueOf } from './rogue.ts';

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
  /** The guests' network. */
  readonly network: Range;
  /** Addresses that are no guest's: the gateway's own. */
  readonly own: readonly number[];
  /** Most addresses of one port. */
  readonly each: number;
  /** Microseconds. */
  readonly now: () => number;
  /** Somebody else has the address from now on. */
  readonly changed: (address: string) => void;
}

interface Holder {
  hi: number;
  lo: number;
  /** Undefined until it has sent something. */
  port: SwitchPort | undefined;
  isLent: boolean;
  heard: number;
}

/** An address that was taken and not lent is free again after so long a silence: microseconds. */
const SILENCE = 300_000_000;
const UDP = 17;
const DHCP_SERVER = 67;
const DHCP_CLIENT = 68;
const UDP_PORTS = 4;
const UDP_HEADER = 8;
/** Where a message of DHCP has its client's hardware address. RFC 2131 figure 1. */
const CHADDR = 28;
/** Hardware addresses of one port that get leases: containers in a machine have theirs. */
const MOST_ASKING = 16;

/** Who is on the network: by which port, with which addresses, and whether a frame is theirs to send. */
export class Guests {
  readonly drops: GuestDrops = { spoofed: 0, rogueDhcp: 0, rogueRouter: 0, tooMany: 0 };
  readonly #options: GuestsOptions;
  readonly #own: ReadonlySet<number>;
  readonly #holders: Map<number, Holder> = new Map();
  readonly #counts: Map<SwitchPort, number> = new Map();
  /** Hardware addresses that have asked for a lease, by port. */
  readonly #asking: Map<SwitchPort, Set<number>> = new Map();

  constructor(options: GuestsOptions) {
    this.#options = options;
    this.#own = new Set(options.own);
  }

  /** Who has an address. */
  find(address: string): Guest {
    const holder = this.#holders.get(asBits(address));
    if (holder === undefined) return { address };
    const mac = ethernet.format(holder.hi, holder.lo);
    return { address, mac, ...(holder.port && { port: holder.port.name }) };
  }

  /** All that are known. */
  list(): Guest[] {
    return [...this.#holders.keys()].map((bits) => this.find(asText(bits)));
  }

  /** It was lent to `mac`; who has had it before has it no more. */
  lent(address: string, mac: string): void {
    const { hi, lo } = ethernet.parse(mac) as { hi: number; lo: number }; // a lease has a good one
    const bits = asBits(address);
    const before = this.#holders.get(bits);
    if (before !== undefined && before.hi === hi && before.lo === lo) {
      before.isLent = true;
      return;
    }
    this.#take(bits, { hi, lo, port: undefined, isLent: true, heard: this.#options.now() });
  }

  /** Its holder gave it back. */
  released(address: string): void {
    const holder = this.#holders.get(asBits(address));
    if (holder !== undefined) this.#drop(asBits(address), holder);
  }

  /** What was plugged in there is gone. */
  unplugged(port: SwitchPort): void {
    this.#counts.delete(port);
    this.#asking.delete(port);
    for (const [bits, holder] of this.#holders) {
      if (holder.port !== port) continue;
      holder.port = undefined;
      if (!holder.isLent) this.#drop(bits, holder);
    }
  }

  /** Whether a frame from a guest is from whom it says. */
  check({ port, view, at, length }: SwitchFrame): FrameVerdict {
    const from = ethernet.payload(view, at);
    const left = at + length - from;
    const type = ethernet.type(view, at);
    const hi = ethernet.sourceHi(view, at);
    const lo = ethernet.sourceLo(view, at);
    if (type === ethernet.EtherType.IPV4) {
      if (left < ipv4.MIN_LEN) return 'drop';
      const header = (view.getUint8(from) & 15) * 4;
      if (view.getUint8(from + 9) === UDP && left >= header + UDP_PORTS) {
        const ports = view.getUint32(from + header);
        if (ports === ((DHCP_SERVER << 16) | DHCP_CLIENT)) {
          this.drops.rogueDhcp++;
          return 'drop';
        }
        const isAsking = (ports & 0xffff) === DHCP_SERVER;
        if (
          isAsking &&
          !this.#mayAsk(view, from + header + UDP_HEADER, left - header, hi, lo, port)
        ) {
          return 'drop';
        }
      }
      return this.#mayBe(view.getUint32(from + 12), hi, lo, port) ? 'pass' : 'drop';
    }
    if (type === ethernet.EtherType.IPV6) {
      const rogue = rogueOf(view, from, left);
      if (rogue === Rogue.NONE) return 'pass';
      this.drops[rogue === Rogue.DHCP ? 'rogueDhcp' : 'rogueRouter']++;
      return 'drop';
    }
    if (type !== ethernet.EtherType.ARP) return 'pass';
    if (!arp.valid(view, from, left)) return 'drop';
    const isSame = arp.senderHi(view, from) === hi && arp.senderLo(view, from) === lo;
    if (isSame && this.#mayBe(view.getUint32(from + 14), hi, lo, port)) return 'pass';
    if (!isSame) this.drops.spoofed++;
    return 'drop';
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
    let known = this.#asking.get(port);
    if (known === undefined) {
      known = new Set();
      this.#asking.set(port, known);
    }
    const mac = hi * 2 ** 32 + (lo >>> 0);
    if (known.has(mac)) return true;
    if (known.size >= MOST_ASKING) return this.#refuse('tooMany');
    known.add(mac);
    return true;
  }

  #mayBe(bits: number, hi: number, lo: number, port: SwitchPort): boolean {
    if (bits === 0) return true; // who has none yet asks for one, or probes for it (RFC 5227 §2.1.1)
    const now = this.#options.now();
    const holder = this.#holders.get(bits);
    if (holder !== undefined && holder.hi === hi && holder.lo === lo && holder.port === port) {
      holder.heard = now;
      return true;
    }
    if (this.#own.has(bits) || !holds(this.#options.network, bits)) return this.#refuse('spoofed');
    if (holder === undefined) return this.#takeOver(bits, hi, lo, port, now);
    if (holder.hi === hi && holder.lo === lo && holder.port === undefined) {
      if (!this.#countIn(port)) return this.#refuse('tooMany');
      holder.port = port;
      holder.heard = now;
      return true;
    }
    const isFree = !holder.isLent && now - holder.heard > SILENCE;
    return isFree ? this.#takeOver(bits, hi, lo, port, now) : this.#refuse('spoofed');
  }

  #takeOver(bits: number, hi: number, lo: number, port: SwitchPort, now: number): boolean {
    if (!this.#countIn(port)) return this.#refuse('tooMany');
    this.#take(bits, { hi, lo, port, isLent: false, heard: now });
    return true;
  }

  #take(bits: number, holder: Holder): void {
    const before = this.#holders.get(bits);
    if (before !== undefined) this.#drop(bits, before);
    this.#holders.set(bits, holder);
  }

  #drop(bits: number, { port }: Holder): void {
    this.#holders.delete(bits);
    if (port !== undefined) this.#counts.set(port, Math.max(0, (this.#counts.get(port) ?? 1) - 1));
    this.#options.changed(asText(bits));
  }

  #countIn(port: SwitchPort): boolean {
    const count = this.#counts.get(port) ?? 0;
    if (count >= this.#options.each) return false;
    this.#counts.set(port, count + 1);
    return true;
  }

  #refuse(why: keyof GuestDrops): false {
    this.drops[why]++;
    return false;
  }
}
