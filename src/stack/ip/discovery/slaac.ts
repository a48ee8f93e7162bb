/**
 * Stateless address autoconfiguration: addresses that are made from the prefixes that routers advertise, and
 * how long each is good. RFC 4862 §5.5, with stable identifiers (RFC 7217) and, if asked, temporary ones
 * beside them (RFC 8981).
 * @module
 */
import { type Address, drop, hold } from '../../base/address.ts';
import { type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { type Random, unit } from '../../base/random.ts';
import type { SipKey } from '../../base/siphash.ts';
import type { Interface } from '../interface.ts';
import { RETRIES, stableAddress, temporaryAddress } from './identifier.ts';

/** The most prefixes of an interface that addresses are made from; each gives one, and temporary ones. */
export const AUTONOMOUS_LIMIT = 16;
/** RFC 4862 §5.5.3 (e): who could forge an advertisement must not end an address sooner than this. */
const LEAST: Micros = 7200 * SECOND;
const BITS = 64;
/** The most routers of a prefix that are remembered: as many as there are of an interface. */
const ADVERTISERS_LIMIT = 10;
/** RFC 8981 §3.8: TEMP_VALID_LIFETIME, TEMP_PREFERRED_LIFETIME, MAX_DESYNC_FACTOR. */
const TEMPORARY_VALID: Micros = 2 * 86_400 * SECOND;
const TEMPORARY_PREFERRED: Micros = 86_400 * SECOND;
const DESYNC = 0.4;
/** RFC 8981 §3.8: REGEN_ADVANCE: 2 s, and the time that asking for an address takes at most. */
const REGENERATE: Micros = 5 * SECOND;

/** An address that was made. */
interface Made {
  readonly iface: Interface;
  readonly prefix: Address;
  address: Address;
  readonly temporary: boolean;
  /** Who has advertised the prefix, the first first. RFC 6724 §5, rule 5.5. */
  readonly routers: Address[];
  /** How many were somebody else's. */
  counter: number;
  readonly made: Micros;
  /** Of a temporary one: it is preferred for this long at most. RFC 8981 §3.4. */
  readonly preferredLimit: Micros;
  validUntil: Micros;
  preferredUntil: Micros;
  /** Its preferred lifetime is over, and that was seen to. */
  deprecated: boolean;
  /** True once there is another in its place. */
  replaced: boolean;
}

/** What it needs of the internet layer. */
interface Host {
  readonly now: Micros;
  readonly random: Random;
  /** RFC 7217's secret. */
  readonly secret: SipKey;
  /** Routes are to be chosen anew. */
  changed(): void;
  readonly own: {
    add(
      iface: Interface,
      address: Address,
      bits: number,
      done: (unique: boolean) => void,
      made: { readonly temporary: boolean },
    ): boolean;
    remove(iface: Interface, address: Address): boolean;
    setDeprecated(iface: Interface, address: Address, deprecated: boolean): void;
  };
}

export class Slaac {
  readonly #net: Host;
  readonly #all: Made[] = [];

  constructor(net: Host) {
    this.#net = net;
  }

  /** How many addresses there are, tentative ones included. */
  get count(): number {
    return this.#all.length;
  }

  /**
   * RFC 4862 §5.5.3: `router` says that addresses may be made from `prefix`/64; lifetimes in microseconds,
   * `NEVER` for ever. `temporary`: one of those too.
   */
  advertised(
    iface: Interface,
    router: Address,
    prefix: Address,
    valid: Micros,
    preferred: Micros,
    temporary: boolean,
  ): void {
    const { now } = this.#net;
    if (preferred > valid) return; // (c)
    let known = false;
    for (const one of this.#all) {
      if (one.iface !== iface || one.prefix !== prefix) continue;
      known = true;
      if (remember(one.routers, router)) this.#net.changed();
      this.#extend(one, valid, preferred, now);
    }
    if (known || valid === 0) return; // (d)
    const prefixes = new Set(this.#all.filter((o) => o.iface === iface).map((o) => o.prefix));
    if (prefixes.size >= AUTONOMOUS_LIMIT) return;
    this.#make(iface, [router], prefix, now + valid, now + preferred, false);
    if (temporary && preferred > REGENERATE) {
      this.#make(iface, [router], prefix, now + valid, now + preferred, true);
    }
  }

  /** True if `address` was made from a prefix that `router` has advertised. RFC 8028 §3.3. */
  isFrom(address: Address, router: Address): boolean {
    return this.#all.some((one) => one.address === address && one.routers.includes(router));
  }

  expire(now: Micros): void {
    for (const one of [...this.#all]) {
      if (one.validUntil <= now) {
        this.#remove(one);
        continue;
      }
      if (one.temporary && !one.replaced && now >= one.preferredUntil - REGENERATE) {
        this.#replace(one, now);
      }
      if (one.preferredUntil <= now) this.#deprecate(one, true);
    }
  }

  deadline(): Micros {
    let due = NEVER;
    for (const one of this.#all) {
      due = Math.min(due, one.validUntil);
      const renewal = one.preferredUntil - REGENERATE;
      if (one.temporary && !one.replaced) due = Math.min(due, renewal);
      if (!one.deprecated) due = Math.min(due, one.preferredUntil);
    }
    return due;
  }

  /** The interface is gone: its addresses are too. */
  forget(iface: Interface): void {
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const one = this.#all[i];
      if (one?.iface === iface) this.#forgetAt(i, one);
    }
  }

  /** RFC 4862 §5.5.3 (e), RFC 8981 §3.4. */
  #extend(one: Made, valid: Micros, preferred: Micros, now: Micros): void {
    const limit = one.temporary ? one.made + TEMPORARY_VALID : NEVER;
    const left = one.validUntil - now;
    if (valid > LEAST || valid > left) one.validUntil = Math.min(now + valid, limit);
    else if (left > LEAST) one.validUntil = Math.min(now + LEAST, limit);
    one.preferredUntil = Math.min(now + preferred, one.preferredLimit);
    this.#deprecate(one, one.preferredUntil <= now);
  }

  #deprecate(one: Made, deprecated: boolean): void {
    one.deprecated = deprecated;
    this.#net.own.setDeprecated(one.iface, one.address, deprecated);
  }

  #make(
    iface: Interface,
    routers: readonly Address[],
    prefix: Address,
    validUntil: Micros,
    preferredUntil: Micros,
    temporary: boolean,
  ): void {
    const { now, random, secret } = this.#net;
    const desync = unit(random) * DESYNC * TEMPORARY_PREFERRED;
    const preferredLimit = temporary ? now + Math.floor(TEMPORARY_PREFERRED - desync) : NEVER;
    const address = temporary
      ? temporaryAddress(random, prefix)
      : stableAddress(secret, prefix, iface.index, 0);
    const one: Made = {
      iface,
      prefix: hold(prefix),
      address: hold(address),
      temporary,
      routers: routers.map(hold),
      counter: 0,
      made: now,
      preferredLimit,
      validUntil: temporary ? Math.min(validUntil, now + TEMPORARY_VALID) : validUntil,
      preferredUntil: Math.min(preferredUntil, preferredLimit),
      deprecated: false,
      replaced: false,
    };
    this.#all.push(one);
    this.#ask(one);
  }

  #ask(one: Made): void {
    const done = (unique: boolean): void => this.#answered(one, unique);
    if (!this.#net.own.add(one.iface, one.address, BITS, done, one)) this.#drop(one);
  }

  /** RFC 7217 §6 and RFC 8981 §3.3: another one, a few times; then none. */
  #answered(one: Made, unique: boolean): void {
    if (unique) {
      if (one.preferredUntil <= this.#net.now) this.#deprecate(one, true);
      return;
    }
    if (++one.counter > RETRIES) {
      this.#drop(one);
      return;
    }
    const { random, secret } = this.#net;
    drop(one.address);
    one.address = hold(
      one.temporary
        ? temporaryAddress(random, one.prefix)
        : stableAddress(secret, one.prefix, one.iface.index, one.counter),
    );
    this.#ask(one);
  }

  /** RFC 8981 §3.5: the next one, while the stable one of its prefix is preferred. */
  #replace(one: Made, now: Micros): void {
    one.replaced = true;
    const stable = this.#all.find(
      (o) => !o.temporary && o.iface === one.iface && o.prefix === one.prefix,
    );
    if (stable === undefined || stable.preferredUntil <= now + REGENERATE) return;
    this.#make(
      one.iface,
      stable.routers,
      one.prefix,
      stable.validUntil,
      stable.preferredUntil,
      true,
    );
  }

  #remove(one: Made): void {
    this.#net.own.remove(one.iface, one.address);
    this.#drop(one);
  }

  #drop(one: Made): void {
    this.#forgetAt(this.#all.indexOf(one), one);
  }

  #forgetAt(index: number, one: Made): void {
    this.#all.splice(index, 1);
    drop(one.address);
    drop(one.prefix);
    for (const router of one.routers) drop(router);
  }
}

/** True if it was not known, and is now. */
function remember(routers: Address[], router: Address): boolean {
  if (routers.includes(router) || routers.length >= ADVERTISERS_LIMIT) return false;
  routers.push(hold(router));
  return true;
}
