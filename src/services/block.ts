/**
 * Blocks of addresses of both families, as rules name them and as they are closed.
 *
 * All addresses stand on one line of numbers: IPv6 from 0, IPv4 above it. What says an address of IPv4 in IPv6's
 * clothes (`::ffff:0:0/96`, RFC 4291 §2.5.5.2) is that address: a socket that is told it goes there by IPv4.
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { remembered, wrong } from './address.ts';

/** Addresses from `first` to `last`, as `placeOn` numbers them; of one family, but for `EVERYWHERE`. */
export interface Block {
  readonly first: bigint;
  readonly last: bigint;
}

/** Where IPv4's addresses begin. */
const IPV4 = 1n << 128n;
const IPV4_LAST = IPV4 + 0xffff_ffffn;
const MAPPED = 0xffffn;

/** Both families. */
export const EVERYWHERE: Block = { first: 0n, last: IPV4_LAST };

/** The number of an address, whose zone does not count; undefined if it is none. */
export const placeOn: (address: string) => bigint | undefined = remembered((address) => {
  if (isIPv4(address)) return IPV4 + numberOf(ipaddr.IPv4.parse(address).octets);
  if (!isIPv6(address)) return undefined;
  const [plain = ''] = address.split('%');
  const bits = numberOf(ipaddr.IPv6.parse(plain).toByteArray());
  return bits >> 32n === MAPPED ? IPV4 + low(bits) : bits;
});

const numberOf = (octets: readonly number[]): bigint =>
  octets.reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);

const low = (bits: bigint): bigint => bits & 0xffff_ffffn;

/** The addresses that share their first `bits` bits with `address`; undefined if there is no such block. */
export function blockOf(address: string, bits: number): Block | undefined {
  const place = placeOn(address);
  if (place === undefined) return undefined;
  const isMapped = !isIPv4(address) && place >= IPV4;
  const free = (place >= IPV4 ? 32 : 128) - (isMapped ? bits - 96 : bits);
  if (free < 0 || free > (place >= IPV4 ? 32 : 128)) return undefined;
  const first = (place >> BigInt(free)) << BigInt(free);
  return { first, last: first + (1n << BigInt(free)) - 1n };
}

/** One address. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` if it is none. */
export function blockOfOne(name: string, address: string): Block {
  const place = placeOn(address);
  if (place === undefined) throw wrong(name, address, 'it must be an address');
  return { first: place, last: place };
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`. */
export function readBlock(name: string, text: string): Block {
  const [, address = '', bits] = /^([\d.]+|[\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const block = blockOf(address, bits === undefined ? widthOf(address) : Number(bits));
  if (block === undefined)
    throw wrong(name, text, 'it must be a network, as 10.0.0.0/8 or fd00::/8');
  return block;
}

/** A block of one prefix, as `readBlock` takes it. */
export function sayBlock({ first, last }: Block): string {
  const width = first >= IPV4 ? 32 : 128;
  const bits = width - (last - first).toString(2).replace(/^0$/, '').length;
  if (width === 32) {
    const octets = [24n, 16n, 8n, 0n].map((shift) => Number((first >> shift) & 0xffn));
    return `${octets.join('.')}/${bits}`;
  }
  const words = first.toString(16).padStart(32, '0').match(/.{4}/g) ?? [];
  return `${ipaddr.IPv6.parse(words.join(':')).toString()}/${bits}`;
}

/** How many bits an address has that is written so. */
export const widthOf = (address: string): number => (isIPv4(address) ? 32 : 128);

export const inBlock = ({ first, last }: Block, place: bigint): boolean =>
  place >= first && place <= last;

/** True if all of `inner` is in `outer`. */
export const isWithin = (inner: Block, outer: Block): boolean =>
  inner.first >= outer.first && inner.last <= outer.last;

/**
 * Ways to write an address of IPv4 into one of IPv6, by which something on the way, or the host itself, makes
 * packets of IPv4 to it: the prefix, its bits, and how far the 32 bits stand from the right.
 */
const EMBEDDINGS: readonly (readonly [prefix: string, bits: number, shift: bigint])[] = [
  ['::', 96, 0n], // IPv4-compatible, RFC 4291 §2.5.5.1
  ['::ffff:0:0:0', 96, 0n], // IPv4-translated, RFC 7915 §7 (RFC 2765)
  ['64:ff9b::', 96, 0n], // NAT64's well-known prefix, RFC 6052 §2.1
  ['2002::', 16, 80n], // 6to4, RFC 3056 §2
  ['2001::', 32, 64n], // Teredo's server, RFC 4380 §4
];
const FORMS = EMBEDDINGS.map(([prefix, bits, shift]) => ({
  block: blockOf(prefix, bits) as Block, // written above
  shift,
}));
const TEREDO = blockOf('2001::', 32) as Block;
const NAT64_HERE = blockOf('64:ff9b:1::', 48) as Block;
/** ISATAP's interface identifiers, whose bit "universal" says nothing. RFC 5214 §6.1. */
const ISATAP = 0x0000_5efen;
const UNIVERSAL = 0x0200_0000n;

/** Lengths that a prefix of NAT64 may have here, besides 96: the octet behind 64 bits is 0 then, and so is the rest. */
const SHORT_PREFIXES: readonly bigint[] = [48n, 56n, 64n];

/** What an address says behind a prefix of NAT64 of any length from 48 on. RFC 8215, RFC 6052 §2.2. */
function translatedHere(place: bigint): bigint[] {
  const ends = low(place) === 0n ? [] : [low(place)];
  if (((place >> 56n) & 0xffn) !== 0n) return ends;
  const bits = ((place >> 64n) << 56n) | (place & ((1n << 56n) - 1n)); // 120, without that octet
  const short = SHORT_PREFIXES.map((length) => 120n - length - 32n)
    .filter((rest) => (bits & ((1n << rest) - 1n)) === 0n)
    .map((rest) => low(bits >> rest));
  return [...ends, ...short];
}

/** The addresses of IPv4 that an address of IPv6 leads to, by any of the ways that are known; mostly none. */
export function embedded(place: bigint): bigint[] {
  if (place >= IPV4) return [];
  const found = FORMS.filter(({ block }) => inBlock(block, place)).map(({ shift }) =>
    low(place >> shift),
  );
  if (inBlock(TEREDO, place)) found.push(low(~place)); // the client's, all bits the other way round
  if (inBlock(NAT64_HERE, place)) found.push(...translatedHere(place));
  if ((low(place >> 32n) & ~UNIVERSAL) === ISATAP) found.push(low(place));
  return found.map((bits) => IPV4 + bits);
}
