/**
 * TAI64N, the time as an initiation carries it: seconds since 1970 with an offset, and nanoseconds, both big-endian.
 * D. J. Bernstein, "TAI64, TAI64N, and TAI64NA".
 * @module
 */

const BASE_HIGH = 0x4000_0000;
/** TAI is ten seconds ahead of UTC at 1970. */
const AHEAD = 10;
/** Nanoseconds are told to 2^24 of them only, as wireguard-go does: a clock is a fingerprint. */
const COARSE = 0xff00_0000;
/** The first byte of the nanoseconds stays below this within a second. */
const LAST = 0x3c;

/** Write the time, milliseconds since 1970, into 12 bytes. */
export function putTime(into: Uint8Array, milliseconds: number): void {
  const view = new DataView(into.buffer, into.byteOffset, 12);
  const seconds = Math.floor(milliseconds / 1000) + AHEAD;
  view.setUint32(0, BASE_HIGH + Math.floor(seconds / 0x1_0000_0000));
  view.setUint32(4, seconds);
  view.setUint32(8, Math.floor((milliseconds % 1000) * 1e6) & COARSE);
}

/** Whether `one` is later than `other`. */
export function isLater(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < 12; i++) {
    const differ = (one[i] as number) - (other[i] as number); // both have 12 bytes
    if (differ !== 0) return differ > 0;
  }
  return false;
}

/** The next time that can be told apart from `time`, in place. */
export function advance(time: Uint8Array): void {
  const coarse = (time[8] as number) + 1;
  time[8] = coarse < LAST ? coarse : 0;
  for (let i = 7; coarse >= LAST && i >= 0; i--) {
    const octet = ((time[i] as number) + 1) & 0xff;
    time[i] = octet;
    if (octet !== 0) return;
  }
}
