/**
 * Groups that a socket of the callback interface listens to, and the interfaces that it names by an
 * address: what may be asked, and the system error that answers what may not. RFC 1112 §7.
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net';
import { type Address, isMulticast, isUnspecified } from '../../base/address.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import type { Interface } from '../../ip/interface.ts';
import type { UdpSocket } from '../../udp/socket.ts';
import { systemError } from '../door/errors.ts';
import { readText, zoneIndex } from '../door/text.ts';

/** Where interfaces are looked up. */
interface Interfaces {
  readonly interfaces: readonly Interface[];
}

/** See `UdpSocket.addMembership` of the callback interface. */
export function addMembership(
  ip: Interfaces,
  socket: UdpSocket,
  group: string,
  address: string,
): void {
  const to = readGroup(ip, group, 'addMembership');
  if (isIPv6(group) && isIPv4(address)) throw systemError('EINVAL', 'addMembership');
  const on = interfaceWith(ip, address || zoneOnly(group), 'addMembership');
  check(socket, socket.join(to, on), 'addMembership');
}

/** See `UdpSocket.dropMembership` of the callback interface. */
export function dropMembership(
  ip: Interfaces,
  socket: UdpSocket,
  group: string,
  address: string,
): void {
  const stranger = isIPv6(group) ? 'EINVAL' : 'EADDRNOTAVAIL'; // ip(7); ipv6(7)
  const from = readGroup(ip, group, 'dropMembership', stranger);
  const name = address || zoneOnly(group);
  const on = interfaceWith(ip, name, 'dropMembership', 'EADDRNOTAVAIL');
  check(socket, socket.leave(from, on), 'dropMembership');
}

/**
 * The interface with this address of ours, or which the zone of an IPv6 address names (`::%tun0`); undefined for
 * `0.0.0.0`, other addresses of IPv6, zones that are no device's, and nothing. Throws a system error: `unknown`, or
 * `EINVAL` for what is no address. Linux has `ENODEV` for who joins, and `EADDRNOTAVAIL` for all else.
 */
export function interfaceWith(
  ip: Interfaces,
  text: string,
  syscall: string,
  unknown: 'ENODEV' | 'EADDRNOTAVAIL' = 'ENODEV',
): Interface | undefined {
  if (text === '') return undefined;
  const zone = isIPv6(text) ? text.split('%')[1] : undefined;
  if (zone !== undefined) {
    const index = zoneIndex(ip, zone);
    // As libuv has it (`uv_ip6_addr`), a name of no device is scope 0: any.
    return ip.interfaces.find((iface) => iface.index === index && !iface.isLoopback);
  }
  const address = readText(ip, text);
  if (address === undefined) throw systemError('EINVAL', syscall);
  if (isUnspecified(address)) return undefined;
  const found = ip.interfaces.find((iface) =>
    iface.addresses.some((prefix) => prefix.address === address),
  );
  // Of IPv6 a system asks for the zone alone, so an address that is nobody's names no interface (RFC 3493 §5.2).
  if (found || isIPv6(text)) return found;
  throw systemError(unknown, syscall);
}

/** The core's word for a socket that is past it; a system tells the two cases apart. */
export function codeOf(socket: UdpSocket, failure: Failure): string {
  if (failure !== Failure.CLOSED) return failureCode(failure);
  return socket.closed ? 'EBADF' : 'EINVAL'; // closed, or bound already
}

function check(socket: UdpSocket, failure: Failure, syscall: string): void {
  if (failure === Failure.NET_UNREACHABLE) throw systemError('ENODEV', syscall);
  if (failure !== Failure.NONE) throw systemError(codeOf(socket, failure), syscall);
}

/** What names the interface of `ff02::1%tun0`. */
const zoneOnly = (group: string): string =>
  group.includes('%') ? `::%${group.split('%')[1]}` : '';

/** `stranger`: what it is to name an address that is no group's. */
function readGroup(ip: Interfaces, text: string, syscall: string, stranger = 'EINVAL'): Address {
  const group = readText(ip, text);
  if (group === undefined) throw systemError('EINVAL', syscall);
  if (!isMulticast(group)) throw systemError(stranger, syscall);
  return group;
}
