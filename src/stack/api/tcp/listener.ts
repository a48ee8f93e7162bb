/**
 * The callback interface to TCP, passive side: a port on which connections are accepted.
 * RFC 9293 §3.10.1, passive OPEN.
 * @module
 */
import { type Address, family } from '../../base/address.ts';
import type { Failure } from '../../base/failure.ts';
import { Hold } from '../../host/hold.ts';
import type { Host } from '../../host/host.ts';
import type { Listener as CoreListener } from '../../tcp/open/listener.ts';
import type { Settings } from '../../tcp/tcb/settings.ts';
import { textOf } from '../door/text.ts';
import { Connection, type ConnectionHandler } from './connection.ts';

/**
 * A connection is open. Give its handler; undefined refuses it with RST. It is told of nothing before
 * this returns, and nothing that came is lost.
 */
export type Accept = (connection: Connection) => ConnectionHandler | undefined;

export interface ListenOptions {
  /** `ANY`: all of the stack's addresses of IPv4; `ANY6`: all. */
  readonly address: Address;
  /** With `ANY6`: those of IPv6 only. */
  readonly ipv6Only?: boolean;
  /** 0: any free one. */
  readonly port: number;
  /** Most connections whose handshake is not complete. */
  readonly backlog: number;
  readonly settings?: Partial<Settings>;
  /** False while no further connection is wanted: SYNs are then dropped, and come again. */
  readonly hasRoom?: () => boolean;
}

/** A port that is open to everyone, until `close`. */
export class Listener {
  /** Called once, when it is closed. */
  onClosed: () => void = () => {};
  readonly #host: Host;
  readonly #core: CoreListener;
  readonly #hold: Hold;
  #closed = false;

  /** Not for use from outside: `stack.tcp.createListener` makes these. */
  constructor(host: Host, core: CoreListener) {
    this.#host = host;
    this.#core = core;
    host.open.add(this);
    this.#hold = new Hold(host);
  }

  /** `0.0.0.0` is all of the stack's addresses of IPv4, `::` all of them. */
  get address(): string {
    return textOf(this.#host.core.ip, this.#core.address);
  }

  /** Of its address. */
  get family(): 'IPv4' | 'IPv6' {
    return family(this.#core.address);
  }

  /** 1 to 65535. */
  get port(): number {
    return this.#core.port;
  }

  /** True once it is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Accept no more. Connections that were accepted stay; half-open ones are reset. */
  close(): void {
    if (this.#closed) return;
    this.#hold.end();
    this.#closed = true;
    this.#host.open.delete(this);
    this.#core.close();
    this.onClosed();
  }

  /** The process stays alive while the port is open; the default. */
  ref(): this {
    this.#hold.ref();
    return this;
  }

  /** The process may end while the port is open. */
  unref(): this {
    this.#hold.unref();
    return this;
  }
}

const NO_HANDLER: ConnectionHandler = {};

/** Open a port. A number if that fails: a `Failure`. */
export function openListener(
  host: Host,
  { address, ipv6Only, port, backlog, settings, hasRoom }: ListenOptions,
  accept: Accept,
): Listener | Failure {
  const core = host.core.tcp.listen({
    address,
    port,
    backlog,
    ...(ipv6Only !== undefined && { ipv6Only }),
    ...(settings && { settings }),
    ...(hasRoom && { hasRoom }),
    accept: (tcb) => {
      const connection = new Connection(host, NO_HANDLER, tcb);
      const handler = accept(connection);
      if (!handler) return undefined;
      connection.handler = handler;
      connection.begin(tcb);
      return connection;
    },
  });
  return typeof core === 'number' ? core : new Listener(host, core);
}
