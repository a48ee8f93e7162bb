/**
 * A DHCP server on a stack: guests on its link get addresses, a router, names' servers and what else they
 * are to know. RFC 2131 §4.3; written on `stack.dgram` alone.
 *
 * Answers to clients that have no address go to everyone on the link (RFC 2131 §4.1 allows it), so no
 * neighbour need be known. Relays are not served: what comes by one is counted and dropped.
 * @module
 */
import { EventEmitter } from 'node:events';
import ipaddr from 'ipaddr.js';
import type { DgramSocket, Stack } from '../../index.ts';
import { checkNumber, asText as text, wrong } from '../address.ts';
import { type Lease, Leases } from './leases.ts';
import {
  type Message,
  MessageType,
  number32,
  Op,
  Option,
  parse,
  type Reply,
  searchList,
  words,
  write,
} from './message.ts';

const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const EVERYONE = '255.255.255.255';
const SECOND = 1_000_000;

/** What guests are told. */
export interface DhcpServerOptions {
  /** The stack's address on the link, with its prefix: `10.83.0.1/24`. */
  readonly address: string;
  /** The first and the last address that are given away, both in that prefix. */
  readonly pool: readonly [first: string, last: string];
  /** The way out; default the stack's address, and `false` names none. */
  readonly router?: string | false;
  /** Servers of names; default the stack's address. */
  readonly dns?: readonly string[];
  /** The longest packet of the link, 68 to 65 535; not told unless set. RFC 2132 §5.1. */
  readonly mtu?: number;
  /** The domain that guests are in. RFC 2132 §3.17. */
  readonly domain?: string;
  /** Domains to look names up in. RFC 3397. */
  readonly search?: readonly string[];
  /** Seconds that an address is lent for, 10 to 2^32 - 2; default 3600. */
  readonly leaseTime?: number;
  /** Addresses that are kept for one station each, by its hardware address. */
  readonly reservations?: Readonly<Record<string, string>>;
  /**
   * Most addresses of the pool that one hardware address may hold, under whatever identifiers (RFC 2132 §9.14);
   * default 4.
   */
  readonly each?: number;
  /**
   * Milliseconds to wait for an answer to a ping of an address that was never lent, before it is offered
   * (RFC 2131 §2.2); 0: do not ask. Default 300.
   */
  readonly probe?: number;
  /** Gives microseconds, never less than before; default the system's clock. */
  readonly clock?: { now(): number };
}

/** An address that is lent. */
export interface DhcpLease {
  /** Dotted decimal. */
  readonly address: string;
  /** `02:00:5e:00:53:01`. */
  readonly mac: string;
  /** What the guest calls itself, as it says: not to be trusted. Empty if it says nothing. */
  readonly name: string;
  /** Seconds that are left. */
  readonly left: number;
}

/** Counters. */
export interface DhcpStats {
  /** Messages by what they are. */
  readonly discover: number;
  readonly request: number;
  readonly decline: number;
  readonly release: number;
  readonly inform: number;
  /** Answers. */
  readonly offer: number;
  readonly ack: number;
  readonly nak: number;
  /** Datagrams that are no message of a client here. */
  readonly malformed: number;
  /** Questions for which no address was left. */
  readonly exhausted: number;
}

/**
 * A server, until `close`. Emits `lease` with a `DhcpLease` when an address is lent or lent again, `release`
 * with the address, and `conflict` with an address that somebody else was found to have.
 */
export class DhcpServer extends EventEmitter {
  /** Settles when it answers; rejects if port 67 is taken. */
  readonly ready: Promise<void>;
  readonly #stack: Stack;
  readonly #socket: DgramSocket;
  readonly #own: number;
  readonly #told: ReadonlyMap<number, Uint8Array>;
  readonly #leases: Leases;
  readonly #leaseTime: number;
  readonly #probe: number;
  readonly #clock: { now(): number };
  readonly #network: { readonly address: number; readonly mask: number };
  /** Addresses that are being pinged, so that none is offered twice meanwhile. */
  readonly #probing: Set<number> = new Set();
  #closed = false;
  readonly #counts = {
    ...{ discover: 0, request: 0, decline: 0, release: 0, inform: 0 },
    ...{ offer: 0, ack: 0, nak: 0, malformed: 0, exhausted: 0 },
  };

  /** Not for use from outside: `createDhcpServer` makes these. */
  constructor(stack: Stack, options: DhcpServerOptions) {
    super();
    const { pool, leaseTime = 3600, probe = 300, reservations = {}, each = 4 } = options;
    this.#stack = stack;
    const [own, bits] = readCidr(options.address);
    const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
    this.#own = own;
    this.#network = { address: (own & mask) >>> 0, mask };
    checkNumber('leaseTime', leaseTime, 10, 2 ** 32 - 2);
    checkNumber('probe', probe, 0, 10_000);
    checkNumber('each', each, 1, 1_000_000);
    const [first, last] = pool.map((text) => this.#onLink('pool', text)) as [number, number];
    if (first > last) throw wrong('pool', pool.join(' to '), 'its first address must come first');
    const kept = Object.entries(reservations).map(
      ([mac, address]) => [readMac(mac), this.#onLink('reservations', address)] as const,
    );
    this.#leases = new Leases(first, last, new Map(kept), each);
    this.#leases.decline(own, Number.POSITIVE_INFINITY);
    this.#leaseTime = leaseTime;
    this.#probe = probe;
    this.#clock = options.clock ?? { now: () => performance.now() * 1000 };
    this.#told = this.#whatIsTold(options);
    this.#socket = stack.dgram.createSocket('udp4');
    this.#socket.on('message', (bytes) => this.#take(bytes));
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(SERVER_PORT, () => {
        this.#socket.off('error', reject);
        this.#socket.on('error', () => {}); // of a datagram that was sent: the client asks again
        this.#socket.setBroadcast(true);
        this.#socket.setMulticastInterface(text(own));
        resolve();
      });
    });
  }

  /** Addresses that are lent now. */
  get leases(): DhcpLease[] {
    const now = this.#clock.now();
    return this.#leases.list(now).map((lease) => describe(lease, now));
  }

  /** Counters, as they are now. */
  get stats(): DhcpStats {
    return { ...this.#counts };
  }

  /** Answer no more. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #take(bytes: Uint8Array): void {
    const message = parse(bytes);
    const type = message?.options.get(Option.MESSAGE_TYPE)?.[0];
    if (message === undefined || message.op !== Op.REQUEST || message.giaddr !== 0) {
      this.#counts.malformed++;
      return;
    }
    switch (type) {
      case MessageType.DISCOVER:
        this.#counts.discover++;
        void this.#discover(message);
        return;
      case MessageType.REQUEST:
        this.#counts.request++;
        this.#request(message);
        return;
      case MessageType.DECLINE:
        this.#counts.decline++;
        this.#decline(message);
        return;
      case MessageType.RELEASE:
        this.#counts.release++;
        if (this.#leases.release(message.ciaddr, clientOf(message), this.#clock.now())) {
          this.emit('release', text(message.ciaddr));
        }
        return;
      case MessageType.INFORM:
        this.#counts.inform++;
        this.#answer(message, { type: MessageType.ACK, options: this.#options(message, false) });
        return;
      default:
        this.#counts.malformed++;
    }
  }

  /** RFC 2131 §4.3.1. */
  async #discover(message: Message): Promise<void> {
    const client = clientOf(message);
    const mac = macOf(message);
    const wish = number32(message.options, Option.REQUESTED_ADDRESS);
    const now = this.#clock.now();
    const address = this.#leases.choose(client, mac, wish, now);
    if (address === undefined || this.#probing.has(address)) {
      this.#counts.exhausted++;
      return;
    }
    const ask = this.#probe > 0 && this.#leases.isNew(address);
    this.#leases.offer(address, client, mac, now);
    if (ask && (await this.#isTaken(address))) {
      this.#leases.decline(address, this.#clock.now());
      this.emit('conflict', text(address));
      return; // the client asks again, and gets another one
    }
    const options = this.#options(message, true);
    this.#answer(message, { type: MessageType.OFFER, yiaddr: address, options });
  }

  /** RFC 2131 §2.2: somebody may have set it by hand. */
  async #isTaken(address: number): Promise<boolean> {
    this.#probing.add(address);
    try {
      await this.#stack.ping(text(address), { timeout: this.#probe });
      return true;
    } catch {
      return false;
    } finally {
      this.#probing.delete(address);
    }
  }

  /** RFC 2131 §4.3.2, in its four cases. */
  #request(message: Message): void {
    const server = number32(message.options, Option.SERVER_ID);
    if (server !== undefined && server !== this.#own) return; // it has chosen another one
    const wish = number32(message.options, Option.REQUESTED_ADDRESS);
    const address = message.ciaddr !== 0 ? message.ciaddr : wish;
    if (address === undefined || (wish !== undefined && message.ciaddr !== 0)) {
      this.#counts.malformed++;
      return;
    }
    const client = clientOf(message);
    const mac = macOf(message);
    const now = this.#clock.now();
    const onLink = (address & this.#network.mask) >>> 0 === this.#network.address;
    const isFree = onLink && this.#leases.isFree(address, client, mac, now);
    if (!isFree || !this.#leases.mayHave(address, client, mac, now)) {
      const why = onLink ? 'address not available' : 'wrong network';
      this.#refuse(message, why);
      return;
    }
    const until = now + this.#leaseTime * SECOND;
    const lease = this.#leases.bind(address, client, mac, nameOf(message), until);
    const options = this.#options(message, true);
    const { ciaddr } = message;
    this.#answer(message, { type: MessageType.ACK, ciaddr, yiaddr: address, options });
    this.emit('lease', describe(lease, now));
  }

  /** RFC 2131 §4.3.3: only who was offered it can say so. */
  #decline(message: Message): void {
    const address = number32(message.options, Option.REQUESTED_ADDRESS);
    const now = this.#clock.now();
    if (address === undefined) return;
    if (!this.#leases.release(address, clientOf(message), now)) return;
    this.#leases.decline(address, now);
    this.emit('conflict', text(address));
  }

  #refuse(message: Message, why: string): void {
    const options = new Map([
      [Option.SERVER_ID, words(this.#own)],
      [Option.MESSAGE, new TextEncoder().encode(why)],
    ]);
    this.#send(message, { type: MessageType.NAK, options }, EVERYONE);
    this.#counts.nak++;
  }

  /** RFC 2131 §4.1: to its address if it has one, else to everyone. */
  #answer(message: Message, reply: Reply): void {
    this.#send(message, reply, message.ciaddr !== 0 ? text(message.ciaddr) : EVERYONE);
    if (reply.type === MessageType.OFFER) this.#counts.offer++;
    else this.#counts.ack++;
  }

  #send(message: Message, reply: Reply, to: string): void {
    this.#socket.send(write(message, reply), CLIENT_PORT, to);
  }

  /** `lent`: with the times of a lease (RFC 2131 table 3). */
  #options(message: Message, lent: boolean): Map<number, Uint8Array> {
    const options = new Map([[Option.SERVER_ID as number, words(this.#own)], ...this.#told]);
    if (lent) {
      const time = this.#leaseTime;
      options.set(Option.LEASE_TIME, words(time));
      options.set(Option.RENEWAL_TIME, words(Math.floor(time / 2)));
      options.set(Option.REBINDING_TIME, words(Math.floor((time * 7) / 8)));
    }
    const id = message.options.get(Option.CLIENT_ID);
    if (id !== undefined) options.set(Option.CLIENT_ID, id); // RFC 6842 §3
    return options;
  }

  #whatIsTold(options: DhcpServerOptions): Map<number, Uint8Array> {
    const own = text(this.#own);
    const { router = own, dns = [own], mtu, domain, search } = options;
    const { address, mask } = this.#network;
    const told = new Map<number, Uint8Array>([
      [Option.SUBNET_MASK, words(mask)],
      [Option.BROADCAST, words((address | ~mask) >>> 0)],
    ]);
    if (router !== false) told.set(Option.ROUTER, words(this.#onLink('router', router)));
    if (dns.length > 0) told.set(Option.DNS, words(...dns.map((one) => readAddress('dns', one))));
    if (mtu !== undefined) {
      checkNumber('mtu', mtu, 68, 65_535);
      told.set(Option.MTU, Uint8Array.of(mtu >> 8, mtu & 255));
    }
    if (domain !== undefined) told.set(Option.DOMAIN, new TextEncoder().encode(domain));
    if (search !== undefined) told.set(Option.DOMAIN_SEARCH, searchList(search));
    return told;
  }

  #onLink(name: string, given: string): number {
    const address = readAddress(name, given);
    if ((address & this.#network.mask) >>> 0 === this.#network.address) return address;
    throw wrong(name, given, 'it must be on the network of the address');
  }
}

/**
 * Serve the guests of a stack's link. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`, or a `RangeError`
 * with `ERR_OUT_OF_RANGE`, for what cannot be meant. RFC 2131.
 */
export const createDhcpServer = (stack: Stack, options: DhcpServerOptions): DhcpServer =>
  new DhcpServer(stack, options);

const macOf = ({ chaddr }: Message): string =>
  [...chaddr].map((octet) => octet.toString(16).padStart(2, '0')).join(':');

/**
 * RFC 2131 §4.2: its identifier, or its hardware address. Under another's identifier, which is easily guessed, a
 * station has a lease of its own, and neither takes nor gives back the other's: RFC 2131 §7 leaves to the server whom
 * it believes.
 */
function clientOf(message: Message): string {
  const id = message.options.get(Option.CLIENT_ID);
  if (id === undefined || id.length < 2) return macOf(message);
  return `${macOf(message)} ${Buffer.from(id).toString('hex')}`;
}

const nameOf = ({ options }: Message): string =>
  new TextDecoder().decode(options.get(Option.HOST_NAME) ?? new Uint8Array(0));

const describe = ({ address, mac, name, until }: Lease, now: number): DhcpLease => ({
  ...{ address: text(address), mac, name },
  left: Math.max(0, (until - now) / SECOND),
});

function readAddress(name: string, given: unknown): number {
  if (typeof given !== 'string' || !ipaddr.IPv4.isValidFourPartDecimal(given)) {
    throw wrong(name, given, 'it must be an address of IPv4');
  }
  return ipaddr.IPv4.parse(given).octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

function readCidr(given: unknown): [address: number, bits: number] {
  const [address, bits = ''] = String(given).split('/');
  if (!/^\d{1,2}$/.test(bits) || Number(bits) > 30) {
    throw wrong('address', given, 'it must be one with the length of its prefix, as 10.83.0.1/24');
  }
  return [readAddress('address', address), Number(bits)];
}

function readMac(given: string): string {
  const octets = given.toLowerCase().split(/[:-]/);
  if (octets.length === 6 && octets.every((octet) => /^[0-9a-f]{1,2}$/.test(octet))) {
    return octets.map((octet) => octet.padStart(2, '0')).join(':');
  }
  throw wrong('reservations', given, 'a station is named as 02:00:5e:00:53:01');
}
