/**
 * A network of datagrams in virtual time: each place has a transport, and what is between them loses, delays, doubles
 * and reorders from a seed.
 * @module
 */
import { below, SeededRandom, unit } from '../../src/stack/base/random.ts';
import { Endpoint } from '../../src/tunnel/endpoint.ts';
import type { DatagramTransport, RandomBytes, TransportUser } from '../../src/tunnel/tunnel.ts';
import { Timeline } from '../support/timeline.ts';

export interface NetworkOptions {
  readonly seed?: number;
  /** Shares of datagrams, 0 to 1. */
  readonly loss?: number;
  readonly duplicate?: number;
  /** Microseconds under way, and at most so many more. */
  readonly delay?: number;
  readonly jitter?: number;
}

/** A datagram under way, seen by whoever looks. */
export interface Seen {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export class Network {
  readonly line: Timeline = new Timeline();
  readonly random: SeededRandom;
  /** All that was sent, for who looks at it. */
  readonly seen: Seen[] = [];
  /** False loses it. */
  pass: (datagram: Seen) => boolean = () => true;
  options: NetworkOptions;
  readonly #places = new Map<string, SimTransport>();

  constructor(options: NetworkOptions = {}) {
    this.options = options;
    this.random = new SeededRandom(options.seed ?? 1);
  }

  /** Random bytes for those who are in it. */
  readonly randomBytes: RandomBytes = (into) => {
    for (let i = 0; i < into.length; i++) into[i] = this.random.int32();
  };

  transport(address: string, port: number): SimTransport {
    const transport = new SimTransport(this, new Endpoint(address, port));
    this.place(transport);
    return transport;
  }

  place(transport: SimTransport): void {
    for (const [key, other] of this.#places) if (other === transport) this.#places.delete(key);
    this.#places.set(transport.own.toString(), transport);
  }

  carry(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const datagram = { from, to, bytes };
    this.seen.push(datagram);
    if (!this.pass(datagram)) return;
    const { loss = 0, duplicate = 0, delay = 10_000, jitter = 0 } = this.options;
    if (loss > 0 && unit(this.random) < loss) return;
    const times = duplicate > 0 && unit(this.random) < duplicate ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const late = delay + (jitter > 0 ? below(this.random, jitter) : 0);
      this.line.at(this.line.now() + late, () => this.arrive(datagram));
    }
  }

  /** Hand a datagram to whoever is at its place, as if it came. */
  arrive({ from, to, bytes }: Seen): void {
    this.#places.get(to.toString())?.take(from, bytes);
  }
}

/** A place in the network. */
export class SimTransport implements DatagramTransport {
  readonly full = false;
  lost = 0;
  bytes: Uint8Array = new Uint8Array(65_536);
  /** Where it is; may change, as a phone's address does. */
  own: Endpoint;
  readonly #network: Network;
  #user: TransportUser | undefined;
  #isOpen = true;

  constructor(network: Network, own: Endpoint) {
    this.#network = network;
    this.own = own;
  }

  get port(): number {
    return this.own.port;
  }

  /** Be somewhere else from now on. */
  move(address: string, port: number): void {
    this.own = new Endpoint(address, port);
    this.#network.place(this);
  }

  start(user: TransportUser): void {
    this.#user = user;
  }

  reserve(length: number): number {
    return length <= this.bytes.length ? 0 : -1;
  }

  commit(length: number, to: Endpoint): void {
    if (this.#isOpen) this.#network.carry(this.own, to, this.bytes.slice(0, length));
  }

  take(from: Endpoint, bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    const copy = Uint8Array.from(bytes); // it may be overwritten
    this.#user?.received(copy, 0, copy.length, from);
    this.#user?.drained();
  }

  flush(): void {}
  ref(): void {}
  unref(): void {}

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }
}
