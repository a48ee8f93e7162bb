/**
 * Names made into addresses: literals and `localhost` here, others by the function that the stack was given
 * (Node's own `dns.lookup` unless told), in the order in which this stack is to try them.
 *
 * RFC 6761 §6.3 (localhost), RFC 6724 §6 (order); Node documentation: "dns.lookup()".
 * @module
 */
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { type Address, hold } from '../../base/address.ts';
import { systemError } from './errors.ts';

/** What a stack speaks at the moment, and how it gets to where it is to go. */
export interface Spoken {
  /** It has an address of the family besides the loopback address. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** The addresses in the order of RFC 6724 §6, by our own addresses and routes. */
  sort(found: readonly LookupAddress[]): LookupAddress[];
  /** The address that a literal names. */
  read(text: string): Address | undefined;
}

const isLocalhost = (host: string): boolean => /^(.*\.)?localhost\.?$/i.test(host);

/** Node's own, before anyone can have replaced it. */
const systemLookup = dns.lookup;

/** True if somebody has put another function in the place of `dns.lookup`: it is asked for everything. */
export const isLookupReplaced = (): boolean => dns.lookup !== systemLookup;

/** 4, 6, or 0 for either. */
export function familyNumber(family: unknown): 0 | 4 | 6 {
  if (family === 'IPv4' || family === 4) return 4;
  return family === 'IPv6' || family === 6 ? 6 : 0;
}

type Callback = Parameters<LookupFunction>[2];

/**
 * Wrap a lookup function so that literals and `localhost` (RFC 6761) are answered here, and others are
 * asked for addresses of the families that the stack speaks. What it gives has the signature of `dns.lookup`,
 * which is what it asks, as it is then, if it was given no function.
 */
export function makeLookup(lookup: LookupFunction | undefined, spoken: Spoken): LookupFunction {
  return (host, options, callback) => {
    const ask = lookup ?? (dns.lookup as LookupFunction);
    if (!lookup && isLookupReplaced()) {
      ask(host, options, callback);
      return;
    }
    const family = spoken.ipv6 ? familyNumber(options.family) : 4;
    const known = literalOf(host) ?? (isLocalhost(host) ? loopbackOf(family) : undefined);
    if (known === undefined) {
      askFor(ask, host, options, spoken, callback);
    } else if (known[0]?.family === 6 && !spoken.ipv6) {
      process.nextTick(callback, systemError('EAFNOSUPPORT', 'lookup', { address: host }), '', 6);
    } else process.nextTick(answer, options, inOrder(known, options), callback);
  };
}

function literalOf(host: string): LookupAddress[] | undefined {
  const family = isIP(host);
  return family === 0 ? undefined : [{ address: host, family }];
}

/** Both, `::1` first, as a host's own list of names has them. */
function loopbackOf(family: 0 | 4 | 6): LookupAddress[] {
  const both = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  return family === 0 ? both : both.filter((one) => one.family === family);
}

/** Of one family only where the stack speaks no other; of both in the order of RFC 6724 §6. */
function askFor(
  ask: LookupFunction,
  host: string,
  options: LookupOptions,
  spoken: Spoken,
  callback: Callback,
): void {
  const only = spoken.ipv6 ? (spoken.ipv4 ? 0 : 6) : 4;
  const family = only || familyNumber(options.family);
  if (family !== 0) {
    ask(host, { ...options, family }, callback);
    return;
  }
  ask(host, { ...options, family: 0, all: true }, (error, found, foundFamily) => {
    if (error) return callback(error, '', 0);
    const list: readonly LookupAddress[] =
      typeof found === 'string' ? [{ address: found, family: foundFamily ?? isIP(found) }] : found;
    const sorted = isOrdered(options) ? [...list] : spoken.sort(list);
    return answer(options, inOrder(sorted, options), callback);
  });
}

/** True if somebody has said in which order the families come: then it is so. */
const isOrdered = (options: LookupOptions): boolean => orderOf(options) !== 'verbatim';

function orderOf(options: LookupOptions): string {
  const { order, verbatim } = options as LookupOptions & { order?: string };
  if (order !== undefined) return order;
  if (verbatim !== undefined) return verbatim ? 'verbatim' : 'ipv4first';
  return dns.getDefaultResultOrder();
}

function inOrder(list: readonly LookupAddress[], options: LookupOptions): LookupAddress[] {
  const order = orderOf(options);
  if (order === 'verbatim') return [...list];
  const first = order === 'ipv4first' ? 4 : 6;
  return [...list].sort((a, b) => Number(b.family === first) - Number(a.family === first));
}

function answer(options: LookupOptions, list: LookupAddress[], callback: Callback): void {
  const [first] = list;
  if (options.all) callback(null, list);
  else callback(null, first?.address ?? '', first?.family ?? 0);
}

/**
 * The first address of a name; of one family, if that is asked for. It is held, until who asked drops it. Rejects
 * with the lookup's error, or with `ENOTFOUND`.
 */
export function resolve(
  lookup: LookupFunction,
  read: (text: string) => Address | undefined,
  host: string,
  family: 0 | 4 | 6 = 0,
): Promise<Address> {
  return new Promise((done, fail) => {
    lookup(host, { family, all: true }, (error, found) => {
      if (error) return fail(error);
      const list = typeof found === 'string' ? [found] : found.map((one) => one.address);
      const address = list.map(read).find((one) => one !== undefined);
      if (address === undefined) return fail(systemError('ENOTFOUND', 'lookup', { address: host }));
      done(hold(address));
    });
  });
}
