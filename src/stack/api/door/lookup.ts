/**
 * Addresses as people write them: literals and prefixes of either family.
 *
 * RFC 4291 §2.2 and §2.3; Node documentation: "net.isIP()".
 * @module
 */
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import {
  type Address,
  fromBytes,
  fromOctets,
  keepForever,
  unmapped,
  width,
} from '../../base/address.ts';
import { argTypeError, coded, ipError } from './errors.ts';
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
export function checkAddress(
  value: unknown,
  name: string,
  zoneOf?: (zone: string) => number,
): Address {
  if (typeof value !== 'string') throw argTypeError(name, 'string', value);
  const address = parseEither(value, zoneOf);
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
