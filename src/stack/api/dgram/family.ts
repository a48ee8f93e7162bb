/**
 * What is another in the two types of datagram sockets: their addresses and how they see those of peers.
 * RFC 3493 §3.7; Node documentation: "dgram.createSocket()", `udp4` and `udp6`.
 * @module
 */
import { isIPv4 } from 'node:net';
import {
  type Address,
  ANY,
  groupScope,
  isIPv6,
  isMulticast,
  isUnspecified,
  thisHost,
} from '../../base/address.ts';
import type { Interface } from '../../ip/interface.ts';
import { parseAddress, parseEither } from '../door/lookup.ts';
import {
  type Interfaces,
  lacksZone,
  mappedTextOf,
  readText,
  textOf,
  zoneIndex,
} from '../door/text.ts';
import type { UdpSocket } from '../udp/socket.ts';

/** RFC 4291 §2.7: a group that stays on the link. */
const LINK_SCOPE = 2;

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

/**
 * True if the system would ask which link is meant: for a link-local address, and where one is bound for a group that
 * stays on a link, too (`EINVAL`).
 */
export const wantsZone = (to: Address, text: string, syscall: string): boolean =>
  lacksZone(to) || (syscall === 'bind' && staysOnLink(to) && !text.includes('%'));

const staysOnLink = (to: Address): boolean =>
  isIPv6(to) && isMulticast(to) && groupScope(to) <= LINK_SCOPE;

/** Connect to a literal address, to a group by the link that its zone names (`ff02::1%tun0`). Throws as `connect`. */
export function connectTo(udp: UdpSocket, port: number, text: string): void {
  const [address, zone] = text.split('%');
  const to = parseEither(address ?? '');
  if (zone !== undefined && to !== undefined && isMulticast(to)) {
    udp.setMulticastInterface(`::%${zone}`);
  }
  udp.connect(port, text);
}

/**
 * Send to `to`, which was written as `text`: to a group by the link that its zone names. The code of what went wrong;
 * '': nothing did.
 */
export function sendTo(
  ip: Links,
  udp: UdpSocket,
  bytes: Uint8Array,
  to: Address,
  port: number,
  text: string,
): string {
  const source = isMulticast(to) && text.includes('%') ? sourceOn(ip, udp, to, text) : ANY;
  return udp.send(bytes, 0, bytes.length, to, port, source) ? '' : udp.failure;
}

/** The address of ours on the link that the zone of a group names; `ANY`: the socket has one, or there is none. */
function sourceOn(ip: Links, udp: UdpSocket, to: Address, text: string): Address {
  if (!isUnspecified(udp.local)) return ANY;
  const index = zoneIndex(ip, text.split('%')[1] ?? '');
  const link = ip.interfaces.find((iface) => iface.index === index && !iface.isLoopback);
  if (link === undefined) return ANY;
  return staysOnLink(to) || link.primary6 === ANY ? link.linkLocal : link.primary6;
}

interface Links {
  readonly interfaces: readonly Interface[];
}
