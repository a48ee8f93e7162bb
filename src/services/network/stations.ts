/**
 * Who is on a network: stations, each at one port of the switch, and the addresses of both families that each has.
 * Whoever is first with an address, or with a hardware address, has it until it was silent for a time (RFC 6620);
 * what was lent stays its holder's until the lease ends.
 *
 * Times are microseconds. Nothing is allocated for who is known.
 * @module
 */
import type { SwitchPort } from '../../index.ts';
import * as ethernet from '../../stack/wire/ethernet.ts';
import { MAPPED, textOf, type Worded, WordMap, type Words } from './words.ts';

/** A hardware address, and what it has. */
export interface Station extends Worded<Station> {
  /** Undefined until it has sent something. */
  place: Place | undefined;
  heard: number;
  readonly holders: Set<Holder>;
  /** Its addresses as text, made when they are asked for: each flow asks. */
  texts: readonly string[] | undefined;
  mac: string | undefined;
}

/** An address, and whose it is. */
export interface Holder extends Worded<Holder> {
  readonly station: Station;
  heard: number;
  /** It is lent until then. */
  until: number;
  /** When it was asked for last, somebody else having claimed it. */
  asked: number;
}

/** A port, and how much is there. */
export interface Place {
  readonly port: SwitchPort;
  /** Tells ports apart, which may have one name. */
  readonly key: string;
  readonly stations: Set<Station>;
  /** Addresses of IPv4, and of IPv6. */
  readonly counts: { v4: number; v6: number };
  /** When what is silent there was looked for last. */
  swept: number;
}

export interface StationsOptions {
  /** Most addresses of one port, of each family. */
  readonly each: number;
  /** 32 bits that nobody can guess. */
  readonly secret: number;
  /** Somebody else has the address from now on, or nobody. */
  readonly changed: (address: string) => void;
  /** False: whoever has sent last has it. */
  readonly strict: boolean;
  /** Ask the link who has an address: its holder is silent, and another one claims it. */
  readonly ask: (address: string) => void;
}

/** What was not lent is free again after so long a silence. */
export const SILENCE = 300_000_000;
/** So long whoever has an address may take to say so; and so long it counts that nobody did. RFC 6620 §3.2.6. */
const PATIENCE = 8_000_000;
const ANSWERED = 60_000_000;
/** Hardware addresses of one port. */
const MOST_STATIONS = 256;
/** What is silent is looked for no more often. */
const SWEEP = 1_000_000;

export class Stations {
  readonly #options: StationsOptions;
  readonly #stations: WordMap<Station>;
  readonly #holders: WordMap<Holder>;
  readonly #places: Map<SwitchPort, Place> = new Map();
  #keys = 0;

  constructor(options: StationsOptions) {
    this.#options = options;
    this.#stations = new WordMap(options.secret);
    this.#holders = new WordMap(options.secret ^ 0x5bd1_e995);
  }

  /** Who has an address. */
  holder(a: number, b: number, c: number, d: number): Holder | undefined {
    return this.#holders.find(a, b, c, d);
  }

  station(hi: number, lo: number): Station | undefined {
    return this.#stations.find(0, 0, hi, lo);
  }

  all(): Iterable<Station> {
    return this.#stations;
  }

  /** The station that speaks at a port; undefined: it is another's, or there are too many (`isFull`). */
  speaker(hi: number, lo: number, port: SwitchPort, now: number): Station | undefined {
    const known = this.station(hi, lo);
    if (known?.place?.port === port) {
      known.heard = now;
      return known;
    }
    if (known?.place !== undefined && this.#options.strict && !this.#isGone(known, now)) {
      return undefined;
    }
    const place = this.#placeOf(port);
    if (place.stations.size >= MOST_STATIONS && !this.#sweep(place, now)) return undefined;
    if (known?.place !== undefined) {
      if (this.#options.strict) this.#forget(known);
      else this.#leave(known);
    }
    const station = this.station(hi, lo) ?? this.#add(hi, lo, now);
    this.#settle(station, place);
    station.heard = now;
    return station;
  }

  /** Whether a port has as many stations as it may. */
  isFull(port: SwitchPort): boolean {
    return (this.#places.get(port)?.stations.size ?? 0) >= MOST_STATIONS;
  }

  /** Let a station have an address that is nobody's, or whose holder is silent. Undefined: its port has enough. */
  take(station: Station, words: Words, now: number): Holder | undefined {
    const { place } = station;
    const [a, b, c, d] = words;
    if (place !== undefined && !this.#hasRoom(place, isFour(a, b, c), now)) return undefined;
    const before = this.holder(a, b, c, d);
    if (before !== undefined) this.drop(before);
    const holder: Holder = {
      ...{ a, b, c, d, next: undefined, station, heard: now },
      ...{ until: Number.NEGATIVE_INFINITY, asked: Number.NEGATIVE_INFINITY },
    };
    this.#holders.add(holder);
    station.holders.add(holder);
    station.texts = undefined;
    this.#count(holder, 1);
    return holder;
  }

  /** An address was lent to a hardware address until a time: who has had it has it no more. */
  lend(words: Words, hi: number, lo: number, until: number, now: number): void {
    const station = this.station(hi, lo) ?? this.#add(hi, lo, now);
    const before = this.holder(...words);
    if (before !== undefined && before.station !== station) this.drop(before);
    const holder = before?.station === station ? before : this.take(station, words, now);
    if (holder !== undefined) holder.until = Math.max(holder.until, until);
  }

  /** Whether an address may be another's: it was not lent, its holder is silent, and does not answer for it. */
  isFree(holder: Holder, now: number): boolean {
    if (holder.until > now) return false;
    if (!this.#options.strict) return true;
    if (now - holder.heard <= SILENCE) return false;
    const since = now - holder.asked;
    if (since >= PATIENCE && since <= ANSWERED) return true;
    if (since > ANSWERED) {
      holder.asked = now;
      this.#options.ask(textOf(holder));
    }
    return false;
  }

  /** Nobody has the address. */
  drop(holder: Holder): void {
    this.#holders.delete(holder);
    const { station } = holder;
    station.holders.delete(holder);
    station.texts = undefined;
    this.#count(holder, -1);
    // Who was lent something and is nowhere is known by that alone.
    if (station.place === undefined && station.holders.size === 0) this.#stations.delete(station);
    this.#options.changed(textOf(holder));
  }

  /** What was plugged in there is gone: it keeps what was lent. */
  unplugged(port: SwitchPort, now: number): void {
    const place = this.#places.get(port);
    if (place === undefined) return;
    this.#places.delete(port);
    for (const station of place.stations) {
      station.place = undefined;
      if (station.holders.size === 0) this.#stations.delete(station);
      for (const holder of [...station.holders]) if (holder.until <= now) this.drop(holder);
    }
  }

  /** What tells a port from the others. */
  keyOf(port: SwitchPort): string {
    return this.#placeOf(port).key;
  }

  #placeOf(port: SwitchPort): Place {
    let place = this.#places.get(port);
    if (place === undefined) {
      place = {
        ...{ port, key: `#${++this.#keys}`, stations: new Set(), swept: Number.NEGATIVE_INFINITY },
        counts: { v4: 0, v6: 0 },
      };
      this.#places.set(port, place);
    }
    return place;
  }

  #add(hi: number, lo: number, now: number): Station {
    const station: Station = {
      ...{ a: 0, b: 0, c: hi, d: lo, next: undefined, place: undefined, heard: now },
      ...{ holders: new Set(), texts: undefined, mac: undefined },
    };
    this.#stations.add(station);
    return station;
  }

  #settle(station: Station, place: Place): void {
    station.place = place;
    place.stations.add(station);
    for (const holder of station.holders) this.#count(holder, 1);
  }

  /** It was silent for so long, and has no address any more. */
  #isGone({ heard, holders }: Station, now: number): boolean {
    if (now - heard <= SILENCE) return false;
    let gone = true;
    for (const holder of holders) if (!this.isFree(holder, now)) gone = false; // all are asked for
    return gone;
  }

  #forget(station: Station): void {
    for (const holder of [...station.holders]) this.drop(holder);
    this.#leave(station);
    this.#stations.delete(station);
  }

  #leave(station: Station): void {
    for (const holder of station.holders) this.#count(holder, -1);
    station.place?.stations.delete(station);
    station.place = undefined;
  }

  #hasRoom(place: Place, four: boolean, now: number): boolean {
    const { each } = this.#options;
    const { counts } = place;
    if ((four ? counts.v4 : counts.v6) < each) return true;
    this.#sweep(place, now);
    return (four ? counts.v4 : counts.v6) < each;
  }

  /** Forget who is silent there. True if that has made room for a station. */
  #sweep(place: Place, now: number): boolean {
    if (now - place.swept < SWEEP) return false;
    place.swept = now;
    for (const station of [...place.stations]) {
      for (const holder of [...station.holders]) {
        if (holder.until <= now && now - holder.heard > SILENCE) this.drop(holder);
      }
      if (station.holders.size === 0 && this.#isGone(station, now)) this.#forget(station);
    }
    return place.stations.size < MOST_STATIONS;
  }

  #count({ a, b, c, station: { place } }: Holder, by: number): void {
    if (place === undefined) return;
    if (isFour(a, b, c)) place.counts.v4 += by;
    else place.counts.v6 += by;
  }
}

export const isFour = (a: number, b: number, c: number): boolean =>
  a === 0 && b === 0 && c === MAPPED;

/** `02:00:5e:00:53:01`. */
export function macOf(station: Station): string {
  station.mac ??= ethernet.format(station.c, station.d);
  return station.mac;
}

/** What can be reached from elsewhere first, IPv4 before IPv6. */
export function addressesOf(station: Station): readonly string[] {
  station.texts ??= [...station.holders].sort((one, other) => rank(one) - rank(other)).map(textOf);
  return station.texts;
}

const rank = ({ a, b, c }: Holder): number => (isFour(a, b, c) ? 0 : isLinkLocal(a) ? 2 : 1);

/** fe80::/10, by its first word. RFC 4291 §2.5.6. */
export const isLinkLocal = (a: number): boolean => a >>> 22 === 0xfe80 >>> 6;
