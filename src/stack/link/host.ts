/**
 * What a link knows of its interface, and asks of the stack around it. RFC 1122 §2.
 * @module
 */
import type { Address } from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import type { Drop } from '../base/drop.ts';
import type { Random } from '../base/random.ts';
import type { Slots } from '../memory/slots.ts';

/** The interface, as its link sees it. */
export interface LinkInterface {
  readonly addresses: readonly { readonly address: Address; readonly bits: number }[];
  /** Bytes of the device's own header before each frame. */
  readonly headerLength: number;
  /** True once it speaks IPv6. */
  readonly ipv6: boolean;
  isBroadcast(address: Address): boolean;
  isOnLink(address: Address): boolean;
  clearHeader(v: DataView, at: number): void;
}

/** What a link needs of the stack. */
export interface LinkHost {
  readonly slots: Slots;
  readonly random: Random;
  /** The time of the batch that is being worked on. */
  readonly now: Micros;
  /** Hand the frame whose payload of `length` bytes is at `at` to the device. Takes its slot. */
  put(at: number, length: number): void;
  /** Nobody answers for the next hop of the packet at `ip`. Takes its slot. */
  unreachable(ip: number, length: number): void;
  /** A packet on its way out is dropped. */
  drop(reason: Drop): void;
  /** Another station says that it has an address of ours. */
  conflict(address: Address, hi: number, lo: number): void;
  /** Ask by Neighbour Discovery who has an IPv6 address: everyone, or the neighbour itself. RFC 4861 §7.2.2. */
  solicit(address: Address, everyone: boolean): void;
  /** An IPv6 neighbour answers (`there`) or does no more, or is a router no more. RFC 4861 §6.3.6. */
  neighbourChanged(address: Address, there: boolean, isRouter: boolean): void;
}
