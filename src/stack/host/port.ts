/**
 * A device that is attached, and the interfaces on it: one, or one for each VLAN of which the stack is on it.
 * IEEE 802.1Q §9.6.
 * @module
 */
import { type Device, NO_OFFLOAD } from '../../device/device.ts';
import type { Interface, InterfaceOptions } from '../ip/interface.ts';
import { NO_SLOT, type Slots } from '../memory/slots.ts';
import * as ethernet from '../wire/ethernet.ts';

/** An interface, and whose frames are its. */
export interface VlanInterface {
  /** 1 to 4094; 0: of those without a tag. */
  readonly vlan: number;
  readonly iface: Interface;
  /** The longest packet that its user wants; `Infinity`: what the device carries. */
  readonly most: number;
}

/** What the loop must know of a device. */
export interface Port {
  readonly device: Device;
  /** The first that was made: of those frames too that are nobody's, to count them. */
  readonly iface: Interface;
  /** All of them. */
  readonly vlans: VlanInterface[];
  /** How many batches in a row were of one packet. */
  lone: number;
  readonly ahead: Ahead;
}

/** Packets that may have been read before their turn; a power of two. */
const AHEAD = 64;

/** Packets that were read where they lay with who sent them, and wait for the turn that takes them in. */
export class Ahead {
  readonly #slots: Slots;
  readonly #slot = new Int32Array(AHEAD);
  readonly #length = new Int32Array(AHEAD);
  #first = 0;
  #count = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  get count(): number {
    return this.#count;
  }

  /** Read one, with `lead` bytes of room before it; not where there are many, or few slots: it waits with the device. */
  read(device: Device, lead: number): void {
    const slots = this.#slots;
    if (this.#count === AHEAD || !slots.ample) return;
    const slot = slots.acquire();
    const length = device.read(slot + lead, slots.size - lead);
    if (length === 0) {
      slots.release(slot);
      return;
    }
    const place = (this.#first + this.#count++) & (AHEAD - 1);
    this.#slot[place] = slot;
    this.#length[place] = length;
  }

  /** The length of the first one, which is to be asked before `shift`; 0 if there is none. */
  get length(): number {
    return this.#count === 0 ? 0 : (this.#length[this.#first] as number); // the mask keeps it inside
  }

  /** The slot of the first one, which is the caller's from now on. */
  shift(): number {
    if (this.#count === 0) return NO_SLOT;
    const slot = this.#slot[this.#first] as number; // likewise
    this.#first = (this.#first + 1) & (AHEAD - 1);
    this.#count--;
    return slot;
  }

  /** The device is gone, and so are they. */
  drop(): void {
    while (this.#count > 0) this.#slots.release(this.shift());
  }
}

/**
 * After so many batches of one packet the next ones are taken to be so too, as requests in turn bring
 * them: a device is not asked for a second packet, which costs it a system call. It tells again if there is
 * one. One in so many asks all the same, and a longer batch ends it.
 */
const LONE = 4;
const LOOK_AGAIN = 16;

export const isLone = ({ lone }: Port): boolean => lone >= LONE && lone % LOOK_AGAIN !== 0;

/** What an interface of `device` is to be, for the frames of `vlan`, or for those without a tag if that is 0. */
export function traitsOf(
  device: Device,
  mtu: number,
  vlan: number,
): Omit<InterfaceOptions, 'link'> {
  return {
    name: vlan === 0 ? device.name : `${device.name}.${vlan}`,
    mtu,
    headerLength: device.headerLength,
    offload: device.offload ?? NO_OFFLOAD,
    out: {
      write: (at, length) => device.write(at, length),
      gather: device.gather && ((bytes, from, n) => device.gather?.(bytes, from, n) === true),
      flush: () => device.flush(),
    },
  };
}

/** Whether the stack is on this VLAN of it. */
export const hasVlan = ({ vlans }: Port, vlan: number): boolean =>
  vlans.some((one) => one.vlan === vlan);

/** The device carries longer or shorter packets than it did. */
export function resize(
  { device, vlans }: Port,
  set: (iface: Interface, mtu: number) => void,
): void {
  for (const { iface, most } of vlans) set(iface, Math.min(device.mtu, most));
}

/** Whose the frame of `length` bytes at `at` is. */
export function interfaceOf(
  { iface, vlans }: Port,
  v: DataView,
  at: number,
  length: number,
): Interface {
  if (vlans.length === 1) return iface;
  const frame = at + iface.headerLength;
  if (!ethernet.valid(v, frame, length - iface.headerLength)) return iface;
  const vlan = ethernet.isTagged(v, frame) ? ethernet.vlan(v, frame) : 0;
  for (const one of vlans) if (one.vlan === vlan) return one.iface;
  return iface;
}
