/**
 * Names as a way out: text in labels that nobody would write, or one name after the other below a domain. Bounds
 * on the size of names and on how many different ones a guest asks for. Times are microseconds.
 * @module
 */

/** What a guest may ask of DNS. */
export interface NameBounds {
  /** Octets of the longest label, 1 to 63; default 48. */
  readonly label?: number;
  /** Octets of the longest name, 1 to 253; default 128. */
  readonly name?: number;
  /** Different names below one domain in a minute; default 120. */
  readonly distinct?: number;
}

/** What is wrong with a name; undefined: nothing. */
export type NameFault = 'label' | 'name' | 'distinct' | undefined;

const MINUTE = 60_000_000;
const MOST_DOMAINS = 4096;

interface Seen {
  readonly names: Set<string>;
  readonly until: number;
}

export class TunnelWatch {
  readonly #bounds: Required<NameBounds>;
  /** By guest and domain; the one that was begun the longest ago comes first. */
  readonly #seen: Map<string, Seen> = new Map();

  constructor({ label = 48, name = 128, distinct = 120 }: NameBounds) {
    this.#bounds = { label, name, distinct };
  }

  check(guest: string, name: string, now: number): NameFault {
    const { label, name: longest, distinct } = this.#bounds;
    const labels = name.split('.');
    if (labels.some((one) => one.length > label)) return 'label';
    if (name.length > longest) return 'name';
    const key = `${guest} ${labels.slice(-2).join('.')}`;
    let seen = this.#seen.get(key);
    if (seen === undefined || seen.until <= now) {
      this.#seen.delete(key);
      if (this.#seen.size >= MOST_DOMAINS) {
        const [oldest] = this.#seen.keys();
        this.#seen.delete(oldest as string); // there are `MOST_DOMAINS`
      }
      seen = { names: new Set(), until: now + MINUTE };
      this.#seen.set(key, seen);
    }
    if (!seen.names.has(name) && seen.names.size >= distinct) return 'distinct';
    seen.names.add(name);
    return undefined;
  }
}
