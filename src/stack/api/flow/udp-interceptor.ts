/**
 * UDP to any address and port: the first datagram of every flow that no socket of this stack is for is
 * shown to one handler.
 *
 * A socket that is bound to a port on the stack's own addresses keeps it, and a flow that was accepted
 * is not shown again until it is closed.
 * @module
 */

import { Hold } from '../../host/hold.ts';
import type { Host } from '../../host/host.ts';
import type { Packet } from '../../ip/packet.ts';
import type { UdpSocket } from '../../udp/socket.ts';
import { FLOW_LIMIT, Refusal } from '../../udp/udp.ts';
import { checkFunction, checkInteger, checkMilliseconds } from '../door/checks.ts';
import { coded } from '../door/errors.ts';
import { isPromise } from './tcp-interceptor.ts';
import { UdpFlow } from './udp-flow.ts';

/**
 * Decides about a flow by one of its methods: before it returns, or later. A promise that settles
 * without a decision, and a handler that fails, refuse the flow.
 */
export type UdpFlowHandler = (flow: UdpFlow) => unknown;

/** How many flows there may be, and how long they live. */
export interface UdpInterceptOptions {
  /** Close a flow after so many milliseconds in which nothing passed; default 120 000 (RFC 4787 §4.3). */
  readonly idle?: number;
  /** How long a flow may stay undecided, in milliseconds; default 10 000. It is dropped then. */
  readonly timeout?: number;
  /** Most flows at once, connected sockets included; default 65 536. */
  readonly flows?: number;
}

const IDLE = 120_000;
const TIMEOUT = 10_000;

/** Flows to any address and port are asked about, until it is closed. */
export class UdpInterceptor {
  readonly #host: Host;
  readonly #handler: UdpFlowHandler;
  readonly #idle: number;
  readonly #timeout: number;
  readonly #hold: Hold;
  #closed = false;

  /** Not for use from outside: `stack.udp.intercept` makes these. */
  constructor(host: Host, handler: UdpFlowHandler, options: UdpInterceptOptions) {
    const { idle = IDLE, timeout = TIMEOUT, flows = FLOW_LIMIT } = options;
    checkFunction(handler, 'handler');
    this.#idle = checkMilliseconds(idle, 'options.idle');
    this.#timeout = checkMilliseconds(timeout, 'options.timeout');
    checkInteger(flows, 'options.flows', 1, 2 ** 31 - 1);
    const { udp } = host.core;
    if (udp.interceptor) {
      const message = 'flows over UDP have a handler already: close that interceptor first';
      throw coded(Error, 'EADDRINUSE', message);
    }
    this.#host = host;
    this.#handler = handler;
    udp.flowLimit = flows;
    udp.interceptor = (packet, remotePort, port) => this.#decide(packet, remotePort, port);
    host.acceptAny(1);
    host.open.add(this);
    this.#hold = new Hold(host);
  }

  /** How many flows there are, connected sockets included. */
  get flows(): number {
    return this.#host.core.udp.ports.flows;
  }

  #decide({ source, destination }: Packet, remotePort: number, port: number): UdpSocket | Refusal {
    const { udp } = this.#host.core;
    if (remotePort === 0 || port === 0) return Refusal.DROP; // nobody can answer there
    if (udp.ports.flows >= udp.flowLimit) return Refusal.FULL;
    const flow = new UdpFlow(this.#host, source, remotePort, destination, port, this.#idle);
    try {
      const answer = this.#handler(flow);
      if (isPromise(answer)) this.#await(flow, answer);
    } catch (error) {
      flow.giveUp();
      this.#host.thrown(error);
    }
    return flow.verdict(this.#timeout);
  }

  #await(flow: UdpFlow, answer: PromiseLike<unknown>): void {
    answer.then(
      () => flow.giveUp(),
      (error: unknown) => {
        flow.giveUp();
        this.#host.thrown(error);
      },
    );
  }

  /** Take no more flows. Those that were accepted stay. */
  close(): void {
    if (this.#closed) return;
    this.#hold.end();
    this.#closed = true;
    this.#host.open.delete(this);
    this.#host.core.udp.interceptor = null;
    this.#host.acceptAny(-1);
  }

  /** The process stays alive while flows are taken; the default. */
  ref(): this {
    this.#hold.ref();
    return this;
  }

  /** The process may end while flows are taken. */
  unref(): this {
    this.#hold.unref();
    return this;
  }
}
