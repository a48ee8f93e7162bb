/**
 * Router advertisements for guests of IPv6: which prefixes make addresses, who the router is, which servers know
 * names. RFC 4861 §6.2, RFC 8106; written on what is public.
 *
 * It is said to everyone now and then, and to everyone soon after somebody has asked.
 * @module
 */
import { randomInt } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { Hook, RawIp, Stack } from '../../index.ts';
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
  /** Hops that guests' packets begin with, 1 to 255; default 64. */
  readonly hopLimit?: number;
}

const EVERYONE = 'ff02::1';
/** RFC 4861 §6.2.1: how long addresses and the prefix hold, in seconds: 7 and 30 days. */
const PREFERRED = 604_800;
const VALID = 2_592_000;
/** RFC 4861 §10: MAX_INITIAL_RTR_ADVERTISEMENTS and their interval, MAX_RA_DELAY_TIME, MIN_DELAY_BETWEEN_RAS, in ms. */
const FIRST = 3;
const FIRST_INTERVAL = 16_000;
const ANSWER_DELAY = 500;
const LEAST_BETWEEN = 3000;

const ICMPV6 = 58;
const SOLICITATION = 133;
const ADVERTISEMENT = 134;
const HEADER = 40;
const HOP_LIMIT = 255;
const Option = { LINK: 1, PREFIX: 3, MTU: 5, DNS: 25, SEARCH: 31 } as const;

/** Advertises until `close`. */
export class RouterAdvertiser {
  /** Advertisements that were sent, and solicitations that came. */
  readonly stats = { advertised: 0, solicited: 0 };
  /** Settles when it has begun: the stack's own address was asked for on its link (RFC 4862 §5.4). */
  readonly ready: Promise<void>;
  readonly #raw: RawIp;
  readonly #hook: Hook;
  readonly #interval: number;
  /** Empty until it has begun. */
  #packet: Uint8Array = new Uint8Array(0);
  #closed = false;
  #sent = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;

  /** Not for use from outside: `advertiseRouter` makes these. */
  constructor(stack: Stack, options: RouterAdvertiserOptions) {
    const { interval = 600 } = options;
    checkNumber('interval', interval, 4, 1800);
    this.#interval = interval * 1000;
    const told = tell(options);
    const mac = stack.hardwareAddress();
    if (mac === undefined) {
      throw wrong('stack', stack.devices[0]?.name, 'it must be on a device that carries frames');
    }
    this.#raw = stack.raw();
    this.#hook = stack.hook('input', ({ protocol, ttl, view, body, bodyLength }) => {
      // RFC 4861 §6.1.1: what a router has passed on is none.
      if (protocol !== ICMPV6 || ttl !== HOP_LIMIT || bodyLength < 8) return;
      if (view.getUint8(body) === SOLICITATION) this.#asked();
    });
    this.ready = stack.settled().then(() => {
      const own = stack.addresses.find((address) => /^fe[89ab]/i.test(address));
      if (own === undefined || this.#closed) return;
      this.#packet = assemble(own.replace(/%.*/, ''), mac, told);
      this.#later(0);
    });
  }

  /** Say no more, and say so: guests must not take it for their router. RFC 4861 §6.2.5. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#hook.remove();
    if (this.#packet.length > 0) this.#sayNoMore();
    this.#raw.close();
  }

  #sayNoMore(): void {
    new DataView(this.#packet.buffer).setUint16(HEADER + 6, 0);
    seal(this.#packet);
    this.#send();
  }

  /** RFC 4861 §6.2.6: soon, but not more often than each three seconds. */
  #asked(): void {
    this.stats.solicited++;
    if (this.#packet.length === 0) return;
    const soon = Math.max(randomInt(ANSWER_DELAY), this.#sent + LEAST_BETWEEN - performance.now());
    if (performance.now() + soon < this.#due) this.#later(soon);
  }

  #later(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#due = performance.now() + milliseconds;
    this.#timer = setTimeout(() => {
      this.#send();
      const least = Math.max(this.#interval / 3, LEAST_BETWEEN);
      const next = least + randomInt(Math.max(1, Math.floor(this.#interval - least)));
      this.#later(this.stats.advertised < FIRST ? Math.min(next, FIRST_INTERVAL) : next);
    }, milliseconds);
    this.#timer.unref();
  }

  #send(): void {
    this.#sent = performance.now();
    try {
      this.#raw.send(this.#packet);
      this.stats.advertised++;
    } catch {
      // The device is going, or full: the next one will do.
    }
  }
}

/**
 * Advertise a stack as the router of its link. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`, or a
 * `RangeError` with `ERR_OUT_OF_RANGE`, for what cannot be meant. RFC 4861 §6.2.
 */
export const advertiseRouter = (stack: Stack, options: RouterAdvertiserOptions): RouterAdvertiser =>
  new RouterAdvertiser(stack, options);

/** What is the same whoever advertises it: from the advertisement's type on, and the options but our own address. */
function tell(options: RouterAdvertiserOptions): readonly number[] {
  const {
    lifetime = 1800,
    hopLimit = 64,
    otherConfig = false,
    mtu,
    dns = [],
    search = [],
  } = options;
  checkNumber('lifetime', lifetime, 0, 9000);
  checkNumber('hopLimit', hopLimit, 1, 255);
  if (mtu !== undefined) checkNumber('mtu', mtu, 1280, 65_535);
  const other = otherConfig ? 0x40 : 0;
  const bytes: number[] = [
    ...[ADVERTISEMENT, 0, 0, 0, hopLimit, other, ...short(lifetime), ...long(0), ...long(0)],
  ];
  for (const prefix of options.prefixes) {
    const [network = '', bits] = prefix.split('/');
    if (bits !== '64')
      throw wrong('prefixes', prefix, 'guests make addresses from 64 bits: fd83::/64');
    const flags = 0xc0; // on this link, and for addresses
    bytes.push(Option.PREFIX, 4, 64, flags, ...long(VALID), ...long(PREFERRED), ...long(0));
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
  return bytes;
}

/** The whole packet. */
function assemble(own: string, mac: string, told: readonly number[]): Uint8Array {
  const packet = Uint8Array.from([
    ...[0x60, 0, 0, 0, 0, 0, ICMPV6, HOP_LIMIT, ...octets('stack', own), ...octets('', EVERYONE)],
    ...[...told, Option.LINK, 1, ...mac.split(':').map((octet) => Number.parseInt(octet, 16))],
  ]);
  new DataView(packet.buffer).setUint16(4, packet.length - HEADER);
  seal(packet);
  return packet;
}

/** ICMPv6's checksum, with the pseudo-header. RFC 4443 §2.3. */
function seal(packet: Uint8Array): void {
  const v = new DataView(packet.buffer);
  v.setUint16(HEADER + 2, 0);
  let sum = packet.length - HEADER + ICMPV6;
  for (let at = 8; at < packet.length; at += 2) sum += v.getUint16(at); // of even length
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  v.setUint16(HEADER + 2, ~sum & 0xffff);
}

const short = (value: number): number[] => [value >> 8, value & 255];
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
