/**
 * Who has which address of a pool, and until when. RFC 2131 §4.3.1: a client gets the address that it has,
 * or had, or asks for, or a free one.
 *
 * There is one entry an address, so what strangers ask for is bounded by the pool. Times are microseconds.
 * @module
 */

/** Where an address stands. */
export const Held = {
  /** Offered, and not yet asked for. */
  OFFERED: 0,
  /** Somebody has it. */
  BOUND: 1,
  /** Its last holder let it go, or let it lapse: it gets it back if it can. */
  PAST: 2,
  /** Somebody who is no client has it. RFC 2131 §4.3.3. */
  DECLINED: 3,
} as const;
export type Held = (typeof Held)[keyof typeof Held];

/** An address of the pool that is or was held. */
export interface Lease {
  /** 32 bits, unsigned. */
  readonly address: number;
  /** The client's identifier, or its hardware address. */
  client: string;
  /** `02:00:5e:00:53:01`. */
  mac: string;
  /** What it calls itself. */
  name: string;
  held: Held;
  /** When that ends. */
  until: number;
}

/** An offer is kept for so long; RFC 2131 §4.3.1 leaves it open. */
const OFFER: number = 20_000_000;
/** An address that is not free although nobody here has it is left alone for so long. */
const DECLINE: number = 600_000_000;

export class Leases {
  readonly #first: number;
  readonly #last: number;
  /** Of addresses, in the pool or not, that are kept for one hardware address each. */
  readonly #reserved: ReadonlyMap<string, number>;
  readonly #taken: ReadonlySet<number>;
  readonly #byAddress: Map<number, Lease> = new Map();
  readonly #byClient: Map<string, Lease> = new Map();
  readonly #each: number;
  #next: number;

  /** The pool, and `reserved`: addresses by hardware address, of which each may hold `each` of the pool. */
  constructor(
    first: number,
    last: number,
    reserved: ReadonlyMap<string, number>,
    each: number = Number.POSITIVE_INFINITY,
  ) {
    this.#each = each;
    this.#first = first;
    this.#last = last;
    this.#reserved = reserved;
    this.#taken = new Set(reserved.values());
    this.#next = first;
  }

  /** All that are held now. */
  list(now: number): Lease[] {
    return [...this.#byAddress.values()].filter(
      ({ held, until }) => held === Held.BOUND && until > now,
    );
  }

  /** The address that a client is to be offered; undefined if none is free. `wish`: what it asks for. */
  choose(client: string, mac: string, wish: number | undefined, now: number): number | undefined {
    const reserved = this.#reserved.get(mac);
    if (reserved !== undefined)
      return this.isFree(reserved, client, mac, now) ? reserved : undefined;
    const own = this.#byClient.get(client);
    if (own && this.isFree(own.address, client, mac, now)) return own.address;
    if (this.#countOf(mac, now) >= this.#each) return undefined;
    if (wish !== undefined && this.isFree(wish, client, mac, now)) return wish;
    return this.#free(client, mac, now);
  }

  /** True if this client may have the address: it is in the pool, and no other one's. */
  isFree(address: number, client: string, mac: string, now: number): boolean {
    const reserved = this.#reserved.get(mac);
    if (reserved !== undefined ? reserved !== address : !this.#isOpen(address)) return false;
    const lease = this.#byAddress.get(address);
    if (lease === undefined || lease.until <= now || lease.held === Held.PAST) return true;
    return lease.held !== Held.DECLINED && lease.client === client;
  }

  /** True if it is the client's already, or it has room for one more: who asks for an address without an offer. */
  mayHave(address: number, client: string, mac: string, now: number): boolean {
    const own = this.#byAddress.get(address);
    const isIts = own?.client === client && own.held !== Held.PAST && own.until > now;
    return isIts || this.#reserved.has(mac) || this.#countOf(mac, now) < this.#each;
  }

  /** True if nobody has ever had it from here: it may be somebody's all the same. */
  isNew(address: number): boolean {
    return !this.#byAddress.has(address);
  }

  offer(address: number, client: string, mac: string, now: number): void {
    const lease = this.#byAddress.get(address);
    if (lease?.held === Held.BOUND && lease.client === client && lease.until > now) return;
    this.#hold(address, client, mac, Held.OFFERED, now + OFFER);
  }

  /** It is the client's, for `time`. */
  bind(address: number, client: string, mac: string, name: string, until: number): Lease {
    const lease = this.#hold(address, client, mac, Held.BOUND, until);
    lease.name = name;
    return lease;
  }

  /** The client has it no longer. False if it did not have it. */
  release(address: number, client: string, now: number): boolean {
    const lease = this.#byAddress.get(address);
    if (lease === undefined || lease.client !== client || lease.held !== Held.BOUND) return false;
    lease.held = Held.PAST;
    lease.until = now;
    return true;
  }

  /** Somebody else has it: leave it alone for a while. */
  decline(address: number, now: number): void {
    if (address < this.#first || address > this.#last) return;
    this.#hold(address, '', '', Held.DECLINED, now + DECLINE);
  }

  #hold(address: number, client: string, mac: string, held: Held, until: number): Lease {
    const before = this.#byClient.get(client);
    if (before !== undefined && before.address !== address) {
      this.#byClient.delete(client);
      if (before.held !== Held.DECLINED) before.held = Held.PAST;
    }
    let lease = this.#byAddress.get(address);
    if (lease === undefined) {
      lease = { address, client, mac, name: '', held, until };
      this.#byAddress.set(address, lease);
    } else if (lease.client !== client) {
      if (this.#byClient.get(lease.client) === lease) this.#byClient.delete(lease.client);
      lease.name = '';
    }
    Object.assign(lease, { client, mac, held, until });
    if (client !== '') this.#byClient.set(client, lease);
    return lease;
  }

  /** Round and round, so that an address that was let go is given to another one last. */
  #free(client: string, mac: string, now: number): number | undefined {
    const size = this.#last - this.#first + 1;
    let old: number | undefined;
    for (let i = 0; i < size; i++) {
      const address = this.#first + ((this.#next - this.#first + i) % size);
      if (!this.isFree(address, client, mac, now)) continue;
      if (this.isNew(address)) {
        this.#next = address + 1 > this.#last ? this.#first : address + 1;
        return address;
      }
      old ??= address;
    }
    return old;
  }

  /** How many a station holds, by whatever names it goes. */
  #countOf(mac: string, now: number): number {
    let count = 0;
    for (const lease of this.#byAddress.values()) {
      const holds = lease.held === Held.BOUND || lease.held === Held.OFFERED;
      if (holds && lease.mac === mac && lease.until > now) count++;
    }
    return count;
  }

  #isOpen(address: number): boolean {
    return address >= this.#first && address <= this.#last && !this.#taken.has(address);
  }
}
