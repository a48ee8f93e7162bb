/**
 * Which socket a datagram is for: by port, and for connected sockets by the four numbers that name
 * a flow. RFC 768, RFC 1122 §4.1.3.5.
 *
 * A flow is looked up first and in constant time, however many share a port.
 * @module
 */
import { type Address, ANY6, digest } from '../base/address.ts';
import { below, type Random } from '../base/random.ts';
import { covers, meets } from '../ip/family.ts';

/** RFC 6335 §6: the ports that nobody has registered, which we give out. */
export const FIRST_EPHEMERAL = 49_152;
const EPHEMERAL_COUNT = 65_536 - FIRST_EPHEMERAL;

const FIRST_SIZE = 64;

/** A socket as these tables see it. Its addresses and ports are those it was entered under. */
export interface Bound<S> {
  /** Where it is bound, `ANY` for all of our addresses of IPv4, `ANY6` for all. */
  readonly address: Address;
  /** Bound to `ANY6`: for those of IPv6 alone. */
  readonly ipv6Only: boolean;
  readonly port: number;
  readonly reuseAddress: boolean;
  readonly connected: boolean;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  /** Links of the lists, which belong to the tables. */
  nextOnPort: S | undefined;
  nextInBucket: S | undefined;
}

export class Ports<S extends Bound<S>> {
  /** How many flows, that is connected sockets, there are. */
  flows = 0;
  readonly #random: Random;
  readonly #secret: number;
  readonly #bound: Map<number, S> = new Map(); // first of a list, the newest
  #buckets: (S | undefined)[] = new Array(FIRST_SIZE).fill(undefined);

  constructor(random: Random) {
    this.#random = random;
    this.#secret = random.int32();
  }

  /** The newest socket bound to `port`; the others follow by `nextOnPort`. */
  onPort(port: number): S | undefined {
    return this.#bound.get(port);
  }

  /** Every socket that has a port. */
  *all(): Generator<S> {
    for (const newest of this.#bound.values()) {
      for (let s: S | undefined = newest; s !== undefined; s = s.nextOnPort) yield s;
    }
  }

  /**
   * The unconnected socket that a datagram to this address is for: one that is bound to it before
   * one that is bound to any address, and the newest of several.
   */
  listening(address: Address, port: number): S | undefined {
    let best: S | undefined;
    for (let s = this.#bound.get(port); s !== undefined; s = s.nextOnPort) {
      if (s.connected) continue;
      if (s.address === address) return s;
      if (!covers(s.address, s.ipv6Only, address)) continue;
      // One for a single family is nearer than one for both.
      if (best === undefined || (best.address === ANY6 && s.address !== ANY6)) best = s;
    }
    return best;
  }

  /** The connected socket of a flow. */
  flow(local: Address, localPort: number, remote: Address, remotePort: number): S | undefined {
    let s = this.#buckets[this.#bucket(local, localPort, remote, remotePort)];
    while (
      s !== undefined &&
      !(
        s.remoteAddress === remote &&
        s.remotePort === remotePort &&
        s.localAddress === local &&
        s.port === localPort
      )
    ) {
      s = s.nextInBucket;
    }
    return s;
  }

  /** True if a socket with this `reuseAddress` and `ipv6Only` may not be bound there. */
  taken(address: Address, port: number, reuseAddress: boolean, ipv6Only = false): boolean {
    for (let s = this.#bound.get(port); s !== undefined; s = s.nextOnPort) {
      const both = reuseAddress && s.reuseAddress;
      if (!both && meets(s.address, s.ipv6Only, address, ipv6Only)) return true;
    }
    return false;
  }

  /** A free port that nobody can guess, 0 if there is none. RFC 6056 §3.3.1. */
  pick(address: Address, ipv6Only = false): number {
    const start = below(this.#random, EPHEMERAL_COUNT);
    for (let i = 0; i < EPHEMERAL_COUNT; i++) {
      const port = FIRST_EPHEMERAL + ((start + i) % EPHEMERAL_COUNT);
      // Never shared, even by those who would share: nobody asked for this one.
      if (!this.taken(address, port, false, ipv6Only)) return port;
    }
    return 0;
  }

  bind(socket: S): void {
    socket.nextOnPort = this.#bound.get(socket.port);
    this.#bound.set(socket.port, socket);
  }

  unbind(socket: S): void {
    const first = this.#bound.get(socket.port);
    if (first === socket) {
      if (socket.nextOnPort === undefined) this.#bound.delete(socket.port);
      else this.#bound.set(socket.port, socket.nextOnPort);
    } else {
      let s = first;
      while (s !== undefined && s.nextOnPort !== socket) s = s.nextOnPort;
      if (s !== undefined) s.nextOnPort = socket.nextOnPort;
    }
    socket.nextOnPort = undefined;
  }

  /** Enter a socket under the four numbers that it has now. */
  addFlow(socket: S): void {
    if (this.flows >= this.#buckets.length) this.#grow();
    this.#enter(socket);
    this.flows++;
  }

  removeFlow(socket: S): void {
    const bucket = this.#bucketOf(socket);
    let s = this.#buckets[bucket];
    if (s === socket) this.#buckets[bucket] = socket.nextInBucket;
    else {
      while (s !== undefined && s.nextInBucket !== socket) s = s.nextInBucket;
      if (s === undefined) return;
      s.nextInBucket = socket.nextInBucket;
    }
    socket.nextInBucket = undefined;
    this.flows--;
  }

  #enter(socket: S): void {
    const bucket = this.#bucketOf(socket);
    socket.nextInBucket = this.#buckets[bucket];
    this.#buckets[bucket] = socket;
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Array(old.length * 2).fill(undefined);
    for (const first of old) {
      for (let s = first; s !== undefined; ) {
        const next: S | undefined = s.nextInBucket;
        this.#enter(s);
        s = next;
      }
    }
  }

  #bucketOf(s: S): number {
    return this.#bucket(s.localAddress, s.port, s.remoteAddress, s.remotePort);
  }

  /** Keyed, so that strangers do not choose the bucket. */
  #bucket(local: Address, localPort: number, remote: Address, remotePort: number): number {
    let h = Math.imul(digest(remote) ^ this.#secret, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15) ^ ((remotePort << 16) | localPort), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13) ^ digest(local), 0x27d4eb2f);
    return (h ^ (h >>> 16)) & (this.#buckets.length - 1);
  }
}
