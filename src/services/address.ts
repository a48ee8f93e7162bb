/**
 * What all services ask of the options that they are given: addresses as numbers, ranges of them, and errors as
 * Node words them.
 * @module
 */
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Addresses of IPv4 from `first` to `last`, as numbers. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** An address of IPv4 as a number from 0 to 2^32 - 1, and back. */
export const asBits = (address: string): number =>
  ipaddr.IPv4.parse(address).octets.reduce((bits, octet) => bits * 256 + octet, 0);

export const asText = (bits: number): string =>
  [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');

/** The addresses that share `bits` bits with `address`. */
export function range(address: number, bits: number): Range {
  const size = 2 ** (32 - bits);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

/** `10.0.0.0/8`, or one address. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`. */
export function readRange(name: string, text: string): Range {
  const [, address = '', bits = '32'] = /^([\d.]+)(?:\/(\d{1,2}))?$/.exec(text) ?? [];
  if (!isIPv4(address) || Number(bits) > 32) {
    throw wrong(name, text, 'it must be a network of IPv4, as 10.0.0.0/8');
  }
  return range(asBits(address), Number(bits));
}

export const holds = ({ first, last }: Range, bits: number): boolean =>
  bits >= first && bits <= last;

/** Throws a `RangeError` with `ERR_OUT_OF_RANGE` unless `value` is a whole number from `low` to `high`. */
export function checkNumber(name: string, value: unknown, low: number, high: number): void {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return;
  const message = `${name} is ${String(value)}: it must be a whole number from ${low} to ${high}`;
  throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

/** The same for what may be a part of one, as seconds may. */
export function checkAmount(name: string, value: unknown, low: number, high: number): void {
  if (typeof value === 'number' && value >= low && value <= high) return;
  const message = `${name} is ${String(value)}: it must be a number from ${low} to ${high}`;
  throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

/** A `TypeError` with `ERR_INVALID_ARG_VALUE` for what cannot be meant. */
export const wrong = (name: string, value: unknown, hint: string): TypeError =>
  Object.assign(new TypeError(`${name} is ${JSON.stringify(value)}: ${hint}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  });

/** Of texts that guests make up. */
const MOST_REMEMBERED = 1000;

/** What `read` gives for a text, read once while it is asked for again and again: of a flow the same few addresses are. */
export function remembered<V>(read: (text: string) => V): (text: string) => V {
  const known = new Map<string, V>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const value = read(text);
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(text, value);
    return value;
  };
}
