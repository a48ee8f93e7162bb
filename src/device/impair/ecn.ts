/**
 * Marking "congestion experienced" in an IP header, as a router does. RFC 3168 §5, RFC 1624 §3.
 * @module
 */

const CE = 3;

/** Mark the IP packet at `at` in place; false if it is not ECN-capable, or marked already. */
export function markCongestion(bytes: Uint8Array, at: number, length: number): boolean {
  if (length < 20) return false;
  const version = (bytes[at] as number) >> 4; // there are 20 bytes, as asked above
  if (version === 4) return markIpv4(bytes, at);
  return version === 6 && markIpv6(bytes, at);
}

function markIpv4(bytes: Uint8Array, at: number): boolean {
  const tos = bytes[at + 1] as number;
  const ecn = tos & 3;
  if (ecn === 0 || ecn === CE) return false;
  bytes[at + 1] = tos | CE;
  // RFC 1624 equation 3: HC' = ~(~HC + ~m + m'), where m' - m is what was added to the field.
  const old = ((bytes[at + 10] as number) << 8) | (bytes[at + 11] as number);
  let sum = (~old & 0xffff) + (CE - ecn);
  sum = (sum & 0xffff) + (sum >>> 16);
  bytes[at + 10] = (~sum >> 8) & 0xff;
  bytes[at + 11] = ~sum & 0xff;
  return true;
}

/** The traffic class is split over the first two bytes: RFC 8200 §3. */
function markIpv6(bytes: Uint8Array, at: number): boolean {
  const second = bytes[at + 1] as number;
  const ecn = (second >> 4) & 3;
  if (ecn === 0 || ecn === CE) return false;
  bytes[at + 1] = second | (CE << 4);
  return true;
}
