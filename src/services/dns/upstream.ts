/**
 * What a forwarder asks of resolvers: in their order, again where one is silent, each question once however many
 * guests ask it, and no more at once than there are places for. RFC 1035 §7.1, RFC 5452 §5.
 * @module
 */
import { randomInt } from 'node:crypto';
import type { Exchange, ExchangeEvents, Resolver } from './exchange.ts';
import { forResolver, keyOf, type Query } from './message.ts';
import { Rcode, viewOf } from './wire.ts';

/** The sum of what was asked. */
export interface UpstreamCounters {
  /** Questions to resolvers, repeated ones included. */
  forwarded: number;
  /** Those of them that were not answered in time, or not at all. */
  timeouts: number;
  /** What came from a resolver's place and was no answer to what was asked. */
  unasked: number;
  /** Questions for which there was no place. */
  busy: number;
}

export interface UpstreamOptions {
  readonly resolvers: () => readonly Resolver[];
  readonly exchange: Exchange;
  /** Milliseconds for each try. */
  readonly patience: number;
  /** Questions at once, over all guests and for one of them. */
  readonly outstanding: number;
  readonly outstandingEach: number;
}

/** All resolvers are asked so often. */
const ROUNDS = 2;

export class Upstream {
  readonly counters: UpstreamCounters = { forwarded: 0, timeouts: 0, unasked: 0, busy: 0 };
  readonly #options: UpstreamOptions;
  readonly #pending: Map<string, Promise<Uint8Array | undefined>> = new Map();
  /** Questions that wait, by guest. */
  readonly #each: Map<string, number> = new Map();

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  get outstanding(): number {
    return this.#pending.size;
  }

  /** The answer of a resolver; undefined if there is no place, or none has answered. */
  ask(query: Query, guest: string): Promise<Uint8Array | undefined> {
    const key = keyOf(query);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending; // or many guesses at once would have many chances (RFC 5452 §5)
    const { outstanding, outstandingEach } = this.#options;
    const own = this.#each.get(guest) ?? 0;
    if (this.#pending.size >= outstanding || own >= outstandingEach) {
      this.counters.busy++;
      return Promise.resolve(undefined);
    }
    this.#each.set(guest, own + 1);
    const asked = this.#tryAll(query).finally(() => {
      this.#pending.delete(key);
      const left = (this.#each.get(guest) ?? 1) - 1;
      if (left > 0) this.#each.set(guest, left);
      else this.#each.delete(guest);
    });
    this.#pending.set(key, asked);
    return asked;
  }

  async #tryAll(query: Query): Promise<Uint8Array | undefined> {
    const { resolvers, exchange, patience } = this.#options;
    const events: ExchangeEvents = { unasked: () => this.counters.unasked++ };
    let failure: Uint8Array | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      for (const resolver of resolvers()) {
        this.counters.forwarded++;
        try {
          const bytes = forResolver(query, randomInt(0x1_0000));
          const answer = await exchange(resolver, bytes, patience, events);
          const rcode = viewOf(answer).getUint16(2) & 0xf;
          if (rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN) return answer;
          failure = answer; // another one may do better
        } catch {
          this.counters.timeouts++;
        }
      }
      if (failure !== undefined) return failure;
    }
    return undefined;
  }
}
