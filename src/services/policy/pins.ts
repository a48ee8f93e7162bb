/**
 * Which names led a guest to an address: what it was told by DNS, for as long as that holds. A guest's flow to
 * an address is one to those names, and to no others. Times are microseconds.
 * @module
 */

/** A program looks a name up and connects a while later, whatever its time to live: seconds. */
const GRACE = 30;
const SECOND = 1_000_000;
/** Who was silent the longest is forgotten first. */
const MOST_GUESTS = 4096;
const MOST_ADDRESSES = 4096;
const MOST_NAMES = 64;

/** Names of one address, with the time until which each holds. */
type Names = Map<string, number>;

export class Pins {
  readonly #guests: Map<string, Map<string, Names>> = new Map();

  /** A guest was told that `name` has these addresses, for `ttl` seconds. */
  add(guest: string, name: string, addresses: readonly string[], ttl: number, now: number): void {
    const its = renew(this.#guests, guest, MOST_GUESTS, () => new Map<string, Names>());
    const until = now + (ttl + GRACE) * SECOND;
    for (const address of addresses) {
      const names = renew(its, address, MOST_ADDRESSES, () => new Map<string, number>());
      const before = renew(names, name, MOST_NAMES, () => until);
      names.set(name, Math.max(before, until));
    }
  }

  /** The names that lead a guest to an address now, the one that it was told last first. */
  find(guest: string, address: string, now: number): string[] {
    const names = this.#guests.get(guest)?.get(address);
    if (names === undefined) return [];
    for (const [name, until] of names) if (until <= now) names.delete(name);
    return [...names.keys()].reverse();
  }

  has(guest: string, address: string, name: string, now: number): boolean {
    return (this.#guests.get(guest)?.get(address)?.get(name) ?? 0) > now;
  }

  /** Somebody else has its address now. */
  forget(guest: string): void {
    this.#guests.delete(guest);
  }
}

/** What `map` has of `key`, made if need be; it is the newest entry then, and the oldest goes if there are `most`. */
function renew<V>(map: Map<string, V>, key: string, most: number, make: () => V): V {
  const value = map.get(key) ?? make();
  map.delete(key);
  if (map.size >= most) {
    const [oldest] = map.keys();
    map.delete(oldest as string); // there are `most`
  }
  map.set(key, value);
  return value;
}
