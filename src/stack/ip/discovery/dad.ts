/**
 * Duplicate address detection: before an address is ours, the link is asked whether it is somebody else's.
 * RFC 4862 §5.4, and RFC 7527 where the link gives us our own questions back.
 *
 * Until it is known, the address is tentative: nothing is taken in for it, nothing is sent from it, and it is
 * in no table but this one.
 * @module
 */
import { type Address, ANY6, drop, hold, writeIPv6 } from '../../base/address.ts';
import { type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { unit } from '../../base/random.ts';
import * as nd from '../../wire/nd.ts';
import * as options from '../../wire/nd-options.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import type { Multicast } from '../multicast.ts';
import { begin, NO_MESSAGE, sendDiscovery } from './message.ts';
import { solicitedNode } from './solicited.ts';

/** RFC 4862 §5.1: DupAddrDetectTransmits. */
const TRANSMITS = 1;
/** RFC 4861 §10: MAX_RTR_SOLICITATION_DELAY, before the first packet of an interface. */
const FIRST_DELAY: Micros = SECOND;
/** RFC 7527 §4.1: how many more questions follow when one came back: MAX_MULTICAST_SOLICIT. */
const MORE_TRANSMITS = 3;
/** The most addresses that are tentative at a time. */
const TENTATIVE_LIMIT = 64;

/** An address that is asked for. */
export interface Tentative {
  readonly iface: Interface;
  readonly address: Address;
  /** RFC 7527 §4.1: random, and in each of our questions: who else asks has another. */
  readonly nonceHi: number;
  readonly nonceLo: number;
  /** Questions that are still to be sent. */
  left: number;
  /** RFC 7527 §4.2: they have been made more once. */
  looped: boolean;
  joined: boolean;
  due: Micros;
  /** Told once. `unique` false: it is somebody else's. */
  readonly done: (unique: boolean) => void;
}

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly multicast: Multicast;
}

export class DuplicateDetection {
  readonly #net: Host;
  readonly #all: Tentative[] = [];
  /** Interfaces from which something was sent already. */
  readonly #begun: WeakSet<Interface> = new WeakSet();
  readonly #spared: WeakSet<Interface> = new WeakSet();

  constructor(net: Host) {
    this.#net = net;
  }

  /**
   * Ask for `address` on the link of `iface`. `done` is told later, never from within. False if it is being
   * asked for, or too many are.
   */
  begin(iface: Interface, address: Address, done: (unique: boolean) => void): boolean {
    if (this.find(iface, address) !== undefined || this.#all.length >= TENTATIVE_LIMIT)
      return false;
    // RFC 4862 §5.4.2: stations that were switched on together do not all ask at once.
    const first = !this.#begun.has(iface);
    this.#begun.add(iface);
    const delay = first ? Math.floor(unit(this.#net.random) * FIRST_DELAY) : 0;
    this.#all.push({
      iface,
      address: hold(address),
      nonceHi: this.#net.random.int32() & 0xffff,
      nonceLo: this.#net.random.int32(),
      left: TRANSMITS,
      looped: false,
      joined: false,
      due: this.#net.now + delay,
      done,
    });
    return true;
  }

  /** Nobody else on the link of `iface` has its addresses: they need not be asked for. */
  spare(iface: Interface): void {
    this.#spared.add(iface);
  }

  /** Whether addresses of `iface` are asked for. */
  asks(iface: Interface): boolean {
    return iface.link !== null && !this.#spared.has(iface);
  }

  /** Addresses that are being asked for. */
  get count(): number {
    return this.#all.length;
  }

  find(iface: Interface, address: Address): Tentative | undefined {
    return this.#all.find((one) => one.iface === iface && one.address === address);
  }

  /** Stop asking, and say nothing. False if it was not asked for. */
  cancel(iface: Interface, address: Address): boolean {
    const one = this.find(iface, address);
    if (one !== undefined) this.#remove(one);
    return one !== undefined;
  }

  /**
   * RFC 4862 §5.4.3: somebody without an address asks for it too, with the nonce `hi`, `lo` if `hasNonce`.
   * What has our own nonce is our question, come back (RFC 7527 §4.2).
   */
  solicited(one: Tentative, hasNonce: boolean, hi: number, lo: number): void {
    if (hasNonce && one.joined && hi === one.nonceHi && lo === one.nonceLo) {
      if (one.looped) return;
      one.looped = true;
      one.left += MORE_TRANSMITS;
      return;
    }
    this.#finish(one, false);
  }

  /** RFC 4862 §5.4.4: somebody has it. */
  advertised(one: Tentative): void {
    this.#finish(one, false);
  }

  expire(now: Micros): void {
    for (const one of [...this.#all]) {
      if (one.due > now) continue;
      if (one.left > 0) this.#ask(one, now);
      else this.#finish(one, true);
    }
  }

  deadline(): Micros {
    let due = NEVER;
    for (const one of this.#all) due = Math.min(due, one.due);
    return due;
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    for (const one of [...this.#all]) if (one.iface === iface) this.#remove(one);
  }

  #finish(one: Tentative, unique: boolean): void {
    hold(one.address); // until it has been told
    this.#remove(one);
    one.done(unique);
    drop(one.address);
  }

  #remove(one: Tentative): void {
    const index = this.#all.indexOf(one);
    if (index < 0) return;
    this.#all.splice(index, 1);
    if (one.joined) this.#net.multicast.leave(one.iface, solicitedNode(one.address));
    drop(one.address);
  }

  /** RFC 4862 §5.4.2: from `::`, to those who may have it; the answers go to everyone. */
  #ask(one: Tentative, now: Micros): void {
    const { iface, address } = one;
    const net = this.#net;
    const group = solicitedNode(address);
    if (!one.joined) one.joined = net.multicast.join(iface, group);
    one.left--;
    one.due = now + (iface.link?.neighbours6.retransmit ?? SECOND);
    const at = begin(net);
    if (at === NO_MESSAGE) return;
    const v = net.slots.view;
    const optionsAt = nd.write(v, at, nd.Type.SOLICIT, 0);
    writeIPv6(v, nd.targetAt(at), address);
    const { NONCE } = options.Option;
    const end = options.writeLink(v, optionsAt, NONCE, one.nonceHi, one.nonceLo);
    sendDiscovery(net, iface, ANY6, group, at, end - at);
  }
}
