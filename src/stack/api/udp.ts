/**
 * `stack.udp`: what `node:dgram` has no words for. The callback interface, for those who want datagrams
 * without a copy, and flows to any address and port.
 * @module
 */
import { checkObject, checkPort } from './checks.ts';
import { missingError } from './errors.ts';
import type { Host } from './host.ts';
import type { UdpHandler } from './udp-handler.ts';
import {
  type UdpFlowHandler,
  type UdpInterceptOptions,
  UdpInterceptor,
} from './udp-interceptor.ts';
import { UdpPort, type UdpPortOptions } from './udp-port.ts';
import { UdpSocket } from './udp-socket.ts';

/** Where a UDP socket is, and what it is like, by the callback interface. */
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
  /** Hops that datagrams may take, 0 to 255; 0: the stack's default. */
  readonly ttl?: number;
  /** Of datagrams, 0 to 255: the six upper bits are the DSCP. */
  readonly typeOfService?: number;
}

/** What `stack.udp` is: the callback interface to UDP, and flows to any address and port. */
export class StackUdp {
  readonly #host: Host;

  /** Not for use from outside: it is `stack.udp`. */
  constructor(host: Host) {
    this.#host = host;
  }

  /**
   * The callback interface: a socket that is bound, and connected if the options name a peer, whose
   * datagrams come to `handler`. Throws a system error (`bind EADDRINUSE ...`, `connect ENETUNREACH
   * ...`) if it cannot be had.
   */
  createSocket(options: UdpSocketOptions, handler: UdpHandler): UdpSocket {
    checkObject(handler, 'handler');
    const { port = 0, address, remoteAddress, remotePort } = options;
    checkPort(port, 'options.port');
    if ((remoteAddress === undefined) !== (remotePort === undefined)) {
      throw missingError('options.remoteAddress', 'options.remotePort');
    }
    const socket = new UdpSocket(this.#host, handler);
    try {
      configure(socket, options);
      socket.bind(port, address);
      if (remoteAddress !== undefined && remotePort !== undefined) {
        socket.connect(checkPort(remotePort, 'options.remotePort', false), remoteAddress);
      }
    } catch (error) {
      socket.handler = {}; // it has not begun
      socket.close();
      throw error;
    }
    return socket;
  }

  /**
   * A port with a bounded receive queue, TTL and TOS of each datagram, and batches. Throws a system
   * error if it cannot be had.
   */
  open(options: UdpPortOptions = {}): UdpPort {
    return new UdpPort(this.#host, options);
  }

  /**
   * Accept any address and port: `handler` is shown every flow that comes in by the stack's devices and
   * is for no socket of its own. One handler at a time, until `close`.
   */
  intercept(handler: UdpFlowHandler, options: UdpInterceptOptions = {}): UdpInterceptor {
    return new UdpInterceptor(this.#host, handler, options);
  }
}

function configure(socket: UdpSocket, options: UdpSocketOptions): void {
  const { ttl = 0, typeOfService = 0 } = options;
  socket.reuseAddress = Boolean(options.reuseAddress);
  socket.broadcast = Boolean(options.broadcast);
  socket.dontFragment = Boolean(options.dontFragment);
  socket.receiveErrors = Boolean(options.receiveErrors);
  socket.ttl = ttl;
  socket.typeOfService = typeOfService;
}
