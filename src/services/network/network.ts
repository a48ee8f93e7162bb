/**
 * A network of machines without root: a switch that they are plugged into, and a gateway on it that gives them
 * addresses, names, and a way out by this host's own sockets, as far as a policy lets them.
 * @module
 */
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import {
  type Clock,
  capture,
  createPipe,
  createStack,
  createSwitch,
  type Device,
  type PortOptions,
  type Random,
  type Stack,
  type Switch,
  type SwitchPort,
  type TapDevice,
  tap,
} from '../../index.ts';
import { asText } from '../address.ts';
import { type Block, blockOfOne, readBlock } from '../block.ts';
import { createDhcpServer, type DhcpServer } from '../dhcp/server.ts';
import { type Exchange, exchange } from '../dns/exchange.ts';
import {
  createDnsForwarder,
  type DnsForwarder,
  type DnsForwarderOptions,
} from '../dns/forwarder.ts';
import { createGateway, thisHost } from '../gateway/create.ts';
import type { Dialer } from '../gateway/dial.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { SocksProxy } from '../gateway/socks5.ts';
import { Audit, type AuditLine } from '../policy/audit.ts';
import { Policy } from '../policy/policy.ts';
import { checkPolicy, type PolicyOptions, readProxy } from '../policy/read.ts';
import { advertiseRouter, type RouterAdvertiser } from '../router/advertiser.ts';
import { createDhcpv6Server, type Dhcpv6Server } from '../router/dhcpv6.ts';
import { askWhose } from './ask.ts';
import { Guests } from './guests.ts';
import { Disguises } from './inside.ts';
import { readPlace } from './place.ts';
import { Published, type PublishOptions } from './publish.ts';
import { type NetworkRecorder, notRecorded } from './recorded.ts';

/** How the network is to be. */
export interface NetworkOptions {
  /** The gateway's address with the length of its prefix, 8 to 30 bits; default `10.83.0.1/24`. */
  readonly address?: string;
  /** The first and the last address that are lent; default from the 10th of the network to its last but five. */
  readonly pool?: readonly [first: string, last: string];
  /** Seconds that an address is lent for; default 3600. */
  readonly leaseTime?: number;
  /** Addresses that are kept for one guest each, by its hardware address. */
  readonly reservations?: Readonly<Record<string, string>>;
  /** The longest packet, 576 to 65 520; default 1500. Guests are told, and must be able to. */
  readonly mtu?: number;
  /** The domain that guests are in; default `internal`. */
  readonly domain?: string;
  /** Stands for this host, as far as a rule opens it; default the last address but one; `false`: nothing does. */
  readonly hostAlias?: string | false;
  /**
   * The gateway's address of IPv6, with a prefix of 64 bits that guests make addresses from; default `fd83::1/64`,
   * and `false`, which gives them IPv4 alone, where `mtu` is below 1280.
   */
  readonly address6?: string | false;
  /** The same as `hostAlias`; default the address that ends in `fe`. */
  readonly hostAlias6?: string | false;
  /** How names are answered. */
  readonly dns?: Pick<
    DnsForwarderOptions,
    'servers' | 'names' | 'zones' | 'patience' | 'rate' | 'cache'
  >;
  /** What guests may reach; default everything but what is closed. */
  readonly policy?: PolicyOptions;
  /** All flows by this proxy; default by sockets of this host. */
  readonly socks5?: SocksProxy | undefined;
  /** An address of this host that flows leave from, or one of each family. */
  readonly from?: string | readonly string[] | undefined;
  /** Most flows at once, TCP and UDP each; default 20 000. */
  readonly flows?: number;
  /** Seconds of silence that end a UDP flow; default 120. */
  readonly udpIdle?: number;
  /** Guests reach the gateway, and not each other. Default false. */
  readonly isolated?: boolean;
  /** Whether a guest may send only from its own address; default true. */
  readonly guard?: boolean;
  /** Gets each decision; false: it could not take it. */
  readonly audit?: (line: AuditLine) => boolean;
  /** Gets what people should know. */
  readonly complain?: (text: string) => void;
  /** Gives microseconds; default the system's clock. */
  readonly clock?: Clock;
  /** Default the system's. */
  readonly random?: Random;
  /** Write what passes the gateway to this file, for Wireshark. */
  readonly pcap?: string;
  /** How flows leave, in the place of sockets. */
  readonly dialer?: Dialer;
  /** How resolvers are asked, in the place of sockets. */
  readonly exchange?: Exchange;
  /** What leads to this host, networks and addresses, in the place of what its kernel says; for replays. */
  readonly thisHost?: readonly string[];
  /** Stands around all that comes from guests and from outside. */
  readonly recorder?: NetworkRecorder;
}

const LOOPBACK = '127.0.0.1';
const LOOPBACK6 = '::1';
const ADDRESSES_EACH = 64;
const PIPE_LIMIT = 4096;
/** What names every guest expects are below. */
const ZONES = ['containers.internal', 'docker.internal'];

/** A network, until `close`. */
export class Network {
  /** Settles when guests are served; rejects if that cannot be. */
  readonly ready: Promise<void>;
  readonly switch: Switch;
  /** The gateway's stack: its own servers listen here. */
  readonly stack: Stack;
  /** What passes the gateway's own port, for who watches: `uplink.watch`. */
  readonly uplink: TapDevice;
  readonly dhcp: DhcpServer;
  readonly dns: DnsForwarder;
  readonly gateway: Gateway;
  readonly policy: Policy;
  readonly guests: Guests;
  /** What guests of IPv6 are told; undefined: there are none. */
  readonly router: RouterAdvertiser | undefined;
  readonly dhcp6: Dhcpv6Server | undefined;
  readonly address: string;
  /** Stands for this host; undefined: nothing does. */
  readonly hostAlias: string | undefined;
  /** The same of IPv6; undefined: guests have IPv4 alone. */
  readonly address6: string | undefined;
  readonly hostAlias6: string | undefined;
  readonly mtu: number;
  readonly #options: NetworkOptions;
  readonly #audit: Audit | undefined;
  readonly #disguises: Disguises;
  readonly #published: Map<string, Published> = new Map();
  readonly #uplink: SwitchPort;
  /** Of machines that are gone. */
  readonly #gone: { in: number; out: number } = { in: 0, out: 0 };

  /** Not for use from outside: `createNetwork` makes these. */
  constructor(options: NetworkOptions) {
    const place = readPlace(options);
    const { network, bits, address, hostAlias, six } = place;
    const {
      clock = { now: () => performance.now() * 1000 },
      mtu = 1500,
      domain = 'internal',
    } = options;
    const policy = checkPolicy(options.policy ?? {}); // it complains before anything is open
    this.#options = options;
    this.address = address;
    this.hostAlias = hostAlias;
    this.address6 = six?.address;
    this.hostAlias6 = six?.hostAlias;
    this.mtu = mtu;
    options.recorder?.made();
    const secret = options.random ? options.random.int32() >>> 0 : randomInt(2 ** 32);
    this.switch = createSwitch({ clock, secret });
    const [port, end] = createPipe({
      medium: 'ethernet',
      mtu,
      limit: PIPE_LIMIT,
      offload: true,
      prompt: true,
    });
    const inner = options.pcap === undefined ? end : capture(end, options.pcap);
    this.uplink = tap(options.recorder?.uplink(inner) ?? inner);
    const device = this.uplink;
    this.#uplink = this.switch.plug(options.recorder?.cable(port) ?? port, {
      name: 'gateway',
      storm: Number.POSITIVE_INFINITY,
    });
    // Guests look for the aliases on their link; what is answered there is decided as for any other place.
    const own = [`${address}/${bits}`, ...(hostAlias ? [`${hostAlias}/${bits}`] : [])];
    const own6 = six ? [six.address, ...(six.hostAlias ? [six.hostAlias] : [])] : [];
    // Left to itself it has its own, which costs it less: of whole microseconds.
    const ticks = options.recorder?.stackClock(clock) ?? options.clock;
    this.stack = createStack({
      ...{ device, address: [...own, ...own6.map((one) => `${one}/64`)] },
      ...(ticks && { clock: ticks }),
      ...(options.random && { random: options.random }),
      // It alone says who the router is, and no guest has its addresses.
      ...(six && { autoconf: { acceptRouters: false, addresses: false, duplicates: false } }),
    });
    const strict = options.guard !== false;
    this.guests = new Guests({
      ...{ network, prefix: six?.prefix, each: ADDRESSES_EACH, secret, strict },
      now: () => clock.now(),
      changed: (gone) => this.#changed(gone),
      ask: (whose) => askWhose(this.stack, whose),
    });
    const anycast = six ? [six.network.replace('/64', '')] : [];
    this.guests.reserve([...this.stack.addresses, ...anycast], this.stack.hardwareAddress());
    // What the network itself is comes by the switch: nothing of it is beyond the gateway.
    const inside = [place.cidr, ...(six ? [six.network] : [])].map((one) =>
      readBlock('address', one),
    );
    const single = [asText(network.first), asText(network.last), hostAlias, six?.hostAlias];
    const alone = single.flatMap((one) => (one ? [blockOfOne('address', one)] : []));
    const given = options.thisHost?.map((one) => readBlock('thisHost', one));
    this.policy = new Policy(options.policy ?? {}, {
      closings: (): readonly (readonly Block[])[] => [given ?? thisHost(), inside, alone],
      own: (name) => this.#ownAddresses(name),
      guestOf: (guest) => this.guests.find(guest),
      identityOf: (guest) => this.guests.identityOf(guest),
      portOf: (guest) => this.guests.portOf(guest),
      now: () => clock.now(),
    });
    const { audit, recorder } = options;
    const told = (line: AuditLine): boolean => {
      recorder?.audit(line);
      return audit?.(line) ?? true;
    };
    const milliseconds = options.clock && (() => clock.now() / 1000);
    this.#audit = audit || recorder ? new Audit(told, milliseconds, recorder?.epoch) : undefined;
    this.policy.refused = (refusal) => this.#audit?.name(refusal, this.guests.find(refusal.guest));
    this.gateway = createGateway(this.stack, {
      ...{ socks5: options.socks5, from: options.from, judge: this.policy, watcher: this.#audit },
      ...(policy.proxy && { proxy: policy.proxy }),
      ...(options.flows !== undefined && { flows: options.flows }),
      ...(options.udpIdle !== undefined && { udpIdle: options.udpIdle }),
      ...(options.complain && { complain: options.complain }),
      ...(options.dialer && { dialer: options.dialer }),
      ...(recorder && { wrap: (dialer: Dialer) => recorder.dialer(dialer) }),
      guestOf: (guest) => this.guests.find(guest),
      translate: (to) => this.#stoodFor(to),
    });
    this.#disguises = new Disguises(this.stack);
    this.dhcp = createDhcpServer(this.stack, {
      ...{ address: `${address}/${bits}`, pool: place.pool, mtu, domain, search: [domain], clock },
      ...(options.leaseTime !== undefined && { leaseTime: options.leaseTime }),
      ...(options.reservations && { reservations: options.reservations }),
    });
    this.dhcp.on('lease', ({ address: lent, mac, left }) => this.guests.lent(lent, mac, left));
    this.dhcp.on('release', (released: string) => {
      this.guests.released(released);
      this.#keep();
    });
    this.#keep();
    const dns = six ? [six.address] : [];
    if (six) {
      this.router = advertiseRouter(this.stack, {
        ...{ prefixes: [six.network], dns, search: [domain], mtu, otherConfig: true, clock },
        ...(options.random && { random: options.random }),
      });
      this.dhcp6 = createDhcpv6Server(this.stack, { dns, search: [domain] });
    }
    const asked = options.exchange ?? exchange;
    this.dns = createDnsForwarder(this.stack, {
      ...{ ...options.dns, domain, clock },
      network: [place.cidr, ...(six ? [six.network] : [])],
      names: { ...this.#expectedNames(domain), ...options.dns?.names },
      guests: () =>
        this.dhcp.leases.map((lease) => ({ ...lease, others: this.guests.addresses6(lease.mac) })),
      countedAs: (guest) => this.guests.portOf(guest),
      onQuery: (question) => this.policy.resolves(question),
      onAnswer: (answer) => this.policy.told(answer),
      exchange: recorder ? recorder.exchange(asked) : asked,
    });
    this.switch.onFrame = (frame) =>
      frame.port === this.#uplink ? 'pass' : this.guests.check(frame);
    const parts = [this.dhcp, this.dns, this.router, this.dhcp6];
    this.ready = Promise.all(parts.map((part) => part?.ready)).then(() => {});
    this.ready.catch(() => {}); // who waits for it hears of it
  }

  /** The ports that machines are plugged into: all but the gateway's own. */
  get machines(): SwitchPort[] {
    return this.switch.ports.filter((port) => port !== this.#uplink);
  }

  /** Addresses that are kept for one guest each, by its hardware address. */
  get reservations(): Readonly<Record<string, string>> {
    return this.#options.reservations ?? {};
  }

  /** Bytes of frames that machines have sent (`in`) and got (`out`), those that are gone included. */
  get carried(): { readonly in: number; readonly out: number } {
    const sum = { ...this.#gone };
    for (const port of this.machines) addBytes(sum, port);
    return sum;
  }

  /** While it is recorded nothing is published: who connects there is not in the recording. */
  get isRecorded(): boolean {
    return this.#options.recorder !== undefined;
  }

  /** The ports that are published. */
  get published(): Published[] {
    return [...this.#published.values()];
  }

  /** Plug a machine in. */
  plug(device: Device, options: PortOptions = {}): SwitchPort {
    const { recorder } = this.#options;
    const name = options.name ?? device.name;
    const port = this.switch.plug(recorder?.device(device, name) ?? device, {
      ...(this.#options.isolated && { isolated: true }),
      ...options,
    });
    void port.unplugged.then(() => {
      this.guests.unplugged(port);
      addBytes(this.#gone, port);
    });
    return port;
  }

  /** Publish a port. Rejects with `EADDRINUSE` if it is taken, and throws for what cannot be meant. */
  async publish(options: PublishOptions): Promise<Published> {
    const published = new Published(this.stack, this.#disguises, options);
    if (this.isRecorded) throw notRecorded('who connects to a published port');
    const taken = this.#find(options);
    if (taken !== undefined) {
      const message = `${placeOf(options)} is published already`;
      throw Object.assign(new Error(message), { code: 'EADDRINUSE' });
    }
    await published.open();
    this.#published.set(placeOf({ ...options, port: published.port }), published);
    this.#audit?.note('publish', { ...options, port: published.port });
    return published;
  }

  /** Publish it no more; false if it was not. */
  async unpublish(options: Pick<PublishOptions, 'protocol' | 'host' | 'port'>): Promise<boolean> {
    const published = this.#find(options);
    if (published === undefined) return false;
    this.#published.delete(placeOf(options));
    this.#audit?.note('unpublish', { ...options });
    await published.close();
    return true;
  }

  /** Have another policy, and cut what it does not let through; how many flows. Throws, and changes nothing, for a bad one. */
  async replacePolicy(options: PolicyOptions): Promise<number> {
    if (options.proxy !== undefined) readProxy(options.proxy);
    this.policy.replace(options);
    this.#options.recorder?.policy(options);
    this.#audit?.note('policy', { default: options.default, rules: options.rules?.length ?? 0 });
    return this.gateway.judgeAgain();
  }

  /** End everything. */
  async close(): Promise<void> {
    await Promise.all([...this.#published.values()].map((one) => one.close()));
    for (const part of [this.dns, this.dhcp, this.dhcp6, this.router]) part?.close();
    await this.stack.close({ linger: 0 });
    await this.switch.close();
  }

  #find(options: Pick<PublishOptions, 'protocol' | 'host' | 'port'>): Published | undefined {
    return this.#published.get(placeOf(options));
  }

  #ownAddresses(name: string): readonly string[] {
    const found = this.dns.names.find(name);
    return found === undefined || found === 'none' || name === 'localhost' ? [] : found;
  }

  #expectedNames(domain: string): Record<string, string[]> {
    const names: Record<string, string[]> = {};
    const there = (...addresses: (string | undefined)[]): string[] =>
      addresses.filter((one) => one !== undefined);
    const aliases = there(this.hostAlias, this.hostAlias6);
    for (const zone of new Set([domain, ...ZONES])) {
      names[`gateway.${zone}`] = there(this.address, this.address6);
      if (aliases.length > 0) names[`host.${zone}`] = aliases;
    }
    return names;
  }

  /** What is reserved is nobody else's, whether its owner is there or not. */
  #keep(): void {
    for (const [mac, address] of Object.entries(this.#options.reservations ?? {})) {
      this.guests.lent(address, mac, Number.POSITIVE_INFINITY);
    }
  }

  /** Where a flow is carried to: this host's loopback of both families for its aliases, their own first. */
  #stoodFor(to: string): readonly string[] {
    if (to === this.hostAlias) return [LOOPBACK, LOOPBACK6];
    return to === this.hostAlias6 ? [LOOPBACK6, LOOPBACK] : [to];
  }

  /** Somebody else has an address, or nobody: what it was told, and what it has open, is not the next one's. */
  #changed(address: string): void {
    this.policy.forget(address);
    this.gateway.cutGuest(address);
  }
}

function addBytes(sum: { in: number; out: number }, port: SwitchPort): void {
  const { bytesIn, bytesOut } = port.stats();
  sum.in += bytesIn;
  sum.out += bytesOut;
}

/** What a published port is known by. */
export const placeOf = ({
  protocol = 'tcp',
  host = LOOPBACK,
  port = 0,
}: Pick<PublishOptions, 'protocol' | 'host' | 'port'>): string => `${protocol} ${host} ${port}`;

/**
 * Make a network of machines: `plug` them in. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`, or a `RangeError`
 * with `ERR_OUT_OF_RANGE`, for what cannot be meant.
 */
export const createNetwork = (options: NetworkOptions = {}): Network => new Network(options);
