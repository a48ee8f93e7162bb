/**
 * UDP header, read and written in place. RFC 768.
 *
 * Ask `valid` first; after a yes no accessor can reach outside the datagram.
 * @module
 */

const AT = { src: 0, dst: 2, length: 4, checksum: 6 } as const;

export const HEADER_LEN = 8;

/** True if `len` bytes hold the header and the datagram it announces (it may be shorter). */
export function valid(v: DataView, at: number, len: number): boolean {
  if (len < HEADER_LEN) return false;
  const announced = length(v, at);
  return announced >= HEADER_LEN && announced <= len;
}

/** 0 to 65535; 0: none. */
export const srcPort = (v: DataView, at: number): number => v.getUint16(at + AT.src);
/** 0 to 65535. */
export const dstPort = (v: DataView, at: number): number => v.getUint16(at + AT.dst);
/** Header and data, in bytes. */
export const length = (v: DataView, at: number): number => v.getUint16(at + AT.length);
/** 0 says that the sender made none. */
export const checksum = (v: DataView, at: number): number => v.getUint16(at + AT.checksum);

/** `length` counts the header; the checksum is left 0. */
export function write(v: DataView, at: number, src: number, dst: number, length: number): void {
  v.setUint16(at + AT.src, src);
  v.setUint16(at + AT.dst, dst);
  v.setUint16(at + AT.length, length);
  v.setUint16(at + AT.checksum, 0);
}

/** Write the length of header and text, in bytes. */
export const setLength = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.length, value);
/** Write the checksum, 16 bits; 0: none. */
export const setChecksum = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.checksum, value);

/** Where in the header the checksum stands: what a virtio header asks for. */
export const CHECKSUM_AT: number = AT.checksum;
