/**
 * What a DHCP client sends, and what it reads of an answer. RFC 2131 §4.4, table 5; RFC 2132.
 * @module
 */
import {
  BROADCAST_FLAG,
  type Message,
  MessageType,
  number32,
  Op,
  Option,
  words,
} from './message.ts';

const AT = {
  xid: 4,
  secs: 8,
  flags: 10,
  ciaddr: 12,
  chaddr: 28,
  cookie: 236,
  options: 240,
} as const;
const COOKIE = 0x6382_5363;
const ETHERNET = 1;
const LEAST_LENGTH = 300;
/** RFC 2132 §9.8, §9.10. */
const PARAMETERS = 55;
const LONGEST_MESSAGE = 57;
/** What is asked for: mask, router, DNS, domain, MTU, broadcast, search. */
const WANTED = [
  ...[Option.SUBNET_MASK, Option.ROUTER, Option.DNS, Option.DOMAIN, Option.MTU, Option.BROADCAST],
  ...[Option.RENEWAL_TIME, Option.REBINDING_TIME, Option.DOMAIN_SEARCH],
];

/** A question of a client's. */
export interface Question {
  readonly type: MessageType;
  readonly xid: number;
  /** Seconds since it began to ask. */
  readonly secs: number;
  /** Its hardware address, six octets. */
  readonly chaddr: Uint8Array;
  /** Its address, if it has one that it may use; 0. */
  readonly ciaddr: number;
  /** The address that it would have; 0: any. */
  readonly wish: number;
  /** The server that it has chosen; 0: none. */
  readonly server: number;
  /** What it calls itself; '': nothing. */
  readonly name: string;
}

/** The text of the datagram. */
export function ask(question: Question): Uint8Array {
  const { type, xid, secs, chaddr, ciaddr, wish, server, name } = question;
  const identifier = [Option.CLIENT_ID, 7, ETHERNET, ...chaddr];
  const options: number[] = [Option.MESSAGE_TYPE, 1, type, ...identifier];
  if (wish !== 0) options.push(Option.REQUESTED_ADDRESS, 4, ...words(wish));
  if (server !== 0) options.push(Option.SERVER_ID, 4, ...words(server));
  if (type !== MessageType.RELEASE && type !== MessageType.DECLINE) {
    const called = new TextEncoder().encode(name).subarray(0, 63);
    if (called.length > 0) options.push(Option.HOST_NAME, called.length, ...called);
    options.push(LONGEST_MESSAGE, 2, 1500 >> 8, 1500 & 255);
    options.push(PARAMETERS, WANTED.length, ...WANTED);
  }
  options.push(Option.END);
  const bytes = new Uint8Array(Math.max(LEAST_LENGTH, AT.options + options.length));
  const v = new DataView(bytes.buffer);
  v.setUint8(0, Op.REQUEST);
  v.setUint8(1, ETHERNET);
  v.setUint8(2, chaddr.length);
  v.setUint32(AT.xid, xid);
  v.setUint16(AT.secs, Math.min(secs, 0xffff));
  // RFC 2131 §4.1: who has no address takes no unicast.
  v.setUint16(AT.flags, ciaddr === 0 ? BROADCAST_FLAG : 0);
  v.setUint32(AT.ciaddr, ciaddr);
  bytes.set(chaddr, AT.chaddr);
  v.setUint32(AT.cookie, COOKIE);
  bytes.set(options, AT.options);
  return bytes;
}

/** What an answer offers or confirms. Addresses are 32 bits, unsigned; times in seconds. */
export interface Terms {
  readonly address: number;
  readonly bits: number;
  readonly server: number;
  readonly routers: readonly number[];
  readonly dns: readonly number[];
  readonly mtu: number | undefined;
  readonly domain: string | undefined;
  readonly search: readonly string[];
  readonly lease: number;
  /** T1 and T2. RFC 2131 §4.4.5. */
  readonly renewal: number;
  readonly rebinding: number;
}

/** The terms of an OFFER or ACK; undefined if it lacks what a client needs. */
export function readTerms({ yiaddr, options }: Message): Terms | undefined {
  const server = number32(options, Option.SERVER_ID);
  const lease = number32(options, Option.LEASE_TIME);
  if (server === undefined || lease === undefined || lease === 0 || yiaddr === 0) return undefined;
  const mask = number32(options, Option.SUBNET_MASK) ?? classful(yiaddr);
  const bits = 32 - Math.log2(2 ** 32 - mask || 1);
  const mtu = options.get(Option.MTU);
  // RFC 2131 §4.4.5: T1 is half of the lease and T2 seven eighths, unless they are told and in order.
  const t2 = number32(options, Option.REBINDING_TIME) ?? 0;
  const rebinding = t2 > 0 && t2 < lease ? t2 : (lease * 7) / 8;
  const t1 = number32(options, Option.RENEWAL_TIME) ?? 0;
  const renewal = t1 > 0 && t1 < rebinding ? t1 : Math.min(lease / 2, rebinding);
  return {
    address: yiaddr,
    bits: Number.isInteger(bits) ? bits : 24,
    server,
    routers: list32(options.get(Option.ROUTER)),
    dns: list32(options.get(Option.DNS)),
    mtu: mtu?.length === 2 ? ((mtu[0] as number) << 8) | (mtu[1] as number) : undefined,
    domain: textOf(options.get(Option.DOMAIN)),
    search: namesOf(options.get(Option.DOMAIN_SEARCH)),
    ...{ lease, renewal, rebinding },
  };
}

/** RFC 791 §3.2, for servers that tell no mask. */
const classful = (address: number): number =>
  (address >>> 31 === 0 ? 0xff00_0000 : address >>> 30 === 2 ? 0xffff_0000 : 0xffff_ff00) >>> 0;

function list32(bytes: Uint8Array | undefined): number[] {
  if (bytes === undefined) return [];
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 2 }, (_, i) => v.getUint32(i * 4));
}

const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder('latin1').decode(bytes).replace(/\0+$/, '');

/**
 * Names of a search list. RFC 3397 §2; compression is by pointers from the option's first octet, and goes back
 * only, so that no loop is followed.
 */
export function namesOf(bytes: Uint8Array | undefined): string[] {
  const names: string[] = [];
  if (bytes === undefined) return names;
  for (let at = 0; at < bytes.length; ) {
    const labels: string[] = [];
    let next = at;
    let end = -1;
    let limit = at;
    for (;;) {
      const length = bytes[next];
      if (length === undefined) return names;
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | (bytes[next + 1] ?? 0xff);
        if (target >= limit) return names;
        end = end < 0 ? next + 2 : end;
        limit = target;
        next = target;
        continue;
      }
      if (length >= 0x40 || next + 1 + length > bytes.length) return names;
      next += 1 + length;
      if (length === 0) break;
      labels.push(new TextDecoder('latin1').decode(bytes.subarray(next - length, next)));
      if (labels.length > 127) return names;
    }
    names.push(labels.join('.'));
    at = end < 0 ? next : end;
  }
  return names;
}
