/**
 * The stack's host: the loop that moves packets between devices and the core, by the clock and the
 * timers of `clock.ts`.
 *
 * Everything happens in turns. A turn drains a device into the core (at most `BUDGET` packets), lets the sockets have what
 * arrived, lets every touched connection send once, and sets the alarm to the core's next deadline. A verb that is called
 * between turns asks for one in a tick or a microtask, so all that is written in one go leaves together. Where a turn brings
 * several events (`events.ts`), they are told one by one, and the sending waits until they have been: what is answered
 * leaves together too.
 *
 * Before anything is judged by the clock the devices are drained: the event loop serves its timers first, and the ACK
 * for which a connection is about to be given up may have been waiting for a busy second.
 * @module
 */
import type { LookupFunction } from 'node:net';
import { inspect } from 'node:util';
import type { Device } from '../../device/device.ts';
import type { Clock, Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import type { Interface } from '../ip/interface.ts';
import type { DropWatcher } from '../ip/ip.ts';
import { HEADROOM, NO_SLOT } from '../memory/slots.ts';
import type { Core } from '../stack.ts';
import { Ahead } from './ahead.ts';
import { Alarm, LONGEST_TIMER } from './alarm.ts';
import { dropWatcher, makeDropWatcher } from './drops.ts';
import { Events } from './events.ts';
import { Inflow } from './inflow.ts';
import {
  hasVlan,
  headOf,
  interfaceOf,
  isEmpty,
  isLone,
  type Port,
  resize,
  traitsOf,
} from './port.ts';

/**
 * Packets that one turn takes from a device before timers and other I/O have theirs; the device
 * tells again what is left.
 */
const BUDGET = 256;
/** Bytes of text that one turn takes for sockets, so that one that wants no more can say so in time. */
const ENOUGH = 512 * 1024;
/** Turns in ticks and microtasks before the event loop must have gone round. */
const SOON = 16;
/** Turns in a row by which packets that wait put off what is due: so many hold what a TUN's queue does. */
const MOST_BEHIND = 16;

/** Where a turn stands. */
const Phase = {
  IDLE: 0,
  /** Packets come in; whatever is woken now is flushed by this turn. */
  TAKING: 1,
  FLUSHING: 2,
} as const;

export interface HostOptions {
  readonly core: Core;
  readonly clock: Clock;
  /** How names become addresses; see `lookup.ts`. */
  readonly lookup: LookupFunction;
  /** A device went away by itself. */
  readonly onGone: (error: Error | undefined) => void;
}

export class Host {
  readonly core: Core;
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  /** What has happened and is yet to be told to the program. */
  readonly events: Events = new Events(() => this.#told());
  readonly inflow: Inflow;
  /** What is to be closed when the stack is. */
  readonly open: Set<{ close(): unknown }> = new Set();
  readonly #ports: Port[] = [];
  readonly #onGone: (error: Error | undefined) => void;
  readonly #anchor = setInterval(() => {}, LONGEST_TIMER).unref();
  readonly #alarm = new Alarm(() => {
    this.#soon = 0;
    this.#takingTurn(undefined);
  });
  /** Of a tick and its microtask what comes later has nothing to do. */
  readonly #onWake = (): void => {
    if (this.#wakePending) this.#flushTurn();
  };
  readonly #onImmediateWake = (): void => {
    this.#soon = 0;
    this.#onWake();
  };
  readonly #onDrop: DropWatcher;
  #holds = 0;
  #acceptors = 0;
  #phase: number = Phase.IDLE;
  #wakePending = false;
  /** Turns that left packets waiting since something was due. */
  #behind = 0;
  /** Turns since the event loop last went round, as far as is known here. */
  #soon = 0;
  #closed = false;

  constructor({ core, clock, lookup, onGone }: HostOptions) {
    this.core = core;
    this.clock = clock;
    this.lookup = lookup;
    this.#onGone = onGone;
    this.#onDrop = makeDropWatcher(core.slots);
    this.inflow = new Inflow(core.slots, this.events);
    core.thrown = (error: unknown): void => this.thrown(error);
    core.wake = (): void => this.#wake();
  }

  /** Who prints a socket wants the socket, and not all of its stack with it. Node: `util.inspect.custom`. */
  static {
    Object.defineProperty(Host.prototype, inspect.custom, { value: () => 'Host {}' });
  }

  /** The devices that are attached now. */
  get devices(): Device[] {
    return this.#ports.map((port) => port.device);
  }

  /** Whether `device` is ours already, for this VLAN. */
  has(device: Device, vlan: number): boolean {
    return this.#ports.some((port) => port.device === device && hasVlan(port, vlan));
  }

  /**
   * Make an interface of `device`, which is started if it is not ours already; `mac`: our hardware address, on one
   * that carries frames; `vlan`: whose frames are the interface's, or 0.
   */
  attach(
    device: Device,
    mtu: number,
    mac?: { readonly hi: number; readonly lo: number },
    vlan = 0,
  ): Interface {
    const options = { ...traitsOf(device, mtu, vlan), acceptAny: this.#acceptors > 0 };
    const iface = this.core.addInterface(options, mac, vlan);
    // Who asked for less than the device carries has it as the most.
    const most = mtu < device.mtu ? mtu : Number.POSITIVE_INFINITY;
    const known = this.#ports.find((one) => one.device === device);
    if (known !== undefined) {
      known.vlans.push({ vlan, iface, most });
      return iface;
    }
    const ahead = new Ahead(this.core.slots, this.inflow.spares);
    const port: Port = { device, iface, vlans: [{ vlan, iface, most }], lone: 0, ahead };
    this.#ports.push(port);
    device.start({
      memory: this.core.slots.bytes,
      readable: () => this.#readable(port),
      packet: () => ahead.read(device, HEADROOM - iface.lead),
      writable: () => this.#writable(port),
      mtuChanged: () => resize(port, (one, to) => this.core.setMtu(one, to)),
      closed: (error) => this.#gone(port, error),
    });
    if (this.#holds === 0) device.unref?.();
    return iface;
  }

  /** One more (`more` 1), or one less (-1), who takes what is for any address. */
  acceptAny(more: 1 | -1): void {
    this.#acceptors += more;
    for (const { vlans } of this.#ports) {
      for (const { iface } of vlans) iface.acceptAny = this.#acceptors > 0;
    }
  }

  /** One thing more is open: the process stays alive while there is any. */
  hold(): void {
    if (this.#holds++ > 0) return;
    this.#anchor.ref();
    for (const { device } of this.#ports) device.ref?.();
  }

  /** One thing less is open. */
  letGo(): void {
    if (--this.#holds > 0) return;
    this.#anchor.unref();
    for (const { device } of this.#ports) device.unref?.();
  }

  /** A user's listener threw: it surfaces as Node has it, as `uncaughtException`, and not in a turn. */
  thrown(error: unknown): void {
    process.nextTick(() => {
      throw error;
    });
  }

  /**
   * There is something to flush. Between turns a microtask does it, after the ticks by which streams tell what was written:
   * what is written on and on leaves together. But the first time a tick, before them: the peer need not wait for them (4
   * of 36 µs of a JSON answer). What comes up while a turn flushes waits for the event loop to go round, as does the next
   * of too many in a row: two sockets of one stack that talk must not keep others waiting. While events are being told,
   * what they lead to is flushed after the last.
   */
  #wake(): void {
    if (this.#wakePending || this.#closed || this.#phase === Phase.TAKING) return;
    if (this.events.busy && this.#phase === Phase.IDLE) return;
    this.#wakePending = true;
    const isSoon = this.#phase === Phase.IDLE && this.#soon < SOON;
    if (isSoon && this.#soon++ === 0) process.nextTick(this.#onWake);
    if (isSoon) queueMicrotask(this.#onWake);
    else setImmediate(this.#onImmediateWake);
  }

  /** A verb has set a timer: look at the deadlines, soon. */
  flushSoon(): void {
    this.#wake();
  }

  /** Let what is due go now instead of soon. */
  flush(): void {
    if (this.#phase === Phase.IDLE) this.#flushTurn();
  }

  /** Release the devices; the last turn sends what is due. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.events.tellAll((error) => this.thrown(error));
    this.#alarm.stop();
    clearInterval(this.#anchor);
    const ports = this.#ports.splice(0);
    await Promise.all(ports.map(({ device }) => device.close()));
  }

  /**
   * Take in what waits in the devices: to be called before a deadline outside of the core is judged, in a
   * callback of the event loop.
   */
  catchUp(): void {
    for (let n = 0; n < MOST_BEHIND && !this.#closed && this.#phase === Phase.IDLE; n++) {
      if (this.#takingTurn(undefined)) return;
    }
  }

  #readable(port: Port): void {
    this.#soon = 0;
    if (this.#phase === Phase.IDLE) this.#takingTurn(port);
    else setImmediate(() => this.#readable(port)); // a device that tells from within `write`
  }

  #writable({ vlans }: Port): void {
    for (const { iface } of vlans) this.core.ip.writable(iface);
    this.#wake();
  }

  #gone(port: Port, error: Error | undefined): void {
    const index = this.#ports.indexOf(port);
    if (index < 0) return;
    this.#ports.splice(index, 1);
    port.ahead.drop();
    for (const { iface } of port.vlans) this.core.removeInterface(iface);
    this.#onGone(error);
  }

  /**
   * Drain `port`, or all and do what is due, in a callback of the event loop; then flush, unless there is
   * more to be told first. True if nothing waits any more in what was drained.
   */
  #takingTurn(port: Port | undefined): boolean {
    if (this.#closed) return true;
    const { events } = this;
    let alone = events.waiting === 0;
    events.gathering = true;
    const empty = this.#take(port);
    if (alone && events.waiting === 1) {
      this.#tellOne(Phase.TAKING);
      alone = false;
    }
    if (events.waiting === 0) this.#flush();
    // What the flush has brought.
    if (alone && events.waiting === 1) this.#tellOne(Phase.IDLE);
    this.#endTurn();
    return empty;
  }

  /** Flush, whoever calls: nothing is told from within, so nothing is taken in, and nothing judged. */
  #flushTurn(): void {
    if (this.#closed) return;
    this.events.gathering = true;
    this.#flush();
    this.#endTurn();
  }

  #endTurn(): void {
    this.events.gathering = false;
    if (this.events.waiting > 0) this.events.schedule();
    this.core.look();
    this.#alarm.set(this.core, this.clock);
  }

  #take(port: Port | undefined): boolean {
    const { core, inflow } = this;
    let empty = true;
    try {
      const now = this.clock.now();
      this.#phase = Phase.TAKING;
      core.ip.onDrop = dropWatcher(this.#onDrop);
      core.begin(now);
      inflow.open = true;
      const due = core.due <= now; // as it was when the last turn ended
      if (port && !due) empty = this.#drain(port, false);
      else empty = this.#drainAll();
      if (due) this.#judge(now, empty);
      else this.#behind = 0;
      inflow.deliver();
    } finally {
      inflow.open = false;
      this.#phase = Phase.IDLE;
    }
    return empty;
  }

  /** True if all were found empty. By index: on Node 22 an iterator is an object. */
  #drainAll(): boolean {
    let empty = true;
    for (let i = 0; i < this.#ports.length; i++) {
      empty = this.#drain(this.#ports[i] as Port, true) && empty; // below the length
    }
    return empty;
  }

  /** Something was due before the devices were drained: is it still? `empty`: nothing waits in them any more. */
  #judge(now: Micros, empty: boolean): void {
    const { core } = this;
    core.look();
    if (core.due > now) this.#behind = 0;
    else if (empty || ++this.#behind >= MOST_BEHIND) {
      this.#behind = 0;
      core.expire(now);
    }
  }

  #flush(): void {
    const { core, inflow } = this;
    this.#wakePending = false;
    try {
      this.#phase = Phase.FLUSHING;
      inflow.open = true;
      core.flush(this.clock.now());
      inflow.deliver(); // text that was held back, for a socket that reads again
    } finally {
      inflow.open = false;
      this.#phase = Phase.IDLE;
    }
  }

  #tellOne(phase: number): void {
    this.#phase = phase;
    try {
      this.events.tellOne();
    } catch (error) {
      this.thrown(error);
    } finally {
      this.#phase = Phase.IDLE;
    }
  }

  /** All that a batch has brought was told. */
  #told(): void {
    this.#soon = 0;
    this.#flushTurn();
  }

  /** True if the device was found empty; `whole`: look, whatever it brought of late. */
  #drain(port: Port, whole: boolean): boolean {
    const { slots } = this.core;
    const { device, iface, ahead } = port;
    const lead = HEADROOM - iface.lead;
    const room = slots.size - lead;
    const alone = !whole && isLone(port);
    const { split } = this.inflow;
    ahead.begin();
    for (let taken = 0; taken < BUDGET; taken++) {
      if (alone && taken === 1 && ahead.count === 0) {
        port.lone++;
        return false;
      }
      if (taken > 0 && !ahead.fill(device, lead, BUDGET - taken, headOf(port, split.at)))
        return isEmpty(port, taken);
      const early = ahead.length;
      const { rest } = ahead;
      const slot = early > 0 ? ahead.shift() : slots.acquire();
      if (slot === NO_SLOT) {
        if (!this.#discard(device)) return true;
        continue;
      }
      const length = early > 0 ? early : device.read(slot + lead, room);
      if (length === 0) {
        slots.release(slot);
        return isEmpty(port, taken);
      }
      if (length > room) this.core.inputCut(iface, slot + lead, room);
      else {
        const to = interfaceOf(port, slots.view, slot + lead, length);
        if (rest === undefined) this.core.input(to, slot + lead, length);
        else ahead.input(this.core, this.inflow, to, slot + lead, length, rest);
      }
      slots.release(slot);
      if (this.events.weight >= ENOUGH && ahead.count === 0) break;
    }
    port.lone = 0;
    if (ahead.count > 0) setImmediate(() => this.#readable(port)); // the device knows of none
    return false;
  }

  /** No slot is free: read a packet where no slot is, so that it is lost here and counted. */
  #discard(device: Device): boolean {
    if (device.read(0, this.core.slots.scratchSize) === 0) return false;
    this.core.ip.packetsIn++;
    this.core.ip.countDrop(Drop.NO_SLOT, 1, null, 0, 0);
    return true;
  }
}
