/**
 * Text that tells where it belongs: an octet is a function of its sequence number, so that both what is
 * delivered and what is sent again can be checked, whatever order it took.
 * @module
 */

/** The octet at `place`, which may be an absolute sequence number. */
export const octet = (place: number): number =>
  (Math.imul(place ^ (place >>> 9), 0x9e3779b1) >>> 24) & 0xff;

/** `length` octets from `place` on. */
export function textAt(place: number, length: number): Uint8Array {
  const text = new Uint8Array(length);
  for (let i = 0; i < length; i++) text[i] = octet((place + i) | 0);
  return text;
}

/** The first octet that is not as its place says; -1 if all are. */
export function wrongOctet(bytes: Uint8Array, at: number, length: number, place: number): number {
  for (let i = 0; i < length; i++) if (bytes[at + i] !== octet((place + i) | 0)) return i;
  return -1;
}
