/**
 * Accepting any address and port: every flow that somebody opens through the stack's devices is shown to
 * one handler before its SYN is answered.
 *
 * A flow to a listener of this stack, on an address of its own, goes there and is not shown. Flows
 * that are not decided or not yet open are bounded by `backlog`; past it SYNs are dropped, and come
 * again.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { Hold } from '../../host/hold.ts';
import type { Host } from '../../host/host.ts';
import type { Gate } from '../../tcp/open/intercept.ts';
import { Verdict } from '../../tcp/open/intercept.ts';
import type { Listener } from '../../tcp/open/listener.ts';
import type { Settings } from '../../tcp/tcb/settings.ts';
import type { Tcb } from '../../tcp/tcb/tcb.ts';
import { checkFunction, checkInteger, checkMilliseconds } from '../door/checks.ts';
import { coded } from '../door/errors.ts';
import { checkSettings } from '../door/settings.ts';
import type { NetParts } from '../net/net.ts';
import { Connection } from '../tcp/connection.ts';
import { TcpFlow } from './tcp-flow.ts';

/**
 * Decides about a flow by one of its methods: before it returns, or later. A promise that settles
 * without a decision, and a handler that fails, refuse the flow.
 */
export type TcpFlowHandler = (flow: TcpFlow) => unknown;

/** How many flows may wait, how long, and what their connections begin with. */
export interface TcpInterceptOptions {
  /** Flows that are undecided or half open at once; default 4096. */
  readonly backlog?: number;
  /** How long a flow may stay undecided, in milliseconds; default 60 000. It is dropped then. */
  readonly timeout?: number;
  /** For the connections: times in microseconds, sizes in bytes. */
  readonly settings?: Partial<Settings>;
}

const BACKLOG = 4096;
const TIMEOUT = 60_000;

/** Flows to any address and port are asked about, until it is closed. */
export class TcpInterceptor implements Gate {
  /** For the stack: limits and settings of what is accepted. */
  readonly listener: Listener;
  readonly #host: Host;
  readonly #parts: NetParts;
  readonly #handler: TcpFlowHandler;
  readonly #timeout: number;
  #asked: TcpFlow | undefined;
  readonly #hold: Hold;
  #closed = false;

  /** Not for use from outside: `stack.tcp.intercept` makes these. */
  constructor(
    host: Host,
    parts: NetParts,
    handler: TcpFlowHandler,
    { backlog = BACKLOG, timeout = TIMEOUT, settings }: TcpInterceptOptions,
  ) {
    checkFunction(handler, 'handler');
    checkInteger(backlog, 'options.backlog', 1, 2 ** 31 - 1);
    this.#timeout = checkMilliseconds(timeout, 'options.timeout');
    const { tcp } = host.core;
    if (tcp.gate) {
      const message = 'flows over TCP have a handler already: close that interceptor first';
      throw coded(Error, 'EADDRINUSE', message);
    }
    this.#host = host;
    this.#parts = parts;
    this.#handler = handler;
    this.listener = tcp.makeGateListener({
      address: ANY,
      port: 0,
      backlog,
      ...(settings !== undefined && { settings: checkSettings(settings, 'options.settings') }),
      accept: ({ owner }) => (owner instanceof Connection ? owner : undefined),
    });
    tcp.gate = this;
    host.acceptAny(1);
    host.open.add(this);
    this.#hold = new Hold(host);
  }

  /** How many flows are undecided or half open. */
  get waiting(): number {
    return this.listener.halfOpen;
  }

  /** For the stack: a SYN came. */
  decide(remote: Address, remotePort: number, local: Address, localPort: number): Verdict {
    const { ip, tcp } = this.#host.core;
    if (ip.isOurs(local) && tcp.demux.listener(local, localPort)) return Verdict.PASS;
    const { halfOpen, backlog } = this.listener;
    if (halfOpen >= backlog) return Verdict.LATER; // which has no place: the SYN is dropped
    const flow = new TcpFlow(this.#host, this.#parts, remote, remotePort, local, localPort);
    this.#ask(flow);
    this.#asked = flow;
    return flow.verdict;
  }

  #ask(flow: TcpFlow): void {
    try {
      const answer = this.#handler(flow);
      if (!isPromise(answer)) return;
      answer.then(
        () => flow.giveUp(),
        (error: unknown) => {
          flow.giveUp();
          this.#host.thrown(error);
        },
      );
    } catch (error) {
      flow.giveUp();
      this.#host.thrown(error);
    }
  }

  /** For the stack: the flow that was asked about is kept, or could not be. */
  wait(tcb: Tcb | null): void {
    const flow = this.#asked;
    this.#asked = undefined;
    if (tcb) flow?.wait(tcb, this.#timeout);
    else flow?.lost();
  }

  /** Take no more flows. Those that are open stay; undecided ones are refused. */
  close(): void {
    if (this.#closed) return;
    this.#hold.end();
    this.#closed = true;
    this.#host.open.delete(this);
    this.#host.core.tcp.gate = null;
    this.#host.acceptAny(-1);
    for (const { owner } of [...this.#host.core.tcp.table]) {
      if (owner instanceof TcpFlow) owner.giveUp();
    }
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

/** True if somebody waits for it. */
export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
