/**
 * The addresses that a server gives: one of IPv4 and one of IPv6 for each client, the same again for the same name
 * while it is free (openvpn(8), `--ifconfig-pool`).
 * @module
 */
import ipaddr from 'ipaddr.js';

/** Names whose last place is remembered, at most. */
const MOST_NAMES = 65_536;
/** Where clients begin in a network of IPv6: `::1000`, as OpenVPN has it. */
const FIRST6 = 0x1000;

export interface PoolSettings {
  /** `10.8.0.0/24`: the server has the first address, clients those after it. */
  readonly network: string;
  /** `fd00:8::/64`, of 64 to 112 bits. */
  readonly network6?: string | undefined;
  /** First and last address for clients; default all but the network's own, the server's and the last. */
  readonly range?: readonly [string, string] | undefined;
}

/** What one client has. */
export interface Lease {
  readonly address: string;
  /** The address as a number. */
  readonly key: number;
  readonly address6: string | undefined;
  /** The last 32 bits of the IPv6 address; -1 without one. */
  readonly key6: number;
}

const numberOf = (address: string): number =>
  ipaddr.IPv4.parse(address)
    .toByteArray()
    .reduce((sum, byte) => sum * 256 + byte, 0);

const addressOf = (key: number): string =>
  [key >>> 24, (key >>> 16) & 0xff, (key >>> 8) & 0xff, key & 0xff].join('.');

export class Pool {
  /** The server's own addresses, with the length of their network. */
  readonly address: string;
  readonly prefix: number;
  readonly address6: string | undefined;
  readonly prefix6: number;
  /** How many clients there may be at once. */
  readonly size: number;
  /** The last address of the network: a packet to it is for all. */
  readonly broadcast: number;
  /** The first twelve bytes of each address of IPv6. */
  readonly base6: Uint8Array | undefined;
  readonly #first: number;
  readonly #used = new Set<number>();
  /** Where a name was last, oldest first. */
  readonly #places = new Map<string, number>();
  #next = 0;

  /** Throws a `RangeError` that says which setting cannot be. */
  constructor({ network, network6, range }: PoolSettings) {
    const [at, prefix] = ipaddr.IPv4.parseCIDR(network);
    if (prefix < 8 || prefix > 30)
      throw new RangeError(`server ${network}: 8 to 30 bits, not ${prefix}`);
    const base = (numberOf(at.toString()) & (-1 << (32 - prefix))) >>> 0;
    const last = (base | (2 ** (32 - prefix) - 1)) >>> 0;
    this.prefix = prefix;
    this.broadcast = last;
    this.address = addressOf(base + 1);
    this.#first = range === undefined ? base + 2 : numberOf(range[0]);
    const end = range === undefined ? last - 1 : numberOf(range[1]);
    if (this.#first < base + 1 || end > last || end < this.#first) {
      throw new RangeError(`ifconfig-pool ${range?.join(' ')}: it is not in ${network}`);
    }
    this.size = end - this.#first + 1;
    this.prefix6 = 64;
    if (network6 === undefined) return;
    const [at6, prefix6] = ipaddr.IPv6.parseCIDR(network6);
    if (prefix6 < 64 || prefix6 > 112) {
      throw new RangeError(`server-ipv6 ${network6}: 64 to 112 bits, not ${prefix6}`);
    }
    this.prefix6 = prefix6;
    this.base6 = Uint8Array.from(at6.toByteArray().slice(0, 12));
    this.address6 = this.#v6(1);
  }

  /** Addresses for a client of this name; undefined if all are given. */
  take(name: string): Lease | undefined {
    const known = name === '' ? undefined : this.#places.get(name);
    const place = known !== undefined && !this.#used.has(known) ? known : this.#free();
    if (place < 0) return undefined;
    this.#used.add(place);
    if (name !== '') {
      this.#places.delete(name);
      this.#places.set(name, place);
      if (this.#places.size > MOST_NAMES)
        this.#places.delete(this.#places.keys().next().value ?? '');
    }
    const key = this.#first + place;
    const key6 = this.base6 === undefined ? -1 : FIRST6 + place;
    const address6 = key6 < 0 ? undefined : this.#v6(key6);
    return { address: addressOf(key), key, address6, key6 };
  }

  give(lease: Lease): void {
    this.#used.delete(lease.key - this.#first);
  }

  /** A free place, one that was used long ago before one of just now; -1 if there is none. */
  #free(): number {
    for (let tried = 0; tried < this.size; tried++) {
      const place = this.#next;
      this.#next = (this.#next + 1) % this.size;
      if (!this.#used.has(place)) return place;
    }
    return -1;
  }

  #v6(key: number): string {
    const bytes = [
      ...(this.base6 ?? []),
      key >>> 24,
      (key >>> 16) & 0xff,
      (key >>> 8) & 0xff,
      key & 0xff,
    ];
    return ipaddr.fromByteArray(bytes).toString();
  }
}
