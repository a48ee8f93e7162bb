/**
 * Where a network is: the gateway's addresses, the guests' networks, and what stands for this host there.
 * @module
 */
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { asBits, asText, type Range, readRange, wrong } from '../address.ts';
import { type Words, wordsOf } from './words.ts';

/** As it is given. */
export interface PlaceOptions {
  readonly address?: string | undefined;
  readonly pool?: readonly [first: string, last: string] | undefined;
  readonly hostAlias?: string | false | undefined;
  readonly address6?: string | false | undefined;
  readonly hostAlias6?: string | false | undefined;
  readonly mtu?: number | undefined;
}

/** Where guests of IPv6 are. */
export interface Place6 {
  /** The gateway's address. */
  readonly address: string;
  /** `fd83::/64`. */
  readonly network: string;
  /** Its first 64 bits. */
  readonly prefix: readonly [high: number, low: number];
  /** Stands for this host; undefined: nothing does. */
  readonly hostAlias: string | undefined;
}

export interface Place {
  readonly network: Range;
  /** `10.83.0.0/24`. */
  readonly cidr: string;
  readonly bits: number;
  readonly address: string;
  readonly hostAlias: string | undefined;
  readonly pool: readonly [first: string, last: string];
  /** Undefined: guests have IPv4 alone. */
  readonly six: Place6 | undefined;
}

const SMALLEST_MTU = 576;
/** RFC 8200 §5. */
const SMALLEST_MTU6 = 1280;
/** The longest that QEMU, passt and Linux agree on. */
const LARGEST_MTU = 65_520;
const DEFAULT6 = 'fd83::1/64';
/** The last word of what stands for this host: 254, as in IPv4's default. */
const ALIAS6 = 'fe';

/** Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for what cannot be meant. */
export function readPlace(options: PlaceOptions): Place {
  const { address: given = '10.83.0.1/24', pool, hostAlias, mtu = 1500 } = options;
  if (!Number.isInteger(mtu) || mtu < SMALLEST_MTU || mtu > LARGEST_MTU) {
    throw wrong('mtu', mtu, `it must be a whole number from ${SMALLEST_MTU} to ${LARGEST_MTU}`);
  }
  const [address = '', prefix = ''] = given.split('/');
  const bits = Number(prefix);
  if (!/^\d{1,2}$/.test(prefix) || bits < 8 || bits > 30) {
    throw wrong('address', given, 'it must be one with a prefix of 8 to 30 bits, as 10.83.0.1/24');
  }
  const network = readRange('address', given);
  const size = network.last - network.first + 1;
  const alias =
    hostAlias === undefined && size >= 8 ? asText(network.last - 1) : hostAlias || undefined;
  if (alias !== undefined) {
    const { first } = readRange('hostAlias', alias);
    const isInside = first > network.first && first < network.last;
    if (!isInside || asBits(address) === first) throw wrong('hostAlias', alias, INSIDE);
  }
  const from = size >= 32 ? network.first + 10 : network.first + 2;
  const to = size >= 32 ? network.last - 5 : network.last - 2;
  return {
    ...{ network, bits, address, hostAlias: alias, cidr: `${asText(network.first)}/${bits}` },
    pool: pool ?? [asText(from), asText(Math.max(from, to))],
    six: readPlace6(options, mtu),
  };
}

const INSIDE = 'it must be an address of the network, and not the gateway’s';

function readPlace6(options: PlaceOptions, mtu: number): Place6 | undefined {
  const { address6: given = mtu < SMALLEST_MTU6 ? false : DEFAULT6, hostAlias } = options;
  if (given === false) return undefined;
  if (mtu < SMALLEST_MTU6) {
    throw wrong('mtu', mtu, `IPv6 takes ${SMALLEST_MTU6} at the least: give address6 false`);
  }
  const [text = '', bits = ''] = given.split('/');
  const isPlain = isIPv6(text) && !text.includes('%') && bits === '64';
  const parsed = isPlain ? ipaddr.IPv6.parse(text) : undefined;
  const hint = 'it must be one of IPv6 with a prefix of 64 bits, as fd83::1/64';
  if (parsed === undefined || NOBODYS.has(parsed.range())) throw wrong('address6', given, hint);
  const address = parsed.toString();
  const [a, b, c, d] = wordsOf(address) as Words; // it is one
  // RFC 4291 §2.6.1: all routers of the link have the first.
  if (c === 0 && d === 0) throw wrong('address6', given, hint);
  const network = new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0]).toString();
  const standard = new ipaddr.IPv6([
    ...[...parsed.parts.slice(0, 4), 0, 0, 0],
    Number.parseInt(ALIAS6, 16),
  ]).toString();
  const isUsual = options.hostAlias6 === undefined && hostAlias !== false && standard !== address;
  const alias = isUsual ? standard : options.hostAlias6 || undefined;
  if (alias !== undefined) {
    const words = alias.includes('%') || !isIPv6(alias) ? undefined : wordsOf(alias);
    const isInside = words?.[0] === a && words[1] === b && (words[2] !== 0 || words[3] !== 0);
    if (!isInside || (words?.[2] === c && words[3] === d)) throw wrong('hostAlias6', alias, INSIDE);
  }
  return {
    ...{ address, network: `${network}/64`, prefix: [a, b] },
    hostAlias: alias && ipaddr.parse(alias).toString(),
  };
}

/** What no guest of a network can have. RFC 4291 §2.4. */
const NOBODYS: ReadonlySet<string> = new Set([
  ...['unspecified', 'loopback', 'linkLocal', 'multicast', 'ipv4Mapped'],
]);
