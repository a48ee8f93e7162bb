/**
 * Better first hops that our router names: followed only if asked, as anybody on the link can make them up.
 * RFC 4861 §8.
 * @module
 */
import { type Address, ANY, drop, hold } from '../../base/address.ts';
import type { Interface } from '../interface.ts';
import type { RouteEntry } from '../route.ts';
import type { Routes } from '../routes.ts';

/** The most that are followed; the oldest gives way. */
export const REDIRECT_LIMIT = 256;
const BITS = 128;

interface Redirect {
  readonly iface: Interface;
  readonly destination: Address;
  readonly entry: RouteEntry;
}

export class Redirects {
  readonly #routes: Routes;
  readonly #all: Redirect[] = [];

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  get count(): number {
    return this.#all.length;
  }

  /** RFC 4861 §8.3: `destination` is reached through `target`, or is on the link where both are one. */
  follow(iface: Interface, destination: Address, target: Address): void {
    const known = this.#all.find((one) => one.destination === destination);
    if (known !== undefined) this.#remove(known);
    const oldest = this.#all[0];
    if (oldest !== undefined && this.#all.length >= REDIRECT_LIMIT) this.#remove(oldest);
    const gateway = target === destination ? ANY : target;
    const entry = this.#routes.add(destination, BITS, { iface, gateway });
    this.#all.push({ iface, destination: hold(destination), entry });
  }

  /** RFC 4861 §7.3.3: who was named does not answer, or is gone. */
  forgetThrough(iface: Interface, target: Address): void {
    for (const one of [...this.#all]) {
      const { gateway } = one.entry;
      const hop = gateway === ANY ? one.destination : gateway;
      if (one.iface === iface && hop === target) this.#remove(one);
    }
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    for (const one of [...this.#all]) if (one.iface === iface) this.#remove(one);
  }

  #remove(one: Redirect): void {
    this.#routes.remove(one.entry);
    this.#all.splice(this.#all.indexOf(one), 1);
    drop(one.destination);
  }
}
