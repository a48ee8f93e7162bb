/**
 * `stack.udp`: what `node:dgram` has no words for. The callback interface, for those who want datagrams
 * without a copy; written on it, ports with a queue and promises; and flows to any address and port.
 * @module
 */

import type { Host } from '../../host/host.ts';
import { checkObject } from '../door/checks.ts';
import { openSocket, type UdpSocketOptions } from '../udp/options.ts';
import { UdpPort, type UdpPortOptions } from '../udp/port.ts';
import type { UdpHandler, UdpSocket } from '../udp/socket.ts';
import {
  type UdpFlowHandler,
  type UdpInterceptOptions,
  UdpInterceptor,
} from './udp-interceptor.ts';

/** What `stack.udp` is: UDP by callbacks, by a queue, and flows to any address and port. */
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
    return openSocket(this.#host, options, handler);
  }

  /**
   * A port with a bounded receive queue, TTL and TOS of each datagram, and batches; connected if the
   * options name a peer. Throws as `createSocket` if it cannot be had.
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
