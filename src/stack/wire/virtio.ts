/**
 * The virtio_net_hdr that stands before each packet of a device with offload: which checksum is only
 * begun, and how large the segments are that an oversized packet is to be cut into.
 * virtio 1.2 §5.1.6; Linux `include/uapi/linux/virtio_net.h`.
 *
 * Its fields are little-endian, as those of every host are that a TUN gives them to.
 * @module
 */

const AT = { flags: 0, gsoType: 1, hdrLen: 2, gsoSize: 4, csumStart: 6, csumOffset: 8 } as const;

export const LEN = 10;
/** With the number of merged buffers after it, which a TUN leaves 0. */
export const MERGEABLE_LEN = 12;

/** Bits of `flags`. Virtio 1.2 §5.1.6. */
export const Flag = {
  /** The checksum is only begun: sum from `csumStart` on, put it `csumOffset` bytes after that. */
  NEEDS_CSUM: 1,
  /** The device has verified the checksum. */
  DATA_VALID: 2,
} as const;

/** Values of `gsoType`. Virtio 1.2 §5.1.6. */
export const Gso = {
  NONE: 0,
  TCPV4: 1,
  /** Datagrams that are to be fragmented by IP. */
  UDP: 3,
  TCPV6: 4,
  /** Datagrams that are to be cut, each with its own header. */
  UDP_L4: 5,
  /** Set beside one of TCP's: CWR belongs into the first segment only (RFC 3168 §6.1.2). */
  ECN: 0x80,
} as const;

/** What stands for segments of TCP, or datagrams of UDP, over this version of IP. */
export const gsoOf = (ipv6: boolean, isTcp: boolean): number =>
  isTcp ? (ipv6 ? Gso.TCPV6 : Gso.TCPV4) : Gso.UDP_L4;

/** Bits of `Flag`. */
export const flags = (v: DataView, at: number): number => v.getUint8(at + AT.flags);
/** One of `Gso`. */
export const gsoType = (v: DataView, at: number): number => v.getUint8(at + AT.gsoType);
/** Bytes of headers before the text; a hint, not to be trusted. */
export const hdrLen = (v: DataView, at: number): number => v.getUint16(at + AT.hdrLen, true);
/** Bytes of text in each segment but the last. */
export const gsoSize = (v: DataView, at: number): number => v.getUint16(at + AT.gsoSize, true);
/** From the first byte of the packet after this header. */
export const csumStart = (v: DataView, at: number): number => v.getUint16(at + AT.csumStart, true);
/** From `csumStart`. */
export const csumOffset = (v: DataView, at: number): number =>
  v.getUint16(at + AT.csumOffset, true);

/** The ten bytes; see `clear` for a header that has two more. */
export function write(
  v: DataView,
  at: number,
  flags: number,
  gsoType: number,
  hdrLen: number,
  gsoSize: number,
  csumStart: number,
  csumOffset: number,
): void {
  v.setUint8(at + AT.flags, flags);
  v.setUint8(at + AT.gsoType, gsoType);
  v.setUint16(at + AT.hdrLen, hdrLen, true);
  v.setUint16(at + AT.gsoSize, gsoSize, true);
  v.setUint16(at + AT.csumStart, csumStart, true);
  v.setUint16(at + AT.csumOffset, csumOffset, true);
}

/** A header of `length` bytes, 10 or 12, that asks for nothing: the packet goes as it is. */
export function clear(v: DataView, at: number, length: number): void {
  for (let i = 0; i < length; i += 2) v.setUint16(at + i, 0);
}

/** The network header stands `by` bytes further back (or to the front) than it did: a tag came or went. */
export function shift(v: DataView, at: number, by: number): void {
  if ((flags(v, at) & Flag.NEEDS_CSUM) !== 0) {
    v.setUint16(at + AT.csumStart, csumStart(v, at) + by, true);
  }
  if (gsoType(v, at) !== Gso.NONE) v.setUint16(at + AT.hdrLen, hdrLen(v, at) + by, true);
}
