/**
 * The packet that is being taken in, as the layers above IP see it: where it lies and what is known.
 *
 * One instance a stack, filled again for every packet; nobody keeps it. Whoever wants to keep the
 * bytes retains the slot (`slots.retain(slots.slotOf(packet.at))`), unless the packet is `transient`,
 * or copies them out.
 * @module
 */
import { type Address, ANY } from '../base/address.ts';
import * as checksums from '../wire/checksum.ts';
import * as ipv4 from '../wire/ipv4.ts';
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

export class Packet {
  /** Where it came in. Set before any handler sees the packet. */
  iface!: Interface;
  /** Offset of the network header in the slots' memory. */
  at = 0;
  /** Bytes of the network packet, header included, as its header says. */
  length = 0;
  source: Address = ANY;
  destination: Address = ANY;
  protocol = 0;
  /** Offset of the transport header. */
  body = 0;
  /** Bytes from `body` to the end. */
  bodyLength = 0;
  ttl = 0;
  /** Traffic class: DSCP in the high six bits, ECN in the low two (RFC 3168 §5). */
  tos = 0;
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
    const headerLen = ipv4.headerLen(v, at);
    this.length = ipv4.totalLen(v, at);
    this.source = ipv4.source(v, at);
    this.destination = ipv4.destination(v, at);
    this.protocol = ipv4.protocol(v, at);
    this.body = at + headerLen;
    this.bodyLength = this.length - headerLen;
    this.ttl = ipv4.ttl(v, at);
    this.tos = ipv4.tos(v, at);
    this.pseudo = checksums.pseudo(this.source, this.destination, this.protocol);
  }
}
