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
import {
  type Address,
  format,
  fromBytes,
  fromOctets,
  keepForever,
  LOOPBACK,
  unmapped,
  width,
} from '../../base/address.ts';
import { argTypeError, coded, ipError, systemError } from './errors.ts';
import { parseLiteral } from './literal.ts';

/** An address and the length of its network's prefix. */
export interface Cidr {
  readonly address: Address;
  /** 0 to 32, or of IPv6 to 128. */
  readonly bits: number;
}

/** The address that an IPv4 literal names; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (!isIPv4(text)) return undefined;
  const [a, b, c, d] = ipaddr.IPv4.parse(text).octets as [number, number, number, number];
  return fromOctets(a, b, c, d);
}

/**
 * The address that a literal of either family names; undefined for anything else. One that holds an IPv4
 * address (`::ffff:10.0.0.1`) is that. `zoneOf`: the index of the interface that a zone (`fe80::1%tun0`) names, 0
 * for none; without it zones are the indices themselves. As every address it is good until the batch ends.
 */
export function parseEither(
  text: string,
  zoneOf: (zone: string) => number = Number,
): Address | undefined {
  const literal = parseLiteral(text);
  if (literal === undefined) return parseAddress(text);
  const zone = literal.zone === '' ? 0 : zoneOf(literal.zone);
  if (!(zone >= 0 && zone <= 0xffff) || (literal.zone !== '' && zone === 0)) return undefined;
  return unmapped(fromBytes(literal.octets, 0, zone));
}

/**
 * The address that a literal of either family names, as the stack has it; undefined for anything else. It may
 * be kept for as long as the program runs.
 */
export function parseLasting(text: string): Address | undefined {
  const address = parseEither(text);
  return address === undefined ? undefined : keepForever(address);
}

/** As `parseEither`, for an argument called `name`: throws `ERR_INVALID_IP_ADDRESS`. */
export function checkAddress(value: unknown, name: string): Address {
  if (typeof value !== 'string') throw argTypeError(name, 'string', value);
  const address = parseEither(value);
  if (address !== undefined) return address;
  throw ipError(value);
}

/** An address as the stack has it (`tunstack/wire` makes and prints them), or as people write it. */
export type AddressLike = Address | string;

export const toAddress = (value: AddressLike, name: string): Address =>
  typeof value === 'number' ? value : checkAddress(value, name);

/**
 * `10.83.0.2/24` or `fd83::2/64`; without a length one address, if `host`. Throws `ERR_INVALID_ADDRESS` with what
 * was expected.
 */
export function checkCidr(value: unknown, name: string, host = false): Cidr {
  if (typeof value !== 'string') throw argTypeError(name, 'string', value);
  const [address, length, ...rest] = value.split('/');
  const parsed = parseEither(address ?? '');
  const most = parsed === undefined ? 0 : width(parsed);
  const whole = host ? most : undefined;
  const given =
    length === undefined ? whole : /^\d{1,3}$/.test(length) ? Number(length) : undefined;
  if (parsed === undefined || given === undefined || given > most || rest.length > 0) {
    throw coded(
      TypeError,
      'ERR_INVALID_ADDRESS',
      `"${name}" must be an address with the length of its prefix, like 10.83.0.2/24 or fd83::2/64. ` +
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
