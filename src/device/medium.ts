/**
 * What a device carries, and how long it may be: IP packets (TUN), or Ethernet frames (TAP).
 * IEEE 802.3 §3.2, 802.1Q §9.
 * @module
 */
import type { DeviceOffload } from './device.ts';

/** `ip`: packets, the default. `ethernet`: frames, from the destination's address on, without FCS. */
export type Medium = 'ip' | 'ethernet';

/** Destination, source and type. */
const ETHERNET_HEADER = 14;
/** The same with one VLAN tag, which a frame may have beyond the MTU. */
const TAGGED_HEADER = 18;
/** What an IPv4 header can say, RFC 791 §3.1, and what a segment before offload may have. */
const LONGEST_IP = 65_535;
/** struct virtio_net_hdr without `num_buffers`: virtio 1.2 §5.1.6. */
export const VIRTIO_HEADER = 10;

/** The longest packet or frame that can be read, in bytes, without a virtio header. */
export function longestPacket(medium: Medium, mtu: number, offload: DeviceOffload): number {
  const packet = offload.tso4 || offload.uso4 ? LONGEST_IP : mtu;
  return packet + (medium === 'ethernet' ? TAGGED_HEADER : 0);
}

/** Where the IP header stands, behind a virtio header of `headerLength` bytes and a frame's own. */
export const networkOffset = (medium: Medium, headerLength: number): number =>
  headerLength + (medium === 'ethernet' ? ETHERNET_HEADER : 0);
