/**
 * What is another in the two types of datagram sockets: their addresses and how they see those of peers.
 * RFC 3493 §3.7; Node documentation: "dgram.createSocket()", `udp4` and `udp6`.
 * @module
 */
import { isIPv4 } from 'node:net';
import { type Address, thisHost } from '../../base/address.ts';
import { parseAddress } from '../door/lookup.ts';
import { type Interfaces, mappedTextOf, readText, textOf } from '../door/text.ts';

/** A type's addresses. */
export interface SocketFamily {
  readonly number: 4 | 6;
  readonly name: 'IPv4' | 'IPv6';
  /** As a block list has it. */
  readonly kind: 'ipv4' | 'ipv6';
  /** All of ours: where one binds who names no address. */
  readonly any: string;
  /** An address as such a socket tells it. */
  text(ip: Interfaces, address: Address): string;
  /** Where who sends or connects to this address gets, to none or to `any` this host. */
  reach(text: string | undefined): string;
  /** Where a literal of this family leads to; undefined for all else, as the system has it. */
  read(ip: Interfaces, text: string): Address | undefined;
}

const UDP4: SocketFamily = {
  number: 4,
  name: 'IPv4',
  kind: 'ipv4',
  any: '0.0.0.0',
  text: textOf,
  reach: (text) => (!text || text === '0.0.0.0' ? '127.0.0.1' : text),
  read: (_ip, text) => there(parseAddress(text)),
};

const UDP6: SocketFamily = {
  number: 6,
  name: 'IPv6',
  kind: 'ipv6',
  any: '::',
  text: mappedTextOf,
  reach: (text) => (!text || text === '::' ? '::1' : text),
  read: (ip, text) => (isIPv4(text) ? undefined : there(readText(ip, text))),
};

const there = (address: Address | undefined): Address | undefined =>
  address === undefined ? undefined : thisHost(address);

/** That of a socket's type. */
export const familyOf = (type: 'udp4' | 'udp6'): SocketFamily => (type === 'udp6' ? UDP6 : UDP4);
