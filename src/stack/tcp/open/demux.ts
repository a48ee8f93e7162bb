/**
 * Which connection or listener a segment belongs to. RFC 9293 §3.10.7, RFC 1122 §4.2.4.4.
 *
 * A chained hash table over the four numbers, in plain integers: no key is built. The hash is keyed
 * with secrets of this stack, so that nobody outside can aim at one bucket.
 * @module
 */
import { type Address, ANY6, digest, drop, hold } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import { covers, meets } from '../../ip/family.ts';
import type { Tcb } from '../tcb/tcb.ts';
import type { Listener } from './listener.ts';

const MIN_BUCKETS = 64;

export class Demux {
  /** Connections in the table. */
  count = 0;
  #buckets: (Tcb | null)[] = new Array<Tcb | null>(MIN_BUCKETS).fill(null);
  #mask = MIN_BUCKETS - 1;
  readonly #secret: number;
  readonly #secret2: number;
  /** Listeners by local port; nearly always one or none a port. */
  readonly #listeners = new Map<number, Listener[]>();

  constructor(random: Random) {
    this.#secret = random.int32();
    this.#secret2 = random.int32() | 1;
  }

  hash(local: Address, localPort: number, remote: Address, remotePort: number): number {
    let h = Math.imul(digest(remote) ^ this.#secret, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ ((remotePort << 16) | localPort), this.#secret2);
    h = Math.imul(h ^ (h >>> 13) ^ digest(local), 0x85ebca6b);
    return h ^ (h >>> 16);
  }

  find(local: Address, localPort: number, remote: Address, remotePort: number): Tcb | null {
    const hash = this.hash(local, localPort, remote, remotePort);
    let tcb = this.#buckets[hash & this.#mask] as Tcb | null; // the mask keeps it in range
    for (; tcb !== null; tcb = tcb.hashNext) {
      if (
        tcb.hash === hash &&
        tcb.remotePort === remotePort &&
        tcb.localPort === localPort &&
        tcb.remoteAddress === remote &&
        tcb.localAddress === local
      ) {
        return tcb;
      }
    }
    return null;
  }

  /** The four numbers of `tcb` must be set, and not be in the table. */
  add(tcb: Tcb): void {
    if (this.count > this.#mask) this.#grow();
    tcb.hash = this.hash(tcb.localAddress, tcb.localPort, tcb.remoteAddress, tcb.remotePort);
    this.#link(tcb);
    this.count++;
  }

  remove(tcb: Tcb): void {
    const at = tcb.hash & this.#mask;
    let before: Tcb | null = null;
    for (let t = this.#buckets[at] as Tcb | null; t !== null; before = t, t = t.hashNext) {
      if (t !== tcb) continue;
      if (before === null) this.#buckets[at] = tcb.hashNext;
      else before.hashNext = tcb.hashNext;
      tcb.hashNext = null;
      this.count--;
      return;
    }
  }

  /**
   * The listener on that port: one bound to the address before one bound to all of its family, and that
   * before one for both.
   */
  listener(local: Address, localPort: number): Listener | undefined {
    const bound = this.#listeners.get(localPort);
    if (bound === undefined) return undefined;
    let any: Listener | undefined;
    for (const listener of bound) {
      if (listener.address === local) return listener;
      if (listener.address === ANY6 && any !== undefined) continue;
      if (covers(listener.address, listener.ipv6Only, local)) any = listener;
    }
    return any;
  }

  /** False if a listener stands on the port, on the same address or where either is for all. */
  addListener(listener: Listener): boolean {
    const { address, port, ipv6Only } = listener;
    if (this.isTaken(address, port, ipv6Only)) return false;
    hold(address);
    const bound = this.#listeners.get(port);
    if (bound === undefined) this.#listeners.set(port, [listener]);
    else bound.push(listener);
    return true;
  }

  /** True if a listener stands on the port, on that address or where either is for all. */
  isTaken(address: Address, port: number, ipv6Only = false): boolean {
    const bound = this.#listeners.get(port) ?? [];
    return bound.some((l) => meets(l.address, l.ipv6Only, address, ipv6Only));
  }

  removeListener(listener: Listener): void {
    const bound = this.#listeners.get(listener.port) ?? [];
    const left = bound.filter((l) => l !== listener);
    if (left.length < bound.length) drop(listener.address);
    if (left.length === 0) this.#listeners.delete(listener.port);
    else this.#listeners.set(listener.port, left);
  }

  /** True if something listens on the port, whatever its address. */
  hasListener(port: number): boolean {
    return this.#listeners.has(port);
  }

  *listeners(): Generator<Listener> {
    for (const bound of this.#listeners.values()) yield* bound;
  }

  #link(tcb: Tcb): void {
    const at = tcb.hash & this.#mask;
    tcb.hashNext = this.#buckets[at] as Tcb | null;
    this.#buckets[at] = tcb;
  }

  #grow(): void {
    const old = this.#buckets;
    this.#mask = old.length * 2 - 1;
    this.#buckets = new Array<Tcb | null>(old.length * 2).fill(null);
    for (const head of old) {
      for (let tcb = head, next: Tcb | null; tcb !== null; tcb = next) {
        next = tcb.hashNext;
        this.#link(tcb);
      }
    }
  }
}
