/**
 * Default routers: how they are asked for, which there are, and which of them is used. RFC 4861 §6.3.4 to
 * §6.3.7, RFC 4191 (preferences), RFC 7559 (asking on when nobody answers).
 *
 * A router is a line of the table of routes. One that does not answer stands behind those that do (§6.3.6),
 * and all of them behind what somebody has configured.
 * @module
 */
import { type Address, ALL_ROUTERS, ANY6, drop, hold, isUnspecified } from '../../base/address.ts';
import { type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { unit } from '../../base/random.ts';
import * as nd from '../../wire/nd.ts';
import * as options from '../../wire/nd-options.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import type { RouteEntry } from '../route.ts';
import type { Routes } from '../routes.ts';
import { begin, linkLocalOf, NO_MESSAGE, sendDiscovery } from './message.ts';

/** The most routers of an interface that are remembered; RFC 4861 §6.3.4 asks for two at least. */
export const ROUTER_LIMIT = 10;
/** RFC 7559 §2: IRT and MRT, and RAND's reach; there is no end to asking. */
const FIRST_INTERVAL: Micros = 4 * SECOND;
const LONGEST_INTERVAL: Micros = 3600 * SECOND;
const SPREAD = 0.1;
/** Metrics: behind routes that were configured; a step for each preference (RFC 4191 §3.2). */
const METRIC = 1024;
/** Behind all that answer. */
const UNREACHABLE = 4096;

/** A default router. */
export interface Router {
  readonly iface: Interface;
  readonly address: Address;
  /** -1, 0 or 1. RFC 4191 §2.1. */
  preference: number;
  reachable: boolean;
  /** When it stops to be one, unless it says otherwise before. */
  until: Micros;
  entry: RouteEntry | undefined;
}

/** An interface that looks for routers. */
interface Search {
  readonly iface: Interface;
  /** The time to the next question after this one; 0: none was asked yet. */
  interval: Micros;
  due: Micros;
}

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly routes: Routes;
}

export class Routers {
  readonly #net: Host;
  readonly #all: Router[] = [];
  readonly #searches: Search[] = [];

  constructor(net: Host) {
    this.#net = net;
  }

  /** All that are known. */
  list(): readonly Router[] {
    return this.#all;
  }

  /** Begin to ask for routers: the interface has its link-local address. RFC 4861 §6.3.7. */
  search(iface: Interface): void {
    if (iface.link === null || this.#searches.some((one) => one.iface === iface)) return;
    // The random delay lies behind us: it was before the question for our address.
    this.#searches.push({ iface, interval: 0, due: this.#net.now });
  }

  /**
   * A router of `iface` says that it is one for `lifetime`, `NEVER` for ever, 0: none. RFC 4861 §6.3.4.
   */
  advertised(iface: Interface, address: Address, lifetime: Micros, preference: number): void {
    const { now } = this.#net;
    const known = this.#find(iface, address);
    if (lifetime === 0) {
      if (known !== undefined) this.#remove(known);
      return;
    }
    this.#stopSearch(iface);
    const until = now + lifetime;
    if (known !== undefined) {
      known.until = until;
      if (known.preference === preference) return;
      known.preference = preference;
      this.#enter(known);
      return;
    }
    // Who was first is kept: a flood of false routers pushes no true one out (RFC 6104 §3).
    if (this.#all.filter((one) => one.iface === iface).length >= ROUTER_LIMIT) return;
    const router: Router = {
      iface,
      address: hold(address),
      preference,
      reachable: true,
      until,
      entry: undefined,
    };
    this.#all.push(router);
    this.#enter(router);
  }

  /** RFC 4861 §6.3.6, §7.2.5: a neighbour answers or does not, and may have stopped to be a router. */
  changed(iface: Interface, address: Address, there: boolean, isRouter: boolean): void {
    const router = this.#find(iface, address);
    if (router === undefined) return;
    if (!isRouter) this.#remove(router);
    else if (router.reachable !== there) {
      router.reachable = there;
      this.#enter(router);
    }
  }

  /** True if packets of `iface` may go through `address`. */
  isRouter(iface: Interface, address: Address): boolean {
    return this.#find(iface, address) !== undefined;
  }

  expire(now: Micros): void {
    for (const router of [...this.#all]) if (router.until <= now) this.#remove(router);
    for (const one of this.#searches) if (one.due <= now) this.#ask(one, now);
  }

  deadline(): Micros {
    let due = NEVER;
    for (const { until } of this.#all) due = Math.min(due, until);
    for (const one of this.#searches) due = Math.min(due, one.due);
    return due;
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    this.#stopSearch(iface);
    for (const router of [...this.#all]) if (router.iface === iface) this.#remove(router);
  }

  #find(iface: Interface, address: Address): Router | undefined {
    return this.#all.find((one) => one.iface === iface && one.address === address);
  }

  /** Give it its line in the table, or another one. */
  #enter(router: Router): void {
    const { routes } = this.#net;
    const { iface, address, preference, reachable } = router;
    if (router.entry !== undefined) routes.remove(router.entry);
    const metric = METRIC - preference + (reachable ? 0 : UNREACHABLE);
    router.entry = routes.add(ANY6, 0, { iface, gateway: address, metric });
  }

  #remove(router: Router): void {
    if (router.entry !== undefined) this.#net.routes.remove(router.entry);
    this.#all.splice(this.#all.indexOf(router), 1);
    drop(router.address);
    // RFC 7559 §2 ends with an answer; without a router left there is none.
    if (router.iface.up && !this.#all.some((one) => one.iface === router.iface)) {
      this.search(router.iface);
    }
  }

  #stopSearch(iface: Interface): void {
    const index = this.#searches.findIndex((one) => one.iface === iface);
    if (index >= 0) this.#searches.splice(index, 1);
  }

  /** RFC 7559 §2, with RFC 3315 §14's randomness. */
  #ask(one: Search, now: Micros): void {
    const spread = 1 + (2 * unit(this.#net.random) - 1) * SPREAD;
    if (one.interval === 0) one.interval = FIRST_INTERVAL * spread;
    else one.interval *= 1 + spread;
    if (one.interval > LONGEST_INTERVAL) one.interval = LONGEST_INTERVAL * spread;
    one.due = now + Math.floor(one.interval);
    this.#send(one.iface);
  }

  /** RFC 4861 §4.1. */
  #send(iface: Interface): void {
    const net = this.#net;
    const { link } = iface;
    const source = linkLocalOf(iface);
    const at = begin(net);
    if (link === null || at === NO_MESSAGE) return;
    const v = net.slots.view;
    let end = nd.write(v, at, nd.Type.SOLICIT_ROUTER, 0);
    if (!isUnspecified(source)) {
      end = options.writeLink(v, end, options.Option.SOURCE_LINK, link.hi, link.lo);
    }
    sendDiscovery(net, iface, source, ALL_ROUTERS, at, end - at);
  }
}
