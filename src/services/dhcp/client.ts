/**
 * A DHCP client: a stack gets its address, its router and what else there is to know from the network that it is
 * on. RFC 2131 §4.4; written on `stack.dgram`, and on the probing of addresses (RFC 5227).
 * @module
 */
import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { AddedRoute, Clock, DgramSocket, Stack } from '../../index.ts';
import { ask, readTerms, type Terms } from './ask.ts';
import { MessageType, number32, Op, Option, parse } from './message.ts';

const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const EVERYONE = '255.255.255.255';
/** RFC 2131 §4.1: the first wait for an answer and the longest, in ms, each more or less a second. */
const FIRST_WAIT = 4000;
const LONGEST_WAIT = 64_000;
const SPREAD = 1000;
/** RFC 2131 §3.1 (4): a request that nobody answers so often begins anew. */
const REQUESTS = 4;
/** RFC 2131 §4.4.5: while an address is being renewed, a question is asked again after a minute at the soonest. */
const SOONEST_AGAIN = 60_000;
/** RFC 2131 §3.1 (5): how long to wait after an address was declined, in ms. */
const DECLINED_WAIT = 10_000;
const LONGEST_TIMER = 2 ** 31 - 1;

/** How the client is to be. */
export interface DhcpClientOptions {
  /** The device, by name, where the stack has several. */
  readonly device?: string;
  /** What the stack calls itself; default nothing. */
  readonly name?: string;
  /** Whether an address is probed for before it is used, which takes some seconds. Default true. RFC 5227. */
  readonly probe?: boolean;
  /** Calls `fn` after so many milliseconds, and gives what takes that back; default the system's timers. */
  readonly schedule?: (fn: () => void, milliseconds: number) => () => void;
  /** Gives microseconds, never less than before; default the system's clock. */
  readonly clock?: Clock;
}

/** What the network has lent and told. */
export interface DhcpBinding {
  /** With the length of its prefix: `10.83.0.100/24`. */
  readonly address: string;
  /** The router; undefined if none was told. */
  readonly router: string | undefined;
  /** Who lends it. */
  readonly server: string;
  /** Servers of names. */
  readonly dns: readonly string[];
  /** The longest packet of the link. RFC 2132 §5.1. */
  readonly mtu: number | undefined;
  /** RFC 2132 §3.17. */
  readonly domain: string | undefined;
  /** Domains to look names up in. RFC 3397. */
  readonly search: readonly string[];
  /** Seconds that it is lent for. */
  readonly leaseTime: number;
}

/** Where the client stands. RFC 2131 figure 5. */
export type DhcpState =
  | 'selecting'
  | 'requesting'
  | 'probing'
  | 'bound'
  | 'renewing'
  | 'rebinding'
  | 'closed';

/**
 * A client, until `close`. Emits `bound` with a `DhcpBinding` when the stack has an address, each time that it
 * is lent anew too; `lost` with the address when it may not be used any more; and `conflict` with an address
 * that somebody else was found to have.
 */
export class DhcpClient extends EventEmitter {
  /** Settles with what was lent first; rejects if port 68 is taken, or the client is closed before. */
  readonly ready: Promise<DhcpBinding>;
  readonly #stack: Stack;
  readonly #socket: DgramSocket;
  readonly #options: DhcpClientOptions;
  readonly #chaddr: Uint8Array;
  readonly #schedule: (fn: () => void, milliseconds: number) => () => void;
  readonly #clock: Clock;
  #state: DhcpState = 'selecting';
  #binding: DhcpBinding | undefined;
  #terms: Terms | undefined;
  #route: AddedRoute | undefined;
  #xid = 0;
  #began = 0;
  #tries = 0;
  /** When the lease ends, in ms of the clock. */
  #leaseEnds = 0;
  #cancel: () => void = () => {};
  #resolve: (binding: DhcpBinding) => void = () => {};
  #reject: (error: Error) => void = () => {};

  /** Not for use from outside: `createDhcpClient` makes these. */
  constructor(stack: Stack, options: DhcpClientOptions) {
    super();
    const mac = stack.hardwareAddress(options.device);
    if (mac === undefined) {
      const message = 'the stack has no device that carries frames: DHCP needs a hardware address';
      throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    this.#stack = stack;
    this.#options = options;
    this.#chaddr = Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
    this.#schedule = options.schedule ?? later;
    this.#clock = options.clock ?? { now: () => performance.now() * 1000 };
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ready.catch(() => {}); // who does not wait for it is not told
    this.#socket = stack.dgram.createSocket('udp4');
    this.#socket.once('error', (error: Error) => this.#reject(error));
    this.#socket.on('message', (bytes: Uint8Array) => this.#take(bytes));
    this.#socket.bind(CLIENT_PORT, () => {
      this.#socket.on('error', () => {}); // of a datagram that was sent: it is sent again
      this.#socket.setBroadcast(true);
      this.#discover();
    });
  }

  /** What the stack has now; undefined while it has nothing. */
  get binding(): DhcpBinding | undefined {
    return this.#binding;
  }

  /** Where it stands. */
  get state(): DhcpState {
    return this.#state;
  }

  /** Ask for the lease to be renewed now. */
  renew(): void {
    if (this.#state === 'bound') this.#renew();
  }

  /** Give the address back, and ask for no other one. Settles when that was sent. */
  async release(): Promise<void> {
    const terms = this.#terms;
    if (terms !== undefined && this.#binding !== undefined && this.#state !== 'closed') {
      this.#cancel();
      // The server's hardware address must be known: who has no address any more is not answered.
      await this.#stack.ping(format(terms.server), { timeout: 1000 }).catch(() => {});
      const text = this.#write(MessageType.RELEASE, {
        ciaddr: terms.address,
        server: terms.server,
      });
      await new Promise((sent) => this.#socket.send(text, SERVER_PORT, format(terms.server), sent));
    }
    this.close();
  }

  /** Ask no more, and take the address away: nobody would renew it. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#cancel();
    this.#forget();
    this.#state = 'closed';
    this.#socket.close();
    this.#reject(Object.assign(new Error('the DHCP client was closed'), { code: 'ECANCELED' }));
  }

  // RFC 2131 §4.4.1: to find a server.

  #discover(): void {
    this.#begin('selecting');
    this.#ask();
  }

  #begin(state: DhcpState): void {
    this.#cancel();
    this.#state = state;
    this.#xid = randomInt(2 ** 32);
    this.#began = this.#now();
    this.#tries = 0;
  }

  /** Send the question of the state that it is in, again and again. */
  #ask(): void {
    const terms = this.#terms;
    const tries = this.#tries++;
    const wait = Math.min(FIRST_WAIT * 2 ** tries, LONGEST_WAIT) + randomInt(2 * SPREAD) - SPREAD;
    if (this.#state === 'selecting') this.#send(MessageType.DISCOVER, {}, EVERYONE);
    else if (this.#state === 'requesting' && terms !== undefined) {
      if (tries >= REQUESTS) {
        this.#discover();
        return;
      }
      this.#send(MessageType.REQUEST, { wish: terms.address, server: terms.server }, EVERYONE);
    }
    this.#cancel = this.#schedule(() => this.#ask(), wait);
  }

  #take(bytes: Uint8Array): void {
    const message = parse(bytes);
    if (message === undefined || message.op !== Op.REPLY || message.xid !== this.#xid) return;
    if (message.chaddr.some((octet, i) => octet !== this.#chaddr[i])) return;
    const type = message.options.get(Option.MESSAGE_TYPE)?.[0];
    const isAnswer = ['requesting', 'renewing', 'rebinding'].includes(this.#state);
    if (type === MessageType.OFFER && this.#state === 'selecting') {
      const terms = readTerms(message);
      if (terms === undefined) return;
      this.#terms = terms;
      this.#cancel();
      this.#state = 'requesting';
      this.#tries = 0;
      this.#ask();
    } else if (type === MessageType.NAK && isAnswer) {
      const server = number32(message.options, Option.SERVER_ID);
      // RFC 2131 §3.1 (4); only who was asked can say so.
      if (this.#state !== 'rebinding' && server !== this.#terms?.server) return;
      this.#forget();
      this.#discover();
    } else if (type === MessageType.ACK && isAnswer) {
      const terms = readTerms(message);
      if (terms === undefined) return;
      if (this.#state === 'requesting' && terms.server !== this.#terms?.server) return;
      void this.#acknowledged(terms);
    }
  }

  /** RFC 2131 §3.1 (5), §4.4.1: an address that is new is asked for on the link before it is used. */
  async #acknowledged(terms: Terms): Promise<void> {
    this.#cancel();
    const isNew = this.#binding === undefined || this.#terms?.address !== terms.address;
    const xid = this.#xid;
    if (isNew && this.#options.probe !== false) {
      this.#state = 'probing';
      const taken = await this.#stack.probe(format(terms.address), this.#options.device);
      if (this.#state !== 'probing' || this.#xid !== xid) return;
      if (taken !== undefined) {
        this.#send(MessageType.DECLINE, { wish: terms.address, server: terms.server }, EVERYONE);
        this.emit('conflict', format(terms.address));
        this.#terms = undefined;
        this.#cancel = this.#schedule(() => this.#discover(), DECLINED_WAIT);
        return;
      }
    }
    this.#bind(terms, isNew);
  }

  #bind(terms: Terms, isNew: boolean): void {
    if (isNew) this.#forget();
    this.#terms = terms;
    const binding = describe(terms);
    if (isNew) this.#stack.addAddress(binding.address, this.#options.device);
    const { router } = binding;
    if (router !== this.#binding?.router || isNew) {
      this.#route?.remove();
      this.#route = router === undefined ? undefined : this.#addRoute(router);
    }
    this.#binding = binding;
    this.#state = 'bound';
    this.#leaseEnds = this.#began + terms.lease * 1000;
    this.#cancel = this.#schedule(
      () => this.#renew(),
      Math.min(terms.renewal * 1000, LONGEST_TIMER),
    );
    this.#resolve(binding);
    this.emit('bound', binding);
  }

  /** A router that is on no network of ours cannot be used. */
  #addRoute(gateway: string): AddedRoute | undefined {
    try {
      return this.#stack.addRoute('0.0.0.0/0', { gateway });
    } catch {
      return undefined;
    }
  }

  // RFC 2131 §4.4.5: to keep the address.

  #renew(): void {
    const terms = this.#terms;
    if (terms === undefined) return;
    const rebindsAt = this.#began + terms.rebinding * 1000;
    this.#begin('renewing');
    this.#askAgain(rebindsAt);
  }

  /** From the server until T2, from everyone until the lease ends; then there is no address. */
  #askAgain(rebindsAt: number): void {
    const terms = this.#terms;
    const now = this.#now();
    if (terms === undefined) return;
    if (now >= this.#leaseEnds) {
      this.#forget();
      this.#discover();
      return;
    }
    if (now >= rebindsAt) this.#state = 'rebinding';
    const until = this.#state === 'renewing' ? rebindsAt : this.#leaseEnds;
    const to = this.#state === 'renewing' ? format(terms.server) : EVERYONE;
    this.#send(MessageType.REQUEST, { ciaddr: terms.address }, to);
    const half = Math.max((until - now) / 2, Math.min(SOONEST_AGAIN, until - now)) + 1;
    this.#cancel = this.#schedule(() => this.#askAgain(rebindsAt), Math.min(half, LONGEST_TIMER));
  }

  #forget(): void {
    this.#route?.remove();
    this.#route = undefined;
    const binding = this.#binding;
    this.#binding = undefined;
    if (binding === undefined) return;
    const [address = ''] = binding.address.split('/');
    try {
      this.#stack.removeAddress(address);
    } catch {
      // Somebody has taken it away: it is gone.
    }
    this.emit('lost', address);
  }

  /** Milliseconds. */
  #now(): number {
    return this.#clock.now() / 1000;
  }

  #send(
    type: MessageType,
    { ciaddr = 0, wish = 0, server = 0 }: { ciaddr?: number; wish?: number; server?: number },
    to: string,
  ): void {
    this.#socket.send(this.#write(type, { ciaddr, wish, server }), SERVER_PORT, to);
  }

  #write(
    type: MessageType,
    { ciaddr = 0, wish = 0, server = 0 }: { ciaddr?: number; wish?: number; server?: number },
  ): Uint8Array {
    const secs = Math.floor((this.#now() - this.#began) / 1000);
    const { name = '' } = this.#options;
    const question = {
      type,
      xid: this.#xid,
      secs,
      chaddr: this.#chaddr,
      ciaddr,
      wish,
      server,
      name,
    };
    return ask(question);
  }
}

/**
 * Let a stack get its address by DHCP. The stack may have none before: `createStack({ device: tap })`. Throws a
 * `TypeError` with `ERR_INVALID_ARG_VALUE` for a stack without a device that carries frames. RFC 2131 §4.4.
 */
export const createDhcpClient = (stack: Stack, options: DhcpClientOptions = {}): DhcpClient =>
  new DhcpClient(stack, options);

const format = (address: number): string =>
  [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');

const describe = (terms: Terms): DhcpBinding => ({
  address: `${format(terms.address)}/${terms.bits}`,
  router: terms.routers[0] === undefined ? undefined : format(terms.routers[0]),
  server: format(terms.server),
  dns: terms.dns.map(format),
  mtu: terms.mtu,
  domain: terms.domain,
  search: terms.search,
  leaseTime: terms.lease,
});

function later(fn: () => void, milliseconds: number): () => void {
  const timer = setTimeout(fn, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}
