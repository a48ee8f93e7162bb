/**
 * The core put together: packets and time in, packets and the next deadline out.
 *
 * Its user calls `begin`, then `input` for each packet of a batch, then `flush`; and `expire` followed
 * by `flush` when `deadline` is reached. Nothing here knows a clock, a timer or a device.
 * @module
 */
import type { Micros } from './base/clock.ts';
import { DROP_COUNT, type Drop } from './base/drop.ts';
import type { Failure } from './base/failure.ts';
import type { Random } from './base/random.ts';
import { makeStats, type Stats } from './base/stats.ts';
import type { Interface, InterfaceOptions } from './ip/interface.ts';
import { Internet, type InternetOptions } from './ip/internet/internet.ts';
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
    this.udp = new Udp(this.ip);
    this.tcp = new Tcp(this.ip, this.stats, options.tcp, options.limits);
  }

  /** Called when a verb leaves something to be flushed, at most once until the next flush. */
  set wake(wake: () => void) {
    this.ip.wake = wake;
    this.tcp.wake = wake;
  }

  /** What an owner threw; it has not harmed the stack. */
  set thrown(thrown: (error: unknown) => void) {
    this.tcp.thrown = thrown;
  }

  addInterface(options: InterfaceOptions): Interface {
    return this.ip.addInterface(options);
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
    return this.ip.input(iface, at, length);
  }

  /** The batch ends: connections that were touched send, devices are flushed. */
  flush(now: Micros): void {
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
    this.ip.expire(now);
    this.tcp.expire(now);
  }

  /** When `expire` is to be called next; `NEVER` if nothing is due. */
  deadline(): Micros {
    return Math.min(this.ip.deadline(), this.tcp.deadline());
  }

  /** Every connection ends with `failure`, as when the device is gone. */
  failAll(failure: Failure): void {
    this.tcp.failAll(failure);
  }
}
