/**
 * What the connections of one stack share: tables, timers, secrets, and the list of those that have
 * something to do at the end of the batch. RFC 9293 §3.9.
 * @module
 */
import { type Address, ANY, ANY6, drop, hold } from '../base/address.ts';
import { type Micros, NEVER } from '../base/clock.ts';
import type { Drop } from '../base/drop.ts';
import { Failure } from '../base/failure.ts';
import { Ration } from '../base/ration.ts';
import { count, Stat, type Stats } from '../base/stats.ts';
import { headerLength } from '../ip/family.ts';
import type { Interface } from '../ip/interface.ts';
import type { IcmpError, InternetLayer, Protocol } from '../ip/ip.ts';
import type { Packet } from '../ip/packet.ts';
import type { Route } from '../ip/route.ts';
import { Batch } from '../memory/batch.ts';
import type { Budget } from '../memory/budget.ts';
import { Deadlines } from '../memory/deadlines.ts';
import { Fifo } from '../memory/fifo.ts';
import { Rows } from '../memory/rows.ts';
import { pseudo } from '../wire/checksum.ts';
import * as numbers from '../wire/protocol.ts';
import { MIN_LEN } from '../wire/tcp.ts';
import type { Arriving } from './arrive.ts';
import { remove } from './close/close.ts';
import { Cubic } from './congestion/cubic.ts';
import { NewReno } from './congestion/newreno.ts';
import { Unused } from './congestion/unused.ts';
import { scaleFor } from './emit/window.ts';
import { expire } from './expire.ts';
import { onIcmp } from './icmp.ts';
import { input } from './input.ts';
import { account } from './memory/kept.ts';
import { makeBudget } from './memory/pressure.ts';
import { endRelays } from './memory/relay.ts';
import { Spares } from './memory/spares.ts';
import { Cookies } from './open/cookies.ts';
import { Demux } from './open/demux.ts';
import type { Gate } from './open/intercept.ts';
import { Secrets } from './open/isn.ts';
import { Listener, type ListenOptions } from './open/listener.ts';
import { firstAbove, isReplaceable, openActive, setSendSequence } from './open/open.ts';
import { Ports } from './open/ports.ts';
import { onNewRoute } from './path/plpmtu.ts';
import { serve } from './serve.ts';
import { Starved } from './starved.ts';
import { Delivery } from './tcb/delivery.ts';
import { Flag, has } from './tcb/flags.ts';
import type { Owner } from './tcb/owner.ts';
import { Receivers } from './tcb/receivers.ts';
import { Relays } from './tcb/relays.ts';
import { AckReport } from './tcb/report.ts';
import { Segment } from './tcb/segment.ts';
import { DEFAULT_LIMITS, DEFAULTS, type Limits, type Settings } from './tcb/settings.ts';
import { State } from './tcb/state.ts';
import { Tcb } from './tcb/tcb.ts';

/** How often one flush goes through the connections that callbacks made dirty again. */
const FLUSH_ROUNDS = 8;

export interface ConnectOptions {
  readonly destination: Address;
  /** 1..65535. */
  readonly port: number;
  /** `ANY` or left out: the route chooses. */
  readonly source?: Address;
  /** 0 or left out: one that is free, by RFC 6056. */
  readonly sourcePort?: number;
  readonly owner: Owner;
  readonly settings?: Partial<Settings>;
}

/** Owns what nobody owns yet: half-open connections of a listener. */
const NOBODY: Owner = {
  onOpen: () => {},
  onData: () => {},
  onEnd: () => {},
  onWritable: () => {},
  onRelease: () => {},
  onFinished: () => {},
  onClose: () => {},
};

export class Tcp implements Protocol, Arriving {
  readonly checksErrors: boolean = true;
  readonly ip: InternetLayer;
  readonly stats: Stats;
  readonly settings: Settings;
  readonly limits: Limits;
  readonly demux: Demux;
  readonly secrets: Secrets;
  readonly cookies: Cookies;
  readonly timers: Rows = new Rows(NEVER);
  readonly receivers: Receivers;
  readonly relays: Relays<Tcb> = new Relays();
  readonly spares: Spares;
  readonly budget: Budget<Tcb>;
  readonly deadlines: Deadlines<Tcb> = new Deadlines();
  /** When `expire` is to be called next, as of the last `look`. */
  due: Micros = NEVER;
  /** Every connection, in no order. */
  readonly table: Tcb[] = [];

  // Scratch of the segment that is being taken in: one of each a stack.
  readonly segment: Segment = new Segment();
  readonly delivery: Delivery = new Delivery();
  readonly report: AckReport = new AckReport();

  /** Who is asked about flows to any address and port; null: nobody. */
  gate: Gate | null = null;
  /** Connections whose owner has closed both directions and left. */
  orphans = 0;
  /** How often in this batch early text was given storage that was not there before. */
  freshStorage = 0;
  /** Called when a verb leaves something to be flushed, at most once until the next flush. */
  wake: () => void = () => {};
  /** Whose chunks are being released, and what tells its owner: one closure a stack. */
  releasing: Tcb | null = null;
  readonly release = (token: unknown): void => this.releasing?.owner.onRelease(token);
  /** What an owner threw. */
  thrown: (error: unknown) => void = () => {};

  readonly #starved: Starved = new Starved(this);
  #dirty: Batch<Tcb> = new Batch();
  #serving: Batch<Tcb> = new Batch();
  readonly #cubic: Unused = new Unused(() => new Cubic());
  readonly #newreno: Unused = new Unused(() => new NewReno());
  readonly #resets: Ration;
  readonly #ports: Ports;
  /** Connections in TIME-WAIT. */
  readonly #timeWaits: Fifo<Tcb> = new Fifo((tcb, place) => {
    tcb.timeWaitAt = place;
  });

  constructor(
    ip: InternetLayer,
    stats: Stats,
    settings: Partial<Settings> = {},
    limits: Partial<Limits> = {},
  ) {
    this.ip = ip;
    this.stats = stats;
    this.settings = { ...DEFAULTS, ...settings };
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#resets = new Ration(ip.random, this.limits.resets, this.limits.resetsEach);
    this.budget = makeBudget(this);
    this.receivers = new Receivers(this.limits.receiveWindows);
    this.spares = new Spares(this.limits.sendBuffers);
    this.demux = new Demux(ip.random);
    this.secrets = new Secrets(ip.random);
    this.#ports = new Ports(ip.random);
    this.cookies = new Cookies(ip.random);
    ip.setProtocol(numbers.Protocol.TCP, this);
  }

  /** The time of the batch that is being worked on. */
  get now(): Micros {
    return this.ip.now;
  }

  input(packet: Packet): Drop {
    return input(this, packet, this.now);
  }

  error(error: IcmpError): Drop {
    return onIcmp(this, error, this.now);
  }

  /** Open a connection. Its SYN leaves with the next flush; the owner hears of the rest. */
  connect(options: ConnectOptions): Tcb | Failure {
    const { destination, port, owner } = options;
    const source = options.source ?? ANY;
    if (this.isFull) return Failure.NO_BUFFERS;
    if (source !== ANY && !this.ip.isOurs(source)) return Failure.ADDRESS_NOT_AVAILABLE;
    const route = this.ip.provenRoute(destination, source);
    // MUST-46: a connection has one peer.
    if (route === undefined || !route.unicast) return Failure.NET_UNREACHABLE;
    const local = source === ANY ? route.source : source;
    const localPort = options.sourcePort || this.#port(local, destination, port);
    if (localPort === 0) return Failure.ADDRESS_NOT_AVAILABLE;
    const other = this.demux.find(local, localPort, destination, port);
    const above = other === null ? null : firstAbove(other);
    if (other !== null) {
      if (!isReplaceable(other, this.now)) return Failure.ADDRESS_IN_USE;
      remove(other, Failure.NONE);
    }
    const settings = options.settings ? { ...this.settings, ...options.settings } : this.settings;
    const tcb = this.#make(settings, owner, local, localPort, destination, port);
    if (tcb.route === null) return Failure.NET_UNREACHABLE;
    this.#admit(tcb);
    openActive(tcb, this.secrets, this.now);
    if (above !== null) setSendSequence(tcb, above);
    return tcb;
  }

  /** Listen. `ADDRESS_IN_USE` if another listener stands there. */
  listen(options: ListenOptions): Listener | Failure {
    const { address } = options;
    const all = address === ANY || address === ANY6;
    if (!all && !this.ip.isOurs(address)) return Failure.ADDRESS_NOT_AVAILABLE;
    const port = options.port || this.#listenPort(address);
    if (port === 0) return Failure.ADDRESS_IN_USE;
    const settings = options.settings ? { ...this.settings, ...options.settings } : this.settings;
    const listener = new Listener(this, port, settings, options);
    return this.demux.addListener(listener) ? listener : Failure.ADDRESS_IN_USE;
  }

  /** A listener in no table: what a `Gate` accepts is made by it. */
  makeGateListener(options: ListenOptions): Listener {
    const settings = options.settings ? { ...this.settings, ...options.settings } : this.settings;
    return new Listener(this, 0, settings, options);
  }

  /** True if there are as many connections as may be. */
  get isFull(): boolean {
    return this.table.length >= this.limits.connections;
  }

  /**
   * A connection for a SYN that came to `listener`, in the table; null if there are too many, or no way
   * leads back.
   */
  makeFor(listener: Listener, packet: Packet, segment: Segment): Tcb | null {
    if (this.isFull) return null;
    const tcb = this.scratchFor(listener, packet, segment);
    if (tcb === null) return null;
    this.#admit(tcb);
    return tcb;
  }

  /** The same, in no table: for an answer that keeps no state. */
  scratchFor(listener: Listener, packet: Packet, segment: Segment): Tcb | null {
    const { source, destination } = packet;
    const { srcPort, dstPort } = segment;
    const tcb = this.#make(listener.settings, NOBODY, destination, dstPort, source, srcPort);
    if (tcb.route === null) return null;
    tcb.flags |= Flag.PASSIVE;
    tcb.rcvScale = scaleFor(listener.settings.receiveBufferMax);
    return tcb;
  }

  /** There is something to do for `tcb` at the end of the batch. */
  dirty(tcb: Tcb): void {
    if (has(tcb, Flag.DIRTY)) return;
    tcb.flags |= Flag.DIRTY;
    if (this.#dirty.length === 0) this.wake();
    this.#dirty.push(tcb);
  }

  /** The end of a batch: every connection that was touched sends once. */
  flush(now: Micros): void {
    this.freshStorage = 0;
    for (let round = 0; round < FLUSH_ROUNDS; round++) {
      if (this.#starved.length > 0) this.#starved.feed();
      if (this.#dirty.length === 0) return;
      // Two lists in turn: callbacks make connections dirty while the list is gone through.
      const list = this.#dirty;
      this.#dirty = this.#serving;
      this.#serving = list;
      for (let i = 0; i < list.length; i++) {
        const tcb = list.at(i);
        tcb.flags &= ~Flag.DIRTY;
        serve(tcb, now);
        account(tcb);
      }
      list.clear();
    }
    if (this.#dirty.length > 0) this.wake();
  }

  /** Timers that are due. */
  expire(now: Micros): void {
    for (let tcb = this.deadlines.take(now); tcb !== undefined; tcb = this.deadlines.take(now)) {
      expire(tcb, now);
    }
  }

  /** When to call `expire` next. */
  deadline(): Micros {
    this.look();
    return this.due;
  }

  /** See when that is, to be read as `due`. */
  look(): void {
    this.deadlines.look();
    this.due = this.deadlines.soonest;
    if (this.#starved.length > 0) this.due = Math.min(this.due, this.#starved.deadline());
  }

  /** The connection's way out, looked up again if the table has changed; null if there is none. */
  routeOf(tcb: Tcb): Route | null {
    const { route } = tcb;
    if (route?.valid) return route;
    const fresh = this.ip.provenRoute(tcb.remoteAddress, tcb.localAddress) ?? null;
    tcb.route = fresh;
    if (fresh !== null && tcb.state >= State.ESTABLISHED) onNewRoute(tcb, fresh);
    return fresh;
  }

  /** RFC 9293 §3.8.3, R1: delivery has failed for a while; ask for the way again. */
  doubtRoute(tcb: Tcb): void {
    tcb.route = null;
  }

  /** False while the way out is full: what can wait, waits. */
  ready(tcb: Tcb): boolean {
    const route = this.routeOf(tcb);
    if (route === null) return false;
    if (this.ip.output.ready(route.iface)) return true;
    this.starve(tcb, route.iface);
    return false;
  }

  /** Nothing of `tcb` could leave by `iface`, which is full, or no slot was free: serve it later. */
  starve(tcb: Tcb, iface: Interface): void {
    this.#starved.add(tcb, iface);
  }

  /** May one more reset go to a stranger at `remote` now? */
  mayReset(remote: Address, now: Micros): boolean {
    return this.#resets.takes(remote, now);
  }

  /** How many are in TIME-WAIT. */
  get timeWaits(): number {
    return this.#timeWaits.length;
  }

  /** `tcb` enters TIME-WAIT: past the limit the oldest one gives way. */
  admitTimeWait(tcb: Tcb): void {
    this.#timeWaits.push(tcb);
    if (this.#timeWaits.length <= this.limits.timeWaits) return;
    const { oldest } = this.#timeWaits;
    if (oldest === undefined) return;
    count(this.stats, Stat.TcpExtTCPTimeWaitOverflow);
    remove(oldest, Failure.NONE);
  }

  /** `tcb` is over: out of the tables. */
  forget(tcb: Tcb): void {
    if (tcb.tableIndex < 0) return;
    if (tcb.listener !== null) {
      tcb.listener.halfOpen--;
      tcb.listener = null;
    }
    if (has(tcb, Flag.DETACHED)) this.orphans--;
    if (has(tcb, Flag.RELAY)) endRelays(tcb);
    this.demux.remove(tcb);
    if (tcb.timeWaitAt >= 0) this.#timeWaits.leave(tcb.timeWaitAt);
    tcb.timeWaitAt = -1;
    const last = this.table.pop() as Tcb; // it holds `tcb` at least
    if (last !== tcb) {
      this.table[tcb.tableIndex] = last;
      last.tableIndex = tcb.tableIndex;
    }
    tcb.tableIndex = -1;
    drop(tcb.localAddress);
    drop(tcb.remoteAddress);
  }

  /** Nothing is in flight: a connection that says nothing keeps no scoreboard. */
  rest(tcb: Tcb): void {
    this.#unused(tcb.settings).takeBack(tcb);
    this.spares.putScoreboard(tcb);
  }

  /** End every connection with `failure`, as when the device is gone. */
  failAll(failure: Failure): void {
    for (const tcb of [...this.table]) remove(tcb, failure);
  }

  #make(
    settings: Settings,
    owner: Owner,
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
  ): Tcb {
    const tcb = new Tcb(this, settings, owner, this.#unused(settings));
    tcb.localAddress = local;
    tcb.localPort = localPort;
    tcb.remoteAddress = remote;
    tcb.remotePort = remotePort;
    tcb.pseudo = pseudo(local, remote, numbers.Protocol.TCP);
    tcb.headers = headerLength(remote) + MIN_LEN;
    tcb.route = this.ip.provenRoute(remote, local) ?? null;
    return tcb;
  }

  #unused({ congestion }: Settings): Unused {
    return congestion === 'newreno' ? this.#newreno : this.#cubic;
  }

  #admit(tcb: Tcb): void {
    hold(tcb.localAddress);
    hold(tcb.remoteAddress);
    this.demux.add(tcb);
    tcb.tableIndex = this.table.length;
    this.table.push(tcb);
  }

  #port(local: Address, remote: Address, remotePort: number): number {
    return this.#ports.pick(
      local,
      remote,
      remotePort,
      this.now,
      (port) => this.demux.find(local, port, remote, remotePort) === null,
    );
  }

  #listenPort(address: Address): number {
    const isFree = (port: number): boolean => !this.demux.hasListener(port);
    return this.#ports.pick(address, ANY, 0, this.now, isFree);
  }
}
