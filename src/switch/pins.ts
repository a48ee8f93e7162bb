/**
 * Addresses that a port is pinned to: what comes from others is not from who is plugged in there. The IP
 * address of a packet is looked at, and that of an ARP packet, which is how one poisons a neighbour.
 *
 * A port that is pinned to addresses of IPv4 sends nothing but IPv4 and ARP: what cannot be looked at
 * cannot be vouched for.
 * @module
 */
import ipaddr from 'ipaddr.js';
import { type Address, ANY, fromOctets } from '../stack/base/address.ts';
import * as arp from '../stack/wire/arp.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import * as ipv4 from '../stack/wire/ipv4.ts';
import { SwitchDrop } from './drops.ts';
import type { Frame } from './frame.ts';

export class Pins {
  readonly #macs: readonly { readonly hi: number; readonly lo: number }[];
  readonly #addresses: readonly Address[];

  /** Literals. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for what is none. */
  constructor(macs: readonly string[], addresses: readonly string[]) {
    this.#macs = macs.map(readMac);
    this.#addresses = addresses.map(readAddress);
  }

  /** Whether a valid frame may come from here: `SwitchDrop.NONE`, or why not. */
  check(frame: Frame): SwitchDrop {
    const { view, start } = frame;
    if (this.#macs.length > 0) {
      const hi = ethernet.sourceHi(view, start);
      if (!this.#hasMac(hi, ethernet.sourceLo(view, start))) return SwitchDrop.PINNED_MAC;
    }
    return this.#addresses.length === 0 || this.#mayBe(frame)
      ? SwitchDrop.NONE
      : SwitchDrop.PINNED_IP;
  }

  #mayBe({ view, start, at, length }: Frame): boolean {
    const from = ethernet.payload(view, start);
    const left = at + length - from;
    const type = ethernet.type(view, start);
    if (type === ethernet.EtherType.IPV4) {
      if (left < ipv4.MIN_LEN) return false;
      const source = ipv4.source(view, from);
      return source === ANY || this.#addresses.includes(source); // who has no address yet asks by DHCP
    }
    if (type !== ethernet.EtherType.ARP || !arp.valid(view, from, left)) return false;
    const sender = arp.sender(view, from);
    // RFC 5227 §2.1.1: a probe has no sender. Whom a packet names must be who sent it.
    if (sender !== ANY && !this.#addresses.includes(sender)) return false;
    return (
      arp.senderHi(view, from) === ethernet.sourceHi(view, start) &&
      arp.senderLo(view, from) === ethernet.sourceLo(view, start)
    );
  }

  #hasMac(hi: number, lo: number): boolean {
    for (const mac of this.#macs) if (mac.hi === hi && mac.lo === lo) return true;
    return false;
  }
}

function readMac(text: string): { readonly hi: number; readonly lo: number } {
  const mac = ethernet.parse(text);
  if (mac !== undefined && !ethernet.isGroup(mac.hi)) return mac;
  throw wrong('mac', text, 'it must be the address of one station, as 02:00:5e:00:53:01');
}

function readAddress(text: string): Address {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) {
    throw wrong('ip', text, 'it must be an address of IPv4');
  }
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text).octets;
  return fromOctets(a, b, c, d);
}

const wrong = (name: string, value: string, hint: string): TypeError =>
  Object.assign(new TypeError(`${name} is ${JSON.stringify(value)}: ${hint}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
