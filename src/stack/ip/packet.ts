/**
 * The packet that is being taken in, as the layers above IP see it: where it lies and what is known.
 *
 * One instance a stack, filled again for every packet; nobody keeps it. Whoever wants to keep the
 * bytes retains the slot (`slots.retain(slots.slotOf(packet.at))`), unless the packet is `transient`,
 * or copies them out; and `hold`s the addresses.
 * @module
 */
import { type Address, ANY } from '../base/address.ts';
import * as checksums from '../wire/checksum.ts';
import * as extension from '../wire/extension.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { Protocol } from '../wire/protocol.ts';
import * as virtio from '../wire/virtio.ts';
import type { Interface } from './interface.ts';

/** What is known of the transport checksum. */
export const Check = {
  /** Nothing: whoever reads the packet verifies it. */
  NEEDED: 0,
  /** The device vouches for it. */
  DONE: 1,
  /** Only begun (the pseudo-header's sum): the packet never was on a wire, and is good as it is. */
  BEGUN: 2,
} as const;
export type Check = (typeof Check)[keyof typeof Check];

/** In `Packet.fragment`, as in IPv4's header: there are more, and the offset in units of 8 bytes. */
const MORE = 0x2000;
const OFFSET = 0x1fff;

export class Packet {
  /** Where it came in. Set before any handler sees the packet. */
  iface!: Interface;
  /** True if its version is 6. */
  ipv6 = false;
  /** Offset of the network header in the slots' memory. */
  at = 0;
  /** Bytes of the network packet, header included, as its header says. */
  length = 0;
  source: Address = ANY;
  destination: Address = ANY;
  /** Of what is at `body`. */
  protocol = 0;
  /** Offset of the transport header; in a fragment, of what the fragment brings. */
  body = 0;
  /** Bytes from `body` to the end. */
  bodyLength = 0;
  /** IPv6: the hop limit. */
  ttl = 0;
  /** Traffic class: DSCP in the high six bits, ECN in the low two (RFC 3168 §5). */
  tos = 0;
  /** Not 0 for each piece of a fragmented packet, the first and the last included. */
  fragment = 0;
  /** Partial checksum of addresses and protocol, without the length. See `wire/checksum.ts`. */
  pseudo = 0;
  check: Check = Check.NEEDED;
  /** Bytes of text in each of the segments that an offloaded packet stands for; 0: it is one. */
  gsoSize = 0;
  /** False if the destination is a broadcast or multicast address. */
  unicast = true;
  /**
   * True if it lies in the slots' scratch memory, as what was put together from fragments does: its
   * bytes are gone after the call, and can be copied but not retained.
   */
  transient = false;
  /** What follows the headers at `at`, where it was read apart from them: TCP's text, and all of it (`internet/split.ts`). */
  rest: Uint8Array | null = null;
  /** IPv6: its addresses are those of the interface's `pair`. */
  familiar = false;
  /** IPv6: what the walk along the extension headers came to, and what it found; `UPPER` of IPv4. */
  found: extension.Found = extension.Found.UPPER;
  readonly chain: extension.Chain = new extension.Chain();

  /** Bytes before this piece in the packet that it belongs to. */
  get fragmentOffset(): number {
    return (this.fragment & OFFSET) * 8;
  }

  get moreFragments(): boolean {
    return (this.fragment & MORE) !== 0;
  }

  /** Fill in what the device's header says of the packet at `at`; nothing, without one. */
  readDeviceHeader(v: DataView, iface: Interface): void {
    this.check = Check.NEEDED;
    this.gsoSize = 0;
    if (iface.headerLength === 0) return;
    const at = this.at - iface.lead;
    const flags = virtio.flags(v, at);
    if ((flags & virtio.Flag.NEEDS_CSUM) !== 0) this.check = Check.BEGUN;
    else if ((flags & virtio.Flag.DATA_VALID) !== 0) this.check = Check.DONE;
    if (virtio.gsoType(v, at) !== virtio.Gso.NONE) this.gsoSize = virtio.gsoSize(v, at);
  }

  /** Fill in what the network header at `at` says, which is known to be valid. */
  read(v: DataView): void {
    const { at } = this;
    if (ipv4.version(v, at) !== ipv4.VERSION) {
      this.#readIPv6(v);
      return;
    }
    const headerLen = ipv4.headerLen(v, at);
    this.ipv6 = false;
    this.found = extension.Found.UPPER;
    this.length = ipv4.totalLen(v, at);
    this.source = ipv4.source(v, at);
    this.destination = ipv4.destination(v, at);
    this.protocol = ipv4.protocol(v, at);
    this.fragment = ipv4.flagsAndOffset(v, at) & (MORE | OFFSET);
    this.body = at + headerLen;
    this.bodyLength = this.length - headerLen;
    this.ttl = ipv4.ttl(v, at);
    this.tos = ipv4.tos(v, at);
    this.pseudo = checksums.pseudo(this.source, this.destination, this.protocol);
  }

  #readIPv6(v: DataView): void {
    const { at, chain } = this;
    const { pair, index: zone } = this.iface;
    this.ipv6 = true;
    this.length = ipv6.totalLen(v, at);
    this.familiar = pair.isOf(v, at);
    if (this.familiar) {
      this.source = pair.source;
      this.destination = pair.destination;
    } else this.#readAddresses(v, zone);
    this.ttl = ipv6.hopLimit(v, at);
    this.tos = ipv6.trafficClass(v, at);
    this.fragment = 0;
    const next = ipv6.nextHeader(v, at);
    this.protocol = next;
    this.body = at + ipv6.HEADER_LEN;
    if (next === Protocol.TCP || next === Protocol.UDP) {
      this.found = extension.Found.UPPER; // there is no chain: what nearly every packet is
      chain.fragment = -1;
      chain.nextAt = at + NEXT_AT;
    } else this.#walk(v);
    this.bodyLength = at + this.length - this.body;
    this.pseudo = this.familiar
      ? pair.sum + (this.protocol << 8)
      : checksums.pseudo(this.source, this.destination, this.protocol);
  }

  #readAddresses(v: DataView, zone: number): void {
    this.source = ipv6.source(v, this.at, zone);
    this.destination = ipv6.destination(v, this.at, zone);
    if (zone !== LOOPBACK) return;
    this.source = this.iface.own(this.source);
    this.destination = this.iface.own(this.destination);
  }

  #walk(v: DataView): void {
    const { at, chain } = this;
    this.found = extension.walk(v, at, at + this.length, chain);
    this.protocol = chain.next;
    this.body = chain.body;
    if (this.found !== extension.Found.FRAGMENT) return;
    const header = chain.fragment;
    const more = extension.moreFragments(v, header) ? MORE : 0;
    this.fragment = (extension.fragmentOffset(v, header) >> 3) | more;
    this.protocol = extension.nextHeader(v, header);
    this.body = header + extension.FRAGMENT_LEN;
  }
}

/** The index of the loopback interface. */
const LOOPBACK = 0;
/** Where IPv6's header says what follows it. */
const NEXT_AT = 6;
