/**
 * ARP packet of IPv4 over Ethernet, read and written in place. RFC 826; numbers of RFC 5494.
 *
 * Ask `valid` first; after a yes no accessor can reach outside the packet. Hardware addresses are two
 * numbers, as in `ethernet.ts`.
 * @module
 */
import { type Address, fromBits } from '../base/address.ts';
import { EtherType } from './ethernet.ts';

const AT = {
  hardware: 0,
  protocol: 2,
  lengths: 4,
  operation: 6,
  senderHardware: 8,
  sender: 14,
  targetHardware: 18,
  target: 24,
} as const;

/** Of IPv4 over Ethernet; the frame may be padded behind it. */
export const LEN = 28;

/** What is asked or told. RFC 826, ar$op. */
export const Operation = { REQUEST: 1, REPLY: 2 } as const;

const ETHERNET = 1;
/** Six octets of hardware address and four of protocol address. */
const LENGTHS = 0x0604;

/** True if `len` bytes hold an ARP packet of IPv4 over Ethernet. */
export const valid = (v: DataView, at: number, len: number): boolean =>
  len >= LEN &&
  v.getUint16(at + AT.hardware) === ETHERNET &&
  v.getUint16(at + AT.protocol) === EtherType.IPV4 &&
  v.getUint16(at + AT.lengths) === LENGTHS;

/** One of `Operation`, or what else stands there. */
export const operation = (v: DataView, at: number): number => v.getUint16(at + AT.operation);
/** The first 16 bits of the sender’s hardware address. */
export const senderHi = (v: DataView, at: number): number => v.getUint16(at + AT.senderHardware);
/** The other 32 bits, signed. */
export const senderLo = (v: DataView, at: number): number => v.getInt32(at + AT.senderHardware + 2);
/** The sender’s protocol address. */
export const sender = (v: DataView, at: number): Address => fromBits(v.getInt32(at + AT.sender));
/** The first 16 bits of the target’s hardware address; 0 in a request. */
export const targetHi = (v: DataView, at: number): number => v.getUint16(at + AT.targetHardware);
/** The other 32 bits, signed. */
export const targetLo = (v: DataView, at: number): number => v.getInt32(at + AT.targetHardware + 2);
/** The protocol address that is asked for. */
export const target = (v: DataView, at: number): Address => fromBits(v.getInt32(at + AT.target));

/** A whole packet. In a request the target's hardware address is 0 0. */
export function write(
  v: DataView,
  at: number,
  operation: number,
  senderHi: number,
  senderLo: number,
  sender: Address,
  targetHi: number,
  targetLo: number,
  target: Address,
): void {
  v.setUint16(at + AT.hardware, ETHERNET);
  v.setUint16(at + AT.protocol, EtherType.IPV4);
  v.setUint16(at + AT.lengths, LENGTHS);
  v.setUint16(at + AT.operation, operation);
  v.setUint16(at + AT.senderHardware, senderHi);
  v.setInt32(at + AT.senderHardware + 2, senderLo);
  v.setInt32(at + AT.sender, sender);
  v.setUint16(at + AT.targetHardware, targetHi);
  v.setInt32(at + AT.targetHardware + 2, targetLo);
  v.setInt32(at + AT.target, target);
}
