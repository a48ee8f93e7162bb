/**
 * Neighbours: the hardware addresses of those on the link, and what is known of whether they are there.
 * The states are those of RFC 4861 §7.3.2, which serve ARP as well: RFC 826 says how an address is learnt,
 * and RFC 1122 §2.3.2 that it must not be believed for ever.
 * @module
 */
import { type Address, ANY } from '../base/address.ts';
import { MILLISECOND, type Micros, NEVER, SECOND } from '../base/clock.ts';
import { type Random, unit } from '../base/random.ts';
import { Deadlines, type Due } from '../memory/deadlines.ts';

/** RFC 4861 §7.3.2. A neighbour that was not confirmed for `REACHABLE_TIME` is `STALE` at its next use. */
export const Reach = {
  /** Its address has been asked for. */
  INCOMPLETE: 0,
  /** It was heard of lately. */
  REACHABLE: 1,
  /** Nothing was heard of it lately, and nothing was sent to it since. */
  STALE: 2,
  /** Something was sent to it: it may yet be heard of. */
  DELAY: 3,
  /** It is being asked whether it is there. */
  PROBE: 4,
} as const;
export type Reach = (typeof Reach)[keyof typeof Reach];

/** RFC 4861 §10: REACHABLE_TIME, spread by half to one and a half of it. */
const REACHABLE_TIME: Micros = 30 * SECOND;
/** RFC 4861 §10: RETRANS_TIMER, DELAY_FIRST_PROBE_TIME, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT. */
const RETRANSMIT: Micros = SECOND;
const DELAY: Micros = 5 * SECOND;
const ASK = 3;
/** An address that was confirmed is not given up for another one so soon; Linux's `locktime`. */
const LOCKED: Micros = 1000 * MILLISECOND;
/** Neighbours that are looked at for one that gives way. */
const EVICTION_LOOKS = 16;

export class Neighbour implements Due {
  readonly address: Address;
  hi = 0;
  lo = 0;
  reach: Reach = Reach.INCOMPLETE;
  /** Until when it counts as reachable. */
  until: Micros = 0;
  confirmed: Micros = -NEVER;
  tries = 0;
  due: Micros = NEVER;
  dueAt = -1;
  /** Packets that wait for it, oldest first: where each begins, and how long it is. */
  readonly waiting: number[] = [];

  constructor(address: Address) {
    this.address = address;
  }
}

/** What the cache asks of the protocol that resolves addresses. */
export interface Resolver {
  readonly random: Random;
  /** Ask who has the address: everyone, or `neighbour` itself at the address that it had. */
  solicit(neighbour: Neighbour, everyone: boolean): void;
  /** Its packets may leave: it has an address now. They are those in `waiting`. */
  resolved(neighbour: Neighbour): void;
  /** It does not answer, or gave way to others. */
  failed(neighbour: Neighbour): void;
}

export class Neighbours {
  readonly limit: number;
  readonly #resolver: Resolver;
  /** In the order in which they were confirmed last. */
  readonly #all: Map<Address, Neighbour> = new Map();
  readonly #deadlines: Deadlines<Neighbour> = new Deadlines();
  #last: Neighbour = new Neighbour(ANY);

  /** At most `limit` of them. */
  constructor(resolver: Resolver, limit: number) {
    this.#resolver = resolver;
    this.limit = limit;
  }

  /** How many are known or asked for. */
  get count(): number {
    return this.#all.size;
  }

  /** All of them, to be shown. */
  list(): Iterable<Neighbour> {
    return this.#all.values();
  }

  find(address: Address): Neighbour | undefined {
    if (this.#last.address === address) return this.#last;
    const found = this.#all.get(address);
    if (found !== undefined) this.#last = found;
    return found;
  }

  /** The neighbour that something is sent to; one that is not known is asked for. */
  use(address: Address, now: Micros): Neighbour {
    const neighbour = this.find(address) ?? this.#make(address);
    if (neighbour.reach === Reach.REACHABLE && now < neighbour.until) return neighbour;
    if (neighbour.reach === Reach.INCOMPLETE) {
      if (neighbour.dueAt < 0) this.#ask(neighbour, Reach.INCOMPLETE, now);
    } else if (neighbour.reach <= Reach.STALE) {
      neighbour.reach = Reach.DELAY; // RFC 4861 §7.3.3: a word from it may come by itself
      this.#deadlines.set(neighbour, now + DELAY);
    }
    return neighbour;
  }

  /**
   * A neighbour said of itself that it has this address. `solicited`: we had asked it. `create`: it is one
   * that we shall talk to, and is remembered if it was not known. RFC 826, "Packet Reception".
   */
  heard(
    address: Address,
    hi: number,
    lo: number,
    solicited: boolean,
    create: boolean,
    now: Micros,
  ): void {
    const neighbour = this.find(address) ?? (create ? this.#make(address) : undefined);
    if (neighbour === undefined) return;
    const known = neighbour.reach !== Reach.INCOMPLETE;
    const same = known && neighbour.hi === hi && neighbour.lo === lo;
    if (known && !same && now - neighbour.confirmed < LOCKED) return;
    neighbour.hi = hi;
    neighbour.lo = lo;
    if (solicited) this.#confirm(neighbour, now);
    else if (!same) {
      neighbour.reach = Reach.STALE; // believed, and asked at the next use (RFC 4861 §7.2.3)
      this.#deadlines.cancel(neighbour);
    }
    if (neighbour.waiting.length > 0) this.#resolver.resolved(neighbour);
  }

  /** Do what is due. */
  expire(now: Micros): void {
    for (let n = this.#deadlines.take(now); n !== undefined; n = this.#deadlines.take(now)) {
      if (n.reach === Reach.DELAY) this.#ask(n, Reach.PROBE, now);
      else if (n.tries < ASK) this.#ask(n, n.reach, now);
      else this.#fail(n);
    }
  }

  /** When to call `expire` next. */
  deadline(): Micros {
    return this.#deadlines.next();
  }

  /** Forget all of them. */
  clear(): void {
    for (const neighbour of [...this.#all.values()]) this.#fail(neighbour);
  }

  #confirm(neighbour: Neighbour, now: Micros): void {
    neighbour.reach = Reach.REACHABLE;
    neighbour.confirmed = now;
    neighbour.until = now + REACHABLE_TIME * (0.5 + unit(this.#resolver.random));
    neighbour.tries = 0;
    this.#deadlines.cancel(neighbour);
    this.#all.delete(neighbour.address);
    this.#all.set(neighbour.address, neighbour);
  }

  #ask(neighbour: Neighbour, reach: Reach, now: Micros): void {
    if (neighbour.reach !== reach) neighbour.tries = 0;
    neighbour.reach = reach;
    neighbour.tries++;
    this.#deadlines.set(neighbour, now + RETRANSMIT);
    this.#resolver.solicit(neighbour, reach === Reach.INCOMPLETE);
  }

  #fail(neighbour: Neighbour): void {
    this.#deadlines.cancel(neighbour);
    this.#all.delete(neighbour.address);
    if (this.#last === neighbour) this.#last = new Neighbour(ANY);
    this.#resolver.failed(neighbour);
  }

  #make(address: Address): Neighbour {
    if (this.#all.size >= this.limit) this.#makeRoom();
    const neighbour = new Neighbour(address);
    this.#all.set(address, neighbour);
    this.#last = neighbour;
    return neighbour;
  }

  /** Of those that were confirmed longest ago, one that is in no use; else the oldest. */
  #makeRoom(): void {
    let oldest: Neighbour | undefined;
    let looks = 0;
    for (const neighbour of this.#all.values()) {
      oldest ??= neighbour;
      if (neighbour.reach === Reach.INCOMPLETE || neighbour.reach === Reach.STALE) {
        oldest = neighbour;
        break;
      }
      if (++looks === EVICTION_LOOKS) break;
    }
    if (oldest !== undefined) this.#fail(oldest);
  }
}
