/**
 * Interface identifiers: the last 64 bits of the addresses that a host makes for itself. RFC 7217 (the same
 * on the same network each time, and no other), RFC 8981 §3.3.1 (random, for temporary addresses), RFC 5453
 * (what none may be).
 *
 * None is made of the hardware address, which would tell who we are wherever we are (RFC 8064 §3).
 * @module
 */
import { type Address, fromWords, wordOf } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import { type SipKey, siphash } from '../../base/siphash.ts';

/** RFC 7217 §5: IDGEN_RETRIES; RFC 8981 §3.8: TEMP_IDGEN_RETRIES. */
export const RETRIES = 3;

/** The prefix of link-local addresses. RFC 4291 §2.5.6. */
const LINK_LOCAL = 0xfe80_0000 | 0;

/**
 * The address that stands for us in the network that `prefix` (its first 64 bits) names, on the interface
 * `id`: a keyed hash of all that, so that who does not know `key` learns nothing of it from another network.
 * `counter`: how many of them were somebody else's already (RFC 7217 §5).
 */
export function stableAddress(key: SipKey, prefix: Address, id: number, counter: number): Address {
  return stableFrom(key, wordOf(prefix, 0), wordOf(prefix, 1), id, counter);
}

/** The same on the link itself, fe80::/64. The address has no zone yet. */
export const stableLinkLocal = (key: SipKey, id: number, counter: number): Address =>
  stableFrom(key, LINK_LOCAL, 0, id, counter);

function stableFrom(key: SipKey, w0: number, w1: number, id: number, counter: number): Address {
  // Each reserved identifier that comes out is passed over. RFC 7217 §5, last paragraph.
  for (let skipped = 0; ; skipped++) {
    const round = counter + (skipped << 8);
    const w2 = siphash(key, w0, w1, siphash(key, id, round, 0));
    const w3 = siphash(key, w0, w1, siphash(key, id, round, 1));
    if (!isReserved(w2, w3)) return fromWords(w0, w1, w2, w3);
  }
}

/** An address in the network of `prefix` that nobody can connect with another. RFC 8981 §3.3.1. */
export function temporaryAddress(random: Random, prefix: Address): Address {
  for (;;) {
    const [w2, w3] = [random.int32(), random.int32()];
    if (!isReserved(w2, w3)) return fromWords(wordOf(prefix, 0), wordOf(prefix, 1), w2, w3);
  }
}

/** RFC 5453 and its registry: routers' anycast, Ethernet's block of the IANA, anycast of RFC 2526. */
export function isReserved(w2: number, w3: number): boolean {
  if (w2 === 0 && w3 === 0) return true;
  if (w2 === 0x0200_5eff && w3 >>> 24 === 0xfe) return true;
  return w2 === (0xfdff_ffff | 0) && w3 >>> 0 >= 0xffff_ff80;
}
