/**
 * A switch: devices that carry frames are plugged in, and each frame goes where its station was heard
 * last, or to everyone. IEEE 802.1Q §8: reception, learning, forwarding, filtering.
 *
 * A frame is handed on in the turn in which it came, from the place where it was read: it is copied only
 * where a device copies, or where a port is slow. Nothing is allocated for it.
 *
 * There is no spanning tree: two switches that are joined twice make a loop, which the bound on storms
 * keeps from filling more than that.
 * @module
 */

import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Device } from '../device/device.ts';
import { checkInteger, checkNumber, DeviceError, invalid } from '../device/errors.ts';
import { PIECE } from '../device/wrap/wrapper.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import { SwitchDrop } from './drops.ts';
import { Frame } from './frame.ts';
import { LEAD, Port, type PortOptions, type PortStats } from './port.ts';
import { Learned, Stations, UNKNOWN } from './stations.ts';

/** How a switch is to be. */
export interface SwitchOptions {
  /** Most ports at once, 2 to 4096; default 256. */
  readonly ports?: number;
  /** Most stations that are known, over all ports, 1 to 1 000 000; default 8192. */
  readonly stations?: number;
  /** Seconds after which a station that is not heard is forgotten; default 300. IEEE 802.1Q table 8-6. */
  readonly ageing?: number;
  /** Gives microseconds, never less than before; default the system's clock. */
  readonly clock?: { now(): number };
  /** 32 bits that strangers cannot guess: the key of the table of stations. Default random. */
  readonly secret?: number;
}

/** What a hook says of a frame. */
export type FrameVerdict = 'pass' | 'drop';

/** A frame that a hook is shown; one object for all, filled again for each. */
export interface SwitchFrame {
  /** Where it came from. */
  readonly port: SwitchPort;
  /** Its VLAN, 1 to 4094. */
  readonly vlan: number;
  /** The memory that it lies in: for the accessors of `tunstack/wire`, and to change it. */
  readonly view: DataView;
  /** Where its Ethernet header begins. */
  readonly at: number;
  /** Bytes from there to its end. */
  readonly length: number;
}

/** A station that a switch knows. */
export interface SwitchStation {
  /** Its hardware address: `02:00:5e:00:53:01`. */
  readonly mac: string;
  /** 1 to 4094. */
  readonly vlan: number;
  /** Where it was heard last. */
  readonly port: SwitchPort;
  /** Seconds since then. */
  readonly age: number;
}

/** Frames of one turn before others have theirs; the device tells again what is left. */
const BUDGET = 256;

/** A device that is plugged in. */
export class SwitchPort {
  /** Settles when it is out: with the error that ended its device, or with none. */
  readonly unplugged: Promise<Error | undefined>;
  readonly #port: Port;
  readonly #stations: Stations;
  readonly #pull: () => Promise<void>;

  /** Not for use from outside: `Switch.plug` makes these. */
  constructor(
    port: Port,
    stations: Stations,
    unplugged: Promise<Error | undefined>,
    pull: () => Promise<void>,
  ) {
    this.#port = port;
    this.#stations = stations;
    this.unplugged = unplugged;
    this.#pull = pull;
  }

  /** As told, or the device's name. */
  get name(): string {
    return this.#port.name;
  }

  /** Counters, as they are now. */
  stats(): PortStats {
    return this.#port.stats(this.#stations.countAt(this.#port.index));
  }

  /** Pull it out, and close the device. May be called again. */
  unplug(): Promise<void> {
    return this.#pull();
  }
}

/** Devices that carry frames, switched. */
export class Switch {
  /** Shown each frame that is to be handed on, before its sender is learned; null: nobody. */
  onFrame: ((frame: SwitchFrame) => FrameVerdict) | null = null;
  readonly #ports: (Port | undefined)[];
  readonly #handles = new Map<Port, SwitchPort>();
  readonly #stations: Stations;
  readonly #clock: { now(): number };
  /** The frame that is being handed on, and behind it a piece for each port that has to wait. */
  readonly #memory: Uint8Array;
  readonly #frame: Frame;
  readonly #shown: { -readonly [K in keyof SwitchFrame]: SwitchFrame[K] };
  #headerLength = -1;
  #closed = false;

  /** Not for use from outside: `createSwitch` makes these. */
  constructor(options: SwitchOptions) {
    const { ports = 256, stations = 8192, ageing = 300 } = options;
    checkInteger('ports', ports, 2, 4096);
    checkInteger('stations', stations, 1, 1_000_000);
    checkNumber('ageing', ageing, 0.001, 1_000_000);
    const secret = options.secret ?? randomInt(2 ** 32);
    this.#clock = options.clock ?? { now: () => performance.now() * 1000 };
    this.#ports = new Array<Port | undefined>(ports).fill(undefined);
    this.#stations = new Stations(stations, ports, ageing * 1e6, secret | 0);
    // Pages that nothing is written to cost nothing: a piece a port is address space, not memory.
    this.#memory = new Uint8Array((ports + 1) * PIECE);
    this.#frame = new Frame(this.#memory);
    const { view } = this.#frame;
    this.#shown = { port: undefined as unknown as SwitchPort, vlan: 0, view, at: 0, length: 0 };
  }

  /** The ports that are plugged in. */
  get ports(): SwitchPort[] {
    return [...this.#handles.values()];
  }

  /** The stations that are known now. */
  stations(): SwitchStation[] {
    const found: SwitchStation[] = [];
    for (const { hi, lo, vlan, port, age } of this.#stations.list(this.#clock.now())) {
      const at = this.#handleOf(this.#ports[port]);
      if (at !== undefined)
        found.push({ mac: ethernet.format(hi, lo), vlan, port: at, age: age / 1e6 });
    }
    return found;
  }

  /**
   * Plug in a device that carries frames; it is the switch's then, and closed with it. Throws a
   * `TypeError` with `ERR_INVALID_ARG_VALUE` for a device of packets, or one whose frames have another
   * header before them than those of the first; a `DeviceError` `ENOSPC` if all ports are taken.
   */
  plug(device: Device, options: PortOptions = {}): SwitchPort {
    if (this.#closed) throw new DeviceError('ENODEV', 'the switch is closed');
    if (device.medium !== 'ethernet') {
      throw invalid('device', device.name, 'it carries packets; a switch takes devices of frames');
    }
    const first = this.#headerLength < 0 || this.#handles.size === 0;
    if (!first && device.headerLength !== this.#headerLength) {
      const hint = `a header of ${device.headerLength} bytes, where the others have ${this.#headerLength}`;
      throw invalid('device', device.name, `it has ${hint}: open all with offload, or none`);
    }
    const index = this.#ports.indexOf(undefined);
    if (index < 0) throw new DeviceError('ENOSPC', `all ${this.#ports.length} ports are taken`);
    const port = new Port(index, device, this.#memory, (index + 1) * PIECE, options);
    let tell: (error: Error | undefined) => void = () => {};
    const unplugged = new Promise<Error | undefined>((resolve) => {
      tell = resolve;
    });
    device.start({
      memory: this.#memory,
      readable: () => this.#readable(port),
      writable: () => port.drain(),
      closed: (error) => {
        this.#remove(port);
        tell(error);
      },
    });
    this.#headerLength = device.headerLength;
    this.#ports[index] = port;
    const handle = new SwitchPort(port, this.#stations, unplugged, () => device.close());
    this.#handles.set(port, handle);
    return handle;
  }

  /**
   * Show every frame that comes from `from` or leaves there at `to` as well, as it stands on that cable;
   * undefined ends it. Throws a `TypeError` for ports of another switch.
   */
  mirror(from: SwitchPort, to: SwitchPort | undefined): void {
    const port = this.#portOf(from);
    port.mirror = to && this.#portOf(to);
  }

  /** The process stays alive while devices are plugged in; the default. */
  ref(): this {
    for (const port of this.#handles.keys()) port.device.ref?.();
    return this;
  }

  /** The process may end while devices are plugged in that are there now. */
  unref(): this {
    for (const port of this.#handles.keys()) port.device.unref?.();
    return this;
  }

  /** Pull everything out, and close the devices. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.ports.map((port) => port.unplug()));
  }

  #portOf(handle: SwitchPort): Port {
    for (const [port, known] of this.#handles) if (known === handle) return port;
    throw invalid('port', handle?.name, 'it is not plugged into this switch');
  }

  #handleOf(port: Port | undefined): SwitchPort | undefined {
    return port && this.#handles.get(port);
  }

  #remove(port: Port): void {
    if (this.#ports[port.index] !== port) return;
    this.#ports[port.index] = undefined;
    this.#handles.delete(port);
    this.#stations.forget(port.index);
    for (const other of this.#ports) if (other?.mirror === port) other.mirror = undefined;
  }

  #readable(port: Port): void {
    const now = this.#clock.now();
    const { device } = port;
    for (let left = BUDGET; left > 0; left--) {
      const length = device.read(LEAD, PIECE - LEAD);
      if (length === 0) break;
      port.framesIn++;
      port.bytesIn += length;
      const drop = this.#take(port, length, now);
      if (drop !== SwitchDrop.NONE) port.drop(drop);
    }
    for (const out of this.#ports) {
      if (out === undefined || !out.touched) continue;
      out.touched = false;
      out.device.flush();
    }
  }

  /** A frame of `length` bytes lies at `LEAD`. */
  #take(port: Port, length: number, now: number): SwitchDrop {
    if (length > PIECE - LEAD) return SwitchDrop.TOO_LONG;
    const frame = this.#frame;
    frame.at = LEAD;
    frame.length = length;
    frame.headerLength = port.device.headerLength;
    if (!frame.valid) return SwitchDrop.SHORT;
    if (port.mirror !== undefined) port.mirror.send(frame.at, frame.length);
    const { view } = frame;
    const sourceHi = ethernet.sourceHi(view, frame.start);
    const sourceLo = ethernet.sourceLo(view, frame.start);
    if (ethernet.isGroup(sourceHi) || (sourceHi === 0 && sourceLo === 0)) return SwitchDrop.SOURCE;
    frame.vlan = port.vlanOf(frame.readTag());
    if (frame.vlan === 0) return SwitchDrop.VLAN;
    if (port.pins !== undefined) {
      const pinned = port.pins.check(frame);
      if (pinned !== SwitchDrop.NONE) return pinned;
    }
    if (this.onFrame !== null && !this.#passes(port)) return SwitchDrop.HOOK;
    return this.#relay(port, now);
  }

  /** Learn who sent it, and hand it on. IEEE 802.1Q §8.6, §8.7. */
  #relay(port: Port, now: number): SwitchDrop {
    const { view, start, vlan } = this.#frame;
    // A hook may have changed the addresses.
    const hi = ethernet.destinationHi(view, start);
    const lo = ethernet.destinationLo(view, start);
    if (ethernet.isReserved(hi, lo)) return SwitchDrop.RESERVED;
    this.#learn(port, ethernet.sourceHi(view, start), ethernet.sourceLo(view, start), now);
    const place = ethernet.isGroup(hi) ? UNKNOWN : this.#stations.find(vlan, hi, lo, now);
    if (place === UNKNOWN) return this.#flood(port, now);
    if (place === port.index) return SwitchDrop.REFLECTED;
    const out = this.#ports[place];
    if (out === undefined) return this.#flood(port, now);
    if (port.isolated && out.isolated) return SwitchDrop.ISOLATED;
    this.#send(out);
    return SwitchDrop.NONE;
  }

  #learn(port: Port, hi: number, lo: number, now: number): void {
    const { vlan } = this.#frame;
    const learned = this.#stations.learn(vlan, hi, lo, port.index, port.stations, now);
    if (learned === Learned.FULL) port.notLearned++;
  }

  #flood(port: Port, now: number): SwitchDrop {
    if (!port.mayFlood(now)) return SwitchDrop.STORM;
    const { vlan } = this.#frame;
    for (const out of this.#ports) {
      if (out === undefined || out === port || !out.carries(vlan)) continue;
      if (port.isolated && out.isolated) continue;
      this.#send(out);
    }
    return SwitchDrop.NONE;
  }

  /** As the port out wants it: with a tag, or without. */
  #send(out: Port): void {
    const frame = this.#frame;
    if (out.tags(frame.vlan)) frame.tag();
    else frame.untag();
    out.send(frame.at, frame.length);
    if (out.mirror !== undefined) out.mirror.send(frame.at, frame.length);
  }

  #passes(port: Port): boolean {
    const shown = this.#shown;
    const frame = this.#frame;
    const handle = this.#handleOf(port);
    if (handle === undefined) return false;
    shown.port = handle;
    shown.vlan = frame.vlan;
    shown.at = frame.start;
    shown.length = frame.length - frame.headerLength;
    try {
      return this.onFrame?.(shown) !== 'drop';
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
      return false;
    }
  }
}

/**
 * A switch for devices that carry frames: TAPs, pipes, machines. Throws a `RangeError` with
 * `ERR_OUT_OF_RANGE` for numbers that cannot be meant. IEEE 802.1Q.
 */
export const createSwitch = (options: SwitchOptions = {}): Switch => new Switch(options);
