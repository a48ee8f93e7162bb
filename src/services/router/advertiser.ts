/**
 * Router advertisements for guests of IPv6: which prefixes make addresses, who the router is, which servers know
 * names. RFC 4861 §6.2, RFC 8106; written on what is public.
 *
 * It is said to everyone now and then, and to everyone soon after somebody has asked.
 * @module
 */
import { randomInt } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { Clock, DgramSocket, Random, Stack } from '../../index.ts';
import { checkNumber, wrong } from '../address.ts';

/** What guests are told. */
export interface RouterAdvertiserOptions {
  /** Prefixes of 64 bits that guests make addresses from, `fd83::/64`; the stack has an address in each. */
  readonly prefixes: readonly string[];
  /** Servers of names, addresses of IPv6. RFC 8106 §5.1. */
  readonly dns?: readonly string[];
  /** Domains to look names up in. RFC 8106 §5.2. */
  readonly search?: readonly string[];
  /** The longest packet of the link, 1280 to 65 535; not told unless set. */
  readonly mtu?: number;
  /** Seconds for which the stack is a router after each advertisement, 0 to 9000; default 1800. 0: it is none. */
  readonly lifetime?: number;
  /** Seconds between advertisements at the most, 4 to 1800; default 600. RFC 4861 §6.2.1. */
  readonly interval?: number;
  /** Whether guests ask by DHCPv6 for what else there is to know. Default false. */
  readonly otherConfig?: boolean;
  /** Whether guests ask for addresses by DHCPv6 as well. Default false. */
  readonly managed?: boolean;
  /** Hops that guests' packets begin with, 1 to 255; default 64. */
  readonly hopLimit?: number;
  /** Gives microseconds; default the system's clock. */
  readonly clock?: Clock;
  /** Default the system's. */
  readonly random?: Random;
}

const EVERYONE = 'ff02::1';
/** RFC 4291 §2.7.1: whom guests ask. */
const ROUTERS = 'ff02::2';
/** RFC 4861 §6.2.1: how long addresses and the prefix hold, in seconds: 7 and 30 days. */
const PREFERRED = 604_800;
const VALID = 2_592_000;
/** RFC 4861 §10: MAX_INITIAL_RTR_ADVERTISEMENTS and their interval, MAX_RA_DELAY_TIME, MIN_DELAY_BETWEEN_RAS, in ms. */
const FIRST = 3;
const FIRST_INTERVAL = 16_000;
const ANSWER_DELAY = 500;
const LEAST_BETWEEN = 3000;
/** Guests that wait for an answer of their own. */
const MOST_ANSWERS = 64;

const SOLICITATION = 133;
const ADVERTISEMENT = 134;
const HOP_LIMIT = 255;
const UNSPECIFIED = '::';
/** RFC 4861 §4.2. */
const MANAGED = 0x80;
const OTHER = 0x40;
const Option = { LINK: 1, PREFIX: 3, MTU: 5, DNS: 25, SEARCH: 31 } as const;

/** Advertises until `close`. */
export class RouterAdvertiser {
  /** Advertisements that were sent, and solicitations that came. */
  readonly stats = { advertised: 0, solicited: 0 };
  /** Settles when it has begun: the stack's own address was asked for on its link (RFC 4862 §5.4). */
  readonly ready: Promise<void>;
  readonly #stack: Stack;
  readonly #handler: { remove(): void };
  /** Is there for its membership of the group of routers, and hears nothing. */
  readonly #member: DgramSocket;
  readonly #interval: number;
  readonly #now: () => number;
  readonly #random: Random | undefined;
  readonly #message: Message;
  /** Our link-local address, with its device; undefined until it has begun. */
  #own: string | undefined;
  #closed = false;
  #sent = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  /** Answers for one guest each. */
  readonly #answers: Map<string, NodeJS.Timeout> = new Map();

  /** Not for use from outside: `advertiseRouter` makes these. */
  constructor(stack: Stack, options: RouterAdvertiserOptions) {
    const { interval = 600, clock } = options;
    checkNumber('interval', interval, 4, 1800);
    this.#interval = interval * 1000;
    this.#now = clock ? () => clock.now() / 1000 : () => performance.now();
    this.#random = options.random;
    const mac = stack.hardwareAddress();
    if (mac === undefined) {
      throw wrong('stack', stack.devices[0]?.name, 'it must be on a device that carries frames');
    }
    this.#message = tell(options, mac);
    this.#stack = stack;
    this.#handler = stack.icmp6.handle(({ type, ttl, source, data }) => {
      // RFC 4861 §6.1.1: what a router has passed on is none.
      if (type !== SOLICITATION || ttl !== HOP_LIMIT) return false;
      this.#asked(source, data);
      return true;
    });
    this.#member = stack.dgram.createSocket('udp6');
    this.ready = stack.settled().then(async () => {
      const own = stack.addresses.find((address) => /^fe[89ab]/i.test(address));
      if (own === undefined || this.#closed) return;
      await this.#join(own);
      this.#own = own;
      if (!this.#closed) this.#later(0);
    });
    this.ready.catch(() => {}); // who waits for it hears of it
  }

  /** Say no more, and say so: guests must not take it for their router. RFC 4861 §6.2.5. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const timer of this.#answers.values()) clearTimeout(timer);
    this.#handler.remove();
    this.#member.close();
    if (this.#own !== undefined) this.#send(EVERYONE, this.#message.rest & 0xffff_0000);
  }

  #join(own: string): Promise<void> {
    return new Promise((done, fail) => {
      this.#member.once('error', fail).once('close', done);
      this.#member.bind(0, own, () => {
        try {
          this.#member.addMembership(ROUTERS);
          done();
        } catch (error) {
          fail(error);
        }
      });
    });
  }

  /** RFC 4861 §6.2.6: soon; to everyone not more often than each three seconds, and to who has asked until then. */
  #asked(source: string, options: Buffer): void {
    if (!areGood(options)) return;
    this.stats.solicited++;
    if (this.#own === undefined) return;
    const soon = this.#below(ANSWER_DELAY);
    const now = this.#now();
    const least = this.#sent + LEAST_BETWEEN - now;
    if (soon < least && source !== UNSPECIFIED) this.#answer(source, soon);
    else if (now + Math.max(soon, least) < this.#due) this.#later(Math.max(soon, least));
  }

  #answer(guest: string, milliseconds: number): void {
    if (this.#answers.has(guest) || this.#answers.size >= MOST_ANSWERS) return;
    const timer = setTimeout(() => {
      this.#answers.delete(guest);
      this.#send(guest);
    }, milliseconds);
    this.#answers.set(guest, timer.unref());
  }

  #later(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#due = this.#now() + milliseconds;
    this.#timer = setTimeout(() => {
      this.#sent = this.#now();
      this.#send(EVERYONE);
      const least = Math.max(this.#interval / 3, LEAST_BETWEEN);
      const next = least + this.#below(Math.max(1, Math.floor(this.#interval - least)));
      this.#later(this.stats.advertised < FIRST ? Math.min(next, FIRST_INTERVAL) : next);
    }, milliseconds).unref();
  }

  /** RFC 4861 §6.1.2: from the link-local address, with hop limit 255. */
  #send(to: string, rest: number = this.#message.rest): void {
    const source = this.#own as string; // it has begun
    const [, device = ''] = source.split('%');
    const message = { type: ADVERTISEMENT, rest: rest >>> 0, data: this.#message.data };
    try {
      const scoped = to.includes('%') ? to : `${to}%${device}`;
      const place = isScoped(to) ? scoped : to;
      this.#stack.icmp6.send(message, place, { source, ttl: HOP_LIMIT });
      this.stats.advertised++;
    } catch {
      // The device is going, or full: the next one will do.
    }
  }

  #below(n: number): number {
    if (this.#random === undefined) return randomInt(n);
    return Math.floor(((this.#random.int32() >>> 0) / 2 ** 32) * n);
  }
}

/**
 * Advertise a stack as the router of its link. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`, or a
 * `RangeError` with `ERR_OUT_OF_RANGE`, for what cannot be meant. RFC 4861 §6.2.
 */
export const advertiseRouter = (stack: Stack, options: RouterAdvertiserOptions): RouterAdvertiser =>
  new RouterAdvertiser(stack, options);

/** An advertisement, from its hop limit on. RFC 4861 §4.2. */
interface Message {
  /** Hop limit, flags, and the lifetime of the router. */
  readonly rest: number;
  /** What follows. */
  readonly data: Uint8Array;
}

function tell(options: RouterAdvertiserOptions, mac: string): Message {
  const { lifetime = 1800, hopLimit = 64, otherConfig = false, managed = false } = options;
  const { mtu, dns = [], search = [] } = options;
  checkNumber('lifetime', lifetime, 0, 9000);
  checkNumber('hopLimit', hopLimit, 1, 255);
  if (mtu !== undefined) checkNumber('mtu', mtu, 1280, 65_535);
  const flags = (managed ? MANAGED : 0) | (otherConfig ? OTHER : 0);
  const bytes: number[] = [...long(0), ...long(0)]; // how long neighbours are reachable is the guests' own affair
  for (const prefix of options.prefixes) {
    const [network = '', bits] = prefix.split('/');
    if (bits !== '64')
      throw wrong('prefixes', prefix, 'guests make addresses from 64 bits: fd83::/64');
    const onLinkAndAutonomous = 0xc0;
    bytes.push(Option.PREFIX, 4, 64, onLinkAndAutonomous);
    bytes.push(...long(VALID), ...long(PREFERRED), ...long(0));
    bytes.push(...octets('prefixes', network).slice(0, 8), ...new Array<number>(8).fill(0));
  }
  if (mtu !== undefined) bytes.push(Option.MTU, 1, 0, 0, ...long(mtu));
  // RFC 8106 §5: they hold for three intervals.
  const holds = long(3 * (options.interval ?? 600));
  if (dns.length > 0) {
    const servers = dns.flatMap((server) => octets('dns', server));
    bytes.push(Option.DNS, 1 + 2 * dns.length, 0, 0, ...holds, ...servers);
  }
  if (search.length > 0) {
    const names = search.flatMap(labels);
    while (names.length % 8 !== 0) names.push(0);
    bytes.push(Option.SEARCH, 1 + names.length / 8, 0, 0, ...holds, ...names);
  }
  const hardware = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  bytes.push(Option.LINK, 1, ...hardware);
  return { rest: (hopLimit << 24) | (flags << 16) | lifetime, data: Uint8Array.from(bytes) };
}

/** RFC 4861 §6.1.1: none has length 0, and all are there. */
function areGood(options: Uint8Array): boolean {
  let at = 0;
  while (at < options.length) {
    const length = (options[at + 1] ?? 0) * 8;
    if (length === 0) return false;
    at += length;
  }
  return at === options.length;
}

/** Where a device must be named, since each link has such addresses. RFC 4007 §6. */
const isScoped = (address: string): boolean => /^(fe[89ab]|ff)/i.test(address);

const long = (value: number): number[] => [
  ...[value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255],
];

export function octets(name: string, address: string): number[] {
  if (ipaddr.IPv6.isValid(address) && !address.includes('%')) {
    return ipaddr.IPv6.parse(address).toByteArray();
  }
  throw wrong(name, address, 'it must be an address of IPv6');
}

/** A name as RFC 1035 §3.1 writes it. */
export function labels(name: string): number[] {
  const parts = name.split('.').filter((part) => part !== '');
  return [
    ...parts.flatMap((part) => {
      const text = new TextEncoder().encode(part);
      if (text.length > 63) throw wrong('search', name, 'a label has up to 63 octets');
      return [text.length, ...text];
    }),
    0,
  ];
}
