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
  drop,
  fromWords,
  hold,
  inPrefix,
  inZone,
  isIPv6,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  LOOPBACK,
  prefixOf,
  width,
  zoneOf,
} from '../base/address.ts';
import type { Micros } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Interface, Prefix } from './interface.ts';
import { PathMtus } from './path-mtu.ts';
import { Route, type RouteEntry, type RouteTable } from './route.ts';
import { type ChooseSource, firstSource } from './source.ts';

/** The most destinations that are remembered; the one looked up first is forgotten first. */
const CACHE_LIMIT = 4096;
/** The most routes to one destination, by source, that are remembered. */
const SIBLING_LIMIT = 8;
/** No table's generation. */
const NEVER_VALID = 0;

/** Routes that were looked up. */
class Cache implements RouteTable {
  /** Changes whenever they are no longer to be trusted. */
  generation = 1;
  /** The first of each destination; others by `sibling`. */
  readonly routes: Map<Address, Route> = new Map();

  clear(): void {
    this.generation++;
    for (const first of this.routes.values()) letGo(first);
    this.routes.clear();
  }

  /** Forget the destination that was looked up first: who has a route there asks for another. */
  forgetOldest(): void {
    for (const [destination, first] of this.routes) {
      this.routes.delete(destination);
      letGo(first);
      return;
    }
  }
}

/** The routes of one destination are kept no more, nor are their addresses. */
function letGo(first: Route): void {
  for (let r: Route | undefined = first; r !== undefined; r = r.sibling) {
    drop(r.source);
    drop(r.destination);
    drop(r.nextHop);
    drop(r.asked);
    // An address that nobody else holds may come to name another: it must lead nowhere then.
    if (r.ipv6) r.generation = NEVER_VALID;
  }
}

function keep(route: Route): void {
  hold(route.source);
  hold(route.destination);
  hold(route.nextHop);
  hold(route.asked);
}

export class Routes {
  readonly entries: RouteEntry[] = [];
  /** What probes have shown, and errors about what was in flight. */
  readonly paths: PathMtus;
  /** What errors say that nobody could check. */
  readonly hints: PathMtus;
  /** RFC 6724 §5: which address of ours a packet to an IPv6 address leaves from. */
  chooseSource: ChooseSource = firstSource;
  /** The identifier, two words, of an interface's link-local address. RFC 8064 §3: not to be known beforehand. */
  identify: (iface: Interface) => readonly [high: number, low: number] = () => [
    this.#random.int32(),
    this.#random.int32(),
  ];
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

  /** A link-local address without a zone as that of ours which it is, of the first interface that has it; else as it is. */
  ownOf(address: Address): Address {
    if (!isLinkLocal(address)) return address;
    for (const { index } of this.#interfaces) {
      const own = inZone(address, index);
      if (this.#ours.has(own)) return own;
    }
    return address;
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
    if (first === undefined && cache.routes.size >= CACHE_LIMIT) cache.forgetOldest();
    keep(route);
    cache.routes.set(destination, route);
    return route;
  }

  /** The way to `destination` by `iface`, whatever the table says: for groups and broadcasts. */
  via(iface: Interface, destination: Address, source: Address): Route {
    return this.#enter(this.#cache, this.#make(iface, source, destination, destination));
  }

  /** Give `iface` an address and, if it is `onLink`, its prefix a route. */
  addAddress(iface: Interface, given: Address, bits: number, onLink = true): void {
    const address = inZone(given, iface.index);
    if (iface.addresses.some((p) => p.address === address)) return;
    iface.addresses.push({ address: hold(address), bits });
    if (onLink && bits < width(address) && !iface.isLoopback) {
      const net = prefixOf(address, bits);
      this.#insert({ net, bits, iface, gateway: ANY, source: address, metric: 0 });
    }
    this.#addressesChanged();
    // On a link where others may have it, `Autoconf` asks for it first.
    const isAlone = iface.link === null && !iface.isLoopback;
    if (isIPv6(address) && iface.linkLocal === ANY && isAlone) this.addLinkLocal(iface);
  }

  /** RFC 4291 §2.1: who speaks IPv6 has a link-local address. Its identifier is `identify`'s. */
  addLinkLocal(iface: Interface): void {
    const [high, low] = this.identify(iface);
    this.addAddress(iface, fromWords(0xfe80_0000, 0, high, low), 64);
  }

  /** Take an address away, and the routes that need it. False if it is not there. */
  removeAddress(iface: Interface, address: Address): boolean {
    const index = iface.addresses.findIndex((p) => p.address === address);
    if (index < 0) return false;
    iface.addresses.splice(index, 1);
    this.#removeIf((e) => e.iface === iface && e.source === address);
    this.#addressesChanged();
    drop(address);
    return true;
  }

  /** Forget an interface that is gone: its addresses and every route through it. */
  removeInterface(iface: Interface): void {
    const addresses = iface.addresses.splice(0);
    this.#removeIf((e) => e.iface === iface);
    this.#addressesChanged();
    for (const p of addresses) drop(p.address);
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
    // RFC 6864 §4.2, RFC 7739 §5.1: not to be guessed, and never the same twice in a row for one destination.
    route.identification = this.#random.int32();
    this.paths.apply(route);
    if (cache === this.#cache) this.hints.apply(route);
    return route;
  }

  #lookUp(destination: Address, source: Address): Route | undefined {
    if (isUnspecified(destination)) return undefined;
    if (source !== ANY && isIPv6(source) !== isIPv6(destination)) return undefined;
    if (this.isOurs(destination)) {
      const loopback = this.#interfaces[0];
      if (loopback === undefined) return undefined;
      const own = isLoopback(destination) && !isIPv6(destination) ? LOOPBACK : destination;
      return new Route(loopback, source === ANY ? own : source, destination, destination);
    }
    // RFC 1122 §3.2.1.3 (g): a loopback address must not appear outside a host.
    if (isLoopback(source)) return undefined;
    if (destination === BROADCAST) {
      const iface = this.#ownerOf(source) ?? (source === ANY ? this.#nameless() : undefined);
      return iface === undefined ? undefined : this.#make(iface, source, destination, destination);
    }
    // RFC 4007 §9: what is of one link only leaves by that, whatever the table says.
    if (isLinkLocal(destination)) return this.#lookUpInZone(destination, source);
    if (source !== ANY && isIPv6(source) && isMulticast(destination)) {
      // RFC 4007 §9: a group is of the link that its sender is on.
      const iface = this.#ownerOf(source, true);
      return iface && this.#make(iface, source, destination, destination);
    }
    for (const e of this.entries) {
      if (!inPrefix(destination, e.net, e.bits) || !e.iface.up) continue;
      const hop = e.gateway === ANY || isMulticast(destination) ? destination : e.gateway;
      return this.#make(e.iface, source === ANY ? e.source : source, destination, hop);
    }
    if (!isMulticast(destination)) return undefined;
    const iface = this.#ownerOf(source, isIPv6(destination));
    return iface === undefined ? undefined : this.#make(iface, source, destination, destination);
  }

  /** To a link-local address: by the interface that it names, or the only one that speaks IPv6. */
  #lookUpInZone(destination: Address, source: Address): Route | undefined {
    const zone = zoneOf(destination) || zoneOf(source);
    const spoken = this.#interfaces.filter((i) => i.ipv6 && i.up && !i.isLoopback);
    const iface =
      zone === 0 && spoken.length === 1 ? spoken[0] : spoken.find((i) => i.index === zone);
    if (iface === undefined) return undefined;
    const own = inZone(destination, iface.index);
    if (zone === 0 && this.#ours.has(own)) return this.#lookUp(own, source);
    return this.#make(iface, source, destination, destination);
  }

  /** The interface that has `source`, or the first that has an address of the family. */
  #ownerOf(source: Address, ipv6 = false): Interface | undefined {
    let first: Interface | undefined;
    for (const i of this.#interfaces) {
      if (i.isLoopback || !i.up || (ipv6 ? !i.ipv6 : i.primary === ANY)) continue;
      if (source === ANY || i.addresses.some((p) => p.address === source)) return i;
      first ??= i;
    }
    return first;
  }

  /** RFC 1122 §3.2.1.3 (a): who does not know its address yet may ask everyone on its link for it. */
  #nameless(): Interface | undefined {
    return this.#interfaces.find((i) => !i.isLoopback && i.up && i.link !== null);
  }

  #make(iface: Interface, source: Address, destination: Address, nextHop: Address): Route {
    const from = source === ANY ? this.#chooseSource(iface, destination, nextHop) : source;
    const route = new Route(iface, from, destination, nextHop);
    route.broadcast = destination === BROADCAST || iface.isBroadcast(destination);
    route.unicast = !route.broadcast && !isMulticast(destination);
    return route;
  }

  /** RFC 1122 §3.3.4.3: the address on the next hop's network, else one of the interface's. */
  #chooseSource(iface: Interface, destination: Address, nextHop: Address): Address {
    if (isIPv6(destination)) {
      return this.chooseSource(this.#interfaces, iface, destination, nextHop);
    }
    for (const p of iface.addresses) if (inPrefix(nextHop, p.address, p.bits)) return p.address;
    if (iface.primary !== ANY) return iface.primary;
    for (const i of this.#interfaces) if (!i.isLoopback && i.primary !== ANY) return i.primary;
    return ANY;
  }

  #insert(entry: RouteEntry): void {
    hold(entry.net);
    hold(entry.gateway);
    hold(entry.source);
    const after = this.entries.findIndex(
      (e) => e.bits < entry.bits || (e.bits === entry.bits && e.metric > entry.metric),
    );
    this.entries.splice(after < 0 ? this.entries.length : after, 0, entry);
  }

  #removeIf(unwanted: (entry: RouteEntry) => boolean): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i];
      if (entry === undefined || !unwanted(entry)) continue;
      this.entries.splice(i, 1);
      drop(entry.net);
      drop(entry.gateway);
      drop(entry.source);
    }
  }

  #addressesChanged(): void {
    this.#ours.clear();
    for (const i of this.#interfaces) {
      i.primary = i.addresses.find((p) => !isIPv6(p.address))?.address ?? ANY;
      i.primary6 = i.addresses.find(isGlobal)?.address ?? ANY;
      i.linkLocal = i.addresses.find((p) => isLinkLocal(p.address))?.address ?? ANY;
      i.soundSource = ANY;
      i.pair.forget();
      i.ipv6 = i.speaksIPv6 || i.linkLocal !== ANY || i.primary6 !== ANY;
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

const isGlobal = ({ address }: Prefix): boolean => isIPv6(address) && !isLinkLocal(address);
