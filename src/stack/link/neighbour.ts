/**
 * Neighbours: the hardware addresses of those on the link, and what is known of whether they are there.
 * The states are those of RFC 4861 §7.3.2, which serve ARP as well: RFC 826 says how an address is learnt,
 * and RFC 1122 §2.3.2 that it must not be believed for ever. A table holds neighbours of one family, so that
 * a flood of either leaves the other alone (RFC 6583 §7).
 * @module
 */
import { type Address, ANY, drop, hold } from '../base/address.ts';
import { MILLISECOND, type Micros, NEVER, SECOND } from '../base/clock.ts';
import { type Random, unit } from '../base/random.ts';
import { REAL_ZERO } from '../base/real.ts';
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
  /** It did not say so; asked for at longer and longer intervals, and not given up yet. RFC 7048 §3. */
  UNREACHABLE: 5,
} as const;
export type Reach = (typeof Reach)[keyof typeof Reach];

/** RFC 4861 §10: REACHABLE_TIME, spread by half to one and a half of it. */
export const REACHABLE_TIME: Micros = 30 * SECOND;
/** RFC 4861 §10: RETRANS_TIMER, DELAY_FIRST_PROBE_TIME, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT. */
export const RETRANSMIT: Micros = SECOND;
const DELAY: Micros = 5 * SECOND;
const ASK = 3;
/** RFC 7048 §3: BACKOFF_MULTIPLE and MAX_RETRANS_TIMER, and how often who is unreachable is asked for. */
const BACKOFF = 3;
const LONGEST_RETRANSMIT: Micros = 60 * SECOND;
const UNREACHABLE_ASK = 5;
/** An address that was confirmed is not given up for another one so soon; Linux's `locktime` of ARP. */
export const LOCKED: Micros = 1000 * MILLISECOND;
/** Neighbours that are looked at for one that gives way. */
const EVICTION_LOOKS = 16;
/**
 * Who was confirmed, and is in no use for so long, is forgotten: a table of those who were there once would only
 * grow until it is full. RFC 1122 §2.3.2.1 asks for such a time.
 */
export const FORGOTTEN: Micros = 600 * SECOND;
/** One part in so many of a table is for those who were asked for and never heard of. RFC 6583 §7.1. */
const INCOMPLETE_SHARE = 4;

export class Neighbour implements Due {
  readonly address: Address;
  hi = 0;
  lo = 0;
  reach: Reach = Reach.INCOMPLETE;
  /** Until when it counts as reachable. */
  until: Micros = REAL_ZERO;
  confirmed: Micros = -NEVER;
  tries = 0;
  /** RFC 4861 §5.1: it says that it passes packets on. */
  isRouter = false;
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
  /**
   * It answers, or answers no more, or stopped to be a router: who sends through it may choose anew.
   * RFC 4861 §6.3.6, §7.2.5.
   */
  changed?(neighbour: Neighbour): void;
}

/** What is another in each family. */
export interface NeighbourRules {
  /** The most neighbours at once. */
  readonly limit: number;
  /** How long a confirmed address is kept against another that is claimed; 0 in IPv6, which has flags for it. */
  readonly locked: Micros;
  /** Who stops to answer is not forgotten at once. RFC 7048. */
  readonly backsOff: boolean;
}

export class Neighbours {
  /** RFC 4861 §6.3.2: how long who was confirmed counts as there, and how long an answer may take. */
  reachableTime: Micros = REACHABLE_TIME;
  retransmit: Micros = RETRANSMIT;
  readonly #rules: NeighbourRules;
  readonly #resolver: Resolver;
  /** In the order in which they were confirmed last. */
  readonly #all: Map<Address, Neighbour> = new Map();
  readonly #deadlines: Deadlines<Neighbour> = new Deadlines();
  /** Of them those who never answered yet, oldest first. */
  readonly #incomplete: Set<Neighbour> = new Set();
  #last: Neighbour = new Neighbour(ANY);

  constructor(resolver: Resolver, rules: NeighbourRules) {
    this.#resolver = resolver;
    this.#rules = rules;
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
    if (known && !same && now - neighbour.confirmed < this.#rules.locked) return;
    this.#learn(neighbour, hi, lo);
    if (solicited) this.#confirm(neighbour, now);
    else if (!same) this.#doubt(neighbour, now); // believed, and asked at the next use (RFC 4861 §7.2.3)
    this.#release(neighbour);
  }

  /**
   * A neighbour advertised itself, in answer to us (`solicited`) or not, with its hardware address if
   * `hasLink`. `override`: what is known of it is wrong. RFC 4861 §7.2.5.
   */
  advertised(
    address: Address,
    hasLink: boolean,
    hi: number,
    lo: number,
    solicited: boolean,
    override: boolean,
    isRouter: boolean,
    now: Micros,
  ): void {
    const neighbour = this.find(address);
    if (neighbour === undefined) return;
    const known = neighbour.reach !== Reach.INCOMPLETE;
    if (!known && !hasLink) return;
    const differs = hasLink && (!known || neighbour.hi !== hi || neighbour.lo !== lo);
    if (known && differs && !override) {
      // RFC 4861 §7.2.5, I: kept, and asked whether it is there.
      if (neighbour.reach === Reach.REACHABLE) this.#doubt(neighbour, now);
      return;
    }
    if (differs) this.#learn(neighbour, hi, lo);
    if (solicited) this.#confirm(neighbour, now);
    else if (differs) this.#doubt(neighbour, now);
    const stopped = neighbour.isRouter && !isRouter;
    neighbour.isRouter = isRouter;
    if (stopped) this.#resolver.changed?.(neighbour);
    this.#release(neighbour);
  }

  /** It passes packets on, by its own word. RFC 4861 §6.3.4. */
  markRouter(address: Address): void {
    const neighbour = this.find(address);
    if (neighbour !== undefined) neighbour.isRouter = true;
  }

  /** What is on its way to `address` arrives, as its answers show. RFC 4861 §7.3.1. */
  confirm(address: Address, now: Micros): void {
    const neighbour = this.find(address);
    if (neighbour !== undefined && neighbour.reach !== Reach.INCOMPLETE) {
      this.#confirm(neighbour, now);
    }
  }

  /** Do what is due. */
  expire(now: Micros): void {
    for (let n = this.#deadlines.take(now); n !== undefined; n = this.#deadlines.take(now)) {
      if (n.reach === Reach.REACHABLE || n.reach === Reach.STALE) this.#lapse(n, now);
      else if (n.reach === Reach.DELAY) this.#ask(n, Reach.PROBE, now);
      else if (n.tries < (n.reach === Reach.UNREACHABLE ? UNREACHABLE_ASK : ASK)) {
        this.#ask(n, n.reach, now);
      } else if (n.reach === Reach.PROBE && this.#rules.backsOff) {
        this.#ask(n, Reach.UNREACHABLE, now);
        this.#resolver.changed?.(n);
      } else this.#fail(n);
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
    const wasGone = neighbour.reach === Reach.UNREACHABLE;
    neighbour.reach = Reach.REACHABLE;
    neighbour.confirmed = now;
    neighbour.until = now + this.reachableTime * (0.5 + unit(this.#resolver.random));
    neighbour.tries = 0;
    this.#deadlines.set(neighbour, now + FORGOTTEN);
    this.#all.delete(neighbour.address);
    this.#all.set(neighbour.address, neighbour);
    if (wasGone) this.#resolver.changed?.(neighbour);
  }

  #learn(neighbour: Neighbour, hi: number, lo: number): void {
    this.#incomplete.delete(neighbour);
    neighbour.hi = hi;
    neighbour.lo = lo;
  }

  #doubt(neighbour: Neighbour, now: Micros): void {
    neighbour.reach = Reach.STALE;
    this.#deadlines.set(neighbour, now + FORGOTTEN);
  }

  #release(neighbour: Neighbour): void {
    if (neighbour.waiting.length > 0) this.#resolver.resolved(neighbour);
  }

  #ask(neighbour: Neighbour, reach: Reach, now: Micros): void {
    if (neighbour.reach !== reach) neighbour.tries = 0;
    neighbour.reach = reach;
    const backedOff = this.retransmit * BACKOFF ** neighbour.tries;
    const wait =
      reach === Reach.UNREACHABLE ? Math.min(backedOff, LONGEST_RETRANSMIT) : this.retransmit;
    neighbour.tries++;
    this.#deadlines.set(neighbour, now + wait);
    this.#resolver.solicit(neighbour, reach !== Reach.PROBE);
  }

  /** Nothing was sent to it for long. A router stays: RFC 4861 §6.3.5 gives its entry the router's lifetime. */
  #lapse(neighbour: Neighbour, now: Micros): void {
    if (neighbour.isRouter) this.#doubt(neighbour, now);
    else this.#forget(neighbour);
  }

  #fail(neighbour: Neighbour): void {
    this.#resolver.failed(neighbour);
    this.#forget(neighbour);
  }

  #forget(neighbour: Neighbour): void {
    this.#deadlines.cancel(neighbour);
    this.#all.delete(neighbour.address);
    this.#incomplete.delete(neighbour);
    if (this.#last === neighbour) this.#last = new Neighbour(ANY);
    drop(neighbour.address);
  }

  #make(address: Address): Neighbour {
    const { limit } = this.#rules;
    if (this.#incomplete.size >= limit / INCOMPLETE_SHARE) {
      // Who is asked for in vain gives way to the next such, and to none that is there.
      for (const oldest of this.#incomplete) {
        this.#fail(oldest);
        break;
      }
    }
    if (this.#all.size >= limit) this.#makeRoom();
    const neighbour = new Neighbour(hold(address));
    this.#all.set(address, neighbour);
    this.#incomplete.add(neighbour);
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
