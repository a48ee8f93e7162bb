/**
 * Whose text goes into which other connection of this stack, as it does in a proxy (RFC 3135 §2.4, split connections):
 * nobody is offered more than there is room for where it goes on. RFC 9293 §3.8.6 leaves the window to the receiver.
 *
 * Else a whole window comes each time the far end rests, is copied to wait here, and copied again to go on; and the queue
 * stays, since all text takes that way from then on. Measured: a `pipe` of two sockets of `net` between Linux's, by a TUN
 * with offload, 1.90 (1.84–13.4) times the rate with it, which is 20.2 to 21.7 Gbit/s in place of 1.5 to 11.8:
 * `npm run bench:link -- --against 664a83d --only proxy --subjects net --runs 3 --seconds 1`.
 * @module
 */
import { Flag } from './flags.ts';

/** What a connection is here. */
interface Party {
  flags: number;
}

export class Relays<T extends Party> {
  readonly #into: Map<T, T> = new Map();
  readonly #from: Map<T, T> = new Map();

  /** Where the text of `party` goes. */
  into(party: T): T | undefined {
    return this.#into.get(party);
  }

  /** Whose text goes into `party`: of several the one that was joined last. */
  from(party: T): T | undefined {
    return this.#from.get(party);
  }

  /** From now on the text of `from` goes into `into`. False if that is known. */
  join(from: T, into: T): boolean {
    if (this.#into.get(from) === into) return false;
    this.part(from);
    const other = this.#from.get(into);
    if (other !== undefined) this.part(other);
    this.#into.set(from, into);
    this.#from.set(into, from);
    from.flags |= Flag.RELAY;
    into.flags |= Flag.RELAY;
    return true;
  }

  /** The text of `from` goes nowhere that is known. False if it did not before. */
  part(from: T): boolean {
    const into = this.#into.get(from);
    if (into === undefined) return false;
    this.#into.delete(from);
    this.#from.delete(into);
    this.#settle(from);
    this.#settle(into);
    return true;
  }

  #settle(party: T): void {
    if (!this.#into.has(party) && !this.#from.has(party)) party.flags &= ~Flag.RELAY;
  }
}
