/**
 * An interface: a device as the internet layer sees it, with its addresses and its queue out.
 * RFC 1122 §3.3.1, §3.4.
 *
 * Addresses are changed through `Routes`, which keeps what it derives from them; groups through
 * `Multicast`.
 * @module
 */
import { type Address, ANY, directedBroadcast, inPrefix, isIPv6 } from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import type { Drop } from '../base/drop.ts';
import * as virtio from '../wire/virtio.ts';
import { Pair } from './pair.ts';
import { PacketQueue } from './queue.ts';

/** How an interface hands packets on; what `device.write` and `device.flush` are to a device. */
export interface Transmitter {
  /** `at`: the first byte, the device's own header included. False: not now, and not taken. */
  write(at: number, length: number): boolean;
  /**
   * What `device.gather` is, of a device that has it: bytes from elsewhere that follow those of the next
   * `write`. False: not so, and what was gathered before is forgotten.
   */
  gather?: ((bytes: Uint8Array, from: number, length: number) => boolean) | undefined;
  /** What `device.cork` is, of a device that has it: until `flush` gathered bytes may be left where they lie. */
  cork?: (() => void) | undefined;
  flush(): void;
}

/** What an interface's device can do for the stack; all false without offload. */
export interface Offload {
  /** A transport checksum may be left begun, with only the pseudo-header's sum in place. */
  readonly checksum: boolean;
  /** A TCP segment over IPv4 may be up to 65 535 bytes long and is cut by the device. */
  readonly tso4: boolean;
  /** Likewise UDP datagrams. */
  readonly uso4: boolean;
  /** Both over IPv6; left out: no. */
  readonly tso6?: boolean;
  readonly uso6?: boolean;
}

export const NO_OFFLOAD: Offload = {
  checksum: false,
  tso4: false,
  uso4: false,
  tso6: false,
  uso6: false,
};

/** True if the device cuts segments of TCP, or datagrams of UDP, over this version of IP. */
export function cuts(offload: Offload, ipv6: boolean, isTcp: boolean): boolean {
  if (ipv6) return (isTcp ? offload.tso6 : offload.uso6) === true;
  return isTcp ? offload.tso4 : offload.uso4;
}

/**
 * Neighbours of IPv6 and their states, as Neighbour Discovery tells a link of them. RFC 4861 §7.2, §7.3.
 * A hardware address is two numbers, its first 16 and its last 32 bits.
 */
export interface NeighbourTable {
  /** RFC 4861 §6.3.2: how long who was confirmed counts as there, and how long an answer may take. */
  reachableTime: Micros;
  retransmit: Micros;
  /**
   * One said of itself that it has `address`. `solicited`: it was asked. `create`: it is one to talk to, and is
   * remembered if it was not known. RFC 4861 §7.2.3.
   */
  heard(
    address: Address,
    hi: number,
    lo: number,
    solicited: boolean,
    create: boolean,
    now: Micros,
  ): void;
  /** One advertised itself. RFC 4861 §7.2.5. */
  advertised(
    address: Address,
    hasLink: boolean,
    hi: number,
    lo: number,
    solicited: boolean,
    override: boolean,
    isRouter: boolean,
    now: Micros,
  ): void;
  /** It passes packets on, by its own word. RFC 4861 §6.3.4. */
  markRouter(address: Address): void;
}

/**
 * What puts an interface's packets into frames and takes them out again, where its device carries frames:
 * the internet layer's view of `link/`. RFC 1122 §2.
 */
export interface Link {
  /** Our own hardware address: its first 16 and its last 32 bits. */
  readonly hi: number;
  readonly lo: number;
  readonly neighbours6: NeighbourTable;
  /** Whose frame it was that `receive` took. */
  readonly fromHi: number;
  readonly fromLo: number;
  /** Bytes of its header before each packet. */
  readonly headerLength: number;
  /** Where the packet of the frame that `receive` took begins; -1: there is none, the link kept it. */
  readonly packetAt: number;
  /** Whether that frame was for us alone. RFC 1122 §2.4: said to whoever looks at the packet. */
  readonly unicast: boolean;
  /** Take in the frame of `length` bytes at `at`. */
  receive(at: number, length: number): Drop;
  /** True if a packet for `nextHop` can leave at once. */
  knows(nextHop: Address): boolean;
  /**
   * Write the link's header before the packet of `length` bytes at `ip`. False: its slot is taken, for it
   * waits until the next hop's hardware address is known, or was dropped.
   */
  frame(nextHop: Address, ip: number, length: number): boolean;
  /** Our addresses on the interface have changed. */
  addressesChanged(): void;
  /** Do what is due. */
  expire(now: Micros): void;
  /** When to call `expire` next. */
  deadline(): Micros;
  /** The device is gone. */
  close(): void;
}

/** How many packets wait for an interface unless its options say otherwise. */
export const DEFAULT_QUEUE_LIMIT = 1024;

/** An address of ours and the prefix it lies in. */
export interface Prefix {
  readonly address: Address;
  /** Length of the prefix, 0 to the address's width. */
  readonly bits: number;
  /** True past its preferred lifetime: good for what is open, and not for what begins. RFC 4862 §5.5.4. */
  deprecated?: boolean;
  /** RFC 8981. */
  temporary?: boolean;
}

export interface InterfaceOptions {
  readonly name: string;
  readonly mtu: number;
  readonly headerLength: number;
  readonly offload: Offload;
  readonly out: Transmitter;
  /** The most packets that wait for the device. `DEFAULT_QUEUE_LIMIT` unless set. */
  readonly queueLimit?: number;
  /** See `Interface.acceptAny`. */
  readonly acceptAny?: boolean;
  /** Makes the link of a device that carries frames. */
  readonly link?: (iface: Interface) => Link;
}

export class Interface {
  /** 1 for the first; 0 is the loopback interface. */
  readonly index: number;
  readonly name: string;
  /** The longest packet, in bytes. Changed through `Internet.setMtu`, which ends what was derived from it. */
  mtu: number;
  /** Bytes of the device's own header before each packet: 0, 10 or 12. */
  readonly headerLength: number;
  /** What its packets travel in; null where the device carries packets. */
  readonly link: Link | null;
  /** Bytes before the network header: the device's own header, and the link's. */
  readonly lead: number;
  readonly offload: Offload;
  readonly out: Transmitter;
  readonly addresses: Prefix[] = [];
  /** Packets that the device could not take, oldest first; drained by `output`. */
  readonly queue: PacketQueue;
  /**
   * Take in packets to every unicast address as if it were ours. For those who answer for others,
   * as a gateway that ends every flow itself.
   */
  acceptAny: boolean;
  /** False once the device is gone: nothing is sent any more. */
  up = true;
  /** The first of `addresses` of IPv4, or `ANY`: what most packets are for. */
  primary: Address = ANY;
  /** The first of IPv6 that is not link-local, or `ANY`. */
  primary6: Address = ANY;
  /** The link-local one, or `ANY`. */
  linkLocal: Address = ANY;
  /** The source of IPv4 that was last found good here, or `ANY`: the next packet is likely to be from there too. */
  soundSource: Address = ANY;
  /** The same of IPv6, and of the destination. */
  readonly pair: Pair = new Pair();
  /** True once it speaks IPv6: it has a link-local address then, and takes such packets in. */
  ipv6 = false;
  /** True once it configures itself for IPv6, though all its addresses may be tentative. RFC 4862 §5. */
  speaksIPv6 = false;
  /** What a router says of hop limits and of IPv6's MTU; 0: nothing. RFC 4861 §6.3.4. */
  hopLimit = 0;
  mtu6 = 0;
  /** Written to since the last flush. */
  touched = false;
  /** Groups that are listened to, and how many listen. RFC 1112 §7. */
  readonly groups: Map<Address, number> = new Map();
  /**
   * Of the loopback interface: a link-local address of a packet, which names no link there, as that of ours which it
   * is; elsewhere as it is. RFC 4007 §6.
   */
  own: (address: Address) => Address = (address) => address;

  constructor(options: InterfaceOptions & { readonly index: number }) {
    this.index = options.index;
    this.name = options.name;
    this.mtu = options.mtu;
    this.headerLength = options.headerLength;
    this.offload = options.offload;
    this.out = options.out;
    this.queue = new PacketQueue(options.queueLimit ?? DEFAULT_QUEUE_LIMIT);
    this.acceptAny = options.acceptAny ?? false;
    this.link = options.link?.(this) ?? null;
    this.lead = this.headerLength + (this.link?.headerLength ?? 0);
  }

  /** Write the device's header, if it has one, of the packet at `ip`: it goes as it is. */
  clearHeader(v: DataView, ip: number): void {
    if (this.headerLength !== 0) virtio.clear(v, ip - this.lead, this.headerLength);
  }

  /** The longest packet of a family: of IPv6's (`ipv6`) a router may have said less. */
  mtuOf(ipv6: boolean): number {
    return ipv6 && this.mtu6 !== 0 ? Math.min(this.mtu, this.mtu6) : this.mtu;
  }

  get isLoopback(): boolean {
    return this.index === 0;
  }

  /** True if `address` is the directed broadcast address of one of our prefixes. */
  isBroadcast(address: Address): boolean {
    for (const p of this.addresses) {
      if (p.bits >= 31 || isIPv6(p.address)) continue; // IPv6 has none
      if (address === directedBroadcast(p.address, p.bits)) return true;
    }
    return false;
  }

  /** True if `address` lies in one of our prefixes. */
  isOnLink(address: Address): boolean {
    for (const p of this.addresses) if (inPrefix(address, p.address, p.bits)) return true;
    return false;
  }
}
