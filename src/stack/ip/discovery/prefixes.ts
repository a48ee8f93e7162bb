/**
 * Prefixes that routers say are on the link: who lies in one is spoken to without a router. RFC 4861 §6.3.4,
 * RFC 5942.
 * @module
 */
import { type Address, drop, hold } from '../../base/address.ts';
import { type Micros, NEVER } from '../../base/clock.ts';
import type { Interface } from '../interface.ts';
import type { RouteEntry } from '../route.ts';
import type { Routes } from '../routes.ts';

/** The most prefixes of an interface. */
export const PREFIX_LIMIT = 16;
/** Between what was configured and the default routers. */
const METRIC = 256;

interface OnLink {
  readonly iface: Interface;
  readonly net: Address;
  readonly bits: number;
  readonly entry: RouteEntry;
  until: Micros;
}

export class Prefixes {
  readonly #routes: Routes;
  readonly #all: OnLink[] = [];

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  get count(): number {
    return this.#all.length;
  }

  /** `net`/`bits` is on the link of `iface` until `until`; if that is not later than `now`, no longer. */
  advertised(iface: Interface, net: Address, bits: number, until: Micros, now: Micros): void {
    const known = this.#all.find((p) => p.iface === iface && p.net === net && p.bits === bits);
    if (known !== undefined) {
      known.until = until;
      if (until <= now) this.#remove(known);
      return;
    }
    if (until <= now || this.#all.filter((p) => p.iface === iface).length >= PREFIX_LIMIT) return;
    const entry = this.#routes.add(net, bits, { iface, metric: METRIC });
    this.#all.push({ iface, net: hold(net), bits, entry, until });
  }

  expire(now: Micros): void {
    for (const prefix of [...this.#all]) if (prefix.until <= now) this.#remove(prefix);
  }

  deadline(): Micros {
    let due = NEVER;
    for (const { until } of this.#all) due = Math.min(due, until);
    return due;
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    for (const prefix of [...this.#all]) if (prefix.iface === iface) this.#remove(prefix);
  }

  #remove(prefix: OnLink): void {
    this.#routes.remove(prefix.entry);
    this.#all.splice(this.#all.indexOf(prefix), 1);
    drop(prefix.net);
  }
}
