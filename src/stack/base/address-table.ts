/**
 * The 16 octets behind each number that stands for an IPv6 address: a keyed hash table in typed arrays, one
 * for all stacks of the process, for an address is a value and names the same host in all of them.
 *
 * What is looked up and not there is entered, and gone again when the batch ends (`leaveBatch`) unless
 * somebody holds it by then: a packet's addresses cost no lasting memory, whoever made them up. Who keeps
 * an address for longer says so (`hold`, `drop`); the numbers of holders are counted. The number of one that
 * is gone is given out again late, and is known to be old until then: it reads as `::`.
 *
 * What the numbers are depends on what was looked up before. So nothing may depend on them but `===`: hashes
 * are made of the octets. The key is chosen by `seedAddresses`, which the one place with randomness calls;
 * until then it is the same in every process.
 * @module
 */
import type { Random } from './random.ts';

/** The numbers are those of 0.0.0.0/8 but 0: where the address stands, and how many stood there before. */
const PLACE_BITS = 21;
const PLACE_MASK = (1 << PLACE_BITS) - 1;
const AGE_MASK = 7;
/** How many places there may be. */
const MOST = 1 << PLACE_BITS;
/** As long as fewer are free, the table grows rather than to give a number out again. */
const LEAST_FREE = 2048;
const FIRST_SIZE = 4096;
/** No place: the first is left out. */
const END = 0;
const FOREVER = 0x7fff_ffff;
/** The place of `::`, which stands for whatever is not there. */
const NOTHING = 1;

let size = FIRST_SIZE;
/** Four 32-bit words each, the first octet uppermost; the zone in the second 16 bits. */
let words = new Int32Array(FIRST_SIZE * 4);
let hashes = new Int32Array(FIRST_SIZE);
/** The sum of the octets as they are on the wire, as `wire/checksum` adds. */
let sums = new Int32Array(FIRST_SIZE);
let holders = new Int32Array(FIRST_SIZE);
let ages = new Uint8Array(FIRST_SIZE);
/** What kind of address it is: told once, and asked for with each packet. */
let kinds = new Uint8Array(FIRST_SIZE);
/** 1: in the list of those that nobody may hold. */
let listed = new Uint8Array(FIRST_SIZE);
/** The next of the same bucket, or of those that are free. */
let next = new Int32Array(FIRST_SIZE);
let buckets = new Int32Array(FIRST_SIZE);
let shift = 32 - Math.log2(FIRST_SIZE);

let used = 0;
let made = 1;
let free = 0;
let oldestFree = END;
let newestFree = END;

let transient = new Int32Array(256);
let transients = 0;
let depth = 0;

const key = new Int32Array([
  0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89,
  0x452821e6,
]);

/**
 * Multilinear over halves of words: two addresses have the same upper 17 bits with a probability of 2^-17
 * under keys that nobody knows, whoever chose them (Dietzfelbinger 1996; Thorup, "High speed hashing", §3).
 */
function hashOf(a: number, b: number, c: number, d: number): number {
  // The key has nine words.
  const h =
    (key[8] as number) +
    Math.imul(key[0] as number, a >>> 16) +
    Math.imul(key[1] as number, a & 0xffff) +
    Math.imul(key[2] as number, b >>> 16) +
    Math.imul(key[3] as number, b & 0xffff) +
    Math.imul(key[4] as number, c >>> 16) +
    Math.imul(key[5] as number, c & 0xffff) +
    Math.imul(key[6] as number, d >>> 16) +
    Math.imul(key[7] as number, d & 0xffff);
  return h | 0;
}

/** The two octets of 16 bits, exchanged: sums are made of little-endian words. */
const swap = (n: number): number => ((n & 0xff) << 8) | (n >>> 8);

const sumWord = (word: number): number => swap(word >>> 16) + swap(word & 0xffff);

/** `fe80::/10`, whose second 16 bits hold the zone here and 0 on the wire. */
export const isLinkLocalWord = (first: number): boolean =>
  (first & 0xffc0_0000) === (0xfe80_0000 | 0);

/** The first word as it is on the wire. */
export const unzoned = (first: number): number =>
  isLinkLocalWord(first) ? first & 0xffff_0000 : first;

/** Bits of a kind. */
export const Kind = { GROUP: 1, LINK_LOCAL: 2, MAPPED: 4 } as const;

/** RFC 4291 §2.4, of the first three words. */
function kindOf(a: number, b: number, c: number): number {
  if (a === 0 && b === 0 && c === 0xffff) return Kind.MAPPED;
  if (a >>> 24 === 0xff) return Kind.GROUP;
  return isLinkLocalWord(a) ? Kind.LINK_LOCAL : 0;
}

// Arrays are read below only at places that were made, which are below `size`.

/** Where the address stands; `NOTHING`'s place if it is gone. */
function placeOf(handle: number): number {
  const place = handle & PLACE_MASK;
  return place < made && ages[place] === ((handle >>> PLACE_BITS) & AGE_MASK) ? place : NOTHING;
}

/** The number of the address with these words; of `::` if there is no room for one more. */
export function lookUp(a: number, b: number, c: number, d: number): number {
  const hash = hashOf(a, b, c, d);
  for (let p = buckets[hash >>> shift] as number; p !== END; p = next[p] as number) {
    const w = p * 4;
    if (words[w + 3] === d && words[w + 2] === c && words[w + 1] === b && words[w] === a) {
      return ((ages[p] as number) << PLACE_BITS) | p;
    }
  }
  return enter(a, b, c, d, hash);
}

function enter(a: number, b: number, c: number, d: number, hash: number): number {
  const place = take();
  if (place === END) return NOTHING;
  const w = place * 4;
  words[w] = a;
  words[w + 1] = b;
  words[w + 2] = c;
  words[w + 3] = d;
  hashes[place] = hash;
  sums[place] = sumWord(unzoned(a)) + sumWord(b) + sumWord(c) + sumWord(d);
  kinds[place] = kindOf(a, b, c);
  holders[place] = 0;
  const bucket = hash >>> shift;
  next[place] = buckets[bucket] as number;
  buckets[bucket] = place;
  used++;
  list(place);
  return ((ages[place] as number) << PLACE_BITS) | place;
}

function take(): number {
  if (made === size && free < LEAST_FREE && size < MOST) grow();
  if (made < size) return made++;
  const place = oldestFree;
  if (place === END) return END;
  oldestFree = next[place] as number;
  if (oldestFree === END) newestFree = END;
  free--;
  return place;
}

function grow(): void {
  size *= 2;
  const copy = (from: Int32Array, length: number): Int32Array<ArrayBuffer> => {
    const to = new Int32Array(length);
    to.set(from);
    return to;
  };
  words = copy(words, size * 4);
  hashes = copy(hashes, size);
  sums = copy(sums, size);
  holders = copy(holders, size);
  next = copy(next, size);
  const widen = (from: Uint8Array): Uint8Array<ArrayBuffer> => {
    const to = new Uint8Array(size);
    to.set(from);
    return to;
  };
  ages = widen(ages);
  listed = widen(listed);
  kinds = widen(kinds);
  shift--;
  refill();
}

/** Put all into buckets anew. */
function refill(): void {
  const isFree = new Uint8Array(made);
  for (let p = oldestFree; p !== END; p = next[p] as number) isFree[p] = 1;
  buckets = new Int32Array(size);
  for (let p = 1; p < made; p++) {
    if (isFree[p] === 1) continue;
    const bucket = (hashes[p] as number) >>> shift;
    next[p] = buckets[bucket] as number;
    buckets[bucket] = p;
  }
}

function list(place: number): void {
  if (listed[place] === 1) return;
  listed[place] = 1;
  if (transients === transient.length) {
    const wider = new Int32Array(transients * 2);
    wider.set(transient);
    transient = wider;
  }
  transient[transients++] = place;
}

/** One holder more, until `release`. */
export function retain(handle: number): void {
  const place = placeOf(handle);
  const count = holders[place] as number;
  if (count !== FOREVER) holders[place] = count + 1;
}

/** Hold it for as long as the process lives. */
export function pin(handle: number): void {
  holders[placeOf(handle)] = FOREVER;
}

/** One holder less. After the last one it is there until the batch ends. */
export function release(handle: number): void {
  const place = placeOf(handle);
  const count = holders[place] as number;
  if (count === FOREVER || count === 0) return;
  holders[place] = count - 1;
  if (count === 1) list(place);
}

/** Nothing is forgotten until the `leaveBatch` that belongs to it: they may lie inside of one another. */
export function enterBatch(): void {
  depth++;
}

/** Forget what nobody holds; not within another batch, nor (`keep`) where it is not the end of one. */
export function leaveBatch(keep = false): void {
  depth--;
  if (keep || depth > 0 || transients === 0) return;
  for (let i = 0; i < transients; i++) {
    const place = transient[i] as number;
    listed[place] = 0;
    if (holders[place] === 0) forget(place);
  }
  transients = 0;
}

function forget(place: number): void {
  const bucket = (hashes[place] as number) >>> shift;
  if (buckets[bucket] === place) buckets[bucket] = next[place] as number;
  else {
    let p = buckets[bucket] as number;
    while (next[p] !== place) p = next[p] as number;
    next[p] = next[place] as number;
  }
  ages[place] = ((ages[place] as number) + 1) & AGE_MASK;
  next[place] = END;
  if (newestFree === END) oldestFree = place;
  else next[newestFree] = place;
  newestFree = place;
  free++;
  used--;
}

/** One of the four words, 0 to 3, its first octet uppermost, with the zone. */
export const word = (handle: number, index: number): number =>
  words[placeOf(handle) * 4 + index] as number;

/** Its kind, bits of `Kind`. */
export const kind = (handle: number): number => kinds[placeOf(handle)] as number;

/** 32 bits of its octets and the table's key. */
export function digestOf(handle: number): number {
  const hash = hashes[placeOf(handle)] as number;
  return hash ^ (hash >>> 16); // the upper bits are the better ones, the lower ones those that are used
}

/** The sum of its octets on the wire, up to 2^19, as `wire/checksum` adds. */
export const sumOf = (handle: number): number => sums[placeOf(handle)] as number;

/** Write it as it is on the wire. */
export function writeOctets(v: DataView, at: number, handle: number): void {
  const w = placeOf(handle) * 4;
  v.setInt32(at, unzoned(words[w] as number));
  v.setInt32(at + 4, words[w + 1] as number);
  v.setInt32(at + 8, words[w + 2] as number);
  v.setInt32(at + 12, words[w + 3] as number);
}

/** How many there are now, and how many there is memory for. */
export const addressCount = (): number => used;
export const addressRoom = (): number => size;

/** False once the number is of an address that was forgotten. */
export const isThere = (handle: number): boolean =>
  placeOf(handle) !== NOTHING || handle === NOTHING;

/** Choose the key of all hashes: once, before other addresses than those of `base/address` are looked up. */
export function seedAddresses(random: Random): void {
  if (used > pinned()) return;
  for (let i = 0; i < key.length; i++) key[i] = random.int32();
  for (let p = 1; p < made; p++) {
    const w = p * 4;
    hashes[p] = hashOf(
      words[w] as number,
      words[w + 1] as number,
      words[w + 2] as number,
      words[w + 3] as number,
    );
  }
  refill();
}

function pinned(): number {
  let count = 0;
  for (let p = 1; p < made; p++) if (holders[p] === FOREVER) count++;
  return count;
}

// Its place is the first, so that it stands for what is not there.
pin(lookUp(0, 0, 0, 0));
