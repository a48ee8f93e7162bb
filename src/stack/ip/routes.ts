/**
 * Routes: which interface, which source address and which next hop lead to a destination.
 * RFC 1122 §3.3.1, longest prefix first.
 *
 * A `Route` that was looked up is kept here by destination and by whoever sends there, and stays
 * valid until an address, a route or a path's MTU changes; then all of them end at once.
 *
 * There are two of each: one narrowed by every error that came in, and one, for who finds what an error
 * quotes among what is in flight, only by errors that passed this (RFC 5927 §7, RFC 8899 §4.6). Anybody
 * can make up an error about a datagram to a port.
 * @module
 */
import {
  type Address,
  ANY,
  BROADCAST,
  inPrefix,
  isLoopback,
  isMulticast,
  LOOPBACK,
  prefixOf,
  width,
} from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Interface } from './interface.ts';
import { PathMtus } from './path-mtu.ts';
import { Route, type RouteEntry, type RouteTable } from './route.ts';

/** The most destinations that are remembered; the one looked up first is forgotten first. */
const CACHE_LIMIT = 4096;
/** The most routes to one destination, by source, that are remembered. */
const SIBLING_LIMIT = 8;

/** Routes that were looked up. */
class Cache implements RouteTable {
  /** Changes whenever they are no longer to be trusted. */
  generation = 1;
  /** The first of each destination; others by `sibling`. */
  readonly routes: Map<Address, Route> = new Map();

  clear(): void {
    this.generation++;
    this.routes.clear();
  }
}

export class Routes {
  readonly entries: RouteEntry[] = [];
  /** What probes have shown, and errors about what was in flight. */
  readonly paths: PathMtus;
  /** What errors say that nobody could check. */
  readonly hints: PathMtus;
  readonly #interfaces: readonly Interface[];
  readonly #random: Random;
  readonly #ours: Set<Address> = new Set();
  readonly #cache: Cache = new Cache();
  readonly #proven: Cache = new Cache();

  /** `interfaces`: all of them, the loopback interface first; shared with who adds to it. */
  constructor(interfaces: readonly Interface[], random: Random) {
    this.#interfaces = interfaces;
    this.#random = random;
    this.paths = new PathMtus(() => this.changed());
    this.hints = new PathMtus(() => this.#cache.clear());
  }

  /** True if `address` is one of ours, a loopback address included. */
  isOurs(address: Address): boolean {
    return this.#ours.has(address) || isLoopback(address);
  }

  /** The way to `destination`, from `source` unless that is `ANY`; undefined if there is none. */
  find(destination: Address, source: Address): Route | undefined {
    return this.#find(this.#cache, destination, source);
  }

  /** The same as if no error had come that nobody could check. */
  findProven(destination: Address, source: Address): Route | undefined {
    return this.#find(this.#proven, destination, source);
  }

  #find(cache: Cache, destination: Address, source: Address): Route | undefined {
    const first = cache.routes.get(destination);
    let siblings = 0;
    for (let r = first; r !== undefined; r = r.sibling) {
      if (r.asked === source) return r;
      siblings++;
    }
    const route = this.#lookUp(destination, source);
    if (route === undefined) return undefined;
    route.asked = source;
    this.#enter(cache, route);
    if (siblings >= SIBLING_LIMIT) return route; // who answers for all addresses keeps its own
    route.sibling = first;
    if (first === undefined && cache.routes.size >= CACHE_LIMIT) forgetOldest(cache);
    cache.routes.set(destination, route);
    return route;
  }

  /** The way to `destination` by `iface`, whatever the table says: for groups and broadcasts. */
  via(iface: Interface, destination: Address, source: Address): Route {
    return this.#enter(this.#cache, this.#make(iface, source, destination, destination));
  }

  /** Give `iface` an address, and its prefix a route. */
  addAddress(iface: Interface, address: Address, bits: number): void {
    if (iface.addresses.some((p) => p.address === address)) return;
    iface.addresses.push({ address, bits });
    if (bits < width(address) && !iface.isLoopback) {
      const net = prefixOf(address, bits);
      this.#insert({ net, bits, iface, gateway: ANY, source: address, metric: 0 });
    }
    this.#addressesChanged();
  }

  /** Take an address away, and the routes that need it. False if it is not there. */
  removeAddress(iface: Interface, address: Address): boolean {
    const index = iface.addresses.findIndex((p) => p.address === address);
    if (index < 0) return false;
    iface.addresses.splice(index, 1);
    this.#removeIf((e) => e.iface === iface && e.source === address);
    this.#addressesChanged();
    return true;
  }

  /** Forget an interface that is gone: its addresses and every route through it. */
  removeInterface(iface: Interface): void {
    iface.addresses.length = 0;
    this.#removeIf((e) => e.iface === iface);
    this.#addressesChanged();
  }

  /**
   * Add a route to `net`/`bits`. A gateway must be on the link of an interface, unless the interface
   * is named; without a gateway the destinations are on the link. Throws where neither is given.
   */
  add(
    net: Address,
    bits: number,
    o: { gateway?: Address; iface?: Interface; source?: Address; metric?: number },
  ): RouteEntry {
    const gateway = o.gateway ?? ANY;
    const iface = o.iface ?? this.#interfaces.find((i) => !i.isLoopback && i.isOnLink(gateway));
    if (iface === undefined) {
      const message =
        'no interface leads to the gateway: give one its prefix, or name the interface';
      throw Object.assign(new RangeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    const source = o.source ?? ANY;
    const entry = { net: prefixOf(net, bits), bits, iface, gateway, source, metric: o.metric ?? 0 };
    this.#insert(entry);
    this.changed();
    return entry;
  }

  /** Take back what `add` gave. False if it is gone already. */
  remove(entry: RouteEntry): boolean {
    const before = this.entries.length;
    this.#removeIf((e) => e === entry);
    this.changed();
    return this.entries.length < before;
  }

  /** End every route that was looked up. */
  changed(): void {
    this.#cache.clear();
    this.#proven.clear();
  }

  /** Tie a new route to the table as it is now. */
  #enter(cache: Cache, route: Route): Route {
    route.table = cache;
    route.generation = cache.generation;
    // RFC 6864 §4.2: not to be guessed, and never the same twice in a row for one destination.
    route.identification = this.#random.int32() & 0xffff;
    this.paths.apply(route);
    if (cache === this.#cache) this.hints.apply(route);
    return route;
  }

  #lookUp(destination: Address, source: Address): Route | undefined {
    if (destination === ANY) return undefined;
    if (this.isOurs(destination)) {
      const loopback = this.#interfaces[0];
      if (loopback === undefined) return undefined;
      const own = isLoopback(destination) ? LOOPBACK : destination;
      return new Route(loopback, source === ANY ? own : source, destination, destination);
    }
    // RFC 1122 §3.2.1.3 (g): a loopback address must not appear outside a host.
    if (isLoopback(source)) return undefined;
    if (destination === BROADCAST) {
      const iface = this.#ownerOf(source);
      return iface === undefined ? undefined : this.#make(iface, source, destination, destination);
    }
    for (const e of this.entries) {
      if (!inPrefix(destination, e.net, e.bits) || !e.iface.up) continue;
      const hop = e.gateway === ANY || isMulticast(destination) ? destination : e.gateway;
      return this.#make(e.iface, source === ANY ? e.source : source, destination, hop);
    }
    if (!isMulticast(destination)) return undefined;
    const iface = this.#ownerOf(source);
    return iface === undefined ? undefined : this.#make(iface, source, destination, destination);
  }

  /** The interface that has `source`, or the first that has an address. */
  #ownerOf(source: Address): Interface | undefined {
    let first: Interface | undefined;
    for (const i of this.#interfaces) {
      if (i.isLoopback || !i.up || i.addresses.length === 0) continue;
      if (source === ANY || i.addresses.some((p) => p.address === source)) return i;
      first ??= i;
    }
    return first;
  }

  #make(iface: Interface, source: Address, destination: Address, nextHop: Address): Route {
    const from = source === ANY ? this.#chooseSource(iface, nextHop) : source;
    const route = new Route(iface, from, destination, nextHop);
    route.broadcast = destination === BROADCAST || iface.isBroadcast(destination);
    route.unicast = !route.broadcast && !isMulticast(destination);
    return route;
  }

  /** RFC 1122 §3.3.4.3: the address on the next hop's network, else one of the interface's. */
  #chooseSource(iface: Interface, nextHop: Address): Address {
    for (const p of iface.addresses) if (inPrefix(nextHop, p.address, p.bits)) return p.address;
    if (iface.primary !== ANY) return iface.primary;
    for (const i of this.#interfaces) if (!i.isLoopback && i.primary !== ANY) return i.primary;
    return ANY;
  }

  #insert(entry: RouteEntry): void {
    const after = this.entries.findIndex(
      (e) => e.bits < entry.bits || (e.bits === entry.bits && e.metric > entry.metric),
    );
    this.entries.splice(after < 0 ? this.entries.length : after, 0, entry);
  }

  #removeIf(unwanted: (entry: RouteEntry) => boolean): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i];
      if (entry !== undefined && unwanted(entry)) this.entries.splice(i, 1);
    }
  }

  #addressesChanged(): void {
    this.#ours.clear();
    for (const i of this.#interfaces) {
      i.primary = i.addresses[0]?.address ?? ANY;
      for (const p of i.addresses) this.#ours.add(p.address);
      i.link?.addressesChanged();
    }
    this.changed();
  }

  /** Forget what is too old of paths. */
  expire(now: Micros): void {
    this.paths.expire(now);
    this.hints.expire(now);
  }

  /** When `expire` has something to do. */
  deadline(): Micros {
    return Math.min(this.paths.deadline(), this.hints.deadline());
  }
}

/** Whoever holds it may go on: only the search is repeated. */
function forgetOldest({ routes }: Cache): void {
  for (const destination of routes.keys()) {
    routes.delete(destination);
    return;
  }
}
