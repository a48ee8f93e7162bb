/**
 * A DNS forwarder for the guests of a stack's link: what is here is answered here, what is known is told again
 * for as long as it holds, and the rest is asked of this host's resolvers. Over UDP and TCP. RFC 1035, RFC 5625.
 *
 * It judges no name; who does so is asked (`onQuery`), and told what was answered (`onAnswer`).
 * @module
 */
import { isIPv6 } from 'node:net';
import { performance } from 'node:perf_hooks';
import ipaddr from 'ipaddr.js';
import type { DgramSocket, Server, Stack } from '../../index.ts';
import { checkNumber } from '../address.ts';
import { Buckets } from './buckets.ts';
import { DnsCache } from './cache.ts';
import { type Exchange, exchange } from './exchange.ts';
import {
  addressesIn,
  addressRecords,
  asAnswerTo,
  keyOf,
  makeAnswer,
  makeRefusal,
  PROHIBITED,
  pointerRecords,
  type Query,
  readQuery,
} from './message.ts';
import { type DnsZone, type NamedGuest, Names, plainName } from './names.ts';
import { hostResolvers, readResolver } from './resolvers.ts';
import { serveTcp } from './tcp.ts';
import { Upstream, type UpstreamCounters } from './upstream.ts';
import { Rcode, truncate, viewOf } from './wire.ts';

/** A question of a guest. */
export interface DnsQuestion {
  /** The guest's address. */
  readonly guest: string;
  /** In small letters, without the last dot. */
  readonly name: string;
  /** The type of the records, as 1 for A. */
  readonly type: number;
}

/** What a guest was told about a name. */
export interface DnsAnswer extends DnsQuestion {
  /** Addresses that the answer gives; none if there is none. */
  readonly addresses: readonly string[];
  /** Seconds that they hold. */
  readonly ttl: number;
  /** 0 for good, 3 for no such name. RFC 1035 §4.1.1. */
  readonly rcode: number;
}

/** How names are answered. */
export interface DnsForwarderOptions {
  /** Resolvers, `192.0.2.53` or `192.0.2.53:5353`, in their order; default those that this host uses. */
  readonly servers?: readonly string[];
  /** Names of one's own. */
  readonly names?: Readonly<Record<string, string | readonly string[]>>;
  /** Zones of which all names are answered here. */
  readonly zones?: readonly DnsZone[];
  /** The domain of guests; default `internal`. */
  readonly domain?: string;
  /** Guests that have names now, such as those of leases; default none. */
  readonly guests?: () => Iterable<NamedGuest>;
  /** The guests' network, of whose addresses nobody else has names: `10.83.0.0/24`; or several. */
  readonly network?: string | readonly string[];
  /** What a guest's address is counted as, where one guest may have several; default each by itself. */
  readonly countedAs?: (guest: string) => string;
  /** Seconds that an answer of one's own holds, 0 to 86 400; default 10. */
  readonly ttl?: number;
  /** Milliseconds for each try of each resolver, 1 to 60 000; default 2000. */
  readonly patience?: number;
  /** Questions to resolvers at once, 1 to 4096; default 256. One guest has a quarter of them. */
  readonly outstanding?: number;
  /** Queries a second from one guest, and as many at once; default 500. */
  readonly rate?: number;
  /** Answers that are kept, 0 to 1 000 000; default 4096, and 4 MiB of them. */
  readonly cache?: number;
  /** False: the guest is told that there is no such name. */
  readonly onQuery?: (question: DnsQuestion) => boolean;
  /** Told of each answer before it leaves. */
  readonly onAnswer?: (answer: DnsAnswer) => void;
  /** Gives microseconds, never less than before; default the system's clock. */
  readonly clock?: { now(): number };
  /** How a resolver is asked; default by sockets of this host. */
  readonly exchange?: Exchange;
}

/** Counters. */
export interface DnsStats extends Readonly<UpstreamCounters> {
  /** Queries that could be read, over UDP and TCP. */
  readonly queries: number;
  /** Answered from here, from what is kept, by a resolver; without a good answer. */
  readonly local: number;
  readonly cached: number;
  readonly resolved: number;
  readonly failed: number;
  /** Refused by `onQuery`. */
  readonly refused: number;
  /** Dropped: more than a guest may ask. */
  readonly limited: number;
  /** What is no query, or one that nobody should ask here. */
  readonly malformed: number;
  /** Answers that are kept now. */
  readonly kept: number;
}

const PORT = 53;
const CACHE_BYTES = 4 << 20;
const LONGEST = 3600;
const LONGEST_NEGATIVE = 300;

/** A forwarder, until `close`. */
export class DnsForwarder {
  /** Settles when it answers; rejects if port 53 is taken. */
  readonly ready: Promise<void>;
  readonly names: Names;
  readonly #options: DnsForwarderOptions;
  readonly #ttl: number;
  readonly #clock: { now(): number };
  readonly #cache: DnsCache;
  readonly #upstream: Upstream;
  readonly #buckets: Buckets;
  readonly #sockets: readonly DgramSocket[];
  readonly #server: Server;
  readonly #countedAs: (guest: string) => string;
  readonly #counts = {
    ...{ queries: 0, local: 0, cached: 0, resolved: 0 },
    ...{ failed: 0, refused: 0, limited: 0, malformed: 0 },
  };

  /** Not for use from outside: `createDnsForwarder` makes these. */
  constructor(stack: Stack, options: DnsForwarderOptions) {
    const { ttl = 10, patience = 2000, outstanding = 256, rate = 500, cache = 4096 } = options;
    checkNumber('ttl', ttl, 0, 86_400);
    checkNumber('patience', patience, 1, 60_000);
    checkNumber('outstanding', outstanding, 1, 4096);
    checkNumber('rate', rate, 1, 1_000_000);
    checkNumber('cache', cache, 0, 1_000_000);
    this.#options = options;
    this.#ttl = ttl;
    this.#clock = options.clock ?? { now: () => performance.now() * 1000 };
    this.#buckets = new Buckets(rate);
    this.#cache = new DnsCache({
      ...{ entries: cache, bytes: CACHE_BYTES },
      ...{ longest: LONGEST, longestNegative: LONGEST_NEGATIVE },
    });
    const servers = options.servers?.map(readResolver);
    this.#upstream = new Upstream({
      resolvers: servers === undefined ? hostResolvers() : () => servers,
      exchange: options.exchange ?? exchange,
      patience,
      outstanding,
      outstandingEach: Math.max(1, Math.floor(outstanding / 4)),
    });
    this.names = makeNames(options);
    this.#countedAs = options.countedAs ?? ((guest) => guest);
    const answer = async (bytes: Uint8Array, guest: string) => this.#answer(bytes, guest);
    const others = stack.addresses.filter((address) => isIPv6(address));
    this.#sockets = [undefined, ...others].map((address) => this.#serveUdp(stack, address));
    this.#server = serveTcp(stack, this.#countedAs, async (bytes, guest) => {
      return (await answer(bytes, guest))?.tcp;
    });
    this.ready = Promise.all([
      ...others.map((address, i) => bound(this.#sockets[i + 1] as DgramSocket, address)),
      bound(this.#sockets[0] as DgramSocket, undefined),
      listening(this.#server),
    ]).then(() => {});
    this.ready.catch(() => {}); // who waits for it hears of it
  }

  /** Counters, as they are now. */
  get stats(): DnsStats {
    return { ...this.#counts, ...this.#upstream.counters, kept: this.#cache.size };
  }

  /** Forget what is kept. */
  flush(): void {
    this.#cache.clear();
  }

  /** Answer no more. */
  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.#server.close();
  }

  /**
   * A socket for each address of IPv6: an answer must come from where it was asked (RFC 2181 §4.1), and of several
   * addresses another one may be the better source. `undefined` is IPv4's.
   */
  #serveUdp(stack: Stack, address: string | undefined): DgramSocket {
    const socket = stack.dgram.createSocket(
      address === undefined ? 'udp4' : { type: 'udp6', ipv6Only: true },
    );
    return socket.on('message', (bytes: Uint8Array, from: { address: string; port: number }) => {
      void this.#answer(bytes, from.address).then((answer) => {
        if (answer === undefined) return;
        try {
          socket.send(answer.udp, from.port, from.address);
        } catch {
          // It was closed meanwhile.
        }
      });
    });
  }

  /** What a guest is told over UDP, which has a limit, and over TCP; undefined: nothing. */
  async #answer(
    bytes: Uint8Array,
    guest: string,
  ): Promise<{ udp: Uint8Array; tcp: Uint8Array } | undefined> {
    if (!this.#buckets.take(this.#countedAs(guest), this.#clock.now())) {
      this.#counts.limited++;
      return undefined;
    }
    const query = readQuery(bytes);
    if (query === undefined || typeof query === 'number') {
      this.#counts.malformed++;
      if (query === undefined) return undefined;
      const refusal = makeRefusal(bytes, query);
      return { udp: refusal, tcp: refusal };
    }
    this.#counts.queries++;
    const answer = await this.#find(query, guest);
    return { udp: truncate(answer, query.limit), tcp: answer };
  }

  async #find(query: Query, guest: string): Promise<Uint8Array> {
    const { onQuery } = this.#options;
    const { name, type } = query.question;
    const local = this.#findHere(query);
    if (local !== undefined) {
      this.#counts.local++;
      this.#told(query, guest, local);
      return local;
    }
    if (onQuery !== undefined && !onQuery({ guest, name, type })) {
      // NXDOMAIN, since some C libraries wait in vain for a better answer than REFUSED.
      this.#counts.refused++;
      return makeAnswer(query, { rcode: Rcode.NXDOMAIN, because: PROHIBITED });
    }
    const key = keyOf(query);
    const kept = this.#cache.find(key, this.#clock.now());
    if (kept !== undefined) {
      this.#counts.cached++;
      this.#told(query, guest, kept);
      return asAnswerTo(query, kept);
    }
    const answer = await this.#upstream.ask(query, this.#countedAs(guest));
    if (answer === undefined) {
      this.#counts.failed++;
      return makeAnswer(query, { rcode: Rcode.SERVFAIL });
    }
    const rcode = viewOf(answer).getUint16(2) & 0xf;
    const isGood = rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN;
    if (isGood) this.#cache.keep(key, answer, this.#clock.now());
    this.#counts[isGood ? 'resolved' : 'failed']++;
    this.#told(query, guest, answer);
    return asAnswerTo(query, answer);
  }

  #findHere(query: Query): Uint8Array | undefined {
    const { question } = query;
    const found = this.names.find(question.name);
    const names = found ?? this.names.findReverse(question.name);
    if (names === undefined) return undefined;
    if (names === 'none') return makeAnswer(query, { rcode: Rcode.NXDOMAIN });
    const make = found === undefined ? pointerRecords : addressRecords;
    return makeAnswer(query, { rcode: Rcode.NOERROR, answers: make(question, names, this.#ttl) });
  }

  #told({ question: { name, type } }: Query, guest: string, answer: Uint8Array): void {
    const { onAnswer } = this.#options;
    if (onAnswer === undefined) return;
    const rcode = viewOf(answer).getUint16(2) & 0xf;
    onAnswer({ ...{ guest, name, type, rcode }, ...addressesIn(answer) });
  }
}

function makeNames({
  names = {},
  zones = [],
  domain = 'internal',
  guests,
  network,
}: DnsForwarderOptions): Names {
  const subnets = network === undefined ? [] : [network].flat().map((one) => ipaddr.parseCIDR(one));
  const made = new Names({
    domain: plainName(domain),
    guests: guests ?? (() => []),
    isLocal: (address) => {
      const parsed = ipaddr.parse(address);
      return subnets.some(([first, bits]) => {
        return parsed.kind() === first.kind() && parsed.match([first, bits]);
      });
    },
  });
  for (const [name, addresses] of Object.entries(names)) {
    made.checkedSet(name, typeof addresses === 'string' ? [addresses] : addresses);
  }
  for (const zone of zones) made.addZone(zone);
  return made;
}

/** Settles when the socket hears at port 53. */
function bound(socket: DgramSocket, address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(PORT, address, () => {
      socket.off('error', reject).on('error', () => {}); // a guest that is gone asks no more
      resolve();
    });
  });
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(PORT, () => {
      server.off('error', reject).on('error', () => {});
      resolve();
    });
  });
}

/**
 * Answer the questions of a stack's guests at its port 53. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`, or
 * a `RangeError` with `ERR_OUT_OF_RANGE`, for what cannot be meant.
 */
export const createDnsForwarder = (stack: Stack, options: DnsForwarderOptions = {}): DnsForwarder =>
  new DnsForwarder(stack, options);
