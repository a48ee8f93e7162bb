/**
 * A stack, as its user sees it: devices and addresses go in, `net`, `dgram`, `tcp` and `ping` come
 * out.
 * @module
 */
import type { Device } from '../../device/device.ts';
import { ANY, ANY6, inZone, isIPv6 } from '../base/address.ts';
import { Failure } from '../base/failure.ts';
import { surelyAfter, systemClock } from '../host/clock.ts';
import { Host } from '../host/host.ts';
import { SystemRandom } from '../host/random.ts';
import { Core } from '../stack.ts';
import type { TcpInfo } from '../tcp/info.ts';
import { type Dgram, makeDgram } from './dgram/dgram.ts';
import { checkFunction, checkInteger } from './door/checks.ts';
import { systemError } from './door/errors.ts';
import { makeLookup } from './door/names.ts';
import {
  type CheckedDevice,
  checkLimits,
  type DeviceOptions,
  makeSlots,
  readDevice,
  readDevices,
  readSecret,
  type StackOptions,
} from './door/options.ts';
import { checkSettings } from './door/settings.ts';
import { makeSpoken } from './door/spoken.ts';
import { ownTexts } from './door/text.ts';
import { StackTcp } from './flow/tcp.ts';
import { StackUdp } from './flow/udp.ts';
import { type DnsConfig, readDnsConfig } from './ip/dns-config.ts';
import { type Hook, type HookHandler, type HookPoint, Hooks } from './ip/hooks.ts';
import { StackIcmp, StackIcmp6 } from './ip/icmp.ts';
import { hardwareAddress, probe } from './ip/link.ts';
import {
  type AddressConflict,
  type NeighbourLine,
  readConflict,
  readNeighbours,
} from './ip/neighbours.ts';
import { type PathLine, readPaths } from './ip/paths.ts';
import { type RawErrorHandler, type RawPacket, RawProtocol } from './ip/protocol.ts';
import { RawIp, type RawIpHandler } from './ip/raw.ts';
import {
  type AddedRoute,
  addAddress,
  addRoute,
  type RouteLine,
  type RouteOptions,
  readRoutes,
  removeAddress,
} from './ip/routing.ts';
import { makeNet, type Net } from './net/net.ts';
import { Modules } from './node/modules.ts';
import {
  type PingOptions,
  type PingReply,
  type PingResult,
  type PingsOptions,
  ping,
  pings,
} from './probe/ping.ts';
import { type TracerouteHop, type TracerouteOptions, traceroute } from './probe/traceroute.ts';
import { readSockets, type SocketLine, type SocketsOptions } from './sockets.ts';
import { readStats, type StackStats } from './stats.ts';
import { type ConnectionView, survey } from './survey.ts';
import { Connection } from './tcp/connection.ts';
import { infoOf } from './tcp/info.ts';

/** How a stack ends. */
export interface CloseOptions {
  /**
   * How long to wait, in milliseconds, for what sockets that were closed have still to deliver;
   * default 1000. 0: do not wait.
   */
  readonly linger?: number;
}

const LINGER = 1000;

/** How often `settled` looks, in milliseconds. */
const SETTLE_STEP = 20;

/**
 * Emits `error` when a device goes away by itself, `conflict` with an `AddressConflict` when another station
 * claims an address of ours, and `close` when all is closed.
 */
export class Stack extends Modules {
  /** As `node:net`, on this stack. */
  override readonly net: Net;
  /** As `node:dgram`, on this stack. */
  readonly dgram: Dgram;
  /** Promises, async iteration, and the callback interface. */
  readonly tcp: StackTcp;
  /** The callback interface to UDP, and flows to any address and port. */
  readonly udp: StackUdp;
  /** ICMP messages, and which of them are answered. */
  readonly icmp: StackIcmp;
  /** The same of ICMPv6. */
  readonly icmp6: StackIcmp6;
  readonly #hooks: Hooks;
  readonly #host: Host;
  readonly #core: Core;
  #closing: Promise<void> | undefined;
  #holding = false;

  /** See `createStack`. */
  constructor(options: StackOptions) {
    super();
    const devices = readDevices(options);
    const clock = options.clock ?? systemClock;
    this.#core = new Core({
      slots: makeSlots(options, devices),
      random: options.random ?? new SystemRandom(),
      now: clock.now(),
      ...(options.tcp !== undefined && { tcp: checkSettings(options.tcp, 'options.tcp') }),
      ...(options.limits && { limits: checkLimits(options.limits) }),
      ip: {
        ...(options.ttl !== undefined && { defaultTtl: options.ttl }),
        ...(options.forwarding !== undefined && { forwarding: options.forwarding }),
        ...(options.secret !== undefined && { secret: readSecret(options.secret) }),
      },
    });
    this.#host = new Host({
      core: this.#core,
      clock,
      lookup: makeLookup(options.lookup, makeSpoken(this.#core)),
      onGone: (error) => this.#gone(error),
    });
    const parts = makeNet(this.#host);
    this.net = parts.net;
    this.dgram = makeDgram(this.#host);
    this.tcp = new StackTcp(this.#host, parts);
    this.udp = new StackUdp(this.#host);
    this.icmp = new StackIcmp(this.#host);
    this.icmp6 = new StackIcmp6(this.#host);
    this.#hooks = new Hooks(this.#host);
    this.#core.conflict = (...claim) => this.#claimed(...claim);
    // All are found good before the first is begun with: a device cannot be begun with twice.
    for (const device of devices.map((one) => this.#check(one))) this.#attach(device);
  }

  /** The devices that it is on. */
  get devices(): readonly Device[] {
    return this.#host.devices;
  }

  /** Our first address; undefined if no device is left. */
  get address(): string | undefined {
    return this.addresses[0];
  }

  /** Our addresses, without 127.0.0.1 and `::1`, which every stack has. */
  get addresses(): readonly string[] {
    return ownTexts(this.#core.ip);
  }

  /** Be on one device more. Throws if its packets are longer than the stack's slots. */
  addDevice(options: DeviceOptions): void {
    if (this.#closing) throw systemError('ENETDOWN', 'addDevice');
    this.#attach(this.#check(options));
  }

  #check(options: DeviceOptions): CheckedDevice {
    const { slots, ip } = this.#core;
    return readDevice(options, slots, ip.random);
  }

  #attach({ device, mtu, prefixes, routers, mac, vlan, autoconf }: CheckedDevice): void {
    const { routes, discovery } = this.#core.ip;
    if (this.#host.has(device, vlan)) {
      throw systemError('EALREADY', 'addDevice', { address: device.name });
    }
    const iface = this.#host.attach(device, mtu, mac, vlan);
    if (autoconf !== undefined) discovery.enable(iface, autoconf);
    for (const { address, bits } of prefixes) discovery.addAddress(iface, address, bits);
    for (const router of routers) {
      const all = isIPv6(router) ? ANY6 : ANY;
      routes.add(all, 0, { gateway: inZone(router, iface.index), iface });
    }
    this.#host.flushSoon(); // its addresses are asked for (RFC 4862 §5.4), on a silent link too
  }

  /** When all addresses of IPv6 have been asked for on their links (RFC 4862 §5.4): at once where there is no link. */
  settled(): Promise<void> {
    const { dad } = this.#core.ip.discovery.autoconf;
    return new Promise((done) => {
      const look = (): void => {
        if (dad.count === 0) done();
        else surelyAfter(SETTLE_STEP, look);
      };
      look();
    });
  }

  /**
   * Have one address more: `10.84.0.2/24`, `fd84::2/64`. One of IPv6 on a link is ours when nobody else says to have
   * it (see `settled`), one of IPv4 at once (see `probe`). `device` may be left out where there is one only.
   */
  addAddress(address: string, device?: string): void {
    addAddress(this.#core, address, device);
    this.#host.flushSoon();
  }

  /** Have it no longer, nor the routes that need it. Throws `EADDRNOTAVAIL` if it is not ours. */
  removeAddress(address: string): void {
    removeAddress(this.#core, address);
    this.#host.flushSoon();
  }

  /** Send what is for `network` (`10.9.0.0/16`, `0.0.0.0/0`, `::/0`) by a gateway or straight to a device. */
  addRoute(network: string, options: RouteOptions): AddedRoute {
    return addRoute(this.#core, network, options);
  }

  /** The routing table, in the order in which it is searched. */
  get routes(): RouteLine[] {
    return readRoutes(this.#core);
  }

  /** Who is known on links that carry frames, and how well. RFC 826, RFC 4861 §7.3.2. */
  get neighbours(): NeighbourLine[] {
    return readNeighbours(this.#core);
  }

  /** The paths that are known to take less than their device does. */
  get paths(): PathLine[] {
    return readPaths(this.#core);
  }

  /** Servers of names and domains that routers of IPv6 advertise. RFC 8106. */
  get dnsConfig(): DnsConfig {
    return readDnsConfig(this.#core);
  }

  /** Our hardware address on the device of that name, or on the first that carries frames; undefined: none is. */
  hardwareAddress(device?: string): string | undefined {
    return hardwareAddress(this.#core, device);
  }

  /**
   * Ask the link of a device whether an address of IPv4 is anybody's, before it is used; this takes five to seven
   * seconds. Gives the hardware address of who has it, or undefined. Throws `ENODEV` where no device carries
   * frames, and rejects with `ENOBUFS` while 64 are asked for. RFC 5227 §2.1.
   */
  probe(address: string, device?: string): Promise<string | undefined> {
    return probe(this.#host, address, device);
  }

  /** Pass packets between devices. */
  get forwarding(): boolean {
    return this.#core.ip.forwarding;
  }

  set forwarding(on: boolean) {
    this.#core.ip.forwarding = Boolean(on);
  }

  /** Let `handler` see, drop or rewrite the packets on their way in, through or out. */
  hook(point: HookPoint, handler: HookHandler): Hook {
    checkFunction(handler, 'handler');
    return this.#hooks.add(point, handler);
  }

  /** See every packet that comes in, header included, and send packets of one's own making. */
  raw(handler?: RawIpHandler): RawIp {
    return new RawIp(this.#host, this.#hooks, handler);
  }

  /**
   * Ask a host for an echo. Gives the round trip in milliseconds; rejects with `ETIMEDOUT`,
   * `EHOSTUNREACH`, `ENETUNREACH`, a lookup's error or an `AbortError`.
   */
  ping(host: string, options: PingOptions = {}): Promise<PingReply> {
    return ping(this.#host, host, options);
  }

  /** Ask again and again: `for await (const { seq, rtt, error } of stack.pings(host))`. */
  pings(host: string, options: PingsOptions = {}): AsyncGenerator<PingResult> {
    return pings(this.#host, host, options);
  }

  /**
   * Who is on the way to a host: `for await (const { hop, probes } of stack.traceroute(host))`, until it
   * is reached, somebody says that it cannot be, or there were too many hops.
   */
  traceroute(host: string, options: TracerouteOptions = {}): AsyncGenerator<TracerouteHop, void> {
    return traceroute(this.#host, host, options);
  }

  /**
   * Take in what comes under an IP protocol number, 0 to 255, and send it. `onError` is told of ICMP
   * errors about what was sent.
   */
  protocol(
    number: number,
    handler: (packet: RawPacket) => void,
    onError?: RawErrorHandler,
  ): RawProtocol {
    return new RawProtocol(this.#host, number, handler, onError);
  }

  /** All counters: those of Linux's `nstat` under its names, and the drops by reason. */
  stats(): StackStats {
    return readStats(this.#core);
  }

  /**
   * Every TCP connection, half-open and closing ones included, with what `info` tells of each; or the first
   * `most` of them (0 or more): of very many the rest would take its time for nobody.
   */
  connections(most: number = Number.POSITIVE_INFINITY): TcpInfo[] {
    if (most !== Number.POSITIVE_INFINITY) checkInteger(most, 'most', 0, 2 ** 31 - 1);
    return this.#core.tcp.table.slice(0, most).map((tcb) => infoOf(this.#core.ip, tcb));
  }

  /** Every listener, connection and UDP socket, with the columns of `ss`. */
  sockets(options: SocketsOptions = {}): SocketLine[] {
    const { most } = options;
    if (most !== undefined && most !== Number.POSITIVE_INFINITY) {
      checkInteger(most, 'options.most', 0, 2 ** 31 - 1);
    }
    return readSockets(this.#core, options);
  }

  /**
   * Show every connection to `visit`, in one object that is used again, until it gives true: of ten thousand it takes
   * what three numbers of each take, where `connections` makes ten thousand objects.
   */
  survey(visit: (connection: ConnectionView) => unknown): void {
    checkFunction(visit, 'visit');
    survey(this.#core, visit);
  }

  /** Keep the process alive although nothing is open: for a stack that only answers pings. */
  ref(): this {
    if (!this.#holding && !this.#closing) this.#host.hold();
    this.#holding = true;
    return this;
  }

  /** Undo `ref`; the default. */
  unref(): this {
    if (this.#holding && !this.#closing) this.#host.letGo();
    this.#holding = false;
    return this;
  }

  /**
   * Close everything. What closed sockets have still to deliver is waited for (`linger`); open
   * connections are reset and their sockets emit `close`, without an error. Settles when the devices
   * are released. May be called again.
   */
  close({ linger = LINGER }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(linger);
    return this.#closing;
  }

  async #close(linger: number): Promise<void> {
    if (linger > 0 && this.#leaving() > 0) await this.#linger(linger);
    for (const thing of [...this.#host.open]) thing.close();
    for (const { owner } of [...this.#core.tcp.table]) {
      if (owner instanceof Connection) owner.fail(Failure.CLOSED);
    }
    await this.#host.close();
    this.emit('close');
  }

  /** Connections that are no socket's any more and have something to deliver. */
  #leaving(): number {
    let count = 0;
    for (const { owner } of this.#core.tcp.table) {
      if (owner instanceof Connection && owner.leaving) count++;
    }
    return count;
  }

  #linger(milliseconds: number): Promise<void> {
    const step = Math.min(5, milliseconds);
    return new Promise((done) => {
      const look = (left: number): void => {
        if (left <= 0 || this.#leaving() === 0) done();
        else surelyAfter(step, () => look(left - step));
      };
      look(milliseconds);
    });
  }

  #claimed(...claim: Parameters<typeof readConflict>): void {
    try {
      this.emit('conflict', readConflict(...claim) satisfies AddressConflict);
    } catch (error) {
      this.#host.thrown(error);
    }
  }

  #gone(error: Error | undefined): void {
    if (this.#closing || this.#host.devices.length > 0) {
      if (error && !this.#closing) process.nextTick(() => this.emit('error', error));
      return;
    }
    this.#core.failAll(Failure.NET_DOWN);
    if (error) process.nextTick(() => this.emit('error', error));
    void this.close({ linger: 0 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Make a stack on a device: `createStack({ device: tun, address: '10.83.0.2/24' })`. Throws a
 * `TypeError` or `RangeError` that says what is wrong with an option.
 */
export const createStack = (options: StackOptions): Stack => new Stack(options);
