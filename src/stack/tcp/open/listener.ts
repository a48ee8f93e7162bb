/**
 * A passive open: where segments of unknown connections may knock. RFC 9293 §3.10.1, RFC 4987.
 *
 * Half-open connections are bounded by the backlog; past it SYNs are answered by cookies, which keep
 * no state. What is complete goes to the owner at once, so there is no accept queue in the core.
 * @module
 */
import type { Address } from '../../base/address.ts';
import { type Micros, SECOND } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { remove } from '../close/close.ts';
import type { Owner } from '../tcb/owner.ts';
import type { Settings } from '../tcb/settings.ts';
import { State } from '../tcb/state.ts';
import type { Backlog, Tcb } from '../tcb/tcb.ts';

/** How long after the last overflow an ACK may still be the answer to a cookie. RFC 4987 §3.6. */
const COOKIE_LIFE: Micros = 128 * SECOND;

export interface ListenOptions {
  /** An address of ours, `ANY` for all of IPv4, or `ANY6` for all. */
  readonly address: Address;
  /** With `ANY6`: only for those of IPv6. RFC 3493 §5.3. */
  readonly ipv6Only?: boolean;
  /** 1..65535, or 0 for one that is free. */
  readonly port: number;
  /** Most half-open connections; at least 1. */
  readonly backlog: number;
  readonly settings?: Partial<Settings>;
  /** False while no further connection is wanted: a SYN is then dropped, and may come again. */
  readonly hasRoom?: () => boolean;
  /** A handshake is complete: who owns the connection? `undefined` resets it. */
  readonly accept: (tcb: Tcb) => Owner | undefined;
}

/** Where a listener stands, and the connections that may be half-open at it. */
export interface Ports {
  readonly demux: { removeListener(listener: Listener): void };
  readonly table: readonly Tcb[];
}

export class Listener implements Backlog {
  readonly #ports: Ports;
  readonly address: Address;
  readonly ipv6Only: boolean;
  readonly port: number;
  readonly settings: Settings;
  readonly accept: (tcb: Tcb) => Owner | undefined;
  readonly hasRoom: () => boolean;
  backlog: number;
  /** Connections in SYN-RECEIVED. */
  halfOpen = 0;
  closed = false;
  #overflowed: Micros = -COOKIE_LIFE;

  constructor(ports: Ports, port: number, settings: Settings, options: ListenOptions) {
    this.#ports = ports;
    this.address = options.address;
    this.port = port;
    this.settings = settings;
    this.ipv6Only = options.ipv6Only ?? false;
    this.accept = options.accept;
    this.hasRoom = options.hasRoom ?? ((): boolean => true);
    this.backlog = Math.max(1, options.backlog);
  }

  /** No place for one more half-open connection: answer by a cookie from now on. */
  noteOverflow(now: Micros): void {
    this.#overflowed = now;
  }

  /** True if a cookie may be out there. */
  mayHaveCookies(now: Micros): boolean {
    return now - this.#overflowed < COOKIE_LIFE;
  }

  /** Stop listening. Half-open connections end; open ones live on. May be called again. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#ports.demux.removeListener(this);
    const { table } = this.#ports;
    // From the end: who is removed gives its place to the last one, which was looked at.
    for (let i = table.length - 1; i >= 0; i--) {
      const tcb = table[i] as Tcb; // below the length: one removal takes one away
      if (tcb.listener === this && tcb.state === State.SYN_RECEIVED) remove(tcb, Failure.ABORTED);
    }
  }
}
