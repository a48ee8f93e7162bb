/**
 * Internet addresses as one number each, so that they are compared with `===` and hashed for free.
 *
 * An IPv4 address is its 32 bits as a signed integer, most significant octet first (a small integer
 * in V8). An IPv6 address is a number out of IPv4's block 0.0.0.0/8, "this network", where no host is: it
 * names 16 octets in `address-table`. No number is ever both: whatever text or packet says 0.0.0.0/8, but for
 * 0.0.0.0 itself, reads as `NOWHERE`, which is no host either. Code above `ip/` treats the number as opaque: it asks the functions
 * here. Text is parsed at the door (`api/`), not here.
 *
 * The number of an IPv6 address is good until the batch ends; who keeps it for longer says so with `hold`,
 * and lets go with `drop`. Of IPv4's both do nothing.
 *
 * A link-local address counts for one link only (RFC 4007 §6): the number of its interface belongs to it, so
 * that fe80::1 here and fe80::1 there are two addresses.
 * @module
 */
import {
  digestOf,
  isLinkLocalWord,
  Kind,
  kind,
  lookUp,
  pin,
  release,
  retain,
  sumOf,
  unzoned,
  word,
  writeOctets,
} from './address-table.ts';
import { formatOctets } from './address-text.ts';

declare const brand: unique symbol;

/** An address; opaque outside this file and `ip/`. */
export type Address = number & { readonly [brand]: 'Address' };

/** 240.0.0.0, for all of 0.0.0.0/8 but 0.0.0.0: no host, and no way there. RFC 1122 §3.2.1.3 (b). */
export const NOWHERE: Address = (0xf000_0000 | 0) as Address;

/** The address made of four octets, each 0..255. */
export const fromOctets = (a: number, b: number, c: number, d: number): Address =>
  fromBits((a << 24) | (b << 16) | (c << 8) | d);

/** The IPv4 address that has these 32 bits, signed or unsigned. */
export function fromBits(bits: number): Address {
  const address = (bits | 0) as Address;
  return isIPv6(address) ? NOWHERE : address;
}

/** The IPv6 address of four words, each 32 bits, the first octet uppermost. */
export const fromWords = (a: number, b: number, c: number, d: number): Address =>
  lookUp(a | 0, b | 0, c | 0, d | 0) as Address;

/** True if it is one of IPv6. */
export const isIPv6 = (a: Address): boolean => a >>> 24 === 0 && a !== 0;

/** True if both are of one family. */
export const isSameFamily = (a: Address, b: Address): boolean => isIPv6(a) === isIPv6(b);

/** 0.0.0.0: no address, or any. RFC 1122 §3.2.1.3 (a). */
export const ANY: Address = fromOctets(0, 0, 0, 0);
/** 255.255.255.255: everyone on this link. RFC 1122 §3.2.1.3 (c). */
export const BROADCAST: Address = fromOctets(255, 255, 255, 255);
/** 127.0.0.1. */
export const LOOPBACK: Address = fromOctets(127, 0, 0, 1);
/** `::`: no address, or any. RFC 4291 §2.5.2. */
export const ANY6: Address = constant(0, 0, 0, 0);
/** `::1`. RFC 4291 §2.5.3. */
export const LOOPBACK6: Address = constant(0, 0, 0, 1);
/** `ff02::1`, every node of the link. RFC 4291 §2.7.1. */
export const ALL_NODES: Address = constant(0xff02_0000, 0, 0, 1);
/** `ff02::2`, every router of the link. */
export const ALL_ROUTERS: Address = constant(0xff02_0000, 0, 0, 2);

function constant(a: number, b: number, c: number, d: number): Address {
  const address = fromWords(a, b, c, d);
  pin(address);
  return address;
}

/** Keep it beyond the batch, until `drop`; may be held more than once. Gives it back. */
export function hold(a: Address): Address {
  if (isIPv6(a)) retain(a);
  return a;
}

/** Undo one `hold`. */
export function drop(a: Address): void {
  if (isIPv6(a)) release(a);
}

/** Keep it for as long as the process lives: for what a program has written down. Gives it back. */
export function keepForever(a: Address): Address {
  if (isIPv6(a)) pin(a);
  return a;
}

/** The IPv6 address of the 16 octets at `at`. `zone`: the interface, should it be link-local. */
export function readIPv6(v: DataView, at: number, zone: number): Address {
  const first = v.getInt32(at);
  const own = isLinkLocalWord(first) ? unzoned(first) | zone : first;
  return lookUp(own, v.getInt32(at + 4), v.getInt32(at + 8), v.getInt32(at + 12)) as Address;
}

/** Write the 16 octets of an IPv6 address. */
export const writeIPv6 = (v: DataView, at: number, a: Address): void => writeOctets(v, at, a);

/** The IPv6 address of 16 octets, link-local or not, of `zone`. */
export const fromBytes = (bytes: Uint8Array, at = 0, zone = 0): Address =>
  readIPv6(new DataView(bytes.buffer, bytes.byteOffset + at, 16), 0, zone);

/** The octets, 4 or 16, as they are on the wire: allocates. */
export function toBytes(a: Address): Uint8Array {
  const bytes = new Uint8Array(isIPv6(a) ? 16 : 4);
  const v = new DataView(bytes.buffer);
  if (isIPv6(a)) writeOctets(v, 0, a);
  else v.setInt32(0, a);
  return bytes;
}

/** One of the four words of an IPv6 address as on the wire, signed; `index` 0..3. */
export const wordOf = (a: Address, index: number): number =>
  index === 0 ? unzoned(word(a, 0)) : word(a, index);

/** Of a link-local address the index of its interface; 0 where none is named, and of others. RFC 4007 §6. */
export function zoneOf(a: Address): number {
  if (!isIPv6(a)) return 0;
  const first = word(a, 0);
  return isLinkLocalWord(first) ? first & 0xffff : 0;
}

/** The same address on the link of the interface `zone`, if it is link-local. */
export function inZone(a: Address, zone: number): Address {
  if (!isLinkLocal(a)) return a;
  return lookUp(wordOf(a, 0) | zone, word(a, 1), word(a, 2), word(a, 3)) as Address;
}

/** As people and Node's events have it, without a zone: dotted decimal, or RFC 5952's form. Allocates. */
export function format(a: Address): string {
  if (isIPv6(a)) return formatOctets(toBytes(a));
  return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
}

/** The name Node gives to the family of `a`. */
export const family = (a: Address): 'IPv4' | 'IPv6' => (isIPv6(a) ? 'IPv6' : 'IPv4');

/**
 * 32 bits that stand for `a` in a hash table: the address itself, or a keyed digest of its octets, never the
 * number that names them here. Where strangers must not know what comes out, and no two addresses may be
 * taken for one, `siphashAddresses` hashes all of the octets.
 */
export const digest = (a: Address): number => (isIPv6(a) ? digestOf(a) : a);

/** What `a` adds to the sum of a pseudo-header, as `wire/checksum` adds; up to 2^19. */
export const sumOfOctets = (a: Address): number =>
  isIPv6(a) ? sumOf(a) : swap(a >>> 16) + swap(a & 0xffff);

const swap = (n: number): number => ((n & 0xff) << 8) | (n >>> 8);

/** How many bits an address of the family of `a` has. */
export const width = (a: Address): number => (isIPv6(a) ? 128 : 32);

/** The first address of the prefix of `bits` bits that `a` lies in. */
export function prefixOf(a: Address, bits: number): Address {
  if (!isIPv6(a)) return fromBits(a & mask(bits));
  return lookUp(
    word(a, 0) & wordMask(bits, 0),
    word(a, 1) & wordMask(bits, 1),
    word(a, 2) & wordMask(bits, 2),
    word(a, 3) & wordMask(bits, 3),
  ) as Address;
}

/** The mask of a prefix of `bits` bits of an IPv4 address, 0..32. */
export const mask = (bits: number): number => (bits === 0 ? 0 : -1 << (32 - bits));

/** The bits of word `index` that belong to a prefix of `bits` bits. */
const wordMask = (bits: number, index: number): number =>
  mask(Math.min(Math.max(bits - 32 * index, 0), 32));

/** True if `a` lies in `net`/`bits`; one of another family lies in none. */
export function inPrefix(a: Address, net: Address, bits: number): boolean {
  if (!isIPv6(a)) return ((a ^ net) & mask(bits)) === 0 && !isIPv6(net);
  return isIPv6(net) && commonBits(a, net) >= bits;
}

/** How many bits two IPv6 addresses have in common, from the first on. RFC 6724 §2.2. */
export function commonBits(a: Address, b: Address): number {
  for (let i = 0; i < 4; i++) {
    const differ = word(a, i) ^ word(b, i);
    if (differ !== 0) return 32 * i + Math.clz32(differ);
  }
  return 128;
}

/** The directed broadcast address of `net`/`bits`, of IPv4. RFC 1122 §3.2.1.3 (d). */
export const directedBroadcast = (net: Address, bits: number): Address =>
  fromBits(net | ~mask(bits));

/** 127.0.0.0/8, or `::1`. */
export const isLoopback = (a: Address): boolean => a >>> 24 === 127 || a === LOOPBACK6;
/** 224.0.0.0/4, or ff00::/8. */
export const isMulticast = (a: Address): boolean =>
  a >>> 28 === 14 || (isIPv6(a) && (kind(a) & Kind.GROUP) !== 0);
/** 240.0.0.0/4, the limited broadcast address included. */
export const isReserved = (a: Address): boolean => a >>> 28 === 15;
/** 0.0.0.0/8: "this network", legal only as a source and before one has an address. */
export const isThisNetwork = (a: Address): boolean => a === ANY || a === NOWHERE;
/** 0.0.0.0 or `::`. */
export const isUnspecified = (a: Address): boolean => a === ANY || a === ANY6;
/**
 * Where who connects or sends to 0.0.0.0 or `::` gets to on every system: this host. (RFC 1122 §3.2.1.3 (a) and RFC 4291
 * §2.5.2 have no packet go there; BSD's sockets read it so, and Linux's and Node's do.)
 */
export function thisHost(a: Address): Address {
  if (a === ANY) return LOOPBACK;
  return a === ANY6 ? LOOPBACK6 : a;
}
/** fe80::/10. RFC 4291 §2.5.6. (Of IPv4's, RFC 3927, none is asked for here.) */
export const isLinkLocal = (a: Address): boolean => isIPv6(a) && (kind(a) & Kind.LINK_LOCAL) !== 0;
/** `::ffff:0:0/96`: an IPv4 address as programs write it, and no packet has it. RFC 4291 §2.5.5.2. */
export const isMapped = (a: Address): boolean => isIPv6(a) && (kind(a) & Kind.MAPPED) !== 0;
/** The IPv4 address in a mapped one; another as it is. */
export const unmapped = (a: Address): Address => (isMapped(a) ? fromBits(word(a, 3)) : a);

/** The four bits of scope of an IPv6 group. RFC 4291 §2.7. */
export const groupScope = (a: Address): number => (word(a, 0) >>> 16) & 15;

/** True if no host may send from `a`. RFC 1122 §3.2.1.3: multicast, broadcast, this network. */
export function isNoHost(a: Address): boolean {
  if (isIPv6(a)) return a === ANY6 || (kind(a) & (Kind.GROUP | Kind.MAPPED)) !== 0;
  return a >>> 29 === 7 || a === ANY; // 224.0.0.0/4 and 240.0.0.0/4, `NOWHERE` among them
}
