/**
 * What a host of IPv6 does besides taking in and sending packets, put together: it discovers neighbours and
 * routers, configures itself, reports its groups, and chooses addresses. RFC 8504 §5.4 to §5.11, §6.
 * @module
 */
import { type Address, ANY, inZone, isIPv6, isLinkLocal, isLoopback } from '../../base/address.ts';
import type { Micros } from '../../base/clock.ts';
import type { SipKey } from '../../base/siphash.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import type { Multicast } from '../multicast.ts';
import type { Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import type { Routes } from '../routes.ts';
import { Autoconf, type AutoconfOptions } from './autoconf.ts';
import { Mld } from './mld.ts';
import { NeighbourDiscovery } from './nd.ts';
import { Redirecting } from './redirecting.ts';
import { chooseSource, Scope, type SourceCandidate, scopeOf } from './selection.ts';

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly multicast: Multicast;
  readonly routes: Routes;
  readonly forwarding: boolean;
  /** RFC 7217's secret. */
  readonly secret: SipKey;
}

/**
 * Told that another station has an address of ours: `kept` false where it was not ours yet, and is not to be
 * (RFC 4862 §5.4.5). `hi`, `lo`: its hardware address.
 */
export type ConflictWatcher = (
  iface: Interface,
  address: Address,
  hi: number,
  lo: number,
  kept: boolean,
) => void;

export class Discovery {
  readonly autoconf: Autoconf;
  readonly nd: NeighbourDiscovery;
  readonly mld: Mld;
  /** Who wants to know of claims to our addresses. */
  onConflict: ConflictWatcher = () => {};
  readonly #net: Host;
  readonly #redirecting: Redirecting;

  constructor(net: Host) {
    this.#net = net;
    const duplicate = (iface: Interface, address: Address): void => this.#duplicate(iface, address);
    const settled = (iface: Interface): void => this.mld.repeat(iface);
    this.autoconf = new Autoconf(net, { duplicate, settled });
    this.nd = new NeighbourDiscovery(net, {
      dad: this.autoconf.dad,
      routers: this.autoconf,
      conflict: (iface, address, hi, lo) => this.onConflict(iface, address, hi, lo, true),
    });
    this.mld = new Mld(net);
    this.#redirecting = new Redirecting(net);
    const { slaac } = this.autoconf;
    net.routes.chooseSource = (interfaces, iface, destination, nextHop) =>
      chooseFrom(interfaces, iface, destination, (own) => slaac.isFrom(own, nextHop));
    net.routes.identify = (iface) => this.autoconf.identify(iface);
  }

  /** `packet` is passed on to the link that it came by. RFC 4861 §8.2. */
  redirect(packet: Packet, route: Route): void {
    if (this.autoconf.heedsRedirects(packet.iface)) this.#redirecting.tell(packet, route);
  }

  /** `iface` is to speak IPv6. */
  enable(iface: Interface, options?: Partial<AutoconfOptions>): void {
    this.autoconf.enable(iface, options);
  }

  /**
   * Give `iface` an address: at once, or where the link has others, when they have been asked for it.
   * `done` is told if it is ours.
   */
  addAddress(
    iface: Interface,
    given: Address,
    bits: number,
    done: (ours: boolean) => void = () => {},
  ): void {
    const address = inZone(given, iface.index); // questions about it name it so
    if (!isIPv6(address) || iface.isLoopback || iface.link === null) {
      this.#net.routes.addAddress(iface, address, bits);
      done(true);
      return;
    }
    this.enable(iface);
    const begun = this.autoconf.own.add(iface, address, bits, (unique) => {
      if (!unique) this.#duplicate(iface, address);
      done(unique);
    });
    if (!begun) done(iface.addresses.some((own) => own.address === address));
  }

  /** Take an address away, tentative or ours. False if it is neither. */
  removeAddress(iface: Interface, address: Address): boolean {
    if (isIPv6(address) && iface.link !== null) return this.autoconf.own.remove(iface, address);
    return this.#net.routes.removeAddress(iface, address);
  }

  /** Do what is due. */
  expire(now: Micros): void {
    this.autoconf.expire(now);
    this.mld.expire(now);
  }

  /** When to call `expire` next. */
  deadline(): Micros {
    return Math.min(this.autoconf.deadline(), this.mld.deadline());
  }

  /** An interface is gone. */
  forget(iface: Interface): void {
    this.autoconf.forget(iface);
    this.mld.forget(iface);
  }

  #duplicate(iface: Interface, address: Address): void {
    const { fromHi = 0, fromLo = 0 } = iface.link ?? {};
    this.onConflict(iface, address, fromHi, fromLo, false);
  }
}

/**
 * RFC 6724 §4: of the addresses of the interface; of others, where it has none that reaches so far. `isFrom`: whether
 * the next hop has advertised the prefix of an address of ours.
 */
function chooseFrom(
  interfaces: readonly Interface[],
  iface: Interface,
  destination: Address,
  isFrom: (address: Address) => boolean,
): Address {
  if (isLoopback(destination)) return destination;
  const choice = { iface: iface.index };
  const own = chooseSource(destination, candidatesOf(iface, isFrom), choice);
  const near = scopeOf(destination) <= Scope.LINK; // a link-local address, or a group that stays on the link
  if (own !== undefined && (near || !isLinkLocal(own.address))) return own.address;
  // A weak host may send from any of its addresses, as Linux does where the interface has none of its own.
  const all = interfaces.filter((i) => !i.isLoopback).flatMap((i) => candidatesOf(i, isFrom));
  const wide = all.filter(({ address }) => !isLinkLocal(address));
  return chooseSource(destination, wide, choice)?.address ?? own?.address ?? ANY;
}

function candidatesOf(iface: Interface, isFrom: (address: Address) => boolean): SourceCandidate[] {
  return iface.addresses.map(({ address, bits, deprecated = false, temporary = false }) => {
    const fromNextHop = isFrom(address);
    return { address, bits, deprecated, temporary, fromNextHop, iface: iface.index };
  });
}
