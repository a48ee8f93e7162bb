/**
 * An interface that configures itself: its link-local address, then routers, and from what they advertise
 * routes, prefixes, addresses, servers of DNS, and the link's parameters. RFC 4862 §5, RFC 4861 §6.3.
 *
 * What strangers can make grow is bounded, first come first kept: a thousand false routers are ten, and push
 * no true one out.
 * @module
 */
import {
  type Address,
  ANY,
  fromWords,
  inZone,
  isLinkLocal,
  isMulticast,
  prefixOf,
  readIPv6,
  wordOf,
} from '../../base/address.ts';
import { MILLISECOND, type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import type { SipKey } from '../../base/siphash.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd from '../../wire/nd.ts';
import * as options from '../../wire/nd-options.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import type { Multicast } from '../multicast.ts';
import type { Packet } from '../packet.ts';
import type { Routes } from '../routes.ts';
import { DuplicateDetection } from './dad.ts';
import { DnsConfiguration } from './dns.ts';
import { RETRIES, stableLinkLocal } from './identifier.ts';
import { MoreRoutes } from './more-routes.ts';
import { OwnAddresses } from './own.ts';
import { Prefixes } from './prefixes.ts';
import { Redirects } from './redirects.ts';
import { Routers } from './routers.ts';
import { Slaac } from './slaac.ts';

/** RFC 4861 §6.2.1: the most that a router may say of times; what is beyond is not believed. */
const LONGEST_REACHABLE: Micros = 3600 * SECOND;
const LONGEST_RETRANSMIT: Micros = 60 * SECOND;

/** How an interface configures itself. */
export interface AutoconfOptions {
  /** Routers are asked for and listened to. RFC 4861 §6.2.1 has it true for every host. */
  readonly acceptRouters: boolean;
  /** Addresses are made from the prefixes that they advertise. RFC 4862 §5.5. */
  readonly addresses: boolean;
  /** Temporary ones beside the stable ones. RFC 8981. */
  readonly temporary: boolean;
  /** Redirects are followed, or, by a stack that forwards, sent. RFC 4861 §8. */
  readonly redirects: boolean;
  /**
   * The link is asked whether an address is somebody else's before it is ours; false where nobody else may have it:
   * `DupAddrDetectTransmits` is 0 then. RFC 4862 §5.1.
   */
  readonly duplicates: boolean;
}

export const DEFAULT_AUTOCONF: AutoconfOptions = {
  acceptRouters: true,
  addresses: true,
  temporary: false,
  redirects: false,
  duplicates: true,
};

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly multicast: Multicast;
  readonly routes: Routes;
  readonly forwarding: boolean;
  /** RFC 7217's secret. */
  readonly secret: SipKey;
}

/** Who is told of what becomes of an interface. */
export interface AutoconfWatcher {
  /** Somebody else has an address that was to be ours. */
  duplicate(iface: Interface, address: Address): void;
  /** It has its link-local address. */
  settled(iface: Interface): void;
}

export class Autoconf {
  readonly dad: DuplicateDetection;
  readonly own: OwnAddresses;
  readonly routers: Routers;
  readonly prefixes: Prefixes;
  readonly moreRoutes: MoreRoutes;
  readonly slaac: Slaac;
  readonly redirects: Redirects;
  readonly dns: DnsConfiguration = new DnsConfiguration();
  readonly #net: Host;
  readonly #watcher: AutoconfWatcher;
  readonly #interfaces: Map<Interface, AutoconfOptions> = new Map();

  constructor(net: Host, watcher: AutoconfWatcher) {
    this.#net = net;
    this.#watcher = watcher;
    this.dad = new DuplicateDetection(net);
    const { routes, multicast, random } = net;
    this.own = new OwnAddresses({ routes, multicast, dad: this.dad });
    this.routers = new Routers(net);
    this.prefixes = new Prefixes(routes);
    this.moreRoutes = new MoreRoutes(routes);
    this.redirects = new Redirects(routes);
    const own = this.own;
    this.slaac = new Slaac({
      get now(): Micros {
        return net.now;
      },
      get secret(): SipKey {
        return net.secret;
      },
      random,
      own,
      changed: () => routes.changed(),
    });
  }

  /** `iface` is to speak IPv6. RFC 4862 §5.3. Nothing, if it does. */
  enable(iface: Interface, options: Partial<AutoconfOptions> = {}): void {
    if (this.#interfaces.has(iface)) return;
    this.#interfaces.set(iface, { ...DEFAULT_AUTOCONF, ...options });
    if (options.duplicates === false) this.dad.spare(iface);
    iface.speaksIPv6 = true;
    iface.ipv6 = true;
    this.#addLinkLocal(iface, 0);
  }

  /** RFC 4862 §5.4.5, RFC 7217 §6: where another host has it, another one is tried. */
  #addLinkLocal(iface: Interface, counter: number): void {
    const address = inZone(stableLinkLocal(this.#net.secret, iface.index, counter), iface.index);
    this.own.add(iface, address, 64, (unique) => {
      if (unique) {
        this.#watcher.settled(iface);
        if (this.#interfaces.get(iface)?.acceptRouters) this.routers.search(iface);
      } else if (counter < RETRIES) this.#addLinkLocal(iface, counter + 1);
      else this.#watcher.duplicate(iface, address);
    });
  }

  /** The identifier, two words, of a link-local address that nobody needs to be asked for. */
  identify(iface: Interface): readonly [high: number, low: number] {
    const address = stableLinkLocal(this.#net.secret, iface.index, 0);
    return [wordOf(address, 2), wordOf(address, 3)];
  }

  /** RFC 4861 §6.3.4: a router advertisement that passed §6.1.2. */
  advertised(packet: Packet): Drop {
    const { iface, body, bodyLength, source } = packet;
    const settings = this.#interfaces.get(iface);
    if (settings === undefined || !settings.acceptRouters) return Drop.ND_IGNORED;
    const v = this.#net.slots.view;
    const { link } = iface;
    if (link === null) return Drop.ND_NO_LINK;
    if (nd.hopLimit(v, body) !== 0) iface.hopLimit = nd.hopLimit(v, body);
    const table = link.neighbours6;
    const reachable = nd.reachableTime(v, body) * MILLISECOND;
    if (reachable > 0 && reachable <= LONGEST_REACHABLE) table.reachableTime = reachable;
    const retransmit = nd.retransTimer(v, body) * MILLISECOND;
    if (retransmit > 0 && retransmit <= LONGEST_RETRANSMIT) table.retransmit = retransmit;
    const end = body + bodyLength;
    // RFC 4191 §3.1: a route to everywhere says more of the router than its header does.
    const all = findDefault(v, nd.optionsAt(v, body), end);
    const lifetime = all < 0 ? nd.routerLifetime(v, body) : options.routeLifetime(v, all);
    const preference = all < 0 ? nd.preference(v, body) : options.routePreference(v, all);
    this.routers.advertised(iface, source, lifetimeOf(lifetime), preference);
    for (let at = nd.optionsAt(v, body); at < end; at += options.length(v, at)) {
      this.#option(v, at, packet, settings);
    }
    table.markRouter(source);
    return Drop.NONE;
  }

  #option(v: DataView, at: number, { iface, source }: Packet, settings: AutoconfOptions): void {
    const { now } = this.#net;
    const { Option } = options;
    switch (options.kind(v, at)) {
      case Option.SOURCE_LINK:
        if (options.length(v, at) !== options.SHORT_LEN) return;
        iface.link?.neighbours6.heard(
          source,
          options.linkHi(v, at),
          options.linkLo(v, at),
          false,
          this.routers.isRouter(iface, source), // RFC 6583: who is used, and no other, is remembered
          now,
        );
        return;
      case Option.MTU:
        if (options.length(v, at) === options.SHORT_LEN) this.#setMtu(iface, options.mtu(v, at));
        return;
      case Option.PREFIX:
        if (options.isPrefix(v, at)) this.#prefix(v, at, iface, source, settings);
        return;
      case Option.ROUTE:
        if (options.isRoute(v, at)) this.#route(v, at, iface, source);
        return;
      case Option.DNS_SERVERS: {
        const until = now + lifetimeOf(options.dnsLifetime(v, at));
        for (let i = 0; i < options.serverCount(v, at); i++) {
          const server = readIPv6(v, options.serverAt(at, i), iface.index);
          if (!isMulticast(server)) this.dns.server(iface, server, until, now);
        }
        return;
      }
      case Option.DNS_SEARCH: {
        const until = now + lifetimeOf(options.dnsLifetime(v, at));
        for (const domain of options.searchList(v, at)) {
          this.dns.domain(iface, domain, until, now);
        }
        return;
      }
      default: // RFC 4861 §6.1.2: what is not known is passed over
    }
  }

  /** RFC 4861 §6.3.4: of IPv6 alone, and no longer than the device's. */
  #setMtu(iface: Interface, mtu: number): void {
    if (mtu < ipv6.MIN_MTU || mtu > iface.mtu || mtu === iface.mtu6) return;
    iface.mtu6 = mtu;
    this.#net.routes.changed();
  }

  /** RFC 4861 §6.3.4, RFC 4862 §5.5.3. */
  #prefix(
    v: DataView,
    at: number,
    iface: Interface,
    source: Address,
    settings: AutoconfOptions,
  ): void {
    const { now } = this.#net;
    const bits = options.prefixBits(v, at);
    const given = readIPv6(v, options.prefixAt(at), iface.index);
    if (isLinkLocal(given) || isMulticast(given)) return;
    const prefix = prefixOf(given, bits);
    const valid = lifetimeOf(options.validLifetime(v, at));
    const preferred = lifetimeOf(options.preferredLifetime(v, at));
    const flags = options.prefixFlags(v, at);
    if ((flags & options.PrefixFlag.ON_LINK) !== 0) {
      this.prefixes.advertised(iface, prefix, bits, now + valid, now);
    }
    const autonomous = (flags & options.PrefixFlag.AUTONOMOUS) !== 0;
    if (!autonomous || !settings.addresses || bits !== 64) return;
    this.slaac.advertised(iface, source, prefix, valid, preferred, settings.temporary);
  }

  /** RFC 4191 §2.3. That to everywhere was read before. */
  #route(v: DataView, at: number, iface: Interface, router: Address): void {
    const { now } = this.#net;
    const bits = options.routeBits(v, at);
    const word = (index: number): number => options.routeWord(v, at, index);
    const net = prefixOf(fromWords(word(0), word(1), word(2), word(3)), bits);
    if (bits === 0 || isLinkLocal(net) || isMulticast(net)) return;
    const preference = options.routePreference(v, at);
    const until = now + lifetimeOf(options.routeLifetime(v, at));
    this.moreRoutes.advertised(iface, router, { net, bits, preference, until }, now);
  }

  /** Whether `iface` has to do with redirects. */
  heedsRedirects(iface: Interface): boolean {
    return this.#interfaces.get(iface)?.redirects === true;
  }

  /** RFC 4861 §8.1, §8.3. */
  redirected(packet: Packet): Drop {
    const { iface, body, bodyLength, source } = packet;
    // §8.3: a router's way is its own.
    if (!this.heedsRedirects(iface) || this.#net.forwarding) return Drop.ND_REDIRECT;
    const v = this.#net.slots.view;
    const target = readIPv6(v, nd.targetAt(body), iface.index);
    const destination = readIPv6(v, nd.destinationAt(body), iface.index);
    if (isMulticast(destination)) return Drop.ND_MALFORMED;
    if (!isLinkLocal(target) && target !== destination) return Drop.ND_MALFORMED;
    // §8.1: only from whom the packet went through.
    const route = this.#net.route(destination, ANY);
    if (route?.iface !== iface || route.nextHop !== source) return Drop.ND_REDIRECT;
    this.redirects.follow(iface, destination, target);
    const at = options.find(
      v,
      nd.optionsAt(v, body),
      body + bodyLength,
      options.Option.TARGET_LINK,
    );
    if (at >= 0 && options.length(v, at) === options.SHORT_LEN) {
      const [hi, lo] = [options.linkHi(v, at), options.linkLo(v, at)];
      iface.link?.neighbours6.heard(target, hi, lo, false, true, this.#net.now);
    }
    return Drop.NONE;
  }

  /** A neighbour answers or does not, and may have stopped to be a router. RFC 4861 §7.3.3. */
  neighbourChanged(iface: Interface, address: Address, there: boolean, isRouter: boolean): void {
    this.routers.changed(iface, address, there, isRouter);
    this.moreRoutes.changed(iface, address, there, isRouter);
    if (!there || !isRouter) this.redirects.forgetThrough(iface, address);
  }

  expire(now: Micros): void {
    this.dad.expire(now);
    this.routers.expire(now);
    this.prefixes.expire(now);
    this.moreRoutes.expire(now);
    this.slaac.expire(now);
    this.dns.expire(now);
  }

  deadline(): Micros {
    return Math.min(
      this.dad.deadline(),
      this.routers.deadline(),
      this.prefixes.deadline(),
      this.moreRoutes.deadline(),
      this.slaac.deadline(),
      this.dns.deadline(),
    );
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    this.#interfaces.delete(iface);
    this.dad.forget(iface);
    this.slaac.forget(iface);
    this.prefixes.forget(iface);
    this.moreRoutes.forget(iface);
    this.redirects.forget(iface);
    this.routers.forget(iface);
    this.dns.forget(iface);
  }
}

/** Seconds of the wire as a span; for ever is `NEVER`. */
const lifetimeOf = (seconds: number): Micros =>
  seconds === options.FOREVER ? NEVER : seconds * SECOND;

/** The route to everywhere among the options from `at` to `end`; -1: none. */
function findDefault(v: DataView, at: number, end: number): number {
  for (let option = at; option < end; option += options.length(v, option)) {
    if (options.kind(v, option) !== options.Option.ROUTE || !options.isRoute(v, option)) continue;
    if (options.routeBits(v, option) === 0) return option;
  }
  return -1;
}
