/**
 * Why a switch drops a frame: small numbers, counted at the port where it happens.
 * @module
 */

/** Each names the counter that it has in `SwitchPort.stats().drops`. */
export const SwitchDrop = {
  NONE: 0,
  /** Too short for a header, or for the tag that it announces. */
  SHORT: 1,
  /** The source is a group, or nothing. IEEE 802.3 §3.2.3. */
  SOURCE: 2,
  /** 01-80-C2-00-00-0x: between neighbours only. IEEE 802.1Q §8.6.3. */
  RESERVED: 3,
  /** The port does not carry this VLAN, or takes no tags. IEEE 802.1Q §8.6.2. */
  VLAN: 4,
  /** The source is not one that the port is pinned to. */
  PINNED_MAC: 5,
  /** Likewise its IP address, in a packet or in ARP. */
  PINNED_IP: 6,
  /** A hook said so. */
  HOOK: 7,
  /** More frames to everyone than the port may send. */
  STORM: 8,
  /** Its destination is at the port that it came from. */
  REFLECTED: 9,
  /** Both ports are isolated. */
  ISOLATED: 10,
  /** Longer than the port out carries. */
  TOO_LONG: 11,
  /** The port out is slow, and enough waits for it. */
  QUEUE_FULL: 12,
  /** It came back to the switch by another port. */
  LOOP: 13,
  /** What its virtio header says of it cannot be meant. */
  OFFLOAD: 14,
} as const;
export type SwitchDrop = (typeof SwitchDrop)[keyof typeof SwitchDrop];

/** How many there are, `NONE` included. */
export const SWITCH_DROP_COUNT: number = Object.keys(SwitchDrop).length;

/** `queueFull` for `QUEUE_FULL`. */
export const switchDropName = (drop: SwitchDrop): string => NAMES[drop] as string; // all are there

const NAMES = Object.keys(SwitchDrop).map((name) =>
  name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
);
