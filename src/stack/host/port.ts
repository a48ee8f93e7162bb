/**
 * A device that is attached, and the interfaces on it: one, or one for each VLAN of which the stack is on it.
 * IEEE 802.1Q §9.6.
 * @module
 */
import { type Device, NO_OFFLOAD } from '../../device/device.ts';
import { bringsOne } from '../base/batch.ts';
import type { Interface, InterfaceOptions } from '../ip/interface.ts';
import { HEADROOM } from '../memory/slots.ts';
import * as ethernet from '../wire/ethernet.ts';
import type { Ahead } from './ahead.ts';

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

export const isLone = ({ lone }: Port): boolean => bringsOne(lone);

/** Bytes of a packet before its text, if that begins at `text` of the slot and may be read apart; 0: it may not. */
export function headOf({ device, iface, vlans }: Port, text: number): number {
  if (text === 0 || device.readSplit === undefined || iface.link !== null) return 0;
  return iface.offload.checksum && vlans.length === 1 ? text - HEADROOM + iface.lead : 0;
}

/** It has brought `taken` packets and has no more. True. */
export function isEmpty(port: Port, taken: number): true {
  if (taken > 0) port.lone = taken === 1 ? port.lone + 1 : 0;
  return true;
}

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
      cork: device.cork && (() => device.cork?.()),
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
