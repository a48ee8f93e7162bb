/**
 * The terms of a filter: what each asks of a packet. pcap-filter(7), "the primitives".
 *
 * A term is a function of the packet's facts; those that join others are made once, when the filter is
 * read, so that nothing is made for a packet.
 * @module
 */
import { type Facts, Family, type Words } from './facts.ts';

/** True if the packet is meant. */
export type Term = (facts: Facts) => boolean;

/** Which end of the packet an address or a port is asked of. */
export type Side = 'src' | 'dst' | 'either' | 'both';

/** Addresses that share their first `bits` bits; `words` holds no others. */
export interface Net {
  readonly family: typeof Family.IPV4 | typeof Family.IPV6;
  readonly words: Words;
  readonly bits: number;
}

export const not =
  (term: Term): Term =>
  (facts) =>
    !term(facts);

export const and =
  (a: Term, b: Term): Term =>
  (facts) =>
    a(facts) && b(facts);

export const or =
  (a: Term, b: Term): Term =>
  (facts) =>
    a(facts) || b(facts);

export const ofFamily =
  (family: number): Term =>
  (facts) =>
    facts.family === family;

/** What IP carries, in either version or in one of them. */
export const ofProtocol =
  (protocol: number, family?: number): Term =>
  (facts) =>
    facts.protocol === protocol && (family === undefined || facts.family === family);

export const notLonger =
  (length: number): Term =>
  (facts) =>
    facts.length <= length;

export const notShorter =
  (length: number): Term =>
  (facts) =>
    facts.length >= length;

/** Ports from `first` to `last`, of any transport that has them. */
export function onPort(first: number, last: number, side: Side): Term {
  const isIn = (port: number): boolean => port >= first && port <= last;
  return bySide(
    side,
    (facts) => facts.hasPorts && isIn(facts.sourcePort),
    (facts) => facts.hasPorts && isIn(facts.destinationPort),
  );
}

/** Addresses in `net`; those that ARP speaks of count as IPv4's, as in tcpdump. */
export function inNet(net: Net, side: Side): Term {
  const isFamily =
    net.family === Family.IPV6
      ? ofFamily(Family.IPV6)
      : (facts: Facts): boolean => facts.family === Family.IPV4 || facts.family === Family.ARP;
  return bySide(
    side,
    (facts) => isFamily(facts) && lies(facts.source, net),
    (facts) => isFamily(facts) && lies(facts.destination, net),
  );
}

function bySide(side: Side, source: Term, destination: Term): Term {
  switch (side) {
    case 'src':
      return source;
    case 'dst':
      return destination;
    case 'both':
      return and(source, destination);
    case 'either':
      return or(source, destination);
  }
}

function lies(address: Words, { words, bits }: Net): boolean {
  let left = bits;
  for (let word = 0; left > 0; word++, left -= 32) {
    const differing = (address[word] as number) ^ (words[word] as number); // both have four
    if ((left >= 32 ? differing : differing >>> (32 - left)) !== 0) return false;
  }
  return true;
}
