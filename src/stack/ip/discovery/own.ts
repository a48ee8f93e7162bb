/**
 * Our addresses of IPv6 on an interface: each is asked for on the link first, then it is ours, with the group
 * that those listen to who have it. RFC 4862 §5.4, RFC 4291 §2.8.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Interface } from '../interface.ts';
import type { Multicast } from '../multicast.ts';
import type { Routes } from '../routes.ts';
import type { DuplicateDetection } from './dad.ts';
import { solicitedNode } from './solicited.ts';

/** What it needs of the internet layer. */
interface Host {
  readonly routes: Routes;
  readonly multicast: Multicast;
  readonly dad: DuplicateDetection;
}

/** How an address was made of a prefix that routers advertise. RFC 4862 §5.5. */
export interface Made {
  /** RFC 8981. */
  readonly temporary: boolean;
}

export class OwnAddresses {
  readonly #net: Host;

  constructor(net: Host) {
    this.#net = net;
  }

  /**
   * Take `address` with a prefix of `bits` bits for `iface`: at once where nobody is asked, else when nobody has
   * it. `done` is told then, or that somebody has. False if too many are asked for.
   */
  add(
    iface: Interface,
    address: Address,
    bits: number,
    done: (unique: boolean) => void = () => {},
    made?: Made,
  ): boolean {
    if (!this.#net.dad.asks(iface)) {
      this.#take(iface, address, bits, made);
      done(true);
      return true;
    }
    return this.#net.dad.begin(iface, address, (unique) => {
      if (unique) this.#take(iface, address, bits, made);
      done(unique);
    });
  }

  /** Give an address up, tentative or ours. False if it is neither. */
  remove(iface: Interface, address: Address): boolean {
    if (this.#net.dad.cancel(iface, address)) return true;
    if (!iface.addresses.some((own) => own.address === address)) return false;
    if (iface.link !== null) this.#net.multicast.leave(iface, solicitedNode(address));
    return this.#net.routes.removeAddress(iface, address);
  }

  /** RFC 4862 §5.5.4: past its preferred lifetime, or not. */
  setDeprecated(iface: Interface, address: Address, deprecated: boolean): void {
    const own = iface.addresses.find((one) => one.address === address);
    if (own === undefined || own.deprecated === deprecated) return;
    own.deprecated = deprecated;
    this.#net.routes.changed();
  }

  #take(iface: Interface, address: Address, bits: number, made: Made | undefined): void {
    if (iface.link !== null) this.#net.multicast.join(iface, solicitedNode(address));
    // RFC 5942 §4: that an address was made of a prefix says nothing of who is on the link.
    this.#net.routes.addAddress(iface, address, bits, made === undefined);
    const own = iface.addresses.find((one) => one.address === address);
    if (own !== undefined) own.temporary = made?.temporary ?? false;
  }
}
