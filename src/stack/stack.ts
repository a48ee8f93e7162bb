/**
 * The core put together: packets and time in, packets and the next deadline out.
 *
 * Its user calls `begin`, then `input` for each packet of a batch, then `flush`; and `expire` followed
 * by `flush` when `deadline` is reached. Nothing here knows a clock, a timer or a device.
 * @module
 */
import { enterBatch, leaveBatch } from './base/address-table.ts';
import { type Micros, NEVER } from './base/clock.ts';
import { DROP_COUNT, type Drop } from './base/drop.ts';
import type { Failure } from './base/failure.ts';
import type { Random } from './base/random.ts';
import { makeStats, type Stats } from './base/stats.ts';
import type { ConflictWatcher } from './ip/discovery/discovery.ts';
import type { Interface, InterfaceOptions } from './ip/interface.ts';
import { Internet, type InternetOptions } from './ip/internet/internet.ts';
import { reportUnresolved } from './ip/internet/unresolved.ts';
import { EthernetLink } from './link/ethernet.ts';
import type { LinkHost } from './link/host.ts';
import type { Slots } from './memory/slots.ts';
import type { Limits, Settings } from './tcp/tcb/settings.ts';
import { Tcp } from './tcp/tcp.ts';
import { Udp } from './udp/udp.ts';

export interface CoreOptions {
  readonly slots: Slots;
  readonly random: Random;
  /** The time at the start, in microseconds. */
  readonly now: Micros;
  readonly tcp?: Partial<Settings>;
  readonly limits?: Partial<Limits>;
  readonly ip?: Partial<Omit<InternetOptions, 'slots' | 'random' | 'now' | 'stats' | 'drops'>>;
}

/** How often one flush takes in what the stack sent to itself before others get a turn. */
const FLUSH_ROUNDS = 4;

export class Core {
  readonly slots: Slots;
  readonly stats: Stats;
  /** Packets dropped, by `Drop`. */
  readonly drops: Float64Array;
  readonly ip: Internet;
  readonly udp: Udp;
  readonly tcp: Tcp;
  /** Called when another station claims an address of ours: RFC 5227 §2.4, RFC 4862 §5.4. */
  conflict: ConflictWatcher = () => {};

  /** When `expire` is to be called next, as of the last `look`; `NEVER`: nothing is due. */
  due: Micros = NEVER;

  /** True while `flush` sends. */
  #flushing = false;

  constructor(options: CoreOptions) {
    this.slots = options.slots;
    this.stats = makeStats();
    this.drops = new Float64Array(DROP_COUNT);
    this.ip = new Internet({
      ...options.ip,
      slots: options.slots,
      random: options.random,
      now: options.now,
      stats: this.stats,
      drops: this.drops,
    });
    this.ip.discovery.onConflict = (...claim) => this.conflict(...claim);
    this.udp = new Udp(this.ip);
    this.tcp = new Tcp(this.ip, this.stats, options.tcp, options.limits);
  }

  /** Called when a verb leaves something to be flushed, at most once until the next flush. */
  set wake(wake: () => void) {
    this.ip.wake = () => {
      if (!this.#flushing) wake(); // what is sent in a flush is flushed by it
    };
    this.tcp.wake = wake;
  }

  /** What an owner threw; it has not harmed the stack. */
  set thrown(thrown: (error: unknown) => void) {
    this.tcp.thrown = thrown;
  }

  /**
   * `mac`: the hardware address, first 16 and last 32 bits, of ours on a device that carries frames; `vlan`: whose
   * frames are the interface's, or 0.
   */
  addInterface(
    options: Omit<InterfaceOptions, 'link'>,
    mac?: { readonly hi: number; readonly lo: number },
    vlan = 0,
  ): Interface {
    if (mac === undefined) return this.ip.addInterface(options);
    const link = (iface: Interface): EthernetLink =>
      new EthernetLink(iface, this.#linkHost(iface), mac.hi, mac.lo, vlan);
    return this.ip.addInterface({ ...options, link });
  }

  #linkHost(iface: Interface): LinkHost {
    const { ip } = this;
    return {
      slots: this.slots,
      random: ip.random,
      get now(): Micros {
        return ip.now;
      },
      put: (at, length) => {
        ip.output.put(iface, at, length);
      },
      unreachable: (at) => reportUnresolved(ip, iface, at),
      drop: (reason) => ip.countDrop(reason, 1, null, 0, 0),
      conflict: (address, hi, lo) => this.conflict(iface, address, hi, lo, true),
      solicit: (address, everyone) => ip.discovery.nd.solicit(iface, address, everyone),
      neighbourChanged: (address, there, isRouter) =>
        ip.discovery.autoconf.neighbourChanged(iface, address, there, isRouter),
    };
  }

  setMtu(iface: Interface, mtu: number): void {
    this.ip.setMtu(iface, mtu);
  }

  removeInterface(iface: Interface): void {
    this.ip.removeInterface(iface);
  }

  /** A batch begins at `now`, which is never less than it was. */
  begin(now: Micros): void {
    this.ip.begin(now);
  }

  /**
   * Take in the `length` bytes at `at`, the device's own header included. The caller keeps the slot
   * and releases it afterwards.
   */
  input(iface: Interface, at: number, length: number): Drop {
    enterBatch(); // another stack's batch may end within, where a device hands on at once
    try {
      return this.ip.input(iface, at, length);
    } finally {
      leaveBatch(true);
    }
  }

  /** The same of a packet of which only the first `head` bytes are at `at`, and those that follow in `rest`. */
  inputSplit(iface: Interface, at: number, length: number, head: number, rest: Uint8Array): Drop {
    enterBatch();
    try {
      return this.ip.inputSplit(iface, at, length, head, rest);
    } finally {
      leaveBatch(true);
    }
  }

  /** The same of a packet that was longer than the `kept` bytes that are there. */
  inputCut(iface: Interface, at: number, kept: number): void {
    this.ip.inputCut(iface, at, kept);
  }

  /** The batch ends: connections that were touched send, devices are flushed. */
  flush(now: Micros): void {
    this.#flushing = true;
    enterBatch();
    try {
      this.#flush(now);
    } finally {
      this.#flushing = false;
      leaveBatch();
    }
  }

  #flush(now: Micros): void {
    this.ip.begin(now);
    for (let round = 0; round < FLUSH_ROUNDS; round++) {
      this.udp.flush();
      this.tcp.flush(now);
      if (!this.ip.flush()) return;
    }
    this.tcp.flush(now);
    this.tcp.wake();
  }

  /** Do what is due by `now`. A `flush` must follow. */
  expire(now: Micros): void {
    this.ip.begin(now);
    if (this.ip.deadline() <= now) this.ip.expire(now);
    this.tcp.expire(now);
  }

  /** When `expire` is to be called next; `NEVER` if nothing is due. */
  deadline(): Micros {
    this.look();
    return this.due;
  }

  /** See when that is, to be read as `due`: a number that is no small integer costs an object whenever it is given back. */
  look(): void {
    const { tcp } = this;
    tcp.look();
    this.due = Math.min(tcp.due, this.ip.deadline());
  }

  /** Every connection ends with `failure`, as when the device is gone. */
  failAll(failure: Failure): void {
    this.tcp.failAll(failure);
  }
}
