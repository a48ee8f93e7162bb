/**
 * A device that does to packets what networks do: seeded loss, delay, rate, reordering, doubling,
 * damage, each direction by itself.
 *
 * It stands before another device, and with a clock of the test's own it is deterministic: the same
 * seed and the same packets at the same times give the same fate. On the system's clock it is
 * accurate to some ten microseconds (see `SystemClock`), so that it can stand between two TUNs.
 *
 * With offload a packet of 64 KiB is one packet, lost or delayed as one: open a TUN without offload
 * where the pattern of losses matters.
 * @module
 */

import type { Device, DeviceUser } from '../device.ts';
import { checkNumber } from '../errors.ts';
import { Notice } from '../notice.ts';
import { Outlet, PIECE, readWhole, Wrapper } from '../wrap/wrapper.ts';
import { type LinkClock, SystemClock } from './clock.ts';
import type { Impairment, PathCounters } from './impairment.ts';
import { CHANCES, Path } from './path.ts';
import { type RandomBits, SeededBits } from './random.ts';

/** What is done to each direction; `in` and `out` add to `both` and come before it. */
export interface LinkImpairment {
  /** To packets both ways; `in` and `out` say what is different there. */
  both?: Impairment;
  /** To packets that the device reads. */
  in?: Impairment;
  /** To packets that it writes. */
  out?: Impairment;
}

/** What the link does, and from which seed. */
export interface ImpairOptions extends LinkImpairment {
  /** Default 1. */
  seed?: number;
  /**
   * In place of a seed: one source for all, whose numbers are taken in the order of the packets.
   */
  random?: RandomBits;
  /** Default the system's clock. */
  clock?: LinkClock;
}

const IN_AT = 0;
const OUT_AT = PIECE;
/** Packets taken from the device in one turn. */
const BUDGET = 1024;

/** `device` behind a link that does what `options` say. The device ends with the link. */
export function impair(device: Device, options: ImpairOptions = {}): ImpairedDevice {
  checkNumber('seed', options.seed ?? 1, -(2 ** 53), 2 ** 53);
  return new ImpairedDevice(device, options);
}

/** A device behind a link that is not perfect. */
export class ImpairedDevice extends Wrapper {
  readonly #clock: LinkClock;
  readonly #in: Path;
  readonly #out: Path;
  /** What the device reads into and writes from: packets on their way stand in neither. */
  readonly #memory: Uint8Array = new Uint8Array(2 * PIECE);
  readonly #notice: Notice;
  #user: DeviceUser | undefined;
  readonly #outlet: Outlet;
  /** When the packets that are handed on are asked for. */
  #sendTime = 0;
  /** For when the clock was asked to wake us. */
  #inWake: number = Number.POSITIVE_INFINITY;
  #outWake: number = Number.POSITIVE_INFINITY;
  #ended = false;

  constructor(device: Device, options: ImpairOptions) {
    super(device);
    this.#clock = options.clock ?? new SystemClock();
    const { seed = 1, random } = options;
    const chances = (from: number): RandomBits[] =>
      Array.from({ length: CHANCES }, (_, i) => random ?? new SeededBits(seed, from + i));
    this.#in = new Path({ ...options.both, ...options.in }, chances(0), device);
    this.#out = new Path({ ...options.both, ...options.out }, chances(CHANCES), device);
    this.#outlet = new Outlet(device, OUT_AT, () =>
      this.#out.take(this.#sendTime, this.#memory, OUT_AT, PIECE),
    );
    const soon = (fn: () => void): void => this.#clock.at(this.#clock.now(), fn);
    this.#notice = new Notice(soon, () => this.#tell());
  }

  /** What was done to packets, each way. */
  get counters(): { readonly in: Readonly<PathCounters>; readonly out: Readonly<PathCounters> } {
    return { in: this.#in.counters, out: this.#out.counters };
  }

  /** Packets under way, each way. */
  get underWay(): { readonly in: number; readonly out: number } {
    return { in: this.#in.count, out: this.#out.count };
  }

  /** Packets that wait for the line, each way, those that are being sent included; 0 without a `rate`. */
  get queued(): { readonly in: number; readonly out: number } {
    const now = this.#clock.now();
    return { in: this.#in.queued(now), out: this.#out.queued(now) };
  }

  /** Another impairment from now on, in place of the one before. */
  change({ both, in: inward, out: outward }: LinkImpairment): void {
    this.#in.change({ ...both, ...inward });
    this.#out.change({ ...both, ...outward });
  }

  override start(user: DeviceUser): void {
    super.start({
      memory: this.#memory,
      readable: () => this.#fetch(),
      writable: () => this.#send(),
      mtuChanged: () => user.mtuChanged?.(),
      closed: (error) => {
        this.#ended = true;
        user.closed(error);
      },
    });
    this.#user = user;
  }

  override read(at: number, room: number): number {
    const user = this.#user;
    if (user === undefined || this.#ended) return 0;
    const length = this.#in.take(this.#clock.now(), user.memory, at, room);
    if (length > 0) this.#notice.took();
    return length;
  }

  override write(at: number, length: number): boolean {
    if (this.#ended || length > PIECE) return true;
    const { memory } = this.#user as DeviceUser; // who writes has started it
    this.#out.offer(memory, at, length, this.#clock.now());
    this.#send();
    return true;
  }

  override close(): Promise<void> {
    this.#ended = true;
    return super.close();
  }

  /** Everything that the device has sets out on its way to the user. */
  #fetch(): void {
    const now = this.#clock.now();
    for (let i = 0; i < BUDGET; i++) {
      const length = readWhole(this.device, IN_AT);
      if (length === 0) break;
      this.#in.offer(this.#memory, IN_AT, length, now);
    }
    this.#arrive();
  }

  readonly #arrive = (): void => {
    if (this.#ended) return;
    const now = this.#clock.now();
    if (this.#inWake <= now) this.#inWake = Number.POSITIVE_INFINITY;
    const { due } = this.#in;
    if (due <= now) this.#notice.came();
    else if (due < this.#inWake) {
      this.#inWake = due;
      this.#clock.at(due, this.#arrive);
    }
  };

  #tell(): boolean {
    if (this.#ended) return false;
    this.#user?.readable();
    if (this.#in.due <= this.#clock.now()) return true;
    this.#arrive();
    return false;
  }

  /** What has come to the end of its way out is the device's. */
  readonly #send = (): void => {
    if (this.#ended) return;
    const now = this.#clock.now();
    if (this.#outWake <= now) this.#outWake = Number.POSITIVE_INFINITY;
    this.#sendTime = now;
    this.#outlet.run(Number.POSITIVE_INFINITY);
    if (this.#outlet.waits) return; // `writable` comes here again
    const { due } = this.#out;
    if (due >= this.#outWake) return;
    this.#outWake = due;
    this.#clock.at(due, this.#send);
  };
}
