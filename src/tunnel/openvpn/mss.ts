/**
 * `--mssfix`: TCP inside the tunnel is told a segment size whose packets fit the path outside (openvpn(8), mss.c).
 *
 * Only SYNs are looked into (RFC 9293 §3.7.1); the checksum is updated for the two bytes that change (RFC 1624).
 * @module
 */

const SYN = 0x02;
const MSS = 2;
const END = 0;
const NOP = 1;

/** Where TCP begins in a packet that is a whole first fragment of one; -1 if it is none. */
function tcpAt(bytes: Uint8Array, at: number, length: number): number {
  const version = (bytes[at] as number) >> 4; // the caller has at least 40 bytes
  if (version === 4) {
    const offset = (((bytes[at + 6] as number) & 0x1f) << 8) | (bytes[at + 7] as number);
    if (bytes[at + 9] !== 6 || offset !== 0) return -1;
    return at + ((bytes[at] as number) & 0x0f) * 4;
  }
  return version === 6 && bytes[at + 6] === 6 && length >= 60 ? at + 40 : -1;
}

/** True if it is a SYN whose segment size may be looked at. */
export function isSyn(bytes: Uint8Array, at: number, length: number): boolean {
  if (length < 40) return false;
  const tcp = tcpAt(bytes, at, length);
  return tcp >= 0 && tcp + 20 <= at + length && ((bytes[tcp + 13] as number) & SYN) !== 0;
}

/** Lower the segment size of the SYN at `at`, in place, so that its packets are at most `longest` bytes of IP. */
export function clampMss(bytes: Uint8Array, at: number, length: number, longest: number): void {
  const tcp = tcpAt(bytes, at, length);
  const most = longest - (tcp - at) - 20;
  if (tcp < 0 || most < 100) return;
  const end = Math.min(tcp + ((bytes[tcp + 12] as number) >> 4) * 4, at + length);
  for (let i = tcp + 20; i < end; ) {
    const kind = bytes[i];
    if (kind === END) return;
    if (kind === NOP) {
      i++;
      continue;
    }
    const size = bytes[i + 1] ?? 0;
    if (size < 2 || i + size > end) return;
    if (kind === MSS && size === 4) {
      lower(bytes, tcp, i + 2, most);
      return;
    }
    i += size;
  }
}

function lower(bytes: Uint8Array, tcp: number, at: number, most: number): void {
  const old = ((bytes[at] as number) << 8) | (bytes[at + 1] as number); // within the options
  if (old <= most) return;
  bytes[at] = most >> 8;
  bytes[at + 1] = most;
  // RFC 1624 §3: HC' = ~(~HC + ~m + m'). A field at an odd offset counts with its bytes swapped.
  const isOdd = ((at - tcp) & 1) === 1;
  const swap = (value: number): number => (isOdd ? ((value & 0xff) << 8) | (value >> 8) : value);
  const sum = ((bytes[tcp + 16] as number) << 8) | (bytes[tcp + 17] as number);
  let next = (~sum & 0xffff) + (~swap(old) & 0xffff) + swap(most);
  next = (next & 0xffff) + (next >> 16);
  next = ~((next & 0xffff) + (next >> 16)) & 0xffff;
  bytes[tcp + 16] = next >> 8;
  bytes[tcp + 17] = next;
}
