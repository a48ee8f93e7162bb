/**
 * Addresses that a port is pinned to: what comes from others is not from who is plugged in there. The IP
 * address of a packet is looked at, and what ARP and neighbour discovery say, which is how one poisons a neighbour.
 *
 * A port that is pinned to IP addresses sends nothing but IP from them, ARP and neighbour discovery: what cannot be
 * looked at cannot be vouched for. A link-local address of IPv6 is one as any other.
 * @module
 */
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Address, ANY, fromOctets } from '../stack/base/address.ts';
import * as arp from '../stack/wire/arp.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import * as ipv4 from '../stack/wire/ipv4.ts';
import * as ipv6 from '../stack/wire/ipv6.ts';
import { SwitchDrop } from './drops.ts';
import type { Frame } from './frame.ts';
import { Claim, claimOf, TARGET } from './neighbour.ts';
import { type Found, Rogue, rogueOf } from './rogue.ts';

/** Where addresses stand in a packet of IPv6. */
export const SOURCE6 = 8;
const DESTINATION6 = 24;
const WORDS = 4;

export class Pins {
  /** Hardware addresses, in two numbers each. */
  readonly macs: readonly { readonly hi: number; readonly lo: number }[];
  readonly #addresses: readonly Address[];
  /** Four words each. */
  readonly #addresses6: Int32Array;
  readonly #found: Found = { at: 0, end: 0 };

  /** Literals. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for what is none. */
  constructor(macs: readonly string[], addresses: readonly string[]) {
    this.macs = macs.map(readMac);
    const six = addresses.filter((text) => isIPv6(text));
    this.#addresses = addresses.filter((text) => !six.includes(text)).map(readAddress);
    this.#addresses6 = Int32Array.from(six.flatMap(readAddress6));
  }

  /** Whether any hardware address is pinned. */
  get hasMacs(): boolean {
    return this.macs.length > 0;
  }

  /** Whether any IP address is. */
  get hasAddresses(): boolean {
    return this.#addresses.length > 0 || this.#addresses6.length > 0;
  }

  hasAddress(address: Address): boolean {
    return this.#addresses.includes(address);
  }

  /** Whether a valid frame may come from here: `SwitchDrop.NONE`, or why not. */
  check(frame: Frame): SwitchDrop {
    const { view, start } = frame;
    if (this.hasMacs) {
      const hi = ethernet.sourceHi(view, start);
      if (!this.hasMac(hi, ethernet.sourceLo(view, start))) return SwitchDrop.PINNED_MAC;
    }
    return !this.hasAddresses || this.#mayBe(frame) ? SwitchDrop.NONE : SwitchDrop.PINNED_IP;
  }

  #mayBe({ view, start, at, length }: Frame): boolean {
    const from = ethernet.payload(view, start);
    const left = at + length - from;
    const type = ethernet.type(view, start);
    if (type === ethernet.EtherType.IPV4) {
      if (left < ipv4.MIN_LEN) return false;
      const source = ipv4.source(view, from);
      return source === ANY || this.hasAddress(source); // who has no address yet asks by DHCP
    }
    if (type === ethernet.EtherType.IPV6) return this.#mayBe6(view, start, from, left);
    if (type !== ethernet.EtherType.ARP || !arp.valid(view, from, left)) return false;
    const sender = arp.sender(view, from);
    // RFC 5227 §2.1.1: a probe has no sender. Whom a packet names must be who sent it.
    if (sender !== ANY && !this.hasAddress(sender)) return false;
    return (
      arp.senderHi(view, from) === ethernet.sourceHi(view, start) &&
      arp.senderLo(view, from) === ethernet.sourceLo(view, start)
    );
  }

  #mayBe6(view: DataView, start: number, from: number, left: number): boolean {
    if (!ipv6.valid(view, from, left)) return false;
    const found = this.#found;
    const kind = rogueOf(view, from, left, found);
    const source = from + SOURCE6;
    const unspecified = isNobody(view, source);
    // RFC 4291 §2.5.2: who has no address yet asks the link.
    if (unspecified ? view.getUint8(from + DESTINATION6) !== 0xff : !this.has6(view, source)) {
      return false;
    }
    if (kind === Rogue.ROUTER) return false; // it would send from others' addresses, too; or hides something
    if (kind !== Rogue.NEIGHBOUR) return true;
    const hi = ethernet.sourceHi(view, start);
    const claim = claimOf(view, found, hi, ethernet.sourceLo(view, start), unspecified);
    if (claim === Claim.NONE || claim === Claim.FALSE) return claim === Claim.NONE;
    return this.has6(view, found.at + TARGET);
  }

  /** Whether the address of IPv6 at `at` is one. */
  has6(view: DataView, at: number): boolean {
    const own = this.#addresses6;
    for (let i = 0; i < own.length; i += WORDS) {
      let word = 0;
      while (word < WORDS && own[i + word] === view.getInt32(at + word * 4)) word++;
      if (word === WORDS) return true;
    }
    return false;
  }

  hasMac(hi: number, lo: number): boolean {
    for (const mac of this.macs) if (mac.hi === hi && mac.lo === lo) return true;
    return false;
  }
}

function readMac(text: string): { readonly hi: number; readonly lo: number } {
  const mac = ethernet.parse(text);
  if (mac !== undefined && !ethernet.isGroup(mac.hi)) return mac;
  throw wrong('mac', text, 'it must be the address of one station, as 02:00:5e:00:53:01');
}

/** Whether the address of IPv6 at `at` is `::`. */
export const isNobody = (view: DataView, at: number): boolean =>
  (view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8) | view.getInt32(at + 12)) ===
  0;

function readAddress6(text: string): number[] {
  const parsed = ipaddr.IPv6.parse(text);
  const isOne =
    !text.includes('%') && !['unspecified', 'loopback', 'multicast'].includes(parsed.range());
  if (!isOne) throw wrong('ip', text, 'it must be the address of one station, without a zone');
  const view = new DataView(Uint8Array.from(parsed.toByteArray()).buffer);
  return [view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12)];
}

function readAddress(text: string): Address {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) throw wrong('ip', text, 'it must be an address');
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text).octets;
  return fromOctets(a, b, c, d);
}

const wrong = (name: string, value: string, hint: string): TypeError =>
  Object.assign(new TypeError(`${name} is ${JSON.stringify(value)}: ${hint}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
