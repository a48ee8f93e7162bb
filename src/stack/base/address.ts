/**
 * Internet addresses as one number each, so that they are compared with `===` and hashed for free.
 *
 * An IPv4 address is its 32 bits as a signed integer, most significant octet first (a small integer
 * in V8). Code above `ip/` must treat the number as opaque: it asks the functions here, which is
 * what leaves room for a family whose addresses are handles into a table. Text is parsed at the
 * door (`api/`), not here.
 * @module
 */

declare const brand: unique symbol;

/** An address; opaque outside this file and `ip/`. */
export type Address = number & { readonly [brand]: 'Address' };

/** The address made of four octets, each 0..255. */
export const fromOctets = (a: number, b: number, c: number, d: number): Address =>
  ((a << 24) | (b << 16) | (c << 8) | d) as Address;

/** The address that has these 32 bits, signed or unsigned. */
export const fromBits = (bits: number): Address => (bits | 0) as Address;

/** 0.0.0.0: no address, or any. RFC 1122 §3.2.1.3 (a). */
export const ANY: Address = fromOctets(0, 0, 0, 0);
/** 255.255.255.255: everyone on this link. RFC 1122 §3.2.1.3 (c). */
export const BROADCAST: Address = fromOctets(255, 255, 255, 255);
/** 127.0.0.1. */
export const LOOPBACK: Address = fromOctets(127, 0, 0, 1);

/** Dotted decimal, for people and for Node's events: allocates. */
export function format(a: Address): string {
  return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
}

/** The name Node gives to the family of `a`. */
export const family = (_a: Address): 'IPv4' => 'IPv4';

/**
 * 32 bits that stand for `a` in a keyed hash, the same whenever the stack runs: the address itself. (Of a
 * wider one: a digest of its octets, never the number that names it here.)
 */
export const digest = (a: Address): number => a;

/** How many bits an address of the family of `_a` has. */
export const width = (_a: Address): number => 32;

/** The first address of the prefix of `bits` bits that `a` lies in. */
export const prefixOf = (a: Address, bits: number): Address => (a & mask(bits)) as Address;

/** The mask of a prefix of `bits` bits, 0..32. */
export const mask = (bits: number): number => (bits === 0 ? 0 : -1 << (32 - bits));

/** True if `a` lies in `net`/`bits`. */
export const inPrefix = (a: Address, net: Address, bits: number): boolean =>
  ((a ^ net) & mask(bits)) === 0;

/** The directed broadcast address of `net`/`bits`. RFC 1122 §3.2.1.3 (d). */
export const directedBroadcast = (net: Address, bits: number): Address =>
  (net | ~mask(bits)) as Address;

/** 127.0.0.0/8. */
export const isLoopback = (a: Address): boolean => a >>> 24 === 127;
/** 224.0.0.0/4. */
export const isMulticast = (a: Address): boolean => a >>> 28 === 14;
/** 240.0.0.0/4, the limited broadcast address included. */
export const isReserved = (a: Address): boolean => a >>> 28 === 15;
/** 0.0.0.0/8: "this network", legal only as a source and before one has an address. */
export const isThisNetwork = (a: Address): boolean => a >>> 24 === 0;

/** True if no host may send from `a`. RFC 1122 §3.2.1.3: multicast, broadcast, this network. */
export const isNoHost = (a: Address): boolean =>
  isMulticast(a) || isReserved(a) || isThisNetwork(a);
