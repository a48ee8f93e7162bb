/**
 * Names that are answered here and never asked for elsewhere: those that were given, zones, those of leases,
 * and those that RFC 6761 keeps from the world. Names are in small letters, without the last dot.
 * @module
 */
import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { wrong } from '../address.ts';

/** A zone of names, all of which are answered here. */
export interface DnsZone {
  /** `containers.internal`. */
  readonly name: string;
  /** Addresses by what stands before the zone's name, one or several; `''` is the zone's own. */
  readonly records: Readonly<Record<string, string | readonly string[]>>;
  /** For what is not among them; undefined: there is no such name. */
  readonly default?: string;
}

/** A guest that has a name. */
export interface NamedGuest {
  readonly name: string;
  readonly address: string;
  /** What else it has, as addresses of IPv6. */
  readonly others?: readonly string[];
}

/** What is known of a name: its addresses, none of them perhaps; undefined: it is somebody else's. */
export type Found = readonly string[] | 'none' | undefined;

/** RFC 952, RFC 1123 §2.1: what a guest calls itself is a name only if it looks like one. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Of a guest that makes itself address after address (RFC 8981). */
const MOST_OTHERS = 4;

/** Small letters, without the last dot. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** True for a name that can stand in DNS: labels of letters, digits, `-` and `_`. */
export const isName = (name: string): boolean =>
  name.length <= 253 && /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_-]{1,63}$/.test(name);

/** What stands before `.zone`; undefined if the name is not below it. */
const within = (name: string, zone: string): string | undefined => {
  if (name === zone) return '';
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : undefined;
};

/** The address that a name below `in-addr.arpa` or `ip6.arpa` asks about; RFC 1035 §3.5, RFC 3596 §2.5. */
export function reversed(name: string): string | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (four) {
    const address = four.slice(1).reverse().join('.');
    return ipaddr.IPv4.isValidFourPartDecimal(address) ? address : undefined;
  }
  const six = /^(([0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (!six) return undefined;
  const digits = (six[1] as string).split('.').reverse().join('');
  const words = digits.match(/.{4}/g) ?? [];
  return ipaddr.IPv6.parse(words.join(':')).toString();
}

/** An address as it is written everywhere (RFC 5952), so that it is found by its text. */
const usual = (address: string): string =>
  isIPv6(address) ? ipaddr.IPv6.parse(address).toString() : address;

const usualRecords = (records: DnsZone['records']): DnsZone['records'] =>
  Object.fromEntries(Object.entries(records).map(([name, its]) => [name, [its].flat().map(usual)]));

export interface NamesOptions {
  /** The domain of guests. */
  readonly domain: string;
  /** Guests that have names now. */
  readonly guests: () => Iterable<NamedGuest>;
  /** Whether an address is on the guests' network, whose names are nobody else's affair. */
  readonly isLocal: (address: string) => boolean;
}

/** Names of one's own, and zones of them: set, listed and found, at run time too. */
export class Names {
  readonly #options: NamesOptions;
  readonly #own: Map<string, readonly string[]> = new Map();
  readonly #zones: Map<string, DnsZone> = new Map();

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  /** Answer `name` with these addresses; with none it is there and has no address. */
  set(name: string, addresses: readonly string[]): void {
    this.#own.set(plainName(name), addresses.map(usual));
  }

  /** The same. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for what is no name, or no address. */
  checkedSet(name: string, addresses: readonly unknown[]): void {
    const isGood = addresses.every((one) => typeof one === 'string' && isIP(one) !== 0);
    if (!isName(plainName(name)) || !isGood) {
      throw wrong(
        'names',
        { [name]: addresses },
        'give addresses by name, as { "db.lan": "192.0.2.1" }',
      );
    }
    this.set(name, addresses as readonly string[]); // all are text
  }

  delete(name: string): boolean {
    return this.#own.delete(plainName(name));
  }

  list(): Record<string, readonly string[]> {
    return Object.fromEntries(this.#own);
  }

  get zones(): DnsZone[] {
    return [...this.#zones.values()];
  }

  /** Records of a zone that is there already are added to it, and those of the same name replaced. */
  addZone(zone: DnsZone): void {
    const name = plainName(zone.name);
    const before = this.#zones.get(name);
    this.#zones.set(name, {
      ...zone,
      name,
      records: { ...before?.records, ...usualRecords(zone.records) },
    });
  }

  find(name: string): Found {
    const own = this.#own.get(name);
    if (own !== undefined) return own;
    // RFC 6761 §6.3, §6.4; RFC 7686 §2; RFC 6762 §3: none of these is the world's.
    if (within(name, 'localhost') !== undefined) return ['127.0.0.1', '::1'];
    for (const special of ['invalid', 'onion', 'local']) {
      if (within(name, special) !== undefined) return 'none';
    }
    const zone = this.#longestZone(name);
    if (zone !== undefined) {
      const label = within(name, zone.name) as string; // it is below that zone
      const its = Object.hasOwn(zone.records, label) ? zone.records[label] : zone.default;
      if (its !== undefined && isName(name)) return [its].flat();
    }
    const below = within(name, this.#options.domain) ?? (name.includes('.') ? undefined : name);
    const guest = below === undefined ? undefined : this.#guest(below);
    if (guest !== undefined) return guest;
    if (zone !== undefined || below !== undefined) return 'none';
    return undefined;
  }

  /** Names of the address that is asked about; undefined: it is somebody else's affair. */
  findReverse(name: string): readonly string[] | 'none' | undefined {
    const address = reversed(name);
    if (address === undefined) return undefined;
    for (const [known, addresses] of this.#own) if (addresses.includes(address)) return [known];
    for (const { name: zone, records } of this.#zones.values()) {
      for (const [label, its] of Object.entries(records)) {
        if ([its].flat().includes(address)) return [label === '' ? zone : `${label}.${zone}`];
      }
    }
    for (const guest of this.#options.guests()) {
      const label = guest.name.toLowerCase();
      const isIts = guest.address === address || guest.others?.includes(address);
      if (isIts && LABEL.test(label)) {
        return [`${label}.${this.#options.domain}`];
      }
    }
    return this.#options.isLocal(address) ? 'none' : undefined;
  }

  #longestZone(name: string): DnsZone | undefined {
    for (let rest = name; rest !== ''; rest = rest.slice(rest.indexOf('.') + 1)) {
      const zone = this.#zones.get(rest);
      if (zone !== undefined) return zone;
      if (!rest.includes('.')) break;
    }
    return undefined;
  }

  /** The first that calls itself so: who comes later takes no name away. */
  #guest(label: string): readonly string[] | undefined {
    if (!LABEL.test(label)) return undefined;
    for (const { name, address, others = [] } of this.#options.guests()) {
      if (name.toLowerCase() === label) return [address, ...others.slice(0, MOST_OTHERS)];
    }
    return undefined;
  }
}
