/**
 * What a UDP socket may be asked to be, by the callbacks of `createSocket` and the queue of `open` alike,
 * and the socket that is so. RFC 768, RFC 1122 §4.1.
 * @module
 */

import type { Host } from '../../host/host.ts';
import { checkObject } from '../door/checks.ts';
import { missingError } from '../door/errors.ts';
import type { UdpHandler } from './socket.ts';
import { UdpSocket } from './socket.ts';

/** What Linux lets wait at a socket that asks for nothing, in bytes. */
export const BUFFER_SIZE = 212_992;

/** Where a UDP socket is, and what it is like. */
export interface UdpSocketOptions {
  /** 0 to 65535; 0, the default: any free one. */
  readonly port?: number;
  /** A literal address of the stack's, a broadcast address or a group; all of ours unless told. */
  readonly address?: string;
  /** A literal address: talk to this peer only. With `remotePort`. */
  readonly remoteAddress?: string;
  /** 1 to 65535. With `remoteAddress`. */
  readonly remotePort?: number;
  /** Others that say so too may be bound to the same place; the newest gets the datagrams. */
  readonly reuseAddress?: boolean;
  /** Let datagrams to broadcast addresses leave. */
  readonly broadcast?: boolean;
  /** Fail with `EMSGSIZE` instead of fragmenting what is longer than the path is known to take. */
  readonly dontFragment?: boolean;
  /** Be told of every ICMP error, and not only of those that last on a connected socket. */
  readonly receiveErrors?: boolean;
  /** Hops that datagrams may take, 0 to 255; 0, the default: the stack's default. */
  readonly ttl?: number;
  /** Hops that multicasts may take, 0 to 255; default 1, and 0 keeps them on this host. */
  readonly multicastTtl?: number;
  /** Of datagrams, 0 to 255; default 0: the six upper bits are the DSCP, the two lower ones ECN. */
  readonly typeOfService?: number;
}

/** A socket that is bound, and connected if the options name a peer. Throws what was wrong with it. */
export function openSocket(host: Host, options: UdpSocketOptions, handler: UdpHandler): UdpSocket {
  checkObject(options, 'options');
  const { port = 0, address, remoteAddress, remotePort } = options;
  if ((remoteAddress === undefined) !== (remotePort === undefined)) {
    throw missingError('options.remoteAddress', 'options.remotePort');
  }
  const socket = new UdpSocket(host, handler);
  try {
    configure(socket, options);
    socket.bind(port, address);
    if (remoteAddress !== undefined && remotePort !== undefined) {
      socket.connect(remotePort, remoteAddress);
    }
  } catch (error) {
    socket.handler = {}; // it has not begun
    socket.close();
    throw error;
  }
  return socket;
}

function configure(socket: UdpSocket, options: UdpSocketOptions): void {
  const { ttl = 0, multicastTtl = 1, typeOfService = 0 } = options;
  socket.reuseAddress = Boolean(options.reuseAddress);
  socket.broadcast = Boolean(options.broadcast);
  socket.dontFragment = Boolean(options.dontFragment);
  socket.receiveErrors = Boolean(options.receiveErrors);
  socket.ttl = ttl;
  socket.multicastTtl = multicastTtl;
  socket.typeOfService = typeOfService;
}
