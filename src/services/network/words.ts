/**
 * Addresses of both families as four words of 32 bits, signed, and what is kept by them: looked up for each frame,
 * and so without an object, a text or a number on the heap.
 *
 * An address of IPv4 is the last word behind `::ffff:0:0/96` (RFC 4291 §2.5.5.2), which no packet of IPv6 is from.
 * @module
 */
import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { remembered } from '../address.ts';

/** What is kept by four words. */
export interface Worded<V> {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** The next one of those that fall together. */
  next: V | undefined;
}

/** The third word of an address of IPv4. */
export const MAPPED = 0xffff;

export type Words = readonly [a: number, b: number, c: number, d: number];

/** The words of an address, whose zone does not count; undefined if it is none. */
export const wordsOf: (text: string) => Words | undefined = remembered((text) => {
  const [address = ''] = text.split('%');
  if (isIP(address) === 0) return undefined;
  const octets = ipaddr.parse(address).toByteArray();
  if (isIPv4(address)) octets.unshift(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
  const view = new DataView(Uint8Array.from(octets).buffer);
  return [view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12)];
});

/** Dotted decimal, or as RFC 5952 has it. */
export function textOf({ a, b, c, d }: Omit<Worded<never>, 'next'>): string {
  const view = new DataView(new ArrayBuffer(16));
  for (const [i, word] of [a, b, c, d].entries()) view.setInt32(i * 4, word);
  const octets = [...new Uint8Array(view.buffer)];
  const isFour = a === 0 && b === 0 && c === MAPPED;
  return ipaddr.fromByteArray(isFour ? octets.slice(12) : octets).toString();
}

/** Entries by four words. Who does not know `secret` cannot have many fall together. */
export class WordMap<V extends Worded<V>> {
  readonly #chains: Map<number, V> = new Map();
  readonly #secret: number;
  size = 0;

  /** `secret`: 32 bits. */
  constructor(secret: number) {
    this.#secret = secret | 0;
  }

  find(a: number, b: number, c: number, d: number): V | undefined {
    let entry = this.#chains.get(this.#place(a, b, c, d));
    while (entry && (entry.d !== d || entry.c !== c || entry.b !== b || entry.a !== a)) {
      entry = entry.next;
    }
    return entry;
  }

  /** None with its words is there. */
  add(entry: V): void {
    const place = this.#place(entry.a, entry.b, entry.c, entry.d);
    entry.next = this.#chains.get(place);
    this.#chains.set(place, entry);
    this.size++;
  }

  /** It is there. */
  delete(entry: V): void {
    const place = this.#place(entry.a, entry.b, entry.c, entry.d);
    let before = this.#chains.get(place);
    if (before === entry) {
      if (entry.next) this.#chains.set(place, entry.next);
      else this.#chains.delete(place);
    } else {
      while (before && before.next !== entry) before = before.next;
      if (before) before.next = entry.next;
    }
    entry.next = undefined;
    this.size--;
  }

  *[Symbol.iterator](): IterableIterator<V> {
    for (const first of this.#chains.values()) {
      for (let entry: V | undefined = first; entry; entry = entry.next) yield entry;
    }
  }

  /** 30 bits, which are no object for V8. */
  #place(a: number, b: number, c: number, d: number): number {
    let hash = this.#secret;
    hash = mix(hash ^ a);
    hash = mix(hash ^ b);
    hash = mix(hash ^ c);
    hash = mix(hash ^ d);
    return hash >>> 2;
  }
}

const mix = (word: number): number => {
  const once = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2_ae35);
  return twice ^ (twice >>> 16);
};
