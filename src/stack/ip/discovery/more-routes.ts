/**
 * Routes beside the default that routers advertise: a host of several networks sends by the router that leads there.
 * RFC 4191 §2.3, §3.1 (a host of type C).
 *
 * Each is a line of the table of routes, behind what somebody has configured; that of a router which does not
 * answer stands behind those of all that do (§3.2).
 * @module
 */
import { type Address, drop, hold } from '../../base/address.ts';
import { type Micros, NEVER } from '../../base/clock.ts';
import type { Interface } from '../interface.ts';
import type { RouteEntry } from '../route.ts';
import type { Routes } from '../routes.ts';

/** The most such routes of an interface; who was first is kept. */
export const MORE_ROUTES_LIMIT = 16;
/** Behind what was configured and what is on the link; a step for each preference. */
const METRIC = 1024;
/** Behind all whose routers answer. */
const UNREACHABLE = 4096;

/** What an option of an advertisement says. */
export interface Advertised {
  readonly net: Address;
  readonly bits: number;
  /** -1, 0 or 1. RFC 4191 §2.1. */
  readonly preference: number;
  /** When it ends; now or before: it is withdrawn. */
  readonly until: Micros;
}

interface MoreRoute extends Advertised {
  readonly iface: Interface;
  readonly router: Address;
  preference: number;
  until: Micros;
  reachable: boolean;
  entry: RouteEntry | undefined;
}

export class MoreRoutes {
  readonly #routes: Routes;
  readonly #all: MoreRoute[] = [];

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  get count(): number {
    return this.#all.length;
  }

  /** `router` says that it leads to a network. */
  advertised(iface: Interface, router: Address, said: Advertised, now: Micros): void {
    const own = this.#all.filter((one) => one.iface === iface);
    const known = own.find(
      (one) => one.router === router && one.net === said.net && one.bits === said.bits,
    );
    if (said.until <= now) {
      if (known !== undefined) this.#remove(known);
      return;
    }
    if (known !== undefined) {
      known.until = said.until;
      if (known.preference === said.preference) return;
      known.preference = said.preference;
      this.#enter(known);
      return;
    }
    if (own.length >= MORE_ROUTES_LIMIT) return;
    const route = { ...said, iface, router, reachable: true, entry: undefined };
    hold(said.net);
    hold(router);
    this.#all.push(route);
    this.#enter(route);
  }

  /** RFC 4861 §7.3.3: a router answers or does not, or is none any more. */
  changed(iface: Interface, router: Address, there: boolean, isRouter: boolean): void {
    for (const one of [...this.#all]) {
      if (one.iface !== iface || one.router !== router) continue;
      if (!isRouter) this.#remove(one);
      else if (one.reachable !== there) {
        one.reachable = there;
        this.#enter(one);
      }
    }
  }

  expire(now: Micros): void {
    for (const one of [...this.#all]) if (one.until <= now) this.#remove(one);
  }

  deadline(): Micros {
    let due = NEVER;
    for (const { until } of this.#all) due = Math.min(due, until);
    return due;
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    for (const one of [...this.#all]) if (one.iface === iface) this.#remove(one);
  }

  /** Give it its line in the table, or another one. */
  #enter(one: MoreRoute): void {
    const { iface, router: gateway, net, bits, preference, reachable } = one;
    if (one.entry !== undefined) this.#routes.remove(one.entry);
    const metric = METRIC - preference + (reachable ? 0 : UNREACHABLE);
    one.entry = this.#routes.add(net, bits, { iface, gateway, metric });
  }

  #remove(one: MoreRoute): void {
    if (one.entry !== undefined) this.#routes.remove(one.entry);
    this.#all.splice(this.#all.indexOf(one), 1);
    drop(one.net);
    drop(one.router);
  }
}
