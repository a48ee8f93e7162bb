/**
 * Names and addresses as people write them: literals, prefixes, `localhost`, and whatever the
 * lookup function that the stack was given can find (Node's own `dns.lookup` unless told).
 *
 * RFC 6761 §6.3 (localhost); Node documentation: "dns.lookup()".
 * @module
 */
import dns from 'node:dns';
import { isIP, isIPv4, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Address, format, fromOctets, LOOPBACK } from '../../base/address.ts';
import { argTypeError, coded, ipError, systemError } from './errors.ts';

/** An address and the length of its network's prefix. */
export interface Cidr {
  readonly address: Address;
  /** 0 to 32. */
  readonly bits: number;
}

/** The address that an IPv4 literal names; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (!isIPv4(text)) return undefined;
  const [a, b, c, d] = ipaddr.IPv4.parse(text).octets as [number, number, number, number];
  return fromOctets(a, b, c, d);
}

/** The same, for an argument called `name`: throws `ERR_INVALID_IP_ADDRESS`. */
export function checkAddress(value: unknown, name: string): Address {
  if (typeof value !== 'string') throw argTypeError(name, 'string', value);
  const address = parseAddress(value);
  if (address !== undefined) return address;
  const why = isIP(value) === 6 ? ' (this stack speaks IPv4 only)' : '';
  throw ipError(`${value}${why}`);
}

/** An address as the stack has it (`tunstack/wire` makes and prints them), or dotted decimal. */
export type AddressLike = Address | string;

export const toAddress = (value: AddressLike, name: string): Address =>
  typeof value === 'number' ? value : checkAddress(value, name);

/** `10.83.0.2/24`; without a length `bits`. Throws `ERR_INVALID_ADDRESS` with what was expected. */
export function checkCidr(value: unknown, name: string, bits?: number): Cidr {
  if (typeof value !== 'string') throw argTypeError(name, 'string', value);
  const [address, length, ...rest] = value.split('/');
  const parsed = parseAddress(address ?? '');
  const given = length === undefined ? bits : /^\d{1,2}$/.test(length) ? Number(length) : undefined;
  if (parsed === undefined || given === undefined || given > 32 || rest.length > 0) {
    throw coded(
      TypeError,
      'ERR_INVALID_ADDRESS',
      `"${name}" must be an IPv4 address with the length of its prefix, like 10.83.0.2/24. ` +
        `Received '${value}'`,
    );
  }
  return { address: parsed, bits: given };
}

const isLocalhost = (host: string): boolean => /^(.*\.)?localhost\.?$/i.test(host);

/** Node's own, before anyone can have replaced it. */
const systemLookup = dns.lookup;

/** True if somebody has put another function in the place of `dns.lookup`: it is asked for everything. */
export const isLookupReplaced = (): boolean => dns.lookup !== systemLookup;

/**
 * Wrap a lookup function so that literals and `localhost` (RFC 6761) are answered here, and others are
 * asked for IPv4 addresses. What it gives has the signature of `dns.lookup`, which is what it asks, as it
 * is then, if it was given no function.
 */
export function makeLookup(lookup: LookupFunction | undefined): LookupFunction {
  return (host, options, callback) => {
    const ask = lookup ?? (dns.lookup as LookupFunction);
    if (!lookup && isLookupReplaced()) {
      ask(host, options, callback);
      return;
    }
    const literal = isIPv4(host) ? host : isLocalhost(host) ? format(LOOPBACK) : undefined;
    if (literal !== undefined) {
      const answer = options.all ? [{ address: literal, family: 4 }] : literal;
      process.nextTick(callback, null, answer, 4);
    } else if (isIP(host) === 6) {
      process.nextTick(callback, systemError('EAFNOSUPPORT', 'lookup', { address: host }), '', 6);
    } else ask(host, { ...options, family: 4 }, callback);
  };
}

/** The first IPv4 address of a name. Rejects with the lookup's error. */
export function resolve(lookup: LookupFunction, host: string): Promise<Address> {
  return new Promise((done, fail) => {
    lookup(host, { family: 4, all: true }, (error, found) => {
      if (error) return fail(error);
      const list = typeof found === 'string' ? [found] : found.map((one) => one.address);
      const address = list.map(parseAddress).find((one) => one !== undefined);
      if (address === undefined) return fail(systemError('ENOTFOUND', 'lookup', { address: host }));
      done(address);
    });
  });
}
