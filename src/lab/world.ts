/**
 * Two stacks in virtual time, 10.0.0.1 and 10.0.0.2 (or fd83::1 and fd83::2), joined by the `pipe` and `impair` devices that
 * users have: what a simulation tests is what they get.
 *
 * All chance comes from one seed and all time from one `Timeline`, so a run can be repeated packet by
 * packet; `hash` holds every packet and its time.
 * @module
 */
import type { Device } from '../device/device.ts';
import { type ImpairedDevice, impair } from '../device/impair/impair.ts';
import type { Impairment } from '../device/impair/impairment.ts';
import { createPipe } from '../device/pipe.ts';
import { type Address, fromOctets, fromWords, isIPv6, keepForever } from '../stack/base/address.ts';
import { NEVER } from '../stack/base/clock.ts';
import { DROP_COUNT, type Drop, isOutbound } from '../stack/base/drop.ts';
import { type Random, SeededRandom } from '../stack/base/random.ts';
import { Stat } from '../stack/base/stats.ts';
import type { Interface } from '../stack/ip/interface.ts';
import { HEADROOM, NO_SLOT, Slots } from '../stack/memory/slots.ts';
import { Core, type CoreOptions } from '../stack/stack.ts';
import type { Tcb } from '../stack/tcp/tcb/tcb.ts';
import { Timeline } from './timeline.ts';

export const ADDRESS_A: Address = fromOctets(10, 0, 0, 1);
export const ADDRESS_B: Address = fromOctets(10, 0, 0, 2);
/** fd83::1 and fd83::2. */
export const ADDRESS6_A: Address = keepForever(fromWords(0xfd83_0000, 0, 0, 1));
export const ADDRESS6_B: Address = keepForever(fromWords(0xfd83_0000, 0, 0, 2));

/** Packets that a host takes from its device in one turn; as in host/host.ts. */
const BUDGET = 256;

export interface SimHostOptions extends Partial<Omit<CoreOptions, 'slots' | 'now'>> {
  /** Packet slots. Default 1024. */
  readonly slots?: number;
  /** Timers fire at whole multiples of so many microseconds, as Node's do of 1000. Default 1. */
  readonly grain?: number;
}

/** Look at a packet; false loses it. `at`: where the device's own header, then the packet begins. */
export type Tap = (bytes: Uint8Array, at: number, length: number) => boolean;

/** One stack on the timeline. */
export class SimHost {
  readonly core: Core;
  readonly slots: Slots;
  readonly iface: Interface;
  readonly address: Address;
  readonly device: Device;
  /** What passes from the stack to the device; set by whoever wants to see it. */
  tap: Tap | undefined;
  /** What comes from the device, likewise; nothing is lost by it. */
  tapIn: ((bytes: Uint8Array, at: number, length: number) => void) | undefined;
  /** Turns that ended for want of a slot; a run should see none. */
  starved = 0;
  readonly #line: Timeline;
  readonly #grain: number;
  readonly #room: number;
  #awake = false;
  #timer = NEVER;

  constructor(
    line: Timeline,
    device: Device,
    random: Random,
    address: Address,
    options: SimHostOptions = {},
  ) {
    this.#line = line;
    this.#grain = options.grain ?? 1;
    this.address = address;
    this.device = device;
    this.#room = device.headerLength + device.maxPacket;
    this.slots = new Slots({ count: options.slots ?? 1024, packetSize: device.maxPacket });
    const { slots } = this;
    this.core = new Core({ random, ...options, slots, now: line.now() });
    this.core.thrown = (error) => {
      throw error;
    };
    this.core.wake = () => this.wake();
    const { bytes } = slots;
    this.iface = this.core.addInterface({
      name: device.name,
      mtu: device.mtu,
      headerLength: device.headerLength,
      offload: device.offload,
      out: {
        write: (at, length) => {
          const { tap } = this;
          return (tap !== undefined && !tap(bytes, at, length)) || device.write(at, length);
        },
        flush: () => device.flush(),
      },
    });
    this.core.ip.routes.addAddress(this.iface, address, isIPv6(address) ? 64 : 24);
    device.start({
      memory: bytes,
      readable: () => this.#readable(),
      writable: () => this.wake(),
      closed: () => {},
    });
  }

  stat(name: keyof typeof Stat): number {
    return this.core.stats[Stat[name]] as number; // `Stat` holds only indices inside
  }

  /** Flush soon, at this same time. */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#line.at(this.#line.now(), this.#flush);
  }

  /** What is wrong with a stack that should have nothing left to do; '' if nothing is. */
  leftovers(): string {
    const { core, slots } = this;
    const { tcp } = core;
    const wrong: string[] = [];
    if (slots.free !== slots.count) wrong.push(`${slots.count - slots.free} slots in use`);
    if (tcp.table.length > 0) wrong.push(`${tcp.table.length} connections in the table`);
    if (tcp.demux.count > 0) wrong.push(`${tcp.demux.count} connections in the demultiplexer`);
    if (tcp.deadline() !== NEVER) wrong.push(`a timer at ${tcp.deadline()}`);
    for (const listener of tcp.demux.listeners()) {
      if (listener.halfOpen !== 0) wrong.push(`${listener.halfOpen} half-open`);
    }
    if (this.stat('TcpCurrEstab') !== 0) wrong.push(`CurrEstab ${this.stat('TcpCurrEstab')}`);
    const unaccounted = core.ip.packetsIn - core.ip.packetsUsed - inboundDrops(core.drops);
    if (unaccounted !== 0) wrong.push(`${unaccounted} packets unaccounted for`);
    return wrong.join(', ');
  }

  readonly #flush = (): void => {
    this.#awake = false;
    this.core.flush(this.#line.now());
    this.#arm();
  };

  #readable(): void {
    const { core, slots, iface } = this;
    const { headerLength } = iface;
    core.begin(this.#line.now());
    for (let i = 0; i < BUDGET; i++) {
      const slot = slots.acquire();
      if (slot === NO_SLOT) {
        this.starved++;
        break;
      }
      const at = slot + HEADROOM - headerLength;
      const length = this.device.read(at, this.#room);
      if (length > 0) this.tapIn?.(slots.bytes, at, length);
      if (length > 0) core.input(iface, at, length);
      slots.release(slot);
      if (length === 0) break;
    }
    core.flush(this.#line.now());
    this.#arm();
  }

  #arm(): void {
    const due = this.core.deadline();
    if (due >= this.#timer || due === NEVER) return;
    this.#timer = due;
    const grain = this.#grain;
    const time = Math.ceil(Math.max(due, this.#line.now()) / grain) * grain;
    this.#line.at(time, () => {
      if (this.#timer !== due) return;
      this.#timer = NEVER;
      this.core.expire(this.#line.now());
      this.#flush();
    });
  }
}

/** The sum of the drops of packets that came in. */
export function inboundDrops(drops: Float64Array): number {
  let sum = 0;
  for (let reason = 1; reason < DROP_COUNT; reason++) {
    if (!isOutbound(reason as Drop)) sum += drops[reason] as number; // below the count
  }
  return sum;
}

/** Who looks on, from outside. */
export interface Watch {
  /** What stands between a's stack and its device: to capture, say. */
  readonly wrap?: (device: Device, line: Timeline) => Device;
  /** A connection was opened by a user, and nothing of it has been sent. */
  readonly opened?: (tcb: Tcb) => void;
}

export interface WorldOptions {
  /** Default 1. */
  readonly seed?: number;
  /** What the link does to the packets of each direction. */
  readonly link?: Impairment;
  /** To those from b to a, if that differs. */
  readonly back?: Impairment;
  /** Default 1500. */
  readonly mtu?: number;
  /** With a virtio header and segments of up to 64 KiB. */
  readonly offload?: boolean;
  /** The hosts are fd83::1 and fd83::2. */
  readonly ipv6?: boolean;
  /** When time begins, in microseconds. */
  readonly start?: number;
  readonly a?: SimHostOptions;
  readonly b?: SimHostOptions;
  readonly watch?: Watch;
}

/** Two hosts, and a link that is impaired each way. */
export class World {
  readonly line: Timeline;
  readonly a: SimHost;
  readonly b: SimHost;
  readonly link: ImpairedDevice;
  readonly random: SeededRandom;
  /** To be called with every connection that a user opens. */
  readonly opened: (tcb: Tcb) => void;

  constructor(options: WorldOptions = {}) {
    const { seed = 1, link = {}, mtu = 1500, offload = false } = options;
    const { wrap, opened } = options.watch ?? {};
    this.line = new Timeline(options.start);
    this.opened = opened ?? (() => {});
    this.random = new SeededRandom(seed);
    const { line, random } = this;
    const schedule = (fn: () => void): void => line.at(line.now(), fn);
    const [left, right] = createPipe({ mtu, offload, schedule, limit: 65_536 });
    const ways = { out: link, in: options.back ?? link };
    this.link = impair(left, { seed: random.int32(), clock: line, ...ways });
    const a = options.ipv6 ? ADDRESS6_A : ADDRESS_A;
    const b = options.ipv6 ? ADDRESS6_B : ADDRESS_B;
    const near = wrap === undefined ? this.link : wrap(this.link, line);
    this.a = new SimHost(line, near, new SeededRandom(random.int32()), a, options.a);
    this.b = new SimHost(line, right, new SeededRandom(random.int32()), b, options.b);
  }

  get now(): number {
    return this.line.now();
  }

  /** Let `micros` pass. */
  run(micros: number): void {
    this.line.run(micros);
  }

  /** Go on until `done`, at most for `micros`; true if it came to that. */
  until(done: () => boolean, micros: number): boolean {
    return this.line.until(done, micros);
  }

  /** From now on, a number that stands for every packet that leaves either stack, and when. */
  hash(): () => number {
    let hash = 0x811c9dc5 | 0;
    const add = (value: number): void => {
      hash = Math.imul(hash ^ value, 0x01000193);
    };
    for (const host of [this.a, this.b]) {
      const who = host === this.a ? 1 : 2;
      const before = host.tap;
      host.tap = (bytes, at, length) => {
        add(who);
        add(this.now | 0);
        for (let i = 0; i < length; i++) add(bytes[at + i] as number); // the packet's own bytes
        return before === undefined || before(bytes, at, length);
      };
    }
    return () => hash;
  }

  /** What either stack has left; '' if nothing. */
  leftovers(): string {
    const a = this.a.leftovers();
    const b = this.b.leftovers();
    return [a && `a: ${a}`, b && `b: ${b}`].filter(Boolean).join('; ');
  }
}
